"""Questions of interpretation (释义): what a clause of the policies means is asked by anybody of the staff and ruled by the
committee (拓客管理委员会), with the sales manager's consent. A ruling stays on record, findable and linked from its clause (S4 五)."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, Field
from sqlalchemy import ColumnElement, or_, true

from models.office import Question
from workflows.clauses import known_clause
from workflows.engine.actor import CLOCK, Actor
from workflows.engine.flow import Facts, Flow, NoFacts, State, guard, opening, step
from workflows.engine.news import News, named, those_with
from workflows.engine.take import Ask, Check
from workflows.engine.timing import Timer, days
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
from workflows.lead_facts import Clean, text
from workflows.words import _

REMINDER = Timer(
    "ruling_reminder",
    _("Reminder to rule"),
    days("ruling_days"),
    fact="question.waiting",
    still=lambda case: case.state == "asked",
    then=_("the committee and the sales manager are reminded"),
    unless=_("ruled before"),
)
Asker = relation(
    "asker",
    _("who asked"),
    {"member", "leader", "manager", "reception", "consultant", "sales_manager", "finance", "auditor"},
    lambda a, case: a.id is not None and a.id == case.person_id,
)


class Doubt(Facts):
    clause: Annotated[str, AfterValidator(known_clause)] = Field(
        title=_("Clause"), max_length=24, json_schema_extra={"input": "clause"}
    )
    question: Clean = text(_("What is in doubt"), limit=2000, input="area")


class Ruling(Facts):
    ruling: Clean = text(_("Ruling"), limit=4000, input="area")


class Why(Facts):
    reason: Clean = text(_("Reason"), limit=1000, input="area")


@guard(_("Nobody rules on a question of their own."), instead=_("Let another of the committee rule."))
def is_not_the_askers(check: Check) -> bool:
    return bool(check.by.id != check.case.person_id)


class QuestionFlow(Flow):
    """释义: a clause in doubt becomes a ruling that everybody can read."""

    flow_name, noun, prefix, table = "question", "case", "I", Question
    label = _("Question of interpretation")
    about = _("What a clause means: asked by anybody, ruled by the committee, on record for all.")
    room, topic, rests = "office", "office", ("ruled",)
    searched = ("question", "ruling")
    timers = (REMINDER,)
    remembers = ("person_id", "clause", "question", "ruling", "reason")
    labels = {"person": _("Asked by")}
    news = (
        News(".asked", _("What a clause means was asked: the committee must rule."), those_with("auditor")),
        News(
            ".waiting",
            _("A question of interpretation still waits for a ruling."),
            those_with("auditor", "sales_manager"),
        ),
        News(
            ".ruled",
            _("The committee ruled on what a clause means."),
            named("person_id"),
            those_with("manager"),
        ),
        News(".dismissed", _("Your question of interpretation was dismissed."), named("person_id")),
        News(".lifted", _("A ruling holds no longer."), named("person_id"), those_with("manager", "auditor")),
    )

    asked = State(_("Asked"), initial=True)
    ruled = State(_("Ruled"))
    dismissed = State(_("Dismissed"), final=True)
    withdrawn = State(_("Withdrawn"), final=True)
    lifted = State(_("Lifted"), final=True)

    @opening(
        label=_("Ask the committee"),
        by=Member | Leader | Manager | Reception | Consultant | SalesManager | Finance | Auditor,
        starts=REMINDER,
        announces=".asked",
    )
    def pose(self, case: Question, facts: Doubt, ask: Ask) -> None:
        """Ask what a clause means in a case that it does not settle by itself."""
        assert ask.by.id  # nobody else than the staff may
        case.person_id, case.clause, case.question = ask.by.id, facts.clause, facts.question

    @step(
        asked.to(ruled),
        label=_("Rule"),
        by=Auditor,
        approved_by=SalesManager,
        guards=is_not_the_askers,
        announces=".ruled",
    )
    def rule(self, case: Question, facts: Ruling, timers: Any) -> None:
        """The committee says what the clause means, for this case and those to come."""
        case.ruling = facts.ruling
        timers.cancel()

    @step(
        ruled.to.itself(),
        label=_("Rule anew"),
        by=Auditor,
        approved_by=SalesManager,
        guards=is_not_the_askers,
        announces=".ruled",
    )
    def rule_anew(self, case: Question, facts: Ruling) -> None:
        """A better ruling takes the place of the old one, which stays in the history."""
        case.ruling = facts.ruling

    @step(asked.to(dismissed), label=_("Dismiss"), by=Auditor, announces=".dismissed")
    def dismiss(self, case: Question, facts: Why, timers: Any) -> None:
        """The clause is clear, or it is no matter of interpretation; why, is said."""
        case.reason = facts.reason
        timers.cancel()

    @step(asked.to(withdrawn), label=_("Withdraw"), by=Asker, announces=".withdrawn")
    def withdraw(self, case: Question, facts: NoFacts, timers: Any) -> None:
        """The question settled itself."""
        timers.cancel()

    @step(ruled.to(lifted), label=_("Lift"), by=Auditor, approved_by=SalesManager, announces=".lifted")
    def lift(self, case: Question, facts: Why) -> None:
        """The ruling holds no longer: the policy says it itself now, or the committee thinks otherwise."""
        case.reason = facts.reason

    @classmethod
    def seen_by(cls, actor: Actor) -> ColumnElement[bool]:
        """Rulings are everybody's; what waits or came to nothing is for who asked, the committee and the managers."""
        if actor is CLOCK or actor.has("auditor", "sales_manager", "manager"):
            return true()
        return or_(Question.state.in_(("ruled", "lifted")), Question.person_id == (actor.id or 0))

    @classmethod
    def gains(cls, case: Question, facts: Facts) -> set[int]:
        return {case.person_id}

    @classmethod
    def tells(cls, case: Question) -> dict[str, Any]:
        return {"person_id": case.person_id, "clause": case.clause}
