"""What the director sees of the office when somebody is to want something: read beside the play, without a part in it."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from models import database, machinery
from models.messages import Message
from models.people import Person
from models.remembered import Approval, Outbox, Timer
from web.api.cases import taken_by_people
from workflows import facts, timers
from workflows.approval import Approver
from workflows.engine.actor import Actor
from workflows.flows import FLOWS
from workflows.policy import zone
from workflows.telling import posting

BUSY = {
    "lead": ("closed",),
    "sale": ("rescinded",),
    "policy": ("discarded",),
}  # what is over is left in peace, mostly


@dataclass(frozen=True, slots=True)
class Seen:
    """A case as it stands: its state and version, and who may do what now."""

    state: str
    version: int
    may: dict[str, list[str]]


class Sight:
    """Reads of one day. `now` is the day's clock."""

    rng: random.Random
    engine: Engine
    now: datetime
    actors: dict[str, Actor]
    people: list[str]

    def meet(self) -> None:
        """Who works here."""
        with database.read(self.engine) as session:
            staff = session.scalars(select(Person).order_by(Person.id)).unique()
            self.actors = {person.name: Actor.of(person) for person in staff if person.left_on is None}
            self.zone = zone(session)
        self.people = list(self.actors)

    def local(self) -> datetime:
        return self.now.astimezone(self.zone)

    def next_month(self) -> datetime:
        """The ninth hour of the next month's first day."""
        local = self.local()
        year, month = local.year + local.month // 12, local.month % 12 + 1
        return local.replace(year=year, month=month, day=1, hour=9, minute=0)

    def case(self, flow: str, code: str) -> Seen | None:
        with database.read(self.engine) as session:
            table = FLOWS[flow].table
            row = session.scalar(select(table).where(table.code == code))
            if row is None:
                return None
            return Seen(row.state, row.version, self._may(flow, row))

    def _may(self, flow: str, row: Any) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for (event, source), step in FLOWS[flow].steps.items():
            possible = source == row.state and taken_by_people(step) and (not step.when or step.when(row))
            if possible and (names := [n for n, actor in self.actors.items() if step.by.allows(actor, row)]):
                found[event] = names
        return found

    def events_of(self, flow: str) -> list[str]:
        """What people can do to a case of this workflow."""
        return sorted(
            {
                e
                for (e, source), step in FLOWS[flow].steps.items()
                if source is not None and taken_by_people(step)
            }
        )

    def somebody_who_may(self, flow: str, code: str, event: str) -> str:
        seen = self.case(flow, code)
        return self.rng.choice((seen.may.get(event) if seen else None) or self.people)

    def any_case(self, flow: str) -> str | None:
        """One of the cases of this workflow, rather one that goes on."""
        table = FLOWS[flow].table
        with database.read(self.engine) as session:
            rows = session.execute(select(table.code, table.state).order_by(table.id)).all()
        live = [row for row in rows if row.state not in BUSY.get(flow, ())]
        rows = live if live and self.rng.random() < 0.95 else rows
        return self.rng.choice(rows).code if rows else None

    def next_due(self, flow: str, code: str) -> datetime | None:
        running = (Timer.flow == flow, Timer.case_code == code, Timer.state == "pending")
        with database.read(self.engine) as session:
            return session.scalar(select(func.min(Timer.due_at)).where(*running))

    def first_due(self) -> datetime | None:
        with database.read(self.engine) as session:
            return timers.next_due(session)

    def vouched(self) -> datetime | None:
        """The instant that the leading clock vouches for."""
        with database.read(self.engine) as session:
            row = machinery.lease(session)
            return row.vouched_at if row else None

    def waiting(self) -> tuple[int, int, datetime | None]:
        """How much is to be done now inside the house and to be sent out of it; and when something that waits is to be tried
        next: a fact or a timer that broke, a message that is claimed, gathered or was not taken."""
        broken = (Timer.state == "pending", Timer.due_at <= self.now, Timer.next_at.is_not(None))
        tries = (
            select(func.min(Outbox.next_at)).where(Outbox.state == "pending"),
            select(func.min(Timer.next_at)).where(*broken),
            select(func.min(Message.next_at)).where(Message.state.in_(posting.WAITING)),
        )
        with database.read(self.engine) as session:
            inside = timers.due(session, self.now) + facts.undelivered(session, self.now)
            outward = posting.waiting(session, self.now)
            found = session.execute(select(*(each.scalar_subquery() for each in tries))).one()
        return inside, outward, min((each for each in found if each), default=None)

    def approvers(self, code: str) -> list[str]:
        """Whose role and relation it is to decide this, whether four eyes are kept or not."""
        with database.read(self.engine) as session:
            approval = self._approval(session, code)
            return [
                name for name, actor in self.actors.items() if approval and Approver.allows(actor, approval)
            ]

    def requester(self, code: str) -> str:
        with database.read(self.engine) as session:
            approval = self._approval(session, code)
            return approval.requested_by.name if approval else self.people[0]

    def _approval(self, session: Session, code: str) -> Approval | None:
        return session.scalar(select(Approval).where(Approval.code == code))

    def open_approvals(self, about: str | None = None) -> list[str]:
        wanted = select(Approval.code).where(Approval.state == "pending").order_by(Approval.id)
        with database.read(self.engine) as session:
            return list(session.scalars(wanted.where(Approval.case_code == about) if about else wanted))
