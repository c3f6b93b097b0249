"""A month that is played: lives of leads run side by side, each deed at its instant, through the same engine and the
same drains as in production; what comes due between two deeds fires at its own due time."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Callable, Generator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from models import database
from models.leads import Lead
from models.money import Month as MonthRow
from models.people import Person
from models.remembered import Approval
from workers.draining import drain_due
from workflows import facts, staff, timers
from workflows.approval import ApprovalFlow
from workflows.engine import PUBLIC, Ask, Flow, Refused, take
from workflows.lead import LeadFlow
from workflows.money.month import MonthFlow
from workflows.rotation import DutyFlow, duty_of

FROM_POOL = "(pool)"


@dataclass(frozen=True, slots=True)
class Deed:
    """Somebody does something at an instant; without an event they only look."""

    at: datetime
    by: str = ""
    event: str = ""
    code: str | None = None
    facts: dict[str, Any] = field(default_factory=dict)
    flow: type[Flow] = LeadFlow


@dataclass(frozen=True, slots=True)
class Seen:
    """What somebody sees after a deed. `refused` is the code of a refusal."""

    at: datetime
    code: str | None = None
    state: str = ""
    offered_to: str | None = None
    holder: str | None = None
    approval: str | None = None
    refused: str = ""


Life = Generator[Deed, Seen, None]
Part = Generator[Deed, Seen, Seen]


class Month:
    """Lives side by side until `end`; what would come later has not happened yet."""

    def __init__(self, engine: Engine, start: datetime, end: datetime) -> None:
        self.engine, self.now, self.end = engine, start, end
        self.waiting: list[tuple[datetime, int, Deed, Life]] = []
        self.begun = 0
        self.refusals: Counter[str] = Counter()

    def begin(self, life: Life) -> None:
        """Let a life begin with its first deed."""
        self._wait(next(life, None), life)

    def _wait(self, deed: Deed | None, life: Life) -> None:
        if deed is not None and deed.at < self.end:
            self.begun += 1
            heapq.heappush(self.waiting, (deed.at, self.begun, deed, life))

    def play(self, seen: Callable[[datetime], None]) -> None:
        """Play all deeds in order of time; `seen` is told how far it has come."""
        while self.waiting:
            at, _order, deed, life = heapq.heappop(self.waiting)
            self._move_to(max(at, self.now))
            came = self._do(deed)
            with suppress(StopIteration):
                self._wait(life.send(came), life)
            seen(self.now)
        self._move_to(self.end)
        seen(self.end)

    def _move_to(self, instant: datetime) -> None:
        for _unused in range(10_000):
            with database.read(self.engine) as session:
                due, untold = timers.next_due(session), facts.undelivered(session, self.now)
            if not untold and (due is None or due > instant):
                break
            if untold:
                facts.deliver_due(self.engine, self.now)
                continue
            self.now = max(self.now, due or self.now)
            drain_due(self.engine, self.now, enough=self._nothing_waits)
        self.now = instant

    def _nothing_waits(self) -> bool:
        """Spares the drains their last, empty round."""
        with database.read(self.engine) as session:
            return not timers.due(session, self.now) and not facts.undelivered(session, self.now)

    def _do(self, deed: Deed) -> Seen:
        try:
            return database.in_transaction(self.engine, lambda session: self._take(session, deed))
        except Refused as refusal:
            self.refusals[f"{deed.event}: {refusal.code}"] += 1
            return Seen(self.now, deed.code, refused=refusal.code)

    def _take(self, session: Session, deed: Deed) -> Seen:
        if not deed.event:
            return self._look(session, deed.code, None)
        by = PUBLIC if deed.by == "public" else staff.actor_named(session, deed.by)
        code = self._from_pool(session) if deed.code == FROM_POOL else deed.code
        if deed.flow is DutyFlow:
            place = duty_of(session, staff.ensure_company(session).id, by.id)
            code = place.code if place else None
        if deed.flow is MonthFlow:
            code = session.scalar(select(MonthRow.code).where(MonthRow.month == deed.code)) or "none"
        taken = take(session, Ask(deed.flow, deed.event, by, self.now, code=code, facts=deed.facts))
        if deed.flow is LeadFlow:
            session.flush()
            return self._look(session, taken.case.code, taken.approval)
        session.flush()
        asked = select(Approval.code).where(
            Approval.case_code == taken.case.code, Approval.state == "pending"
        )
        return Seen(self.now, taken.case.code, taken.case.state, approval=session.scalar(asked.limit(1)))

    def _from_pool(self, session: Session) -> str:
        """The lead that has lain in the pool the longest."""
        pool = (
            select(Lead.code)
            .where(Lead.state == "reclaimed", Lead.holder_id.is_(None))
            .order_by(Lead.reclaimed_at)
        )
        return session.scalar(pool.limit(1)) or "none"

    def _look(self, session: Session, code: str | None, approval: Approval | None) -> Seen:
        lead = session.scalars(select(Lead).where(Lead.code == code)).one()

        def name(person_id: int | None) -> str | None:
            return session.get_one(Person, person_id).name if person_id else None

        asked = approval.code if approval else None
        return Seen(self.now, lead.code, lead.state, name(lead.offered_to_id), name(lead.holder_id), asked)


def decision(at: datetime, by: str, approval: str | None, event: str, note: str | None = None) -> Deed:
    """Somebody decides a request."""
    return Deed(at, by, event, approval, {"note": note} if note else {}, ApprovalFlow)


def place(at: datetime, by: str, event: str) -> Deed:
    """A consultant joins or leaves the rotation."""
    return Deed(at, by, event, flow=DutyFlow)


def later(at: datetime, **span: float) -> datetime:
    return at + timedelta(**span)
