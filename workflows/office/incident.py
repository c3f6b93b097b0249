"""Safety incidents (安全事件): whoever is outside reports at once, the manager answers within half an hour, and what was learned stays
on record (S9 3)."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field
from sqlalchemy import ColumnElement, or_, select, true

from models.trips import Incident, Trip
from workflows.engine.actor import CLOCK, Actor
from workflows.engine.flow import Facts, Flow, State, guard, opening, step
from workflows.engine.news import News, named, those_with
from workflows.engine.take import Ask, Check
from workflows.engine.timing import Timer, minutes
from workflows.engine.who import (
    Auditor,
    Consultant,
    Finance,
    Leader,
    Manager,
    Member,
    Reception,
    SalesManager,
    relation,
)
from workflows.lead_facts import Clean, choice, text
from workflows.office.superiors import of_ones_team, superiors
from workflows.words import _

KINDS = {
    "traffic": _("Traffic accident"),
    "illness": _("Illness or injury"),
    "quarrel": _("Quarrel or threat"),
    "loss": _("Theft or loss"),
    "weather": _("Bad weather"),
    "other": _("Something else"),
}
UNANSWERED = Timer(
    "unanswered",
    _("Still unanswered"),
    minutes("incident_minutes"),
    fact="incident.unanswered",
    still=lambda case: case.state == "reported",
    then=_("the sales manager and the auditor are told"),
    unless=_("answered before"),
)
Leading = relation(
    "reporters_leader",
    _("the leader of the team"),
    {"leader"},
    lambda a, case: (
        a.has("leader")
        and a.team_id is not None
        and case.person is not None
        and a.team_id == case.person.team_id
    ),
)


class Alarm(Facts):
    kind: Literal["traffic", "illness", "quarrel", "loss", "weather", "other"] = choice(_("What"), KINDS)
    place: Clean = text(_("Where"), limit=120)
    happened: Clean = text(_("What happened"), limit=2000, private=True, input="area")
    hurt: bool = Field(False, title=_("Somebody is hurt"))
    trip: Clean | None = Field(
        None, max_length=24, title=_("On which trip"), json_schema_extra={"case": "trip"}
    )


class Instruction(Facts):
    answer: Clean = text(_("What is to be done"), limit=2000, private=True, input="area")


class Handling(Facts):
    handling: Clean = text(_("What was done"), limit=2000, input="area")


class Lesson(Facts):
    lesson: Clean = text(_("What is learned from it"), limit=2000, input="area")


@guard(
    _("Trip %(trip)s is none of yours that is under way or has ended."),
    instead=_("Choose the trip on which it happened, or none."),
)
def is_ones_own_trip(check: Check) -> bool | dict[str, Any]:
    facts: Any = check.facts
    if facts.trip is None:
        return True
    mine = select(Trip.id).where(
        Trip.code == facts.trip, Trip.person_id == check.by.id, Trip.started_at.is_not(None)
    )
    return True if check.session.scalar(mine) else {"trip": facts.trip}


@guard(_("Nobody answers or closes their own report."), instead=_("Let another who leads do it."))
def is_seen_to_by_another(check: Check) -> bool:
    return bool(check.by.id != check.case.person_id)


class IncidentFlow(Flow):
    """安全事件: nobody outside is left alone."""

    flow_name, noun, prefix, table = "incident", "case", "N", Incident
    label = _("Safety incident")
    about = _("What goes wrong outside: told at once, answered within minutes, handled, learned from.")
    room, topic = "office", "office"
    searched = ("place", "handling", "lesson")
    timers = (UNANSWERED,)
    remembers = (
        "person_id", "kind", "place", "hurt", "trip_code", "answer_due_at", "answered_by_id", "answered_at", "late", "handling",
        "lesson",
    )  # fmt: skip
    labels = {
        "person": _("Reported by"),
        "trip_code": _("Field trip"),
        "answer_due_at": _("To be answered by"),
        "answered_by": _("Answered by"),
        "answered_at": _("Answered"),
        "late": _("Answered late"),
    }
    news = (
        News(
            ".reported",
            _("Something has happened outside: answer at once."),
            those_with("manager"),
            superiors,
            urgent=True,
            while_in=("reported",),
        ),
        News(
            ".unanswered",
            _("A safety incident is still unanswered: see to it."),
            those_with("sales_manager", "auditor", "manager"),
            urgent=True,
            while_in=("reported",),
        ),
        News(".answered", _("Your report is answered: read what to do."), named("person_id"), urgent=True),
        News(
            ".closed", _("A safety incident is closed: read what is learned."), named("person_id"), superiors
        ),
    )

    reported = State(_("Reported"), initial=True)
    answered = State(_("Answered"))
    handled = State(_("Handled"))
    closed = State(_("Closed"), final=True)

    @opening(
        label=_("Report an incident"),
        by=Member | Leader | Manager | Reception | Consultant | SalesManager | Finance | Auditor,
        guards=is_ones_own_trip,
        starts=UNANSWERED,
        announces=".reported",
    )
    def report(self, case: Incident, facts: Alarm, ask: Ask, timers: Any) -> None:
        """What happened, where, and whether somebody is hurt; the manager is told at once."""
        assert ask.by.id  # nobody else than the staff may
        case.person_id, case.kind, case.place = ask.by.id, facts.kind, facts.place
        case.hurt, case.trip_code, case.late = facts.hurt, facts.trip, False
        case.answer_due_at = UNANSWERED.after(ask.at, timers.policy, timers.zone)

    @step(
        reported.to(answered),
        label=_("Answer the report"),
        by=Manager | SalesManager | Leading,
        guards=is_seen_to_by_another,
        announces=".answered",
    )
    def answer(self, case: Incident, facts: Instruction, ask: Ask, timers: Any) -> None:
        """Somebody has taken it up and says what is to be done."""
        case.answered_by_id, case.answered_at = ask.by.id, ask.at
        case.late = ask.at > case.answer_due_at
        timers.cancel()

    @step(
        answered.to(handled),
        label=_("Handled"),
        by=Manager | SalesManager | Leading,
        guards=is_seen_to_by_another,
        announces=".handled",
    )
    def handle(self, case: Incident, facts: Handling) -> None:
        """The danger is over; what was done is written down."""
        case.handling = facts.handling

    @step(
        handled.to(closed),
        label=_("Close with a lesson"),
        by=Manager | SalesManager,
        guards=is_seen_to_by_another,
        announces=".closed",
    )
    def close(self, case: Incident, facts: Lesson) -> None:
        """What is learned from it stays on record."""
        case.lesson = facts.lesson

    @classmethod
    def seen_by(cls, actor: Actor) -> ColumnElement[bool]:
        """Whoever reported it, the leader of their team, the managers and the auditor."""
        if actor is CLOCK or actor.has("manager", "sales_manager", "auditor"):
            return true()
        return or_(Incident.person_id == (actor.id or 0), of_ones_team(Incident.person_id, actor))

    @classmethod
    def in_clear(cls, actor: Actor, case: Incident) -> bool:
        """Who may see it has to know what happened."""
        return True

    @classmethod
    def tells(cls, case: Incident) -> dict[str, Any]:
        return {"person_id": case.person_id, "kind": case.kind, "hurt": case.hurt}
