"""Disputes (异议): somebody disagrees with a line of their statement, or misses one. The manager answers, or grants an amount
that the sales manager approves and the ledger posts."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field
from sqlalchemy import ColumnElement, select, true

from models.money import Dispute
from workflows.engine.actor import CLOCK, Actor
from workflows.engine.flow import Facts, Flow, NoFacts, State, guard, opening, step
from workflows.engine.news import News, named, those_with
from workflows.engine.take import Ask, Check
from workflows.engine.timing import Timer, hours
from workflows.engine.who import Consultant, Leader, Manager, Member, Reception, SalesManager, relation
from workflows.lead_facts import Clean, text
from workflows.money.agreed import DESKS, month_to_post_in
from workflows.money.months import MonthText, month_of
from workflows.policy import zone
from workflows.words import _

REMINDER = Timer(
    "dispute_reminder",
    _("Reminder to answer"),
    hours("approval_escalation_hours"),
    fact="dispute.waiting",
    still=lambda case: case.state == "opened",
    then=_("those who answer are reminded"),
    unless=_("answered before"),
)
Oneself = relation(
    "oneself",
    _("whose statement it is"),
    {"member", "leader", "manager", "reception", "consultant"},
    lambda a, case: a.id is not None and a.id == case.person_id,
)


class Disagreement(Facts):
    month: MonthText = Field(title=_("Month"))
    line: Clean = text(_("Which line"), limit=80)
    reason: Clean = text(_("What is not right"), limit=2000, input="area")


class Answer(Facts):
    answer: Clean = text(_("Answer"), limit=2000, input="area")


class Grant(Facts):
    amount_fen: Annotated[int, Field(ge=1, le=10**9, strict=True)] = Field(
        title=_("Amount"), json_schema_extra={"input": "money"}
    )
    answer: Clean = text(_("Answer"), limit=2000, input="area")


@guard(_("This line is in dispute already."), instead=_("Wait for the answer."), code="conflict")
def is_not_disputed_yet(check: Check) -> bool:
    facts: Any = check.facts
    open_one = select(Dispute.id).where(
        Dispute.person_id == check.by.id,
        Dispute.month == facts.month,
        Dispute.line == facts.line,
        Dispute.state == "opened",
    )
    return check.session.scalar(open_one) is None


@guard(_("This month has not begun."), instead=_("Wait until there is a line."))
def is_no_month_to_come(check: Check) -> bool:
    return bool(check.facts.month <= month_of(check.at, zone(check.session)))  # type: ignore[attr-defined]


@guard(_("Nobody answers their own dispute."), instead=_("Ask the sales manager."))
def is_not_ones_own(check: Check) -> bool:
    return bool(check.by.id != check.case.person_id)


class DisputeFlow(Flow):
    """异议: every line can be questioned, and every question is answered."""

    flow_name, noun, prefix, table = "dispute", "case", "X", Dispute
    label = _("Dispute")
    about = _("Somebody disagrees with a line of their statement.")
    room, topic = "money", "deduction"
    labels = {"line": _("Line"), "amount_fen": _("Granted")}
    news = (
        News(".opened", _("A line of a statement is in dispute."), those_with("manager")),
        News(".waiting", _("A dispute still waits for an answer."), those_with("manager", "sales_manager")),
        News(".answered", _("Your dispute was answered."), named("person_id")),
        News(
            ".granted",
            _("Your dispute was granted: an adjustment is on your statement."),
            named("person_id"),
        ),
    )
    timers = (REMINDER,)
    remembers = ("person_id", "month", "line", "amount_fen", "settled_month")

    opened = State(_("Opened"), initial=True)
    answered = State(_("Answered"), final=True)
    granted = State(_("Granted"), final=True)
    withdrawn = State(_("Withdrawn"), final=True)

    @opening(
        label=_("Dispute"),
        by=Member | Leader | Manager | Reception | Consultant,
        guards=(is_no_month_to_come, is_not_disputed_yet),
        starts=REMINDER,
        announces=".opened",
    )
    def open_dispute(self, case: Dispute, facts: Disagreement, ask: Ask) -> None:
        """Say which line of one's own statement is not right, and why."""
        assert ask.by.id  # nobody else than the staff may
        case.person_id, case.month, case.line = ask.by.id, facts.month, facts.line

    @step(
        opened.to(answered),
        label=_("Answer"),
        by=Manager | SalesManager,
        guards=is_not_ones_own,
        announces=".answered",
    )
    def answer(self, case: Dispute, facts: Answer, timers: Any) -> None:
        """The line stands; why, is said."""
        timers.cancel()

    @step(
        opened.to(granted),
        label=_("Grant"),
        by=Manager,
        approved_by=SalesManager,
        guards=is_not_ones_own,
        announces=".granted",
        serial=True,
    )
    def grant(self, case: Dispute, facts: Grant, timers: Any, check: Check) -> None:
        """An amount is due: it is posted in the month disputed while that is open, else in the next."""
        case.amount_fen = facts.amount_fen
        case.settled_month = month_to_post_in(check.session, case.project_id, case.month)
        timers.cancel()

    @step(opened.to(withdrawn), label=_("Withdraw"), by=Oneself, announces=".withdrawn")
    def withdraw(self, case: Dispute, facts: NoFacts, timers: Any) -> None:
        """It was a misunderstanding."""
        timers.cancel()

    @classmethod
    def seen_by(cls, actor: Actor) -> ColumnElement[bool]:
        """One's own, and the desks."""
        if actor is CLOCK or actor.has(*DESKS):
            return true()
        return Dispute.person_id == (actor.id or 0)

    @classmethod
    def gains(cls, case: Dispute, facts: Facts) -> set[int]:
        return {case.person_id}

    @classmethod
    def tells(cls, case: Dispute) -> dict[str, Any]:
        return {"person_id": case.person_id, "month": case.month, "settled_month": case.settled_month}
