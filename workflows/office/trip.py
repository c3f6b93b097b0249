"""Field trips (外出拓客): planned, cleared by the superior, prepared, made with every visit written down, and filed with what came
of it within two days (S9 1, 2, 4, 5)."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator
from pydantic_core.core_schema import ValidationInfo
from sqlalchemy import ColumnElement, or_, select, true

from models import database
from models.leads import Lead
from models.people import Person
from models.remembered import Approval
from models.trips import Trip
from workflows import policy
from workflows.approval import ends_requests
from workflows.engine.actor import CLOCK, Actor
from workflows.engine.flow import Facts, Flow, NoFacts, State, guard, opening, step
from workflows.engine.news import News, named, those_with
from workflows.engine.take import Ask, Check
from workflows.engine.timing import Anchor, Timer, days, minutes
from workflows.engine.who import Consultant, Leader, Manager, Member, relation
from workflows.lead import LeadFlow
from workflows.lead_facts import Clean, Moment, Reason, choice, maybe, text
from workflows.money.agreed import DESKS, write
from workflows.office.superiors import Superior, is_led_by, of_ones_team, superiors
from workflows.words import _

AHEAD, OUT = ("planned", "cleared"), ("under_way", "ended")
CHECKLIST = ("papers", "tools", "cards", "gifts")
RESULTS = {
    "will_come": _("Will come to the sales office"),
    "interested": _("Interested"),
    "not_interested": _("Not interested"),
    "not_met": _("Not met"),
}
BEGINS = Anchor(_("the trip is to begin"), lambda trip: trip.starts_at)
ENDS = Anchor(_("the trip is to end"), lambda trip: trip.ends_at)
START = Timer(
    "start_reminder",
    _("Reminder to start or cancel"),
    minutes("trip_start_minutes"),
    fact="trip.not_started",
    still=lambda trip: trip.state in AHEAD,
    anchor=BEGINS,
    then=_("whoever planned it is reminded to start or cancel it"),
    unless=_("started or cancelled before"),
)

FILING_REMINDER = Timer(
    "filing_reminder",
    _("Reminder to file"),
    days("trip_reminder_days"),
    fact="trip.unfiled",
    still=lambda trip: trip.state in OUT,
    anchor=ENDS,
    then=_("whoever made the trip is reminded to file what came of it"),
    unless=_("filed before"),
)
FILING_LATE = Timer(
    "filing_escalation",
    _("Filing is late"),
    days("trip_filing_days"),
    fact="trip.overdue",
    still=lambda trip: trip.state in OUT,
    anchor=ENDS,
    then=_("the superior and the manager are told"),
    unless=_("filed before"),
)
Traveller = relation(
    "traveller",
    _("whose trip it is"),
    {"member", "leader", "consultant", "manager"},
    lambda a, trip: a.id is not None and a.id == trip.person_id,
)
Code = Annotated[str, Field(pattern=r"^[A-Z0-9]{2,24}$")]


class Plan(Facts):
    place: Clean = text(_("Where to"), limit=120)
    purpose: Clean = text(_("Purpose"), limit=1000, input="area")
    leads: list[Code] = Field(
        default=[],
        max_length=50,
        title=_("Customers to visit (codes of leads)"),
        json_schema_extra={"case": "lead", "input": "codes"},
    )
    starts_at: Moment = Field(title=_("Starts at"))
    ends_at: Moment = Field(title=_("Ends at"))

    @field_validator("ends_at")
    @classmethod
    def after_it_starts(cls, value: datetime, info: ValidationInfo) -> datetime:
        start = info.data.get("starts_at")
        if start is not None and value <= start:
            raise ValueError(_("The end must come after the beginning."))
        return value


class Preparation(Facts):
    """What is ready; an item that this trip does not need is confirmed as well."""

    papers: bool = Field(False, title=_("Papers are ready"))
    tools: bool = Field(False, title=_("Tools are ready"))
    cards: bool = Field(False, title=_("Business cards are ready"))
    gifts: bool = Field(False, title=_("Gifts are ready, or none are needed"))


class Visit(Facts):
    lead: Clean = text(_("Customer (code of the lead)"), limit=24, case="lead", input="code")
    met_at: Moment = Field(title=_("When"))
    matters: Clean = text(_("What was talked about"), limit=2000, private=True, input="area")
    result: Literal["will_come", "interested", "not_interested", "not_met"] = choice(_("Result"), RESULTS)
    feedback: Clean | None = maybe(_("What the customer said"), limit=2000, private=True, input="area")


class Filing(Facts):
    outcome: Clean = text(_("What came of it (no names)"), limit=2000, input="area")
    feedback: Clean = text(_("What customers said on the whole"), limit=2000, private=True, input="area")


@guard(_("A trip is planned before it begins."), instead=_("Give times to come."))
def is_to_come(check: Check) -> bool:
    return bool(check.facts.starts_at > check.at)  # type: ignore[attr-defined]


@guard(_("There is no lead %(lead)s that you may see."), instead=_("Capture the customer first."))
def customers_are_known(check: Check) -> bool | dict[str, Any]:
    """Customers are named by leads that whoever plans may see: names and phones stay with these."""
    facts: Any = check.facts
    wanted = set(facts.leads) if isinstance(facts, Plan) else {facts.lead}
    mine = select(Lead.code).where(Lead.code.in_(wanted), LeadFlow.seen_by(check.by))
    unknown = sorted(wanted - set(check.session.scalars(mine)))
    return {"lead": unknown[0]} if unknown else True


@guard(
    _("Another trip of yours, %(code)s, is at this time."),
    instead=_("Choose another time, or cancel that one."),
    code="conflict",
)
def is_free_then(check: Check) -> bool | dict[str, Any]:
    """One trip at a time. Plans of one person go one after the other, for no constraint keeps two apart."""
    facts: Any = check.facts
    database.hold(check.session, f"trips:{check.by.id}")
    same_time = (
        Trip.person_id == check.by.id,
        Trip.id != check.case.id,
        Trip.state.in_((*AHEAD, "under_way")),
        Trip.starts_at < facts.ends_at,
        Trip.ends_at > facts.starts_at,
    )
    code = check.session.scalar(select(Trip.code).where(*same_time).limit(1))
    return {"code": code} if code else True


@guard(
    _("The superior is asked for this plan as it stands."),
    instead=_("Wait for the decision, or withdraw the request."),
    code="conflict",
)
def is_not_being_decided(check: Check) -> bool:
    asked = (Approval.flow == "trip", Approval.case_code == check.case.code, Approval.state == "pending")
    return check.session.scalar(select(Approval.id).where(*asked).limit(1)) is None


@guard(_("Not everything is prepared."), instead=_("Confirm each item of the checklist first."))
def is_prepared(check: Check) -> bool | dict[str, Any]:
    lacking = [item for item in CHECKLIST if not getattr(check.case, item)]
    return {"open": lacking} if lacking else True


@guard(
    _("The trip is planned from %(start)s to %(end)s."),
    instead=_("Start it on its day and before its end, or revise the plan."),
)
def is_its_time(check: Check) -> bool | dict[str, Any]:
    trip, zone = check.case, policy.zone(check.session)
    start, now = trip.starts_at.astimezone(zone), check.at.astimezone(zone)
    if now.date() >= start.date() and check.at < trip.ends_at:
        return True
    return {"start": start, "end": trip.ends_at.astimezone(zone)}


@guard(
    _("You are still on trip %(code)s."),
    instead=_("End that one first."),
    code="conflict",
)
def is_back_from_others(check: Check) -> bool | dict[str, Any]:
    out = select(Trip.code).where(Trip.person_id == check.case.person_id, Trip.state == "under_way")
    code = check.session.scalar(out.limit(1))
    return {"code": code} if code else True


@guard(_("A visit lies between the start of the trip and now, or its end."), instead=_("Correct the time."))
def was_on_this_trip(check: Check) -> bool:
    trip: Trip = check.case
    when: datetime = check.facts.met_at  # type: ignore[attr-defined]
    return trip.started_at is not None and trip.started_at <= when <= (trip.ended_at or check.at)


@guard(
    _("No visit is recorded."),
    instead=_("Record each visit first, also one where nobody was met."),
)
def has_its_visits(check: Check) -> bool:
    return bool(check.case.visits)


def asks_the_superior(check: Check) -> list[Ask]:
    """Who plans asks for the approval in the same breath."""
    return [] if check.ask.house else [Ask(TripFlow, "clear", check.by, check.at, code=check.case.code)]


class TripFlow(Flow):
    """外出拓客: nobody goes unplanned, and what came of it is on record."""

    flow_name, noun, prefix, table = "trip", "trip", "F", Trip
    label = _("Field trip")
    about = _("Planned, approved, prepared, made and filed: the way to customers outside.")
    room, topic = "office", "office"
    searched = ("place", "purpose", "outcome")
    timers = (START, FILING_REMINDER, FILING_LATE)
    remembers = (
        "person_id", "place", "starts_at", "ends_at", "visits", "met", "purpose", "leads", *CHECKLIST, "started_at", "ended_at",
        "filing_due_at", "late", "outcome", "reason",
    )  # fmt: skip
    labels = {
        "person": _("Planned by"),
        "started_at": _("Started"),
        "ended_at": _("Ended"),
        "visits": _("Visits recorded"),
        "met": _("Customers met"),
        "filing_due_at": _("To be filed by"),
        "late": _("Filed late"),
    }
    news = (
        News(".cleared", _("Your trip is approved: prepare it and start."), named("person_id")),
        News(
            ".not_started",
            _("Your trip should have begun: start it, or cancel it."),
            named("person_id"),
            while_in=AHEAD,
        ),
        News(
            ".unfiled",
            _("What came of your trip is not filed yet."),
            named("person_id"),
            while_in=OUT,
        ),
        News(
            ".overdue",
            _("A trip is not filed in time."),
            named("person_id"),
            superiors,
            those_with("manager"),
            while_in=OUT,
        ),
        News(".filed", _("What came of a trip is filed: read it."), superiors),
        News(".cancelled", _("A trip was cancelled."), named("person_id"), superiors),
    )

    planned = State(_("Planned"), initial=True)
    cleared = State(_("Approved"))
    under_way = State(_("Under way"))
    ended = State(_("Ended"))
    filed = State(_("Filed"), final=True)
    cancelled = State(_("Cancelled"), final=True)

    @opening(
        label=_("Plan a trip"),
        by=Member | Leader | Consultant | Manager,
        guards=(is_to_come, customers_are_known, is_free_then),
        starts=START,
        announces=".planned",
        then=asks_the_superior,
    )
    def plan(self, trip: Trip, facts: Plan, people: dict[str, Person], ask: Ask) -> None:
        """Where to, to whom, what for and when; the superior is asked at once."""
        assert ask.by.id  # nobody else than the staff may
        trip.person_id, trip.visits, trip.met, trip.late = ask.by.id, 0, 0, False
        for item in CHECKLIST:
            setattr(trip, item, False)
        write(trip, facts, people)

    @step(
        planned.from_(cleared) | planned.to.itself(),
        label=_("Revise the plan"),
        by=Traveller,
        guards=(is_to_come, customers_are_known, is_free_then, is_not_being_decided),
        starts=START,
        announces=".planned",
        then=asks_the_superior,
    )
    def revise(self, trip: Trip, facts: Plan, people: dict[str, Person]) -> None:
        """Another plan takes its place, and is approved anew."""
        write(trip, facts, people)

    @step(
        planned.to(cleared),
        label=_("Ask for approval"),
        by=Traveller,
        approved_by=Superior,
        announces=".cleared",
    )
    def clear(self, trip: Trip, facts: NoFacts) -> None:
        """The superior agrees to the plan as it stands; before that nobody goes."""

    @step(
        planned.to.itself() | cleared.to.itself(),
        label=_("Confirm what is ready"),
        by=Traveller,
        announces=".prepared",
    )
    def confirm(self, trip: Trip, facts: Preparation) -> None:
        """The checklist as it stands now: papers, tools, business cards, gifts."""
        write(trip, facts, {})

    @step(
        cleared.to(under_way),
        label=_("Start"),
        by=Traveller,
        guards=(is_prepared, is_its_time, is_back_from_others),
        starts=(FILING_REMINDER, FILING_LATE),
        announces=".started",
    )
    def start(self, trip: Trip, facts: NoFacts, ask: Ask, timers: Any) -> None:
        """Off to the customers. What comes of it is to be filed within days of the planned end, whenever one says to be back."""
        trip.started_at = ask.at
        trip.filing_due_at = FILING_LATE.after(trip.ends_at, timers.policy, timers.zone)
        timers.cancel(START.name)

    @step(
        under_way.to.itself() | ended.to.itself(),
        label=_("Record a visit"),
        by=Traveller,
        guards=(customers_are_known, was_on_this_trip),
        announces=".visited",
    )
    def visit(self, trip: Trip, facts: Visit) -> None:
        """Which customer, when, what about, what came of it and what they said; one record for each visit."""
        trip.visits = trip.visits + 1
        trip.met = trip.met + (facts.result != "not_met")

    @step(
        under_way.to(ended),
        label=_("End"),
        by=Traveller,
        announces=".ended",
    )
    def finish(self, trip: Trip, facts: NoFacts, ask: Ask) -> None:
        """Back again; what came of it is still to be filed."""
        trip.ended_at = ask.at

    @step(
        ended.to(filed),
        label=_("File the results"),
        by=Traveller,
        guards=has_its_visits,
        announces=".filed",
    )
    def file(self, trip: Trip, facts: Filing, ask: Ask, timers: Any) -> None:
        """What came of the trip and what customers said is on record, and the superior is told."""
        trip.outcome = facts.outcome
        trip.late = trip.filing_due_at is not None and ask.at > trip.filing_due_at
        timers.cancel()

    @step(
        cancelled.from_(planned, cleared),
        label=_("Cancel the trip"),
        by=Traveller | Manager,
        announces=".cancelled",
        then=ends_requests,
    )
    def cancel(self, trip: Trip, facts: Reason, timers: Any) -> None:
        """It does not take place."""
        trip.reason = facts.reason
        timers.cancel()

    @classmethod
    def seen_by(cls, actor: Actor) -> ColumnElement[bool]:
        """One's own, leaders their team's, and the desks."""
        if actor is CLOCK or actor.has(*DESKS):
            return true()
        return or_(Trip.person_id == (actor.id or 0), of_ones_team(Trip.person_id, actor))

    @classmethod
    def in_clear(cls, actor: Actor, case: Trip) -> bool:
        """What customers said: whoever made the trip, their leader and the managers."""
        own = actor.id is not None and actor.id == case.person_id
        return own or actor.has("manager", "sales_manager") or is_led_by(case.person, actor)

    @classmethod
    def gains(cls, case: Trip, facts: Facts) -> set[int]:
        return {case.person_id}

    @classmethod
    def tells(cls, case: Trip) -> dict[str, Any]:
        return {"person_id": case.person_id, "visits": case.visits}
