"""Outreach events (拓客事件, S10 1–5, 7, 9; S7 五): a goal as a number for a period, the channels and the campaign by which it is
to be reached, who does what with which materials. The manager proposes it, the sales manager agrees, the clock begins and ends it;
what it brought is counted from the leads, and what was learned is written down by whoever was in charge.

To an event belong the leads that carry its name as their campaign, and those of its channels that carry none. Each counts by
the instant at which it happened: captured, visited, sold within the period. Leads that were found invalid or false count as
nothing (S20 (三)7, 罚7), and so does what was left on the web form until somebody has screened it.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, field_validator
from pydantic_core.core_schema import ValidationInfo
from sqlalchemy import ColumnElement, false, func, or_, select, true
from sqlalchemy.orm import Session

from models.events import OutreachEvent
from models.leads import Lead
from models.people import Person
from models.remembered import Outbox
from workflows.engine.actor import CLOCK, Actor
from workflows.engine.flow import Facts, Flow, NoFacts, State, guard, opening, step
from workflows.engine.news import News, named, those_with
from workflows.engine.take import Check
from workflows.engine.timing import Anchor, Timer, days, on_time
from workflows.engine.who import Clock, Manager, SalesManager, relation
from workflows.lead_facts import CHANNELS, Channel, Clean, Moment, choice, maybe, staff, text
from workflows.words import _

# What a goal counts, and the column in which it is counted.
GOALS = {"new_customers": _("New customers"), "visits": _("Visits"), "deals": _("Deals")}
NOT_OVER = ("planned", "approved", "running")
CANCELLED_BEFORE = _("cancelled before")
BEGIN = Timer(
    "event_begin",
    _("The event begins"),
    on_time,
    event="begin",
    then=_("it is running"),
    unless=CANCELLED_BEFORE,
    anchor=Anchor(_("it is to begin"), lambda case: case.starts_at),
)
END = Timer(
    "event_end",
    _("The event ends"),
    on_time,
    event="finish",
    then=_("what it brought is counted"),
    unless=CANCELLED_BEFORE,
    anchor=Anchor(_("it is to end"), lambda case: case.ends_at),
)
EVALUATION = Timer(
    "evaluation_reminder",
    _("Reminder to evaluate"),
    days("evaluation_days"),
    fact="event.unevaluated",
    still=lambda case: case.state == "ended",
    then=_("who is in charge and the manager are reminded"),
    unless=_("evaluated before"),
)
InCharge = relation(
    "in_charge",
    _("who is in charge"),
    {"leader", "manager"},
    lambda a, case: a.id is not None and a.id == case.in_charge_id,
)


def each_once(channels: list[Channel]) -> list[Channel]:
    return list(dict.fromkeys(channels))


Channels = Annotated[list[Channel], AfterValidator(each_once)]


class Rework(Facts):
    goal: Annotated[int, Field(ge=1, le=100_000, strict=True)] = Field(title=_("Goal"))
    channels: Channels = Field(title=_("Channels"), min_length=1, json_schema_extra={"choices": CHANNELS})  # type: ignore[dict-item]
    starts_at: Moment = Field(title=_("Begins"))
    ends_at: Moment = Field(title=_("Ends"))
    materials: Clean | None = maybe(_("Materials"), limit=2000, input="area")

    @field_validator("ends_at")
    @classmethod
    def after_it_begins(cls, value: datetime, info: ValidationInfo) -> datetime:
        begins = info.data.get("starts_at")
        if begins is not None and value <= begins:
            raise ValueError(_("It ends after it begins."))
        return value


class Named(Facts):
    name: Clean = text(_("Campaign, as captured leads carry it"), limit=80)
    in_charge: Clean = staff(_("In charge"), "leading")
    goal_kind: Literal["new_customers", "visits", "deals"] = choice(_("Goal counts"), GOALS)


class Plan(Rework, Named):
    """The fields of both, the name first."""


class Part(Facts):
    person: Clean = staff(_("Who"), "anybody")
    part: Clean = text(_("Does what"), limit=200)


class Relief(Facts):
    person: Clean = staff(_("Who"), "anybody", left=True)


class Lessons(Facts):
    lessons: Clean = text(_("What was learned"), limit=4000, input="area")


class Why(Facts):
    reason: Clean = text(_("Reason"), limit=1000, input="area")


@guard(
    _("There is an event of this name already that is not over."),
    instead=_("Take another name: by it leads are counted."),
    code="conflict",
)
def name_is_free(check: Check) -> bool:
    facts: Any = check.facts
    taken = select(OutreachEvent.id).where(
        OutreachEvent.name == facts.name, OutreachEvent.state.in_(NOT_OVER)
    )
    return check.session.scalar(taken) is None


@guard(_("Its end has gone by."), instead=_("Plan it anew, for a time to come."))
def is_not_over(check: Check) -> bool:
    ends: datetime = getattr(check.facts, "ends_at", None) or check.case.ends_at
    return ends > check.at


@guard(_("%(name)s leads nobody."), instead=_("Put a team leader or a manager in charge."))
def is_led_by_a_leader(check: Check) -> bool | dict[str, Any]:
    leader = check.people["in_charge"]
    return bool({"leader", "manager"} & set(leader.roles)) or {"name": leader.name}


@guard(_("Nobody has a part in it yet."), instead=_("Say first who does what."))
def has_parts(check: Check) -> bool:
    return bool(check.case.parts)


@guard(_("%(name)s has no part in it."))
def takes_part(check: Check) -> bool | dict[str, Any]:
    person = check.people["person"]
    return any(person.id == each for each, _part in check.case.parts) or {"name": person.name}


def count_what_it_brought(case: OutreachEvent, session: Session) -> None:
    """Draw the result from the leads: new customers, visits and deals of the period, and the goal's part in percent."""
    of_it = or_(Lead.campaign == case.name, Lead.campaign.is_(None) & Lead.channel.in_(case.channels))
    valid = or_(Lead.outcome.is_(None), Lead.outcome.not_in(("invalid", "fraud")))
    where = (Lead.project_id == case.project_id, Lead.protected, of_it, valid)

    def within(instant: Any, *more: ColumnElement[bool]) -> int:
        period = (instant >= case.starts_at, instant < case.ends_at)
        return session.scalar(select(func.count()).select_from(Lead).where(*where, *period, *more)) or 0

    case.new_customers, case.visits = within(Lead.captured_at), within(Lead.visited_at)
    case.deals = within(Lead.closed_at, Lead.outcome == "deal")
    case.reached_percent = getattr(case, case.goal_kind) * 100 // case.goal


def those_taking_part(session: Session, fact: Outbox, at: datetime) -> Iterable[int | None]:
    return list(fact.body["taking_part"])


class OutreachEventFlow(Flow):
    """拓客事件: from the goal to what was learned."""

    flow_name, noun, prefix, table = "event", "case", "V", OutreachEvent
    label = _("Outreach event")
    about = _("A goal for a period, by which channels, who does what; what it brought, and what was learned.")
    room, topic = "office", "office"
    searched = ("name", "lessons")
    timers = (BEGIN, END, EVALUATION)
    remembers = (
        "name", "goal_kind", "goal", "new_customers", "visits", "deals", "reached_percent", "starts_at", "ends_at", "channels",
        "in_charge_id", "parts", "materials", "lessons", "reason",
    )  # fmt: skip
    names_people = ("parts",)
    labels = {
        "name": _("Campaign"),
        "new_customers": GOALS["new_customers"],
        "visits": GOALS["visits"],
        "deals": GOALS["deals"],
        "reached_percent": _("Percent of the goal"),
        "parts": _("Who does what"),
    }
    news = (
        News(".assigned", _("You have a part in an outreach event."), named("assigned_id")),
        News(".approved", _("An outreach event in which you take part was approved."), those_taking_part),
        News(".started", _("An outreach event in which you take part has begun."), those_taking_part),
        News(".ended", _("An outreach event is over: write down what was learned."), named("in_charge_id")),
        News(
            ".unevaluated",
            _("An outreach event still waits for its evaluation."),
            named("in_charge_id"),
            those_with("manager"),
        ),
        News(
            ".evaluated",
            _("An outreach event was evaluated: see what was learned."),
            those_with("leader", "manager", "sales_manager"),
        ),
        News(".cancelled", _("An outreach event in which you take part was cancelled."), those_taking_part),
    )

    planned = State(_("Planned"), initial=True)
    approved = State(_("Approved"))
    running = State(_("Running"))
    ended = State(_("Ended"))
    evaluated = State(_("Evaluated"), final=True)
    cancelled = State(_("Cancelled"), final=True)

    @opening(
        label=_("Plan an event"),
        by=Manager,
        guards=(is_not_over, is_led_by_a_leader, name_is_free),
        announces=".planned",
    )
    def plan(self, case: OutreachEvent, facts: Plan, people: dict[str, Person]) -> None:
        """Say the goal, the period, the channels, and who is in charge (S10 1, 2)."""
        case.name, case.goal_kind, case.in_charge_id = facts.name, facts.goal_kind, people["in_charge"].id
        case.parts = []
        _lay_out(case, facts)

    @step(
        planned.to.itself(internal=True),
        label=_("Rework"),
        by=Manager,
        guards=is_not_over,
        announces=".reworked",
    )
    def rework(self, case: OutreachEvent, facts: Rework) -> None:
        """Another goal, time or way, before it is approved."""
        _lay_out(case, facts)

    @step(
        planned.to.itself(internal=True)
        | approved.to.itself(internal=True)
        | running.to.itself(internal=True),
        label=_("Give a part"),
        by=InCharge | Manager,
        announces=".assigned",
    )
    def assign(self, case: OutreachEvent, facts: Part, people: dict[str, Person]) -> None:
        """Who does what (S10 4); one part each, a new one takes the place of the old."""
        person = people["person"].id
        case.parts = [*(each for each in case.parts if each[0] != person), [person, facts.part]]

    @step(
        planned.to.itself(internal=True)
        | approved.to.itself(internal=True)
        | running.to.itself(internal=True),
        label=_("Relieve"),
        by=InCharge | Manager,
        guards=takes_part,
        announces=".relieved",
    )
    def relieve(self, case: OutreachEvent, facts: Relief, people: dict[str, Person]) -> None:
        """Somebody takes no part any more."""
        case.parts = [each for each in case.parts if each[0] != people["person"].id]

    @step(
        planned.to(approved),
        label=_("Propose"),
        by=Manager,
        approved_by=SalesManager,
        guards=(has_parts, is_not_over),
        starts=(BEGIN, END),
        announces=".approved",
    )
    def propose(self, case: OutreachEvent, facts: NoFacts) -> None:
        """The sales manager agrees to the goal and the way; from then on the clock begins and ends it."""

    @step(approved.to(running), label=_("Begin"), by=Clock, announces=".started")
    def begin(self, case: OutreachEvent, facts: NoFacts) -> None:
        """Its time has come."""

    @step(running.to(ended), label=_("End"), by=Clock, starts=EVALUATION, announces=".ended")
    def finish(self, case: OutreachEvent, facts: NoFacts, check: Check) -> None:
        """Its time is over: what it brought is counted (S10 7)."""
        count_what_it_brought(case, check.session)

    @step(ended.to(evaluated), label=_("Evaluate"), by=InCharge | Manager, announces=".evaluated")
    def evaluate(self, case: OutreachEvent, facts: Lessons, check: Check, timers: Any) -> None:
        """What was learned (S10 9). It is counted once more, for some customers were found invalid since."""
        count_what_it_brought(case, check.session)
        case.lessons = facts.lessons
        timers.cancel()

    @step(
        cancelled.from_(planned, approved, running),
        label=_("Cancel"),
        by=Manager | SalesManager,
        announces=".cancelled",
    )
    def cancel(self, case: OutreachEvent, facts: Why, timers: Any) -> None:
        """It does not take place, or not to its end; why, is said."""
        case.reason = facts.reason
        timers.cancel()

    @classmethod
    def seen_by(cls, actor: Actor) -> ColumnElement[bool]:
        """Everybody of the staff; what is only planned, who is in charge and the desks."""
        if actor is CLOCK or actor.has("manager", "sales_manager", "finance", "auditor"):
            return true()
        if actor.roles <= {"admin"}:
            return false()
        return or_(OutreachEvent.state != "planned", OutreachEvent.in_charge_id == (actor.id or 0))

    @classmethod
    def tells(cls, case: OutreachEvent) -> dict[str, Any]:
        names = ("goal_kind", "goal", "in_charge_id", "reached_percent")
        taking_part = [person for person, _part in case.parts]
        told = {name: getattr(case, name) for name in names}
        return told | {"taking_part": taking_part, "assigned_id": taking_part[-1] if taking_part else None}


def _lay_out(case: OutreachEvent, facts: Rework) -> None:
    case.goal, case.materials = facts.goal, facts.materials
    case.channels = [channel.value for channel in facts.channels]
    case.starts_at, case.ends_at = facts.starts_at, facts.ends_at
