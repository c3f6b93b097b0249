"""The policy numbers, each with its clause, and since when: to be read by everybody who works by them; and the form in which a
new version is drafted."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from flask import Blueprint, request
from sqlalchemy import select

from models.machinery import PolicyVersion
from models.money import PolicyDraft
from web.pages.asking import STATUS, submit
from web.pages.fields import UNITS, number_label, number_said, time_of_day, unit_of
from web.pages.forms import fen_of
from web.pages.sessions import signed_in
from web.pages.show import Desk, case_url, look, show
from web.pages.words import locale, said
from workflows import policy
from workflows.engine import Refused
from workflows.money.policy_draft import PolicyFlow
from workflows.office.working_hours import NO_TIME, minute_of
from workflows.words import Text, _

page = Blueprint("policies", __name__)
LOOKERS = ("admin", "manager", "sales_manager", "auditor", "leader", "finance")
AUTHORS = ("manager", "sales_manager", "finance", "admin")
GROUPS = {
    _("How long a customer is protected"): (
        "conversion_days", "call_in_days", "visit_months", "extension_days_max", "offer_minutes",
    ),
    _("Reminders"): (
        "approval_reminder_hours", "approval_escalation_hours", "screening_reminder_hours", "ruling_days", "promise_reminder_days",
        "promise_escalation_days", "evaluation_days", "timer_late_minutes",
    ),
    _("Away from the office"): ("trip_start_minutes", "trip_reminder_days", "trip_filing_days", "incident_minutes", "expense_days"),
    _("Logs and reports"): (
        "log_due_minute", "plan_due_weekday", "report_due_weekday", "log_leader_minutes", "log_manager_hours",
    ),
    _("Inspection, training, sanctions"): (
        "round_hours", "training_notice_hours", "training_make_up_days", "training_pass_score", "reading_days",
        "sanction_hearing_days", "sanction_appeal_days", "sanction_desk_days",
    ),
    _("On the street and at the desk"): ("draft_hours", "phone_clock_minutes", "arrival_code_minutes"),
    _("The team's days"): (
        "muster_minute", "weekday_begin_minute", "weekday_end_minute", "weekend_begin_minute", "weekend_end_minute",
        "lunch_begin_minute", "lunch_end_minute", "spot_people_max", "late_grace_minutes", "unseen_minutes", "sign_out_minutes",
        "spot_code_minutes", "proxy_minutes", "leave_days_ahead", "leave_days_max",
    ),
    _("Pool and team"): ("pool_claims_per_day", "pool_held_max", "pool_return_days", "team_size_max"),
    _("Bonuses"): ("call_visit_bonus_fen", "visit_bonus_fen", "deal_bonus_fen", "leader_bonus_fen"),
    _("Monthly awards of the teams"): ("call_visit_award_fen", "visit_award_fen", "deal_award_fen"),
    _("Wage and performance pay"): (
        "daily_wage_fen", "base_low_fen", "base_high_fen", "month_days_hundredths", "performance_percent",
        "performance_call_percent",
    ),
    _("Deductions"): (
        "left_post_half_days", "left_post_leader_fen", "absent_half_days", "absent_leader_fen", "wandering_half_days",
        "wandering_leader_fen", "crowding_leader_fen", "bad_mood_half_days", "bad_mood_serious_percent",
        "destroyed_half_days", "destroyed_leader_fen", "fake_lead_half_days", "attendance_fen", "appearance_fen",
        "conduct_fen",
    ),
    _("Limits of deductions"): (
        "appeal_days", "deduction_cap_percent", "minimum_wage_fen", "minimum_day_fen",
    ),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Number:
    """A number as it stands: in words, as typed into a form, and what the policy as written says where that differs."""

    name: str
    label: str
    clause: str
    said: str
    written: str
    typed: str
    unit: str


@page.get("/policy")
@signed_in(*LOOKERS)
def policies() -> str:
    """The numbers in force, what they were before, and what is to come."""
    with look() as desk:
        now = policy.in_force(desk.session, desk.at)
        versions = list(
            desk.session.scalars(select(PolicyVersion).order_by(PolicyVersion.effective_at.desc()))
        )
        drafts = select(PolicyDraft).where(
            PolicyDraft.state.in_(("drafted", "checked")), PolicyFlow.seen_by(desk.actor)
        )
        return show(
            "policies.html",
            groups=groups(now),
            in_force=next((v for v in versions if v.id == now.version), None),
            version=now.version,
            versions=versions,
            changes={v.id: _changes(v, versions) for v in versions},
            drafts=list(desk.session.scalars(drafts.order_by(PolicyDraft.id.desc()))),
            may_draft=desk.actor.has(*AUTHORS),
        )


def groups(now: policy.Policy) -> list[tuple[str, list[Number]]]:
    """The numbers by what they are about; one that no group names stands in the last."""
    named = {name for names in GROUPS.values() for name in names}
    rest = tuple(name for name in policy.Policy.model_fields if name != "version" and name not in named)
    found = {**GROUPS, _("Others"): rest}
    return [(said(title), [_number(name, now) for name in names]) for title, names in found.items() if names]


def _number(name: str, now: policy.Policy) -> Number:
    field = policy.Policy.model_fields[name]
    extra: Any = field.json_schema_extra
    value, unit = getattr(now, name), unit_of(name)
    as_written = number_said(name, field.default) if value != field.default else ""
    shown = {"fen": said(_("yuan")), "1/100": said(UNITS["days"])}.get(unit, said(UNITS.get(unit, unit)))
    return Number(
        name,
        said(number_label(name)),
        extra["clause"],
        number_said(name, value),
        as_written,
        _typed(name, value),
        shown,
    )


def _typed(name: str, value: int) -> str:
    """A number as people type it: amounts in yuan, hundredths with a point, a time of day as a clock shows it."""
    if unit_of(name) in ("fen", "1/100"):
        return f"{value / 100:.2f}" if value % 100 else str(value // 100)
    return time_of_day(value) if unit_of(name) == "time" else str(value)


def _changes(version: PolicyVersion, versions: list[PolicyVersion]) -> list[tuple[str, str, str]]:
    """(number, before, after) against the version before, or the defaults."""
    earlier = [v for v in versions if v.effective_at < version.effective_at]
    before = earlier[0].numbers if earlier else policy.Policy().model_dump()
    return [
        (said(number_label(k)), number_said(k, before[k]) if k in before else "—", number_said(k, v))
        for k, v in version.numbers.items()
        if k != "version" and before.get(k) != v
    ]


# -- drafting ----------------------------------------------------------------------------------------------------------


@page.get("/policy/draft")
@signed_in(*AUTHORS)
def draft() -> Any:
    """The form of a new version: all the numbers, of which only those that change are sent on."""
    with look() as desk:
        return _form(desk)


@page.post("/policy/draft")
@signed_in(*AUTHORS)
def send_draft() -> Any:
    """Draft it; refused, the form comes again with what was typed."""
    with look() as desk:
        now = policy.in_force(desk.session, desk.at)
        numbers, errors = _told(now)
    day, why = request.form.get("effective_on", ""), request.form.get("why", "")
    facts = {"numbers": numbers, "effective_on": day, "why": why}
    try:
        if errors:
            raise Refused("invalid_data", Text(_("Some numbers cannot stand like this.")), errors=errors)
        if not numbers:
            raise Refused("invalid_data", Text(_("No number was changed: there is nothing to draft.")))
        return submit(
            PolicyFlow,
            "draft",
            facts={name: value for name, value in facts.items() if value},
            to=lambda taken: case_url("policy", taken.case.code),
            done=said(_("Drafted. Finance or the auditor checks it, then the sales manager is asked.")),
        )
    except Refused as refusal:
        with look() as desk:
            return _form(desk, refusal)


def _told(now: policy.Policy) -> tuple[dict[str, int], dict[str, str | Text]]:
    """The numbers that were changed, and what is wrong with which."""
    numbers: dict[str, int] = {}
    errors: dict[str, str | Text] = {}
    for name in policy.Policy.model_fields:
        typed = request.form.get(name, "").strip()[:20]
        if name == "version" or not typed:
            continue
        value = _read(name, typed)
        if value is None:
            errors[name] = NO_TIME if unit_of(name) == "time" else _("A number is expected.")
        elif wrong := _out_of_bounds(name, value):
            errors[name] = wrong
        elif value != getattr(now, name):
            numbers[name] = value
    return numbers, errors


def _touched(now: policy.Policy) -> set[str]:
    """The numbers that do not stand in the form as they are in force."""
    numbers, errors = _told(now)
    return numbers.keys() | errors.keys()


def _read(name: str, typed: str) -> int | None:
    """The number as the policy keeps it: fen of yuan, hundredths of a decimal, minutes since midnight of a time of day."""
    if unit_of(name) in ("fen", "1/100"):
        value = fen_of(typed)
        return value if isinstance(value, int) else None
    if unit_of(name) == "time":
        return minute_of(typed)
    plain = typed.lstrip("-")
    return int(typed) if plain.isdecimal() and len(typed) < 12 else None


def _out_of_bounds(name: str, value: int) -> Text | None:
    for mark in policy.Policy.model_fields[name].metadata:
        low, high = getattr(mark, "ge", None), getattr(mark, "le", None)
        if low is not None and value < low:
            return Text(_("At least %(ge)s."), {"ge": number_said(name, low)})
        if high is not None and value > high:
            return Text(_("At most %(le)s."), {"le": number_said(name, high)})
    return None


def _form(desk: Desk, refusal: Refused | None = None) -> Any:
    now = policy.in_force(desk.session, desk.at)
    tomorrow = desk.at.astimezone(desk.zone).date() + timedelta(days=1)
    html = show(
        "policy_draft.html",
        groups=groups(now),
        version=now.version,
        typed=request.form if refusal else {},
        changed=_touched(now) if refusal else set(),
        tomorrow=tomorrow,
        refusal=refusal.detail(locale()) if refusal else "",
        errors={name.split(".")[0]: said(text) for name, text in refusal.errors.items()} if refusal else {},
    )
    return html, STATUS[refusal.code] if refusal else 200
