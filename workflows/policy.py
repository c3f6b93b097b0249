"""The policy numbers: typed, each with its clause, versioned by the instant from which it is in force.

A case and a timer remember the version under which they started; a new version moves no clock that runs.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from sqlalchemy import select
from sqlalchemy.orm import Session

from models.machinery import PolicyVersion
from workflows.words import _


def number(default: int, label: str, clause: str, unit: str, *, low: int = 0, high: int = 100_000) -> Any:
    """A policy number with what people need to judge it."""
    extra: dict[str, Any] = {"label": label, "clause": clause, "unit": unit}
    return Field(default, ge=low, le=high, description=label, json_schema_extra=extra)


class Policy(BaseModel):
    """All numbers of the company's policy. `version` is the row they came from, not a number of the policy."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)
    version: Annotated[int, Field(exclude=True)] = 1

    conversion_days: int = number(
        10, _("Days for the consultant to close the deal"), "S20 (三)9", "days", low=1, high=365
    )
    call_in_days: int = number(
        14, _("Days a call-in lead is protected before it visits"), "S20 (三)10", "days", low=1, high=365
    )
    visit_months: int = number(
        1, _("Months a visiting lead is protected"), "S20 (三)10", "months", low=1, high=24
    )
    offer_minutes: int = number(
        15, _("Minutes a consultant has to answer an offer"), "S20 (三)6 (ours)", "minutes", low=1, high=1440
    )
    approval_reminder_hours: int = number(
        24, _("Hours until an open approval is called to mind"), "S19 十四 (ours)", "hours", low=1, high=720
    )
    approval_escalation_hours: int = number(
        72, _("Hours until an open approval is escalated"), "S19 十四 (ours)", "hours", low=1, high=2160
    )
    screening_reminder_hours: int = number(
        24,
        _("Hours until an unscreened lead is called to mind"),
        "S20 (三)5 (ours)",
        "hours",
        low=1,
        high=720,
    )
    extension_days_max: int = number(
        30, _("Most days one extension may add"), "S20 (三)9 (ours)", "days", low=1, high=30
    )
    timer_late_minutes: int = number(
        5, _("Minutes after which a timer counts as late"), "S12 (ours)", "minutes", low=1, high=1440
    )
    pool_claims_per_day: int = number(
        0, _("Pool claims per person and day (0 = no limit)"), "S20 (三)10 (ours)", "claims"
    )
    pool_held_max: int = number(
        0, _("Leads one outreach member may hold (0 = no limit)"), "S20 (三)10 (ours)", "leads"
    )
    pool_return_days: int = number(
        0,
        _("Days before the one who lost or released a lead may claim it (0 = none)"),
        "S20 (三)10 (ours)",
        "days",
        high=365,
    )
    team_size_max: int = number(
        20, _("Most people in the fixed outreach team"), "S20 (三)1", "people", low=1, high=1000
    )


class WrongPolicy(ValueError):
    """Policy numbers that cannot come into force; `errors` says per number what is wrong."""

    def __init__(self, errors: dict[str, str]) -> None:
        super().__init__("; ".join(f"{name}: {why}" for name, why in errors.items()))
        self.errors = errors


def checked(numbers: dict[str, Any]) -> Policy:
    """The policy with these numbers over the defaults; raises `WrongPolicy`."""
    try:
        return Policy.model_validate(
            {k: v for k, v in numbers.items() if k != "version"} if isinstance(numbers, dict) else numbers
        )
    except ValidationError as error:
        raise WrongPolicy(
            {".".join(map(str, e["loc"])) or "policy": e["msg"] for e in error.errors()}
        ) from error


def in_force(session: Session, at: datetime) -> Policy:
    """The policy of this instant; the defaults (version 1) where the company set none."""
    cached: dict[datetime, Policy] = session.info.setdefault("policy", {})
    if at not in cached:
        row = session.scalar(
            select(PolicyVersion)
            .where(PolicyVersion.effective_at <= at)
            .order_by(PolicyVersion.effective_at.desc(), PolicyVersion.id.desc())
            .limit(1)
        )
        cached[at] = Policy.model_validate({**row.numbers, "version": row.id}) if row else Policy()
    return cached[at]


def enact(session: Session, numbers: dict[str, Any], effective_at: datetime, note: str = "") -> Policy:
    """Write a new version into the books, in force from an instant; raises `WrongPolicy`."""
    policy = checked(numbers)
    row = PolicyVersion(effective_at=effective_at, numbers=policy.model_dump(), note=note)
    row.id = (session.scalar(select(PolicyVersion.id).order_by(PolicyVersion.id.desc()).limit(1)) or 1) + 1
    session.add(row)
    session.info.pop("policy", None)
    session.flush()
    return policy.model_copy(update={"version": row.id})


def zone(session: Session) -> ZoneInfo:
    """The company's time zone, as the edge that opened the session set it."""
    found: ZoneInfo = (
        session.info.get("zone")
        or session.get_bind().get_execution_options().get("zone")
        or ZoneInfo("Asia/Shanghai")
    )
    return found
