"""Expenses of field trips (费用报销): claimed with a receipt by whoever made the trip, agreed by the superior, and reimbursed by finance
through the ledger (S9 6)."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, StringConstraints
from sqlalchemy import ColumnElement, or_, select, true

from models.trips import Expense, Trip
from workflows import policy
from workflows.approval import ends_requests
from workflows.engine.actor import CLOCK, Actor
from workflows.engine.flow import Facts, Flow, NoFacts, State, guard, opening, step
from workflows.engine.news import News, named, those_with
from workflows.engine.take import Ask, Check
from workflows.engine.timing import add_days
from workflows.engine.who import Consultant, Finance, Leader, Manager, Member, SalesManager, relation
from workflows.lead_facts import Clean, Reason, choice, text
from workflows.money.agreed import DESKS, month_to_post_in
from workflows.money.months import month_of
from workflows.office.superiors import Superior, of_ones_team
from workflows.words import _

KINDS = {
    "transport": _("Transport"),
    "meals": _("Meals"),
    "lodging": _("Lodging"),
    "gifts": _("Gifts"),
    "other": _("Something else"),
}
GONE = ("withdrawn", "refused", "called_off")
Claimant = relation(
    "claimant",
    _("who claims it"),
    {"member", "leader", "consultant", "manager"},
    lambda a, case: a.id is not None and a.id == case.person_id,
)


def as_printed(number: str) -> str:
    """The number of a receipt without the spaces that people leave in it, in capital letters."""
    return "".join(number.split()).upper()


class Claim(Facts):
    trip: Clean = Field(
        min_length=1, max_length=24, title=_("Field trip"), json_schema_extra={"case": "trip"}
    )
    kind: Literal["transport", "meals", "lodging", "gifts", "other"] = choice(_("What kind"), KINDS)
    amount_fen: Annotated[int, Field(ge=1, le=10**8, strict=True)] = Field(
        title=_("Amount"), json_schema_extra={"input": "money"}
    )
    what: Clean = text(_("What for"), limit=500)
    receipt_no: Annotated[
        str,
        StringConstraints(strip_whitespace=True, pattern=r"^[0-9A-Za-z./ -]+$"),
        AfterValidator(as_printed),
    ] = text(_("Number of the receipt"), limit=40)


def trip_of(check: Check) -> Trip | None:
    """The trip that is named, if it is the claimant's; read once for all who ask."""
    if "trip" not in check.seen:
        facts: Any = check.facts
        wanted = select(Trip).where(Trip.code == facts.trip, Trip.person_id == check.by.id)
        check.seen["trip"] = check.session.scalar(wanted)
    found: Trip | None = check.seen["trip"]
    return found


@guard(
    _("Trip %(trip)s is none of yours that has ended."),
    instead=_("Choose the trip that cost it, once you are back."),
)
def is_of_ones_own_trip(check: Check) -> bool | dict[str, Any]:
    trip = trip_of(check)
    return True if trip is not None and trip.ended_at is not None else {"trip": check.facts.trip}  # type: ignore[attr-defined]


@guard(
    _("The trip ended more than %(days)s days ago."),
    instead=_("Open a dispute about a line that is missing."),
)
def is_claimed_in_time(check: Check) -> bool | dict[str, Any]:
    trip, days = trip_of(check), check.policy.expense_days
    if trip is None or trip.ended_at is None:
        return True  # refused for that already
    return check.at <= add_days(trip.ended_at, days, policy.zone(check.session)) or {"days": days}


@guard(
    _("This receipt is claimed already, with %(code)s."),
    instead=_("Each receipt is reimbursed once."),
    code="conflict",
)
def is_claimed_once(check: Check) -> bool | dict[str, Any]:
    number: str = check.facts.receipt_no  # type: ignore[attr-defined]
    same = select(Expense.code).where(Expense.receipt_no == number, Expense.state.not_in(GONE))
    code = check.session.scalar(same.limit(1))
    return {"code": code} if code else True


@guard(_("Nobody pays out their own claim."), instead=_("Let another of finance do it."))
def is_anothers(check: Check) -> bool:
    return bool(check.by.id != check.case.person_id)


def asks_the_superior(check: Check) -> list[Ask]:
    """Who claims asks for the approval in the same breath."""
    return [] if check.ask.house else [Ask(ExpenseFlow, "agree", check.by, check.at, code=check.case.code)]


class ExpenseFlow(Flow):
    """费用报销: what a trip cost comes back, once, and is no wage."""

    flow_name, noun, prefix, table = "expense", "case", "E", Expense
    label = _("Expense claim")
    about = _("What a field trip cost: claimed with its receipt, agreed, reimbursed.")
    room, topic, rests = "office", "pay", ("reimbursed",)
    searched = ("what",)
    remembers = (
        "person_id", "trip_code", "kind", "amount_fen", "what", "receipt_no", "month", "settled_month", "reversed_month", "reason",
    )  # fmt: skip
    labels = {
        "person": _("Claimed by"),
        "trip_code": _("Field trip"),
        "month": _("Month of the trip"),
        "settled_month": _("Reimbursed in"),
        "reversed_month": _("Called off in"),
    }
    news = (
        News(".agreed", _("An expense is agreed: finance reimburses it."), those_with("finance")),
        News(
            ".reimbursed",
            _("Your expense is reimbursed: it is on your statement."),
            named("person_id"),
        ),
        News(".refused", _("Your expense is not reimbursed: read why."), named("person_id")),
        News(".called_off", _("A reimbursement was called off and is reversed."), named("person_id")),
    )

    claimed = State(_("Claimed"), initial=True)
    agreed = State(_("Agreed"))
    reimbursed = State(_("Reimbursed"))
    refused = State(_("Refused"), final=True)
    withdrawn = State(_("Withdrawn"), final=True)
    called_off = State(_("Called off"), final=True)

    @opening(
        label=_("Claim an expense"),
        by=Member | Leader | Consultant | Manager,
        guards=(is_of_ones_own_trip, is_claimed_in_time, is_claimed_once),
        announces=".claimed",
        then=asks_the_superior,
    )
    def claim(self, case: Expense, facts: Claim, check: Check, ask: Ask) -> None:
        """What it was, how much, and the receipt; the superior is asked at once."""
        trip = trip_of(check)
        assert ask.by.id  # nobody else than the staff may
        assert trip is not None  # the guards have seen to both
        assert trip.ended_at is not None
        case.person_id, case.trip_code, case.kind = ask.by.id, trip.code, facts.kind
        case.amount_fen, case.what, case.receipt_no = facts.amount_fen, facts.what, facts.receipt_no
        case.month = month_of(trip.ended_at, policy.zone(check.session))

    @step(
        claimed.to(agreed),
        label=_("Ask for approval"),
        by=Claimant,
        approved_by=Superior,
        announces=".agreed",
    )
    def agree(self, case: Expense, facts: NoFacts) -> None:
        """The superior has seen the receipt and agrees."""

    @step(
        agreed.to(reimbursed),
        label=_("Reimburse"),
        by=Finance,
        guards=is_anothers,
        announces=".reimbursed",
        serial=True,
    )
    def reimburse(self, case: Expense, facts: NoFacts, check: Check) -> None:
        """It is posted in the month of the trip while that is open, else in the next, and paid out with it."""
        case.settled_month = month_to_post_in(check.session, case.project_id, case.month)

    @step(agreed.to(refused), label=_("Refuse"), by=Finance, guards=is_anothers, announces=".refused")
    def refuse(self, case: Expense, facts: Reason) -> None:
        """The receipt is missing or not in order; why, is said."""
        case.reason = facts.reason

    @step(
        withdrawn.from_(claimed, agreed),
        label=_("Withdraw"),
        by=Claimant,
        announces=".withdrawn",
        then=ends_requests,
    )
    def withdraw(self, case: Expense, facts: NoFacts) -> None:
        """It was a mistake; the receipt may be claimed again."""

    @step(
        reimbursed.to(called_off),
        label=_("Call off"),
        by=Finance,
        approved_by=SalesManager,
        guards=is_anothers,
        announces=".called_off",
        serial=True,
    )
    def call_off(self, case: Expense, facts: Reason, check: Check) -> None:
        """It should not have been reimbursed: it is reversed in the month in which that is found, or the next that is open."""
        case.reason = facts.reason
        found = month_of(check.at, policy.zone(check.session))
        case.reversed_month = month_to_post_in(check.session, case.project_id, found)

    @classmethod
    def seen_by(cls, actor: Actor) -> ColumnElement[bool]:
        """One's own, leaders their team's, and the desks."""
        if actor is CLOCK or actor.has(*DESKS):
            return true()
        return or_(Expense.person_id == (actor.id or 0), of_ones_team(Expense.person_id, actor))

    @classmethod
    def gains(cls, case: Expense, facts: Facts) -> set[int]:
        return {case.person_id}

    @classmethod
    def tells(cls, case: Expense) -> dict[str, Any]:
        return {
            "person_id": case.person_id,
            "month": case.month,
            "settled_month": case.settled_month,
            "reversed_month": case.reversed_month,
        }
