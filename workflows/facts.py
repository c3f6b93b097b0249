"""Telling what happened: outbox rows are delivered to every consumer, at least once, with effect exactly once.

A consumer is a function over one fact that touches only the database; a row in `delivery` fences it. A fact whose
consumer breaks is tried again later and parked after some tries, where people see it. What newer code told is left to it.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Engine, and_, func, not_, or_, select, update
from sqlalchemy.orm import Session

from models import database
from models.remembered import Delivery, Outbox
from workflows import faults
from workflows.flows import kinds_of_facts
from workflows.money import ledger
from workflows.notices import notify
from workflows.telling import writing

Consumer = Callable[[Session, Outbox, datetime], None]
CONSUMERS: dict[str, Consumer] = {"notices": notify, "ledger": ledger.post, "webhooks": writing.publish}
TRIES = 8


def _ours() -> Any:
    """The facts that this code knows how to tell, and all of whose consumers it knows."""
    return and_(Outbox.fact.in_(sorted(kinds_of_facts())), Outbox.consumers <= len(CONSUMERS))


def _waits(at: datetime) -> Any:
    return and_(Outbox.state == "pending", Outbox.next_at <= at, _ours())


def undelivered(session: Session, at: datetime) -> int:
    """How many facts wait to be told now."""
    return session.scalar(select(func.count()).where(_waits(at))) or 0


def not_ours(session: Session) -> int:
    """How many facts wait for newer code."""
    theirs = or_(not_(_ours()), Outbox.error == faults.NOT_OURS)
    return session.scalar(select(func.count()).where(Outbox.state == "pending", theirs)) or 0


def deliver_due(engine: Engine, at: datetime, limit: int = 200) -> int:
    """Deliver one batch of facts in one transaction; how many were taken up."""
    return database.in_transaction(engine, lambda session: _deliver_batch(session, at, limit))


def _deliver_batch(session: Session, at: datetime, limit: int) -> int:
    wanted = select(Outbox).where(_waits(at)).order_by(Outbox.id).limit(limit)
    rows = list(session.scalars(wanted.with_for_update(skip_locked=True)))
    for row in rows:
        deliver(session, row, at)
    return len(rows)


def deliver(session: Session, row: Outbox, at: datetime) -> None:
    """Tell one fact to every consumer that has not had it; what breaks is undone, and the fact waits."""
    try:
        with session.begin_nested():
            for name, consume in CONSUMERS.items():
                if session.get(Delivery, (row.uid, name)) is None:
                    session.add(Delivery(uid=row.uid, consumer=name, at=at))
                    consume(session, row, at)
            session.flush()
    except faults.NotThisVersion:
        row.error, row.next_at = faults.NOT_OURS, at + timedelta(seconds=faults.NOT_OURS_SECONDS)
    except Exception as broken:
        if database.away(broken):
            raise
        row.tries, row.error = row.tries + 1, faults.said(broken)
        row.next_at = at + timedelta(seconds=min(300, 2**row.tries))
        row.state = "parked" if row.tries >= TRIES else "pending"
    else:
        row.state, row.delivered_at, row.error = "done", at, None


def parked(session: Session) -> list[Outbox]:
    """Facts whose consumer broke too often to be tried again by itself."""
    return list(session.scalars(select(Outbox).where(Outbox.state == "parked").order_by(Outbox.id)))


def retry(session: Session, fact_id: int, at: datetime) -> bool:
    """Let a parked fact be delivered again at once; whether it was one."""
    again = update(Outbox).where(Outbox.id == fact_id, Outbox.state == "parked")
    return bool(session.execute(again.values(state="pending", tries=0, next_at=at)).rowcount)  # type: ignore[attr-defined]
