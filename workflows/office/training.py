"""Training (培训): planned by the manager for those who must come, held with attendance, tested; who was missing makes it up
(S4 六, S15 四, S20 (三)2; safety on the road S9 8). A policy that is to be read and confirmed by those it binds (S4 四) is one too:
its own way to begin it, its people confirm by themselves, and who has not is visible on it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator
from sqlalchemy import ColumnElement, false, select, true
from sqlalchemy.orm import Session

from models.conduct import Training
from models.people import Person
from models.remembered import Outbox
from workflows import policy as policies
from workflows import staff as staff_list
from workflows.clauses import known_clause
from workflows.engine.actor import CLOCK, Actor
from workflows.engine.flow import Facts, Flow, NoFacts, State, guard, opening, step
from workflows.engine.news import News, named
from workflows.engine.take import Ask, Check
from workflows.engine.timing import Anchor, Timer, days, hours_before
from workflows.engine.who import Manager, SalesManager, relation
from workflows.lead_facts import Clean, Moment, choice, maybe, several, staff, text
from workflows.office.relations import STAFF
from workflows.words import _

KINDS = {
    "project": _("The project and its wording"),
    "service": _("Service and manners"),
    "safety": _("Safety on the road"),
    "policy": _("Policy"),
    "other": _("Other"),
}


def is_reading(case: Training) -> bool:
    """What is read begins at no time of its own."""
    return case.starts_at is None


def is_training(case: Training) -> bool:
    return case.starts_at is not None


def somebody_is_missing(case: Training) -> bool:
    return bool(case.missing)


SOON = Timer(
    "training_soon",
    _("Reminder of the training"),
    hours_before("training_notice_hours"),
    anchor=Anchor(_("the training begins"), lambda case: case.starts_at),
    fact="training.soon",
    still=lambda case: case.state == "planned",
    then=_("those who must come are reminded"),
    unless=_("called off before"),
)
MAKE_UP = Timer(
    "training_make_up",
    _("Reminder to make it up"),
    days("training_make_up_days"),
    fact="training.lacking",
    when=somebody_is_missing,
    still=lambda case: case.state == "held" and somebody_is_missing(case),
    then=_("who was missing and who planned it are reminded"),
    unless=_("made up before"),
)
UNREAD = Timer(
    "reading_reminder",
    _("Reminder to read"),
    days("reading_days"),
    fact="training.unread",
    still=lambda case: case.state == "planned" and somebody_is_missing(case),
    then=_("who has not read it and who asked for it are reminded"),
    unless=_("read by all before"),
)
MustCome = relation(
    "must_come",
    _("who must come"),
    STAFF,
    lambda a, case: a.id is not None and a.id in (case.must_come or ()),
)


def those_in(*columns: str) -> Any:
    """Everybody whom the fact lists there."""

    def found(session: Session, fact: Outbox, at: datetime) -> Iterable[int | None]:
        return [person for column in columns for person in fact.body.get(column) or ()]

    return found


class Planning(Facts):
    """Where nobody is ticked, everybody must come."""

    topic: Clean = text(_("Topic"), limit=120)
    kind: Literal["project", "service", "safety", "policy", "other"] = choice(_("Kind"), KINDS)
    starts_at: Moment = Field(title=_("Begins"))
    place: Clean | None = maybe(_("Place"), limit=80)
    must_come: list[Clean] = several(_("Who must come (nobody ticked: everybody)"), "staff")


class Reading(Facts):
    """Where nobody is ticked, everybody must read it."""

    policy: Annotated[str, Field(max_length=24)] = Field(
        title=_("Policy or clause"), json_schema_extra={"input": "clause"}
    )
    must_come: list[Clean] = several(_("Who must read it (nobody ticked: everybody)"), "staff")

    @field_validator("policy")
    @classmethod
    def is_known(cls, value: str) -> str:
        return known_clause(value)


class Attendance(Facts):
    came: list[Clean] = several(_("Who came"), "staff", least=1)
    note: Clean | None = maybe(_("Note"), limit=2000, input="area")


class Test(Facts):
    person: Clean = staff(_("Who"), "staff")
    score: Annotated[int, Field(ge=0, le=100, strict=True)] = Field(title=_("Points (of 100)"))


class Latecomer(Facts):
    person: Clean = staff(_("Who"), "staff", left=True)


class Exemption(Facts):
    person: Clean = staff(_("Who"), "staff", left=True)
    reason: Clean = text(_("Reason"), input="area")


class Why(Facts):
    reason: Clean = text(_("Reason"), input="area")


@guard(_("It has not begun yet."), instead=_("Note who came once it has begun."))
def has_begun(check: Check) -> bool:
    return bool(check.at >= check.case.starts_at)


@guard(_("This time has passed."), instead=_("Plan it for a time to come."))
def lies_ahead(check: Check) -> bool:
    return bool(check.facts.starts_at > check.at)  # type: ignore[attr-defined]


@guard(_("%(name)s was not there."), instead=_("Only who came, or made it up, is tested."))
def was_there(check: Check) -> bool | dict[str, Any]:
    person = check.people["person"]
    return person.id in check.case.came or {"name": person.name}


@guard(_("Nobody grades their own test."), instead=_("Let another manager note it."))
def is_anothers_test(check: Check) -> bool:
    return bool(check.people["person"].id != check.by.id)


@guard(_("%(name)s is not missing."), code="conflict")
def is_missing(check: Check) -> bool | dict[str, Any]:
    person = check.people["person"]
    return person.id in check.case.missing or {"name": person.name}


@guard(_("You have confirmed it already."), code="conflict")
def is_not_read_yet(check: Check) -> bool:
    return bool(check.by.id in check.case.missing)


@guard(
    _("Somebody is still missing: %(names)s."),
    instead=_("Let them make it up, or excuse them with a reason."),
)
def nobody_is_missing(check: Check) -> bool | dict[str, Any]:
    wanted = select(Person.name).where(Person.id.in_(check.case.missing)).order_by(Person.id)
    names = list(check.session.scalars(wanted))
    return {"names": ", ".join(names)} if names else True


class TrainingFlow(Flow):
    """培训: planned, held, tested, made up; and policies that are read and confirmed."""

    flow_name, noun, prefix, table = "training", "case", "H", Training
    label = _("Training")
    about = _("Who must come, who came, who passed and who makes it up; and who has read which policy.")
    room, topic = "office", "office"
    searched = ("topic", "note")
    names_people = ("must_come", "came", "missing", "passed", "failed")
    timers = (SOON, MAKE_UP, UNREAD)
    remembers = (
        "topic", "kind", "policy", "person_id", "starts_at", "place", "must_come", "came", "missing", "passed", "failed", "note",
    )  # fmt: skip
    labels = {
        "person": _("Planned by"),
        "missing": _("Still missing"),
        "passed": _("Passed"),
        "failed": _("Not passed"),
        "came": _("Who came"),
        "must_come": _("Who must come"),
    }
    news = (
        News(".planned", _("You must come to a training."), those_in("must_come")),
        News(".asked", _("A policy is to be read and confirmed by you."), those_in("must_come")),
        News(".soon", _("A training to which you must come begins soon."), those_in("must_come")),
        News(".held", _("You missed a training: make it up."), those_in("missing")),
        News(".lacking", _("A training is still to be made up."), those_in("missing"), named("person_id")),
        News(".unread", _("A policy is still to be read."), those_in("missing"), named("person_id")),
        News(".called_off", _("A training was called off."), those_in("must_come")),
    )

    planned = State(_("Planned"), initial=True)
    held = State(_("Held"))
    completed = State(_("Completed"), final=True)
    called_off = State(_("Called off"), final=True)

    @opening(label=_("Plan a training"), by=Manager, guards=lies_ahead, starts=SOON, announces=".planned")
    def plan(self, case: Training, facts: Planning, check: Check) -> None:
        """What about, when, who must come."""
        case.topic, case.kind, case.policy = facts.topic, facts.kind, None
        case.starts_at, case.place = facts.starts_at, facts.place
        _invite(check, facts.must_come)

    @opening(label=_("Have a policy read"), by=Manager | SalesManager, starts=UNREAD, announces=".asked")
    def have_read(self, case: Training, facts: Reading, check: Check) -> None:
        """Those whom a policy binds read it and confirm."""
        case.topic, case.kind, case.policy = facts.policy, "policy", facts.policy
        case.starts_at = case.place = None
        _invite(check, facts.must_come)

    @step(
        planned.to.itself(),
        label=_("Read and understood"),
        by=MustCome,
        when=is_reading,
        guards=is_not_read_yet,
    )
    def confirm(self, case: Training, facts: NoFacts, ask: Ask) -> None:
        """I have read it and keep to it."""
        assert ask.by.id
        _is_there(case, ask.by.id)

    @step(
        planned.to(held),
        label=_("Note who came"),
        by=Manager,
        when=is_training,
        guards=has_begun,
        starts=MAKE_UP,
        announces=".held",
    )
    def hold(self, case: Training, facts: Attendance, check: Check) -> None:
        """It was held; who must come and did not is missing."""
        case.came = sorted(staff_list.ids_named(check.session, facts.came))
        case.missing = [person for person in case.must_come if person not in case.came]
        case.note = facts.note

    @step(
        held.to.itself(),
        label=_("Note a test"),
        by=Manager,
        guards=(was_there, is_anothers_test),
    )
    def examine(self, case: Training, facts: Test, people: dict[str, Person], check: Check) -> None:
        """Passed with the policy's points; a later test takes the place of an earlier one."""
        person = people["person"].id
        reached = facts.score >= check.policy.training_pass_score
        others = [[each for each in known if each != person] for known in (case.passed, case.failed)]
        case.passed = sorted([*others[0], person] if reached else others[0])
        case.failed = sorted(others[1] if reached else [*others[1], person])

    @step(held.to.itself(), label=_("Made up"), by=Manager, guards=is_missing)
    def make_up(self, case: Training, facts: Latecomer, people: dict[str, Person]) -> None:
        """Somebody who was missing has been trained since."""
        _is_there(case, people["person"].id)

    @step(held.to.itself(), label=_("Excuse from it"), by=Manager, guards=is_missing)
    def excuse(self, case: Training, facts: Exemption, people: dict[str, Person]) -> None:
        """Somebody need not come after all."""
        _is_let_off(case, people["person"].id)

    @step(
        planned.to.itself(),
        event="excuse",
        label=_("Excuse from it"),
        by=Manager | SalesManager,
        guards=is_missing,
    )
    def excuse_before(self, case: Training, facts: Exemption, people: dict[str, Person]) -> None:
        """Somebody need not come, or read it, after all."""
        _is_let_off(case, people["person"].id)

    @step(
        held.to(completed),
        label=_("Complete"),
        by=Manager,
        guards=nobody_is_missing,
        announces=".completed",
    )
    def complete(self, case: Training, facts: NoFacts, timers: Any) -> None:
        """Everybody who must has been trained."""
        timers.cancel()

    @step(
        planned.to(completed),
        event="complete",
        label=_("Complete"),
        by=Manager | SalesManager,
        when=is_reading,
        guards=nobody_is_missing,
        announces=".completed",
    )
    def complete_reading(self, case: Training, facts: NoFacts, timers: Any) -> None:
        """Everybody whom it binds has read it."""
        timers.cancel()

    @step(planned.to(called_off), label=_("Call off"), by=Manager, announces=".called_off")
    def call_off(self, case: Training, facts: Why, timers: Any) -> None:
        """It does not take place."""
        timers.cancel()

    @classmethod
    def seen_by(cls, actor: Actor) -> ColumnElement[bool]:
        """Everybody of the staff: who must come where is no secret."""
        return true() if actor is CLOCK or actor.has(*STAFF) else false()

    @classmethod
    def tells(cls, case: Training) -> dict[str, Any]:
        names = ("person_id", "kind", "must_come", "missing")
        return {name: getattr(case, name) for name in names}


def _invite(check: Check, names: list[str]) -> None:
    """Who must come: those named, or everybody of the staff; all of them are missing until they came."""
    case, session = check.case, check.session
    assert check.by.id  # nobody else than the staff may
    case.person_id = check.by.id
    if names:
        case.must_come = sorted(staff_list.ids_named(session, names))
    else:
        today = check.at.astimezone(policies.zone(session)).date()
        everybody = session.scalars(select(Person).order_by(Person.id))
        case.must_come = [p.id for p in everybody if staff_list.works(p, today) and set(p.roles) - {"admin"}]
    case.missing, case.came, case.passed, case.failed = case.must_come, [], [], []


def _is_there(case: Training, person: int) -> None:
    case.came = sorted({*case.came, person})
    case.missing = [each for each in case.missing if each != person]


def _is_let_off(case: Training, person: int) -> None:
    case.must_come = [each for each in case.must_come if each != person]
    case.missing = [each for each in case.missing if each != person]
