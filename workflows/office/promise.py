"""Promises to customers (S10 8; S7 五: what is promised where the houses are advertised): recorded, and kept. A discount that was
promised is given; one that costs money is promised with the sales manager's consent, and not before.

What was promised stands in words that people type, and these soon speak of the customer. So they are sealed, in the case and in
its history, like the notes of the lead: read by whoever reads the lead in clear and by whoever has to keep the promise, and
forgotten with the customer. What it is about, what it costs, by when and by whom is told in the open: that names nobody.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator
from pydantic_core.core_schema import ValidationInfo
from sqlalchemy import ColumnElement, false, or_, select, true
from sqlalchemy.orm import Session

from models.leads import Lead
from models.people import Person
from models.promises import Promise
from models.remembered import Outbox
from workflows import policy
from workflows.belonging import has_the_customer, is_of_a_lead_one_sees, lead_named
from workflows.engine.actor import CLOCK, WITH_CUSTOMERS, Actor
from workflows.engine.flow import Facts, Flow, NoFacts, State, guard, opening, step
from workflows.engine.news import News, having, named, those_with
from workflows.engine.take import Ask, Check
from workflows.engine.timing import Anchor, Timer, days, days_before, on_time
from workflows.engine.who import (
    Clock,
    Consultant,
    Leader,
    Manager,
    Member,
    Reception,
    SalesManager,
    relation,
)
from workflows.lead import LeadFlow, entitled
from workflows.lead_facts import Clean, Moment, choice, maybe, text
from workflows.staff import works
from workflows.words import _

KINDS = {
    "discount": _("A discount"),
    "gift": _("A gift or a service"),
    "unit": _("A unit kept free"),
    "answer": _("An answer or a paper"),
    "other": _("Something else"),
}
IS_DUE = Anchor(_("the promise is due"), lambda case: case.due_at)
KEPT_BEFORE = _("kept, broken or released before")


def is_open(case: Promise) -> bool:
    return case.state == "given"


REMINDER = Timer(
    "promise_reminder",
    _("Reminder to keep the promise"),
    days_before("promise_reminder_days"),
    fact="promise.due_soon",
    still=is_open,
    then=_("who keeps it is reminded"),
    unless=KEPT_BEFORE,
    anchor=IS_DUE,
)
OVERDUE = Timer(
    "promise_overdue",
    _("The promise is due"),
    on_time,
    fact="promise.overdue",
    still=is_open,
    then=_("who keeps it and the manager are told that it is overdue"),
    unless=KEPT_BEFORE,
    anchor=IS_DUE,
)
ESCALATION = Timer(
    "promise_escalation",
    _("The promise is long overdue"),
    days("promise_escalation_days"),
    fact="promise.unkept",
    still=is_open,
    then=_("the sales manager is told"),
    unless=KEPT_BEFORE,
    anchor=IS_DUE,
)
Maker = relation(
    "maker",
    _("who made it"),
    set(WITH_CUSTOMERS),
    lambda a, case: a.id is not None and a.id == case.made_by_id,
)
Owner = relation(
    "owner",
    _("who keeps it"),
    set(WITH_CUSTOMERS),
    lambda a, case: a.id is not None and a.id == case.owner_id,
)


class Word(Facts):
    lead: Clean = text(_("Lead"), limit=24, case="lead")
    kind: Literal["discount", "gift", "unit", "answer", "other"] = choice(_("What about"), KINDS)
    promised: Clean = text(_("What was promised"), limit=1000, private=True, input="area")
    due_at: Moment = Field(title=_("Due"))
    amount_fen: Annotated[int, Field(ge=1, le=10**11, strict=True)] | None = Field(
        None, title=_("What it costs"), validate_default=True, json_schema_extra={"input": "money"}
    )
    owner: Clean | None = Field(
        None,
        max_length=40,
        title=_("Who keeps it, if somebody else"),
        json_schema_extra={"person": "anybody"},
    )

    @field_validator("amount_fen")
    @classmethod
    def a_discount_has_an_amount(cls, value: int | None, info: ValidationInfo) -> int | None:
        if value is None and info.data.get("kind") == "discount":
            raise ValueError(_("Say how much the discount is."))
        return value


class Handover(Facts):
    owner: Clean = Field(
        min_length=1, max_length=40, title=_("New owner"), json_schema_extra={"person": "anybody"}
    )
    reason: Clean = text(_("Reason"), input="area", limit=500)


class Evidence(Facts):
    note: Clean | None = maybe(_("How it was kept"), limit=1000, private=True, input="area")


class Why(Facts):
    reason: Clean = text(_("Reason"), limit=1000, private=True, input="area")


@guard(_("This time has gone by."), instead=_("Say by when it will be kept."))
def is_still_to_come(check: Check) -> bool:
    due: datetime = getattr(check.facts, "due_at", None) or check.case.due_at
    return due > check.at


@guard(
    _("This lead is closed without a deal: there is nobody to promise anything to."),
    instead=_("Register the customer anew."),
)
def is_a_customer_still(check: Check) -> bool:
    lead = lead_named(check)
    return lead is not None and (lead.state != "closed" or lead.outcome == "deal")


@guard(
    _("%(name)s does not deal with customers."),
    instead=_("Name somebody of outreach or of the sales office."),
)
def is_kept_by_one_of_us(check: Check) -> bool | dict[str, Any]:
    owner = check.people.get("owner")
    return owner is None or bool(set(owner.roles) & set(WITH_CUSTOMERS)) or {"name": owner.name}


@guard(_("They keep it already."), instead=_("Name somebody else."))
def is_somebody_else(check: Check) -> bool:
    return bool(check.people["owner"].id != check.case.owner_id)


def it_counts(check: Check) -> list[Ask]:
    """What costs nothing counts at once; for what costs money the sales manager's consent is asked for."""
    case: Promise = check.case
    if case.amount_fen is None:
        return [Ask(PromiseFlow, "give", check.by, check.at, code=case.code, house=True)]
    return [Ask(PromiseFlow, "grant", check.by, check.at, code=case.code)]


def who_keeps_it(session: Session, fact: Outbox, at: datetime) -> Iterable[int | None]:
    """Its owner; the managers once the owner has left."""
    owner = session.get_one(Person, fact.body["owner_id"])
    if works(owner, at.astimezone(policy.zone(session)).date()):
        return [owner.id]
    return [manager.id for manager in having(session, "manager")]


def whom_another_named(session: Session, fact: Outbox, at: datetime) -> Iterable[int | None]:
    """Its owner, where somebody else made it."""
    return [fact.body["owner_id"]] if fact.body["owner_id"] != fact.body["made_by_id"] else []


class PromiseFlow(Flow):
    """承诺: what was promised to a customer is kept."""

    flow_name, noun, prefix, table = "promise", "case", "C", Promise
    label = _("Promise")
    about = _("What was promised to a customer, by when, and who keeps it.")
    room, topic = "office", "office"
    timers = (REMINDER, OVERDUE, ESCALATION)
    remembers = ("lead_code", "kind", "amount_fen", "due_at", "owner_id", "made_by_id")
    personal = ("promised", "reason")
    labels = {"owner": _("Kept by"), "made_by": _("Promised by")}
    news = (
        News(".given", _("A promise to a customer is yours to keep."), whom_another_named),
        News(".passed_on", _("A promise to a customer is yours to keep now."), who_keeps_it),
        News(".due_soon", _("A promise to a customer is due soon."), who_keeps_it),
        News(".overdue", _("A promise to a customer is overdue."), who_keeps_it, those_with("manager")),
        News(
            ".unkept",
            _("A promise to a customer is long overdue: see that it is kept."),
            who_keeps_it,
            those_with("sales_manager"),
        ),
        News(
            ".broken",
            _("A promise to a customer was broken."),
            those_with("manager"),
            named("owner_id", "made_by_id"),
        ),
        News(".released", _("A customer released us from a promise."), named("owner_id", "made_by_id")),
    )

    proposed = State(_("Proposed"), initial=True)
    given = State(_("Given"))
    kept = State(_("Kept"), final=True)
    broken = State(_("Broken"), final=True)
    released = State(_("Released"), final=True)
    withdrawn = State(_("Withdrawn"), final=True)

    @opening(
        label=_("Record a promise"),
        by=Member | Leader | Manager | Reception | Consultant | SalesManager,
        guards=(
            is_of_a_lead_one_sees,
            has_the_customer,
            is_a_customer_still,
            is_still_to_come,
            is_kept_by_one_of_us,
        ),
        announces=".made",
        then=it_counts,
    )
    def make(self, case: Promise, facts: Word, people: dict[str, Person], check: Check) -> None:
        """Say what is promised to whom, by when, and who keeps it: oneself, unless another is named."""
        lead = lead_named(check)
        assert lead is not None and check.by.id  # noqa: PT018 (is_of_a_lead_one_sees; nobody else than the staff may)
        case.project_id, case.lead_id, case.lead_code = lead.project_id, lead.id, lead.code
        case.kind, case.promised, case.amount_fen = facts.kind, facts.promised, facts.amount_fen
        case.due_at, case.made_by_id = facts.due_at, check.by.id
        case.owner_id = people["owner"].id if "owner" in people else check.by.id

    @step(
        proposed.to(given),
        label=_("Count"),
        by=Clock,
        automatic=True,
        starts=(REMINDER, OVERDUE, ESCALATION),
        announces=".given",
    )
    def give(self, case: Promise, facts: NoFacts) -> None:
        """It costs nothing: it counts from the moment at which it is recorded."""

    @step(
        proposed.to(given),
        label=_("Have it approved"),
        by=Maker,
        approved_by=SalesManager,
        guards=is_still_to_come,
        starts=(REMINDER, OVERDUE, ESCALATION),
        announces=".given",
    )
    def grant(self, case: Promise, facts: NoFacts) -> None:
        """It costs money: the sales manager agrees before the customer is told."""

    @step(proposed.to(withdrawn), label=_("Withdraw"), by=Maker | Manager, announces=".withdrawn")
    def withdraw(self, case: Promise, facts: NoFacts) -> None:
        """It was not agreed to, and is not promised."""

    @step(
        given.to.itself(internal=True),
        label=_("Pass on"),
        by=Owner | Leader | Manager | SalesManager,
        guards=(is_kept_by_one_of_us, is_somebody_else),
        announces=".passed_on",
    )
    def pass_on(self, case: Promise, facts: Handover, people: dict[str, Person]) -> None:
        """Somebody else keeps it, because its owner leaves or is better helped. It is due when it was."""
        case.owner_id = people["owner"].id

    @step(given.to(kept), label=_("Keep"), by=Owner | Manager | SalesManager, announces=".kept")
    def keep(self, case: Promise, facts: Evidence, timers: Any) -> None:
        """The customer has what was promised."""
        timers.cancel()

    @step(given.to(broken), label=_("Break"), by=Owner | Manager | SalesManager, announces=".broken")
    def breach(self, case: Promise, facts: Why, timers: Any) -> None:
        """It cannot be kept; why, is said, and the manager is told."""
        case.reason = facts.reason
        timers.cancel()

    @step(given.to(released), label=_("Release"), by=Owner | Manager | SalesManager, announces=".released")
    def release(self, case: Promise, facts: Why, timers: Any) -> None:
        """The customer does not want it any more, or agreed to something else; in what words, is said."""
        case.reason = facts.reason
        timers.cancel()

    @classmethod
    def seen_by(cls, actor: Actor) -> ColumnElement[bool]:
        """Whoever sees the lead, whoever made the promise, and whoever keeps it."""
        if actor is CLOCK or actor.has("reception", "manager", "sales_manager", "finance", "auditor"):
            return true()
        if actor.roles <= {"admin"}:
            return false()
        leads = select(Lead.id).where(LeadFlow.seen_by(actor))
        mine = actor.id or 0
        return or_(Promise.owner_id == mine, Promise.made_by_id == mine, Promise.lead_id.in_(leads))

    @classmethod
    def in_clear(cls, actor: Actor, case: Promise) -> bool:
        """Who keeps it must know what it is, also when the customer is somebody else's by now."""
        return entitled(actor, case.lead) or (actor.id is not None and actor.id == case.owner_id)

    @classmethod
    def gains(cls, case: Promise, facts: Facts) -> set[int]:
        """A discount brings a deal nearer: who promised it and those to whom the deal is worth something do not agree to it."""
        return {case.made_by_id, case.owner_id} | LeadFlow.gains(case.lead, facts)

    @classmethod
    def tells(cls, case: Promise) -> dict[str, Any]:
        names = ("lead_code", "kind", "amount_fen", "owner_id", "made_by_id")
        return {name: getattr(case, name) for name in names}
