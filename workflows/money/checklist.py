"""What stands between a month and its end: what blocks it, and what is missing and would count as nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import and_, exists, func, or_, select
from sqlalchemy.orm import Session

from models.leads import Lead
from models.money import Attendance, Deduction, Dispute, Month, Pay, Quota
from models.people import Person
from models.remembered import Approval, Outbox
from workflows.money import ledger
from workflows.money.months import begins, ends, first_day, following, month_of
from workflows.policy import zone
from workflows.words import _

AWAITED = (
    ("lead", ("deal", "expose", "invalidate")),
    ("sale", ("rescind",)),
    ("quota", ("adopt", "change")),
    ("pay", ("adopt", "change")),
    ("attendance", ("adopt", "change")),
    ("dispute", ("grant",)),
    ("expense", ("call_off",)),
)
SAYS = {
    "approvals": _("Approvals that would change the month are open"),
    "deductions": _("Deductions are not settled, or an appeal is running"),
    "disputes": _("Disputes about the month are not answered"),
    "unposted": _("Facts are not posted yet, or parked"),
    "quotas": _("No approved quota: it counts as 0"),
    "attendance": _("Pay is agreed but no attendance: no wage is reckoned"),
}


@dataclass(frozen=True, slots=True)
class Item:
    """Something to look at before the month can go on: how often, and whom or which cases it is about."""

    kind: str
    count: int
    about: tuple[str, ...] = ()

    @property
    def says(self) -> str:
        return SAYS[self.kind]


def blockers(session: Session, month: Month) -> list[Item]:
    """What must be decided first."""
    found = [_approvals(session, month), _deductions(session, month), _disputes(session, month)]
    waiting = unposted(session, month.project_id)
    return [item for item in [*found, Item("unposted", waiting)] if item.count]


def _item(kind: str, about: Any) -> Item:
    codes = tuple(about)
    return Item(kind, len(codes), codes)


def earlier_open(session: Session, month: Month) -> str | None:
    """The first month before this one that is open and has something in it, whether it is in the books or not."""
    project, company = month.project_id, zone(session)
    closed = select(func.max(Month.month)).where(
        Month.project_id == project, Month.month < month.month, Month.state != "open"
    )
    since: str = session.scalar(closed) or ""
    sheets = select(func.min(Attendance.month)).where(Attendance.state == "in_force")
    found = [
        session.scalar(select(func.min(Month.month)).where(Month.project_id == project, Month.month > since)),
        session.scalar(sheets.where(Attendance.project_id == project, Attendance.month > since)),
        session.scalar(
            select(func.min(Deduction.month)).where(Deduction.project_id == project, Deduction.month > since)
        ),
    ]
    visits = select(func.min(Lead.assigned_at)).where(
        Lead.project_id == project, Lead.by_outreach.is_not(False)
    )
    first = session.scalar(visits.where(Lead.assigned_at >= ends(since, company)) if since else visits)
    found.append(month_of(first, company) if first else None)
    return min((each for each in found if each and each < month.month), default=None)


def _approvals(session: Session, month: Month) -> Item:
    """Requests whose decision changes what the month is worth: about its own figures whenever they were made, about the
    rest when they were made before its end."""
    figures = {
        "quota": select(Quota.id).where(Quota.month == month.month),
        "attendance": select(Attendance.id).where(Attendance.month == month.month),
        "pay": select(Pay.id).where(Pay.since <= month.month),
    }
    in_time = Approval.requested_at < ends(month.month, zone(session))
    concerned = {flow: Approval.case_id.in_(cases) for flow, cases in figures.items()}
    about = or_(
        *(
            and_(Approval.flow == flow, Approval.event.in_(events), concerned.get(flow, in_time))
            for flow, events in AWAITED
        )
    )
    wanted = select(Approval.code).where(
        Approval.state == "pending", Approval.project_id == month.project_id, about
    )
    return _item("approvals", session.scalars(wanted.order_by(Approval.id)))


def _deductions(session: Session, month: Month) -> Item:
    running = select(Deduction.code).where(
        Deduction.project_id == month.project_id,
        Deduction.state.not_in(("settled", "waived")),
        Deduction.day >= first_day(month.month),
        Deduction.day < first_day(following(month.month)),
    )
    return _item("deductions", session.scalars(running.order_by(Deduction.id)))


def _disputes(session: Session, month: Month) -> Item:
    running = select(Dispute.code).where(
        Dispute.project_id == month.project_id, Dispute.state == "opened", Dispute.month == month.month
    )
    return _item("disputes", session.scalars(running.order_by(Dispute.id)))


def unposted(session: Session, project_id: int) -> int:
    """How many facts about money the ledger has not posted; parked ones among them."""
    waiting = (
        select(Outbox)
        .where(Outbox.state.in_(("pending", "parked")), Outbox.fact.in_(tuple(ledger.TOUCHES)))
        .subquery()
    )
    of_project = waiting.c.body["project_id"].as_integer() == project_id
    return session.scalar(select(func.count()).select_from(waiting).where(of_project)) or 0


def warnings(session: Session, month: Month) -> list[Item]:
    """What is missing and would count as nothing."""
    found = [_without_quota(session, month), _without_attendance(session, month)]
    return [item for item in found if item.count]


def _without_quota(session: Session, month: Month) -> Item:
    """Who had visits confirmed in the month and has no approved quota for it."""
    start, end = begins(month.month, zone(session)), ends(month.month, zone(session))
    visited = exists().where(
        Lead.promoter_id == Person.id,
        Lead.project_id == month.project_id,
        Lead.by_outreach.is_(True),
        Lead.assigned_at >= start,
        Lead.assigned_at < end,
    )
    set_for = exists().where(
        Quota.person_id == Person.id,
        Quota.project_id == month.project_id,
        Quota.month == month.month,
        Quota.state == "in_force",
    )
    return _item(
        "quotas", session.scalars(select(Person.name).where(visited, ~set_for).order_by(Person.name))
    )


def _without_attendance(session: Session, month: Month) -> Item:
    """Who is paid a wage from this month or an earlier one and has no approved attendance for it."""
    sheet = exists().where(
        Attendance.person_id == Pay.person_id,
        Attendance.project_id == month.project_id,
        Attendance.month == month.month,
        Attendance.state == "in_force",
    )
    paid = (
        select(Person.name)
        .join(Pay, Pay.person_id == Person.id)
        .where(
            Pay.project_id == month.project_id,
            Pay.state == "in_force",
            Pay.since <= month.month,
            Person.left_on.is_(None) | (Person.left_on > first_day(month.month)),
        )
    )
    return _item("attendance", session.scalars(paid.where(~sheet).order_by(Person.name)))
