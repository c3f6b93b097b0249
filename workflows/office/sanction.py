"""Sanctions (处分): warning, demotion, dismissal (S15 九, S19 十三). Proposed by the manager with reasons; the person is heard; imposed
with the sales manager's consent; open to appeal, which the committee decides. A dismissal ends nobody's employment by itself: once
it stands, the manager is told to enter the last day at the staff desk, and only then is it carried out."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, field_validator
from sqlalchemy import ColumnElement, select, true

from models.conduct import Sanction
from models.people import Person
from workflows.clauses import known_clause
from workflows.engine.actor import CLOCK, Actor
from workflows.engine.flow import Facts, Flow, NoFacts, State, guard, opening, step
from workflows.engine.news import News, named, those_with
from workflows.engine.take import Ask, Check
from workflows.engine.timing import Timer, days
from workflows.engine.who import Auditor, Clock, Manager, SalesManager
from workflows.lead_facts import Clean, choice, staff, text
from workflows.office.relations import Oneself
from workflows.words import _

KINDS = {"warning": _("Warning"), "demotion": _("Demotion"), "dismissal": _("Dismissal")}
HEARING = Timer(
    "hearing",
    _("Time to answer ends"),
    days("sanction_hearing_days"),
    event="pass_over",
    then=_("it counts as heard without an answer"),
    unless=_("answered before"),
)
APPEAL = Timer(
    "sanction_appeal",
    _("Time to appeal ends"),
    days("sanction_appeal_days"),
    event="settle",
    then=_("it stands"),
    unless=_("an appeal comes before"),
)
DESK = Timer(
    "sanction_desk",
    _("Reminder to carry it out"),
    days("sanction_desk_days"),
    fact="sanction.waiting",
    still=lambda case: case.state == "standing",
    then=_("the manager is reminded"),
    unless=_("carried out before"),
)


class Proposal(Facts):
    person: Clean = staff(_("Who"), "staff")
    kind: Literal["warning", "demotion", "dismissal"] = choice(_("Sanction"), KINDS)
    clause: Annotated[str, Field(max_length=24)] = Field(
        title=_("Clause"), json_schema_extra={"input": "clause"}
    )
    reason: Clean = text(_("What happened"), limit=4000, input="area")

    @field_validator("clause")
    @classmethod
    def is_known(cls, value: str) -> str:
        return known_clause(value)


class Answer(Facts):
    answer: Clean = text(_("What you say to it"), limit=4000, input="area")


class Why(Facts):
    decision: Clean = text(_("Why"), limit=2000, input="area")


class Objection(Facts):
    objection: Clean = text(_("Why it should not stand"), limit=4000, input="area")


@guard(_("Nobody sanctions themselves."), instead=_("Let the sales manager speak with the committee."))
def is_anothers(check: Check) -> bool:
    return bool(check.people["person"].id != check.by.id)


@guard(_("Nobody decides about a sanction of their own."), instead=_("Let another decide."))
def is_not_ones_own(check: Check) -> bool:
    return bool(check.by.id != check.case.person_id)


@guard(
    _("There is a sanction of this person under way."),
    instead=_("Bring that one to its end first."),
    code="conflict",
)
def is_the_only_one_open(check: Check) -> bool:
    open_ones = ("proposed", "heard", "in_force", "appealed")
    same = (Sanction.person_id == check.people["person"].id, Sanction.state.in_(open_ones))
    return check.session.scalar(select(Sanction.id).where(*same)) is None


@guard(
    _("%(name)s is still on the staff without a last day."),
    instead=_("Enter the last day at the staff desk first."),
)
def is_at_the_staff_desk(check: Check) -> bool | dict[str, Any]:
    """A dismissal is carried out where the staff desk knows the last day."""
    if check.case.kind != "dismissal":
        return True
    person = check.session.get_one(Person, check.case.person_id)
    return person.left_on is not None or {"name": person.name}


class SanctionFlow(Flow):
    """处分: nobody is warned, demoted or dismissed unheard."""

    flow_name, noun, prefix, table = "sanction", "case", "Y", Sanction
    label = _("Sanction")
    about = _(
        "Warning, demotion, dismissal: proposed with reasons, heard, imposed with consent, open to appeal."
    )
    room, topic = "office", "office"
    timers = (HEARING, APPEAL, DESK)
    remembers = (
        "person_id", "kind", "clause", "reason", "proposed_by_id", "answer", "imposed_by_id", "objection", "decision",
    )  # fmt: skip
    labels = {"proposed_by": _("Proposed by"), "imposed_by": _("Imposed by")}
    news = (
        News(".proposed", _("A sanction against you was proposed: say what you have to say."), named("person_id")),
        News(".heard", _("A proposed sanction was heard: it waits to be decided."), those_with("manager")),
        News(".imposed", _("A sanction against you is in force: you may appeal."), named("person_id")),
        News(".appealed", _("An appeal against a sanction waits for the committee."), those_with("auditor")),
        News(".stands", _("A sanction stands: carry it out; after a dismissal enter the last day at the staff desk."),
             named("person_id"), those_with("manager")),
        News(".waiting", _("A sanction still waits to be carried out."), those_with("manager")),
        News(".dropped", _("A sanction proposed against you was dropped."), named("person_id")),
        News(".lifted", _("A sanction against you was lifted on appeal."), named("person_id"), those_with("manager")),
    )  # fmt: skip

    proposed = State(_("Proposed"), initial=True)
    heard = State(_("Heard"))
    in_force = State(_("In force"))
    appealed = State(_("Appealed"))
    standing = State(_("Standing"))
    carried_out = State(_("Carried out"), final=True)
    dropped = State(_("Dropped"), final=True)
    lifted = State(_("Lifted"), final=True)

    @opening(
        label=_("Propose a sanction"),
        by=Manager,
        guards=(is_anothers, is_the_only_one_open),
        starts=HEARING,
        announces=".proposed",
    )
    def propose(self, case: Sanction, facts: Proposal, people: dict[str, Person], ask: Ask) -> None:
        """What happened, by which clause, and what should follow. The person is asked to answer."""
        case.person_id, case.kind, case.clause = people["person"].id, facts.kind, facts.clause
        case.reason, case.proposed_by_id = facts.reason, ask.by.id

    @step(proposed.to(heard), label=_("Answer"), by=Oneself, announces=".heard")
    def answer(self, case: Sanction, facts: Answer, timers: Any) -> None:
        """The person says what is to be said."""
        case.answer = facts.answer
        timers.cancel()

    @step(proposed.to(heard), label=_("Pass over"), by=Clock, announces=".heard")
    def pass_over(self, case: Sanction, facts: NoFacts) -> None:
        """There was time to answer."""

    @step(
        heard.to(in_force),
        label=_("Impose"),
        by=Manager,
        approved_by=SalesManager,
        guards=is_not_ones_own,
        starts=APPEAL,
        announces=".imposed",
    )
    def impose(self, case: Sanction, facts: NoFacts, ask: Ask) -> None:
        """In force from now on; the person may appeal."""
        case.imposed_by_id = ask.by.id

    @step(
        dropped.from_(proposed, heard),
        label=_("Drop"),
        by=Manager,
        guards=is_not_ones_own,
        announces=".dropped",
    )
    def drop(self, case: Sanction, facts: Why, timers: Any) -> None:
        """It was not so, or it is not worth it."""
        case.decision = facts.decision
        timers.cancel()

    @step(in_force.to(appealed), label=_("Appeal"), by=Oneself, announces=".appealed")
    def appeal(self, case: Sanction, facts: Objection, timers: Any) -> None:
        """The person asks the committee; until it decides the sanction is in force."""
        case.objection = facts.objection
        timers.cancel()

    @step(in_force.to(standing), label=_("Settle"), by=Clock, starts=DESK, announces=".stands")
    def settle(self, case: Sanction, facts: NoFacts) -> None:
        """Nobody appealed in time."""

    @step(
        appealed.to(standing),
        label=_("Uphold"),
        by=Auditor,
        guards=is_not_ones_own,
        starts=DESK,
        announces=".stands",
    )
    def uphold(self, case: Sanction, facts: Why) -> None:
        """The committee heard the appeal; the sanction stands."""
        case.decision = facts.decision

    @step(appealed.to(lifted), label=_("Lift"), by=Auditor, guards=is_not_ones_own, announces=".lifted")
    def lift(self, case: Sanction, facts: Why) -> None:
        """The committee heard the appeal; the sanction holds no longer."""
        case.decision = facts.decision

    @step(
        standing.to(carried_out),
        label=_("Carried out"),
        by=Manager,
        guards=is_at_the_staff_desk,
        announces=".carried_out",
    )
    def carry_out(self, case: Sanction, facts: NoFacts, timers: Any) -> None:
        """Entered in the staff file; of a dismissal, the last day is known at the staff desk."""
        timers.cancel()

    @classmethod
    def seen_by(cls, actor: Actor) -> ColumnElement[bool]:
        """The person, the managers, and the committee."""
        if actor is CLOCK or actor.has("manager", "sales_manager", "auditor"):
            return true()
        return Sanction.person_id == (actor.id or 0)

    @classmethod
    def gains(cls, case: Sanction, facts: Facts) -> set[int]:
        return {case.person_id}

    @classmethod
    def tells(cls, case: Sanction) -> dict[str, Any]:
        return {"person_id": case.person_id, "kind": case.kind}
