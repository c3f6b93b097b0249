"""Pay: by the attended day, or a base by the month (S20 (二)1). It is what wages and days' deductions are reckoned from."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator
from pydantic_core.core_schema import ValidationInfo

from models.money import Pay
from workflows.engine.flow import Facts
from workflows.engine.news import News, named
from workflows.lead_facts import Clean, choice, staff
from workflows.money.agreed import AgreedFlow
from workflows.money.months import MonthText
from workflows.words import _

KINDS = {"daily": _("By the day"), "monthly": _("By the month")}


class Terms(Facts):
    """`amount_fen` is the wage of a day or the base of a month; left out, it is the policy's (day, or lowest base)."""

    kind: Literal["daily", "monthly"] = choice(_("How it is paid"), KINDS)
    amount_fen: Annotated[int, Field(ge=1, le=10_000_000, strict=True)] | None = Field(
        None, title=_("Amount"), json_schema_extra={"input": "money"}, validate_default=True
    )
    since: MonthText = Field(title=_("From month"))

    @field_validator("amount_fen")
    @classmethod
    def of_policy(cls, value: int | None, info: ValidationInfo) -> int | None:
        """A base lies between the policy's bounds; what was left out is the policy's own."""
        policy = info.context["policy"] if info.context else None
        if policy is None:
            return value
        if info.data.get("kind") == "monthly":
            base = policy.base_low_fen if value is None else value
            if not policy.base_low_fen <= base <= policy.base_high_fen:
                raise ValueError(_("The base must lie between the bounds of the policy."))
            return int(base)
        return int(policy.daily_wage_fen if value is None else value)


class OfWhom(Facts):
    person: Clean = staff(_("Person"), "member")


class Proposal(Terms, OfWhom):
    """Everything that is asked for at first."""


class PayFlow(AgreedFlow):
    """工资: the terms on which somebody is paid, from a month on."""

    flow_name, prefix, table = "pay", "W", Pay
    label = _("Pay")
    about = _("By the day or by the month, from when.")
    news = (
        News(".adopted", _("Your pay is agreed."), named("person_id")),
        News(".changed", _("Your pay was changed."), named("person_id")),
    )
    remembers = ("person_id", "kind", "amount_fen", "since")
    forms = {"propose": Proposal, "change": Terms}
