"""Who is told about which fact, in their own inbox and where else they want to be told."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from models.base import Base
from models.books import books
from models.money import Entry
from models.people import Person, StandIn
from models.remembered import Approval, Outbox
from workflows import probes
from workflows.telling import writing
from workflows.telling.writing import kept
from workflows.words import _

NOTIFICATION = Base.metadata.tables["notification"]
Audience = Callable[[Session, Outbox, datetime], Iterable[int | None]]

SAYS = {
    "lead.unscreened": _("The lead has not been screened for a day."),
    "lead.visited": _("Your customer has arrived at the sales office."),
    "lead.offered": _("A customer is offered to you: accept or decline."),
    "lead.unattended": _("Nobody on duty can receive this customer: appoint a consultant."),
    "lead.assigned": _("The visit is confirmed; the consultant has signed."),
    "lead.reassigned": _("The customer has been given to another consultant."),
    "lead.unconverted": _("Ten days without a deal: a call-back is due."),
    "lead.reclaimed": _("Outreach has taken the customer over."),
    "lead.pooled": _("The lead has gone to the pool."),
    "lead.closed": _("The lead has been closed."),
    "approval.requested": _("Your approval is asked for."),
    "approval.approved": _("Your request was approved."),
    "approval.rejected": _("Your request was rejected."),
    "approval.expired": _("Your request was overtaken by what happened meanwhile."),
    "approval.reminder": _("A request still waits for your approval."),
    "approval.escalated": _("A request has waited too long for its approval."),
    "timer.late": _("A timer fired late: see whether workers and clock run."),
    "quota.adopted": _("Your quota of the month is set."),
    "quota.changed": _("Your quota of the month was changed; the month is reckoned again."),
    "pay.adopted": _("Your pay is agreed."),
    "pay.changed": _("Your pay was changed."),
    "attendance.adopted": _("Your attendance of the month is recorded."),
    "attendance.changed": _("Your attendance of the month was changed."),
    "sale.signed": _("A customer you brought has bought: a bonus is on your statement."),
    "sale.rescinded": _("A sale was called off: its bonus is reversed."),
    "deduction.reported": _("A deduction was reported: somebody must judge it."),
    "deduction.confirmed": _("A deduction against you was confirmed: you may appeal."),
    "deduction.reduced": _("A deduction against you was reduced: you may appeal."),
    "deduction.appealed": _("An appeal waits for a decision."),
    "deduction.settled": _("A deduction is settled."),
    "deduction.waived": _("A deduction was waived."),
    "dispute.opened": _("A line of a statement is in dispute."),
    "dispute.waiting": _("A dispute still waits for an answer."),
    "dispute.answered": _("Your dispute was answered."),
    "dispute.granted": _("Your dispute was granted: an adjustment is on your statement."),
    "split.divided": _("Your team's award was divided."),
    "split.undone": _("A division of your team's award was taken back."),
    "month.submitted": _("A month waits for your approval."),
    "month.sent_back": _("A month was sent back."),
    "month.approved": _("A month can be paid out."),
    "month.paid": _("A month was paid out: see your statement."),
    "policy.drafted": _("New policy numbers wait to be checked."),
    "policy.checked": _("Your policy numbers were checked: ask for their approval."),
    "policy.adopted": _("New policy numbers will be in force."),
}


def notify(session: Session, facts: Sequence[Outbox], at: datetime) -> None:
    """Write a line into the inbox of everybody whom these facts concern, and a message to each of their channels."""
    for fact in facts:
        _notify(session, fact, at)


def _notify(session: Session, fact: Outbox, at: datetime) -> None:
    audience = AUDIENCES.get(fact.fact)
    if audience is None:
        return
    body = {
        k: v for k, v in fact.body.items() if k in ("about", "event", "state", "outcome", "timer", "month")
    }
    code, flow = fact.body.get("about") or fact.case_code, fact.body.get("flow") or fact.flow
    people = sorted({p for p in audience(session, fact, at) if p is not None})
    writing.tell(session, fact, people, body, at)
    for person_id in people:
        line = {"person_id": person_id, "fact": fact.fact, "fact_uid": fact.uid, "flow": flow}
        line |= {"case_code": code, "body": body, "at": fact.at}
        books(session).writing.add(NOTIFICATION, line)


def having(session: Session, *roles: str) -> list[Person]:
    """The staff with one of these roles, looked up once a transaction."""
    return [person for person in kept(session, "staff", _staff) if set(roles) & set(person.roles)]


def _staff(session: Session) -> list[Person]:
    return list(session.scalars(select(Person).where(Person.left_on.is_(None)).order_by(Person.id)))


def _named(*fields: str) -> Audience:
    return lambda session, fact, at: [fact.body.get(field) for field in fields]


def _role(*roles: str) -> Audience:
    return lambda session, fact, at: [person.id for person in having(session, *roles)]


def _both(*audiences: Audience) -> Audience:
    return lambda session, fact, at: [
        person for audience in audiences for person in audience(session, fact, at)
    ]


def _leader_of_promoter(session: Session, fact: Outbox, at: datetime) -> Iterable[int | None]:
    promoter = session.get(Person, fact.body.get("promoter_id") or 0)
    if promoter is None or promoter.team_id is None:
        return []
    return [leader.id for leader in having(session, "leader") if leader.team_id == promoter.team_id]


def _approvers(session: Session, fact: Outbox, at: datetime) -> Iterable[int | None]:
    """Those who may decide it, and who stands in for those of them who are away."""
    from workflows.approval import Approver
    from workflows.engine.actor import Actor

    approval = session.scalar(select(Approval).where(Approval.code == fact.case_code))
    if approval is None or approval.state != "pending":
        return []
    staff = having(session, *Approver.roles)
    may = [
        person.id
        for person in staff
        if Approver.allows(Actor.of(person), approval) and person.id != approval.requested_by_id
    ]
    standing_in = select(StandIn.stand_in_id).where(
        StandIn.person_id.in_(may), StandIn.starts_at <= at, StandIn.ends_at > at
    )
    return [*may, *session.scalars(standing_in)]


def stand_ins(session: Session, person_id: int, at: datetime) -> list[StandIn]:
    """For whom this person stands in now, and who stands in for them."""
    wanted = select(StandIn).where(or_(StandIn.person_id == person_id, StandIn.stand_in_id == person_id))
    return list(session.scalars(wanted.where(StandIn.starts_at <= at, StandIn.ends_at > at)))


def _team(session: Session, fact: Outbox, at: datetime) -> Iterable[int | None]:
    """Everybody of the team whose award it is."""
    return session.scalars(select(Person.id).where(Person.team_id == fact.body["team_id"]))


def _paid(session: Session, fact: Outbox, at: datetime) -> Iterable[int | None]:
    """Everybody with a line in the month that was paid out."""
    month = Entry.month == fact.body["month"]
    return session.scalars(select(Entry.person_id).where(month, Entry.person_id.is_not(None)).distinct())


CHARGED = _named("person_id", "also_id", "leader_id")

AUDIENCES: dict[str, Audience] = {
    "lead.unscreened": _both(_named("promoter_id"), _leader_of_promoter),
    "lead.visited": _named("promoter_id"),
    "lead.offered": _named("offered_to_id"),
    "lead.unattended": _role("sales_manager"),
    "lead.assigned": _named("promoter_id"),
    "lead.reassigned": _named("holder_id"),
    "lead.unconverted": _both(_named("holder_id", "promoter_id"), _role("manager")),
    "lead.reclaimed": _named("promoter_id", "holder_id"),
    "lead.pooled": _both(_named("promoter_id"), _leader_of_promoter),
    "lead.closed": _named("promoter_id", "holder_id"),
    "approval.requested": _approvers,
    "approval.reminder": _approvers,
    "approval.escalated": _both(_approvers, _role("auditor"), _named("requested_by_id")),
    "approval.approved": _named("requested_by_id"),
    "approval.rejected": _named("requested_by_id"),
    "approval.expired": _named("requested_by_id"),
    "timer.late": _role("admin"),
    **{
        f"{flow}.{word}": _named("person_id")
        for flow in ("quota", "pay", "attendance")
        for word in ("adopted", "changed")
    },
    "sale.signed": _named("seller_id", "leader_id"),
    "sale.rescinded": _named("seller_id", "leader_id"),
    "deduction.reported": _role("manager", "sales_manager"),
    "deduction.appealed": _role("manager", "sales_manager"),
    **{f"deduction.{word}": CHARGED for word in ("confirmed", "reduced", "settled", "waived")},
    "dispute.opened": _role("manager"),
    "dispute.waiting": _role("manager", "sales_manager"),
    "dispute.answered": _named("person_id"),
    "dispute.granted": _named("person_id"),
    "split.divided": _team,
    "split.undone": _team,
    "month.submitted": _role("sales_manager"),
    "month.sent_back": _role("manager"),
    "month.approved": _role("finance"),
    "month.paid": _paid,
    "policy.drafted": _role("finance", "auditor"),
    "policy.checked": _named("author_id"),
    "policy.adopted": _role("leader", "manager", "sales_manager", "finance", "auditor"),
    probes.PROBE: probes.tally,
}


def saying(fact: str) -> Any:
    """The sentence for a fact, as a marked text."""
    return SAYS.get(fact, fact)
