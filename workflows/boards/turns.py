"""The rotation as the desk and the consultants see it: whose turn it is, who is with whom, what came of today. Read only."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.leads import Duty, Lead
from models.people import Person
from models.remembered import History, Timer
from workflows import policy as policies
from workflows import rotation, staff
from workflows.views import names


@dataclass(frozen=True, slots=True)
class Stand:
    """A consultant's place in the queue: `offer` is the customer they are asked about now."""

    duty: Duty
    offer: Lead | None
    next: bool


@dataclass(frozen=True, slots=True)
class AtDesk:
    """A customer at the desk, and what happens to them now: the open offer and its end, or who will be asked."""

    lead: Lead
    offered_to: str | None
    answer_by: datetime | None
    declined: tuple[str, ...]
    unattended: bool


@dataclass(frozen=True, slots=True)
class Declined:
    at: datetime
    code: str
    who: str
    reason: str


@dataclass(frozen=True, slots=True)
class Board:
    """The rotation of one project at an instant."""

    queue: list[Stand]
    absent: list[Duty]
    at_desk: list[AtDesk]
    declined: list[Declined]
    received: dict[int, int] = field(default_factory=dict)
    unseated: list[Person] = field(default_factory=list)


def board(session: Session, project_id: int, at: datetime) -> Board:
    """Who stands where, who is asked what, who waits, who declined today."""
    queue = rotation.queue_of(session, project_id)
    desk = _at_desk(session, project_id, queue)
    offers = {each.lead.offered_to_id: each.lead for each in desk if each.lead.offered_to_id}
    free = next((duty.person_id for duty in queue if duty.person_id not in offers), None)
    off = select(Duty).where(Duty.project_id == project_id, Duty.state == "off_duty").order_by(Duty.id)
    stands = [Stand(duty, offers.get(duty.person_id), duty.person_id == free) for duty in queue]
    since = policies.midnight(session, at)
    return Board(
        stands,
        list(session.scalars(off)),
        desk,
        _declined(session, project_id, since),
        _received(session, project_id, since),
        _unseated(session, project_id, at),
    )


def _unseated(session: Session, project_id: int, at: datetime) -> list[Person]:
    """Consultants who never took a place in this rotation."""
    seated = set(session.scalars(select(Duty.person_id).where(Duty.project_id == project_id)))
    today = at.astimezone(policies.zone(session)).date()
    everybody = session.scalars(select(Person).order_by(Person.name))
    return [p for p in everybody if "consultant" in p.roles and p.id not in seated and staff.works(p, today)]


def _at_desk(session: Session, project_id: int, queue: list[Duty]) -> list[AtDesk]:
    visited = (
        select(Lead)
        .where(Lead.project_id == project_id, Lead.state == "visited")
        .order_by(Lead.visited_at, Lead.id)
    )
    leads, on_duty = list(session.scalars(visited)), {duty.person_id for duty in queue}
    ends = _offer_ends(session, [lead.id for lead in leads])
    return [
        AtDesk(
            lead,
            names(session).get(lead.offered_to_id) if lead.offered_to_id else None,
            ends.get(lead.id),
            tuple(names(session).get(person, "") for person in lead.declined_by),
            lead.offered_to_id is None and on_duty <= set(lead.declined_by),
        )
        for lead in leads
    ]


def _offer_ends(session: Session, ids: list[int]) -> dict[int, datetime]:
    wanted = select(Timer.case_id, Timer.due_at).where(
        Timer.flow == "lead", Timer.name == "offer", Timer.state == "pending", Timer.case_id.in_(ids)
    )
    return {row.case_id: row.due_at for row in session.execute(wanted)} if ids else {}


def _today(project_id: int, event: str, since: datetime) -> Any:
    mine = (
        History.flow == "lead",
        History.project_id == project_id,
        History.event == event,
        History.at >= since,
    )
    return select(History).where(*mine).order_by(History.at.desc(), History.id.desc())


def _declined(session: Session, project_id: int, since: datetime) -> list[Declined]:
    who = names(session)
    return [
        Declined(
            row.at,
            row.case_code,
            who.get((row.changes.get("declined_by") or [0])[-1], ""),
            row.facts.get("reason", ""),
        )
        for row in session.scalars(_today(project_id, "decline", since))
    ]


def _received(session: Session, project_id: int, since: datetime) -> dict[int, int]:
    """How many customers each consultant received today."""
    counted: dict[int, int] = {}
    for row in session.scalars(_today(project_id, "accept", since)):
        counted[row.by_id] = counted.get(row.by_id, 0) + 1
    return counted
