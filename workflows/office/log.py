"""Logs and reports (拓客日志, 拓客计划, 拓客报告): every day what happened, handed in before leaving (S14 三4); every week a plan
with goal, strategy, plan and expected effect, and a report with results, problems and next steps (S4 十七–十九). The leader
reads and grades them (S4 二十). The figures in them are counted from the books, never typed."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Annotated, Any, Literal

from pydantic import Field
from sqlalchemy import ColumnElement, or_, select, true
from sqlalchemy.orm import Session

from models.conduct import Log
from models.people import Person
from models.remembered import Outbox
from workflows import policy as policies
from workflows import staff as staff_list
from workflows.engine.actor import CLOCK, Actor
from workflows.engine.flow import Facts, Flow, State, guard, opening, step
from workflows.engine.news import News, having, named, those_with
from workflows.engine.take import Ask, Check
from workflows.engine.timing import Anchor, Timer, at_minute, hours, minutes, on_time
from workflows.engine.who import Consultant, Leader, Manager, Member, SalesManager
from workflows.lead_facts import Clean, choice, maybe, text
from workflows.money.months import Day
from workflows.office.figures import figures
from workflows.office.relations import Oneself, TheirLeader
from workflows.words import _

KINDS = {"day": _("Daily log"), "plan": _("Plan of the week"), "report": _("Report of the week")}
WEEK = timedelta(days=7)
HANDED_IN = _("handed in before")


def is_missing(case: Log) -> bool:
    return case.state in ("begun", "returned")


IS_DUE = Anchor(_("it is due"), lambda case: case.due_at)
DUE = Timer(
    "log_due",
    _("Due"),
    on_time,
    anchor=IS_DUE,
    fact="log.due",
    still=is_missing,
    then=_("who has to hand it in is reminded"),
    unless=HANDED_IN,
)
TO_LEADER = Timer(
    "log_to_leader",
    _("The leader is told"),
    minutes("log_leader_minutes"),
    anchor=IS_DUE,
    fact="log.overdue",
    still=is_missing,
    then=_("the leader is told that it is not there"),
    unless=HANDED_IN,
)
TO_MANAGER = Timer(
    "log_to_manager",
    _("The manager is told"),
    hours("log_manager_hours"),
    anchor=IS_DUE,
    fact="log.escalated",
    still=is_missing,
    then=_("the manager is told that it is not there"),
    unless=HANDED_IN,
)
AGAIN = Timer(
    "log_again",
    _("Reminder to mend it"),
    hours("log_manager_hours"),
    fact="log.waiting",
    still=is_missing,
    then=_("who has to mend it and who sent it back are reminded"),
    unless=HANDED_IN,
)


def who_reads(session: Session, fact: Outbox, at: datetime) -> Iterable[int | None]:
    """The leader of the person; where there is none, the managers."""
    leader = fact.body.get("leader_id")
    return [leader] if leader else [person.id for person in having(session, "manager")]


class Beginning(Facts):
    """Whose it is: one's own, where nobody is named."""

    kind: Literal["day", "plan", "report"] = choice(_("Kind"), KINDS)
    day: Day = Field(title=_("Day, or a day of the week"))
    person: Clean | None = Field(
        None, max_length=40, title=_("Whose (one's own if left out)"), json_schema_extra={"person": "staff"}
    )


class Contents(Facts):
    results: Clean = text(_("What happened and what came of it"), limit=4000, input="area")
    problems: Clean = text(_("Problems"), limit=2000, input="area")
    next_steps: Clean = text(_("Next steps"), limit=2000, input="area")


class Plan(Facts):
    goal: Clean = text(_("Goal"), limit=2000, input="area")
    strategy: Clean = text(_("Strategy"), limit=2000, input="area")
    plan: Clean = text(_("Plan"), limit=4000, input="area")
    effect: Clean = text(_("Expected effect"), limit=2000, input="area")


class Grade(Facts):
    grade: Annotated[int, Field(ge=1, le=5, strict=True)] = Field(title=_("Grade (1 poor, 5 excellent)"))
    comment: Clean | None = maybe(_("Comment"), limit=2000, input="area")


class Lack(Facts):
    comment: Clean = text(_("What is missing"), limit=2000, input="area")


class Excuse(Facts):
    comment: Clean = text(_("Why none is due"), limit=1000, input="area")


def _person(check: Check) -> Person:
    """Whose log this is: who is named, else who asks."""
    named_one = check.people.get("person")
    return named_one or check.session.get_one(Person, check.by.id)


def _first_day(facts: Beginning) -> date:
    """The day itself, or the Monday of its week."""
    return facts.day if facts.kind == "day" else facts.day - timedelta(days=facts.day.weekday())


@guard(_("This day has not come yet."), instead=_("Begin it on that day; a plan can be begun a week ahead."))
def has_come(check: Check) -> bool:
    facts = check.facts
    assert isinstance(facts, Beginning)
    today = check.at.astimezone(policies.zone(check.session)).date()
    return _first_day(facts) <= (today + WEEK if facts.kind == "plan" else today)


@guard(
    _("Of others, only the leader of their team or the manager begins a log."), instead=_("Begin your own.")
)
def is_ones_own_or_led(check: Check) -> bool:
    person, by = _person(check), check.by
    leads = by.has("leader") and by.team_id is not None and by.team_id == person.team_id
    return person.id == by.id or by.has("manager") or leads


@guard(
    _("There is one of this kind for this day already."), instead=_("Go on with that one."), code="conflict"
)
def is_the_only_one(check: Check) -> bool:
    facts = check.facts
    assert isinstance(facts, Beginning)
    same = (Log.person_id == _person(check).id, Log.kind == facts.kind, Log.day == _first_day(facts))
    return check.session.scalar(select(Log.id).where(*same)) is None


@guard(_("Nobody judges a log of their own."), instead=_("Let the leader or the manager read it."))
def is_anothers(check: Check) -> bool:
    return bool(check.by.id != check.case.person_id)


class LogFlow(Flow):
    """拓客日志与报告: what was done and what will be, every day and every week, read by somebody."""

    flow_name, noun, prefix, table = "log", "case", "J", Log
    label = _("Log or report")
    about = _(
        "What was done and what is planned, every day and every week: handed in on time, read and graded."
    )
    room, topic = "office", "office"
    searched = ("results", "problems", "next_steps", "goal", "plan")
    timers = (DUE, TO_LEADER, TO_MANAGER, AGAIN)
    remembers = (
        "kind", "person_id", "day", "leader_id", "due_at", "handed_in_at", "late", "captures", "screenings", "visits", "deals",
        "follow_ups", "results", "problems", "next_steps", "goal", "strategy", "plan", "effect", "grade", "comment",
        "graded_by_id",
    )  # fmt: skip
    labels = {
        "day": _("Day"),
        "person": _("Person"),
        "due_at": _("Due"),
        "handed_in_at": _("Handed in"),
        "late": _("Late"),
        "captures": _("Leads captured"),
        "screenings": _("Leads screened"),
        "visits": _("Visits brought"),
        "deals": _("Deals"),
        "follow_ups": _("Follow-ups"),
        "graded_by": _("Graded by"),
        "comment": _("Comment"),
    }
    news = (
        News(".due", _("Your log or report is due: hand it in."), named("person_id")),
        News(".overdue", _("A log or report of your team is not there."), who_reads),
        News(
            ".escalated", _("A log or report is still not there."), those_with("manager"), named("person_id")
        ),
        News(".handed_in", _("A log or report waits to be read."), who_reads),
        News(".returned", _("Your log or report came back: something is missing."), named("person_id")),
        News(
            ".waiting", _("A log or report that came back is not mended yet."), named("person_id"), who_reads
        ),
        News(".graded", _("Your log or report was read and graded."), named("person_id")),
        News(".excused", _("No log or report is due from you for this day."), named("person_id")),
    )

    begun = State(_("Begun"), initial=True)
    handed_in = State(_("Handed in"))
    returned = State(_("Sent back"))
    graded = State(_("Graded"), final=True)
    excused = State(_("Excused"), final=True)

    @opening(
        label=_("Begin a log"),
        by=Member | Leader | Consultant | Manager,
        guards=(has_come, is_ones_own_or_led, is_the_only_one),
        starts=(DUE, TO_LEADER, TO_MANAGER),
    )
    def begin(self, case: Log, facts: Beginning, check: Check) -> None:
        """A day's log, or the plan or report of a week; its figures are counted now, and again when it is handed in."""
        person, zone = _person(check), policies.zone(check.session)
        case.kind, case.person_id, case.day = facts.kind, person.id, _first_day(facts)
        leader = staff_list.leader_of(check.session, person.team_id, facts.day)
        case.leader_id = leader.id if leader and leader.id != person.id else None
        weekday = {"plan": check.policy.plan_due_weekday, "report": check.policy.report_due_weekday}
        due = case.day + timedelta(days=weekday.get(facts.kind, 1) - 1)
        case.due_at, case.late = at_minute(due, check.policy.log_due_minute, zone), False
        _count(check, case)

    @step(
        handed_in.from_(begun, returned),
        label=_("Hand in"),
        by=Oneself,
        when=lambda case: case.kind != "plan",
        announces=".handed_in",
    )
    def hand_in(self, case: Log, facts: Contents, check: Check, timers: Any) -> None:
        """What happened, the problems, the next steps; the figures of the day or week are those of the books."""
        case.results, case.problems, case.next_steps = facts.results, facts.problems, facts.next_steps
        _count(check, case)
        _is_there(case, check.at, timers)

    @step(
        handed_in.from_(begun, returned),
        label=_("Hand in the plan"),
        by=Oneself,
        when=lambda case: case.kind == "plan",
        announces=".handed_in",
    )
    def hand_in_plan(self, case: Log, facts: Plan, ask: Ask, timers: Any) -> None:
        """Goal, strategy, plan, expected effect (S4 十八)."""
        case.goal, case.strategy, case.plan, case.effect = (
            facts.goal,
            facts.strategy,
            facts.plan,
            facts.effect,
        )
        _is_there(case, ask.at, timers)

    @step(
        handed_in.to(graded),
        label=_("Read and grade"),
        by=TheirLeader | Manager | SalesManager,
        guards=is_anothers,
        announces=".graded",
    )
    def grade(self, case: Log, facts: Grade, ask: Ask) -> None:
        """It was read; how good it is, is said (S4 二十)."""
        case.grade, case.comment, case.graded_by_id = facts.grade, facts.comment, ask.by.id

    @step(
        handed_in.to(returned),
        label=_("Send back"),
        by=TheirLeader | Manager | SalesManager,
        guards=is_anothers,
        starts=AGAIN,
        announces=".returned",
    )
    def send_back(self, case: Log, facts: Lack) -> None:
        """Something is missing; whether it was late stays as it was."""
        case.comment = facts.comment

    @step(
        excused.from_(begun, returned),
        label=_("Excuse"),
        by=TheirLeader | Manager,
        guards=is_anothers,
        announces=".excused",
    )
    def excuse(self, case: Log, facts: Excuse, timers: Any) -> None:
        """Ill, on leave, a day off: none is due."""
        case.comment = facts.comment
        timers.cancel()

    @classmethod
    def seen_by(cls, actor: Actor) -> ColumnElement[bool]:
        """One's own, the leader the team's, the managers and the auditor all."""
        if actor is CLOCK or actor.has("manager", "sales_manager", "auditor"):
            return true()
        seen = [Log.person_id == (actor.id or 0), Log.leader_id == (actor.id or 0)]
        if actor.has("leader") and actor.team_id is not None:
            seen.append(Log.person_id.in_(select(Person.id).where(Person.team_id == actor.team_id)))
        return or_(*seen)

    @classmethod
    def tells(cls, case: Log) -> dict[str, Any]:
        names = ("kind", "person_id", "leader_id", "late", "grade")
        return {name: getattr(case, name) for name in names} | {"day": case.day.isoformat()}


def _count(check: Check, case: Log) -> None:
    """The figures of the day or week, as the books have them now."""
    span = timedelta(days=1) if case.kind == "day" else WEEK
    zone = policies.zone(check.session)
    if case.kind != "plan":
        for name, count in figures(check.session, case.person_id, case.day, case.day + span, zone).items():
            setattr(case, name, count)


def _is_there(case: Log, at: datetime, timers: Any) -> None:
    """Late or not is said by the first time it was handed in."""
    if case.handed_in_at is None:
        case.handed_in_at, case.late = at, at > case.due_at
    timers.cancel()
