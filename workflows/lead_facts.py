"""What must be told with each event of a lead: one typed model per event, from which the forms, the JSON Schema, the
API and the scenario checks come. `private` marks what is about the customer and is sealed; `person` names one of the
staff."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, StringConstraints, field_validator
from pydantic_core.core_schema import ValidationInfo

from workflows.engine.flow import Facts
from workflows.phones import NotAMobile, normalise
from workflows.words import _


class Channel(StrEnum):
    """Where a lead came from."""

    flyer = "flyer"
    exhibition = "exhibition"
    group_purchase = "group_purchase"
    call_in = "call_in"
    walk_in = "walk_in"
    online = "online"
    referral = "referral"
    partner = "partner"


CHANNELS = {
    "flyer": _("Flyers"),
    "exhibition": _("Exhibition"),
    "group_purchase": _("Group purchase"),
    "call_in": _("Call-in"),
    "walk_in": _("Walk-in"),
    "online": _("Online"),
    "referral": _("Referral"),
    "partner": _("Partner"),
}
INTENTS = {"A": _("A: buying soon"), "B": _("B: interested"), "C": _("C: only looking")}
INVALID = {
    "no_demand": _("No demand"),
    "not_considering": _("Not considering to buy"),
    "unreachable": _("Unreachable"),
    "wrong_number": _("Wrong number"),
    "duplicate": _("Duplicate"),
}
OUTCOMES = {"deal": _("Deal"), "invalid": _("Invalid"), "lost": _("Lost"), "fraud": _("Fraud")}


def text(label: str, *, limit: int = 500, private: bool = False, **extra: Any) -> Any:
    return Field(min_length=1, max_length=limit, title=label, json_schema_extra={"private": private, **extra})


def maybe(label: str, *, limit: int = 500, private: bool = False, **extra: Any) -> Any:
    return Field(None, max_length=limit, title=label, json_schema_extra={"private": private, **extra})


def choice(label: str, choices: dict[str, str]) -> Any:
    return Field(title=label, json_schema_extra={"choices": choices})  # type: ignore[dict-item]


def staff(label: str, role: str, **extra: Any) -> Any:
    return Field(min_length=1, max_length=40, title=label, json_schema_extra={"person": role, **extra})


def several(label: str, role: str, *, least: int = 0, **extra: Any) -> Any:
    """Several of the staff by name: of one role, or (`staff`) whoever."""
    extra = {"people": role, **extra}
    if least:
        return Field(min_length=least, max_length=200, title=label, json_schema_extra=extra)
    return Field(default_factory=list, max_length=200, title=label, json_schema_extra=extra)


def within_reach(value: datetime, info: ValidationInfo) -> datetime:
    """A time without an offset is the company's. Years at the ends of the calendar cannot be reckoned in other time zones."""
    if not 2000 <= value.year <= 2100:
        raise ValueError(_("A year between 2000 and 2100 is expected."))
    return value.replace(tzinfo=info.context["zone"]) if info.context and value.tzinfo is None else value


Clean = Annotated[str, StringConstraints(strip_whitespace=True, pattern=r"^[^\x00]*$")]
Fen = Annotated[int, Field(ge=0, le=10**13, strict=True)]
Moment = Annotated[datetime, AfterValidator(within_reach)]


class Capture(Facts):
    name: Clean = text(_("Customer's name"), limit=60, private=True)
    phone: Clean = text(_("Mobile phone"), limit=30, private=True, input="tel")
    channel: Channel = choice(_("Channel"), CHANNELS)
    consent: Literal[True] = Field(title=_("The customer agrees that we keep the data and call back"))
    demand: Clean | None = maybe(_("Demand"), private=True)
    spot: Clean | None = maybe(_("Spot"), limit=80)
    campaign: Clean | None = maybe(_("Campaign"), limit=80)
    note: Clean | None = maybe(_("Note"), limit=2000, private=True, input="area")
    consent_text: Clean | None = maybe(_("Basis of consent"), limit=200, hidden=True)
    registered_on: date | None = Field(
        None, title=_("Date in the register"), json_schema_extra={"hidden": True}
    )
    noted_at: Moment | None = Field(
        None,
        title=_("Written down on the phone"),
        description="When it was written down, as the phone says. It starts no clock and protects nobody.",
        json_schema_extra={"hidden": True},
    )

    @field_validator("consent", mode="before")
    @classmethod
    def said_yes(cls, value: Any) -> Any:
        if value is not True:
            raise ValueError(_("Without the customer's consent nothing may be kept."))
        return value

    @field_validator("phone", mode="before")
    @classmethod
    def a_mobile(cls, value: Any) -> Any:
        """A mainland-China mobile in any spelling, kept as E.164."""
        if not isinstance(value, str | int) or isinstance(value, bool):
            raise ValueError(_("A phone number is needed."))
        try:
            return normalise(value)
        except NotAMobile as error:
            raise ValueError(str(error)) from error


class Screening(Facts):
    demand: Clean = text(_("Demand"), private=True)
    intent: Literal["A", "B", "C"] = choice(_("Intent"), INTENTS)
    budget_fen: Fen | None = Field(None, title=_("Budget"), json_schema_extra={"input": "money"})
    area_m2: Annotated[int, Field(ge=1, le=100_000, strict=True)] | None = Field(None, title=_("Area in m²"))
    note: Clean | None = maybe(_("Note"), limit=2000, private=True, input="area")


class Arrival(Facts):
    party_size: Annotated[int, Field(ge=1, le=500, strict=True)] = Field(1, title=_("People in the party"))
    note: Clean | None = maybe(_("Note"), limit=2000, private=True, input="area")


class Reason(Facts):
    reason: Clean = text(_("Reason"), input="area")


class Appointment(Facts):
    consultant: Clean = staff(_("Consultant"), "consultant")


class SignOff(Facts):
    signature: Clean = text(_("Signature (typed name)"), limit=60)
    note: Clean | None = maybe(_("Note"), limit=2000, private=True, input="area")


class FollowUp(Facts):
    note: Clean = text(_("Note"), limit=2000, private=True, input="area")
    next_at: Moment | None = Field(None, title=_("Next contact"))


class Reassignment(Facts):
    consultant: Clean = staff(_("Consultant"), "consultant")
    reason: Clean = text(_("Reason"), input="area")


class CallBack(Facts):
    callback: Clean = text(_("What the call-back found"), limit=2000, private=True, input="area")
    holder: Clean = staff(_("New holder"), "member")


class Extension(Facts):
    days: Annotated[int, Field(ge=1, strict=True)] = Field(title=_("Days"))
    reason: Clean = text(_("Reason"), input="area")

    @field_validator("days")
    @classmethod
    def within_policy(cls, value: int, info: ValidationInfo) -> int:
        most = info.context["policy"].extension_days_max if info.context else 30
        if value > most:
            raise ValueError(_("One extension adds at most as many days as the policy says."))
        return value


class Contract(Facts):
    units: Annotated[int, Field(ge=1, le=1000, strict=True)] = Field(title=_("Units"))
    contract_no: Clean = text(_("Contract number"), limit=60, private=True)
    amount_fen: Fen = Field(title=_("Contract amount"), json_schema_extra={"input": "money"})


class Invalidity(Facts):
    reason: Literal["no_demand", "not_considering", "unreachable", "wrong_number", "duplicate"] = choice(
        _("Reason"), INVALID
    )


class Evidence(Facts):
    evidence: Clean = text(_("Evidence"), limit=2000, private=True, input="area")
