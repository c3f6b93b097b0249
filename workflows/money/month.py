"""The month of the books (月结): open → submitted (manager) → approved (sales manager) → paid (finance) → locked.

Awards, wages and deductions are posted when it is submitted; past open nothing else is. What happens later to something
of a closed month is posted in the next open one.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from pydantic import Field
from sqlalchemy import ColumnElement, false, func, select, true
from sqlalchemy.orm import Session

from models.money import Entry, Month
from models.remembered import History, Outbox
from workflows.engine.actor import CLOCK, Actor
from workflows.engine.flow import Facts, Flow, NoFacts, State, guard, opening, step
from workflows.engine.news import News, those_with
from workflows.engine.take import Ask, Check
from workflows.engine.who import Auditor, Clock, Finance, Manager, SalesManager
from workflows.lead_facts import Clean, text
from workflows.money import checklist
from workflows.money.agreed import DESKS, past_open
from workflows.money.months import MonthText, ends, month_of
from workflows.policy import zone
from workflows.words import _


class Calendar(Facts):
    month: MonthText = Field(title=_("Month"))


class Submission(Facts):
    """`in_spite` says that the warnings were seen: what is missing counts as nothing."""

    in_spite: bool = Field(False, title=_("Submit in spite of the warnings"))


class Return(Facts):
    reason: Clean = text(_("What is to be mended"), input="area")


class Payment(Facts):
    reference: Clean = text(_("Reference of the payment"), limit=80)


@guard(_("This month is in the books already."), code="conflict")
def is_not_in_the_books(check: Check) -> bool:
    wanted = select(Month.id).where(
        Month.project_id == check.case.project_id,
        Month.month == check.facts.month,  # type: ignore[attr-defined]
    )
    return check.session.scalar(wanted) is None


@guard(_("This month has not begun."), instead=_("Wait until it has."))
def has_begun(check: Check) -> bool:
    return bool(check.facts.month <= month_of(check.at, zone(check.session)))  # type: ignore[attr-defined]


@guard(_("A later month has been closed, and with it all before it."), instead=_("Open a dispute instead."))
def is_not_past(check: Check) -> bool:
    return not past_open(check.session, check.case.project_id, check.facts.month)  # type: ignore[attr-defined]


@guard(_("This month is not over."), instead=_("Submit it on the first day of the next month or later."))
def is_over(check: Check) -> bool:
    return check.at >= ends(check.case.month, zone(check.session))


@guard(
    _("An earlier month is still open: %(month)s."),
    instead=_(
        "Months are closed in their order: submit it first (or open it, where it is not in the books yet)."
    ),
)
def is_the_earliest_open(check: Check) -> bool | dict[str, Any]:
    found = checklist.earlier_open(check.session, check.case)
    return {"month": found} if found else True


@guard(
    _("Not everything of this month is decided: %(count)s things block it."),
    instead=_("The month's page lists each of them."),
)
def nothing_blocks_it(check: Check) -> bool | dict[str, Any]:
    count = sum(item.count for item in checklist.blockers(check.session, check.case))
    return {"count": count} if count else True


@guard(
    _("Something is missing and would count as nothing: %(count)s warnings."),
    instead=_("Complete it, or submit in spite of the warnings."),
)
def warnings_were_seen(check: Check) -> bool | dict[str, Any]:
    if check.facts.in_spite:  # type: ignore[attr-defined]
        return True
    count = sum(item.count for item in checklist.warnings(check.session, check.case))
    return {"count": count} if count else True


@guard(_("The ledger is not up to date: %(count)s facts wait."), instead=_("Try again in a moment."))
def is_posted(check: Check) -> bool | dict[str, Any]:
    count = checklist.unposted(check.session, check.case.project_id)
    return {"count": count} if count else True


@guard(_("A later month has been submitted: this one stands."), instead=_("Open a dispute instead."))
def is_the_latest(check: Check) -> bool:
    later = select(Month.id).where(
        Month.project_id == check.case.project_id, Month.month > check.case.month, Month.state != "open"
    )
    return check.session.scalar(later) is None


@guard(_("Who submitted the month cannot approve it."), instead=_("Ask another sales manager."))
def is_approved_by_another(check: Check) -> bool:
    return bool(check.by.id != check.case.submitted_by_id)


@guard(_("Who submitted or approved the month cannot pay it."), instead=_("Ask another of finance."))
def is_paid_by_another(check: Check) -> bool:
    approving = (History.flow == "month", History.case_id == check.case.id, History.event == "approve")
    approved = check.session.scalars(select(History.by_id).where(*approving))
    return check.by.id not in {check.case.submitted_by_id, *approved}


@guard(
    _("An earlier month is not paid yet: %(month)s."),
    instead=_("Months are paid in their order: a payment takes along what earlier months left."),
)
def earlier_months_are_paid(check: Check) -> bool | dict[str, Any]:
    unpaid = select(func.min(Month.month)).where(
        Month.project_id == check.case.project_id,
        Month.month < check.case.month,
        Month.state.not_in(("paid", "locked")),
    )
    found = check.session.scalar(unpaid)
    return {"month": found} if found else True


def all_paid(session: Session, fact: Outbox, at: datetime) -> Iterable[int | None]:
    """Everybody with a line in the month that was paid out."""
    month = Entry.month == fact.body["month"]
    return session.scalars(select(Entry.person_id).where(month, Entry.person_id.is_not(None)).distinct())


class MonthFlow(Flow):
    """月结: what was earned is reckoned, looked at by two, paid and locked."""

    known_by = ("month",)
    flow_name, noun, prefix, table = "month", "month", "M", Month
    label = _("Month")
    topic = "month"
    news = (
        News(".submitted", _("A month waits for your approval."), those_with("sales_manager")),
        News(".sent_back", _("A month was sent back."), those_with("manager")),
        News(".approved", _("A month can be paid out."), those_with("finance")),
        News(".paid", _("A month was paid out: see your statement."), all_paid),
    )
    remembers = ("month", "submitted_by_id", "submitted_at", "approved_at", "paid_at", "reference")

    open = State(_("Not closed yet"), initial=True)
    submitted = State(_("Submitted"))
    approved = State(_("Approved"))
    paid = State(_("Paid"))
    locked = State(_("Locked"), final=True)

    @opening(
        label=_("Open the month"),
        by=Manager | Finance | Clock,
        guards=(is_not_in_the_books, has_begun, is_not_past),
        announces="month.opened",
    )
    def begin(self, month: Month, facts: Calendar) -> None:
        """The month's first posting opens it by itself."""
        month.month = facts.month

    @step(
        open.to(submitted),  # noqa: A003 (the state, as the books call it)
        label=_("Submit"),
        by=Manager,
        guards=(is_over, is_the_earliest_open, nothing_blocks_it, warnings_were_seen),
        announces="month.submitted",
        serial=True,
    )
    def submit(self, month: Month, facts: Submission, ask: Ask) -> None:
        """The month is reckoned: awards, wages and deductions are posted, and nothing else from now on."""
        month.submitted_by_id, month.submitted_at = ask.by.id, ask.at

    @step(
        submitted.to(open),  # noqa: A003
        label=_("Send back"),
        by=SalesManager,
        guards=(is_the_latest, is_posted),
        announces="month.sent_back",
        serial=True,
    )
    def send_back(self, month: Month, facts: Return) -> None:
        """Something is to be mended: the closing lines are reversed, and the month is open again."""
        month.submitted_by_id = month.submitted_at = None

    @step(
        submitted.to(approved),
        label=_("Approve"),
        by=SalesManager,
        guards=(is_approved_by_another, is_posted),
        announces="month.approved",
        serial=True,
    )
    def approve(self, month: Month, facts: NoFacts, ask: Ask) -> None:
        """The sums are right."""
        month.approved_at = ask.at

    @step(
        approved.to(paid),
        label=_("Pay out"),
        by=Finance,
        guards=(is_paid_by_another, earlier_months_are_paid, is_posted),
        announces="month.paid",
        serial=True,
    )
    def pay(self, month: Month, facts: Payment, ask: Ask) -> None:
        """Finance has paid what the month owes to everybody."""
        month.paid_at, month.reference = ask.at, facts.reference

    @step(paid.to(locked), label=_("Lock"), by=Finance | Auditor, guards=is_posted, announces="month.locked")
    def lock(self, month: Month, facts: NoFacts) -> None:
        """The month rests."""

    @classmethod
    def seen_by(cls, actor: Actor) -> ColumnElement[bool]:
        """The desks that reckon, approve, pay and prove."""
        return true() if actor is CLOCK or actor.has(*DESKS) else false()

    @classmethod
    def tells(cls, case: Month) -> dict[str, Any]:
        return {"month": case.month}
