"""Telling what happened: outbox rows are delivered to every consumer, at least once, with effect exactly once.

A consumer is a function over some facts that touches only the database; a row in `delivery` for each fact and consumer fences
it. Facts are told many at a time, in one transaction; where one of them breaks its consumer, the batch is undone and each is
told by itself, so that only the broken one waits: it is tried again later, and parked after some tries, where people see it.

What newer code told is left to it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Engine, Row, Select, and_, func, not_, or_, select, update
from sqlalchemy.orm import Session

from models import database
from models.base import Base
from models.books import books
from models.figures import MOST, Figure, count
from models.remembered import Outbox
from workflows import faults
from workflows.flows import kinds_of_facts
from workflows.money import ledger
from workflows.notices import notify
from workflows.probes import PROBE
from workflows.telling import writing

Fact = Row[Any] | Outbox
Consumer = Callable[[Session, Sequence[Any], datetime], None]
CONSUMERS: dict[str, Consumer] = {"notices": notify, "ledger": ledger.post, "webhooks": writing.publish}
OUTBOX, DELIVERY = Base.metadata.tables["outbox"], Base.metadata.tables["delivery"]
TRIES = 8


def _ours() -> Any:
    """The facts that this code knows how to tell, and all of whose consumers it knows."""
    return and_(OUTBOX.c.fact.in_(sorted(kinds_of_facts() | {PROBE})), OUTBOX.c.consumers <= len(CONSUMERS))


def _waiting(at: datetime) -> Select[Any]:
    return select(OUTBOX).where(OUTBOX.c.state == "pending", OUTBOX.c.next_at <= at, _ours())


def undelivered(session: Session, at: datetime, most: int = MOST) -> Figure:
    """How many facts wait to be told now, counted up to `most`."""
    return count(session, _waiting(at), most)


def not_ours(session: Session) -> int:
    """How many facts wait for newer code."""
    theirs = or_(not_(_ours()), OUTBOX.c.error == faults.NOT_OURS)
    return session.scalar(select(func.count()).where(OUTBOX.c.state == "pending", theirs)) or 0


def deliver_due(engine: Engine, at: datetime, limit: int = 200) -> int:
    """Deliver one batch of facts in one transaction; how many were taken up."""
    batch = _waiting(at).order_by(OUTBOX.c.id).limit(limit)
    try:
        return database.in_transaction(engine, lambda session: _deliver(session, batch, at))
    except Exception as broken:
        if database.away(broken):
            raise
        with database.read(engine) as session:
            ids = [row.id for row in session.execute(batch)]
        return sum(_deliver_alone(engine, fact_id, at) for fact_id in ids)


def _deliver(session: Session, wanted: Select[Any], at: datetime) -> int:
    rows = session.execute(wanted.with_for_update(skip_locked=True)).all()
    deliver(session, rows, at)
    return len(rows)


def deliver(session: Session, told: Sequence[Fact], at: datetime) -> None:
    """Tell facts to every consumer that has not had them, and note that they are told."""
    uids = [fact.uid for fact in told]
    had = set(session.execute(select(DELIVERY.c.uid, DELIVERY.c.consumer).where(DELIVERY.c.uid.in_(uids))))
    for name, consume in CONSUMERS.items():
        new = [fact for fact in told if (fact.uid, name) not in had]
        for fact in new:
            books(session).writing.add(DELIVERY, {"uid": fact.uid, "consumer": name, "at": at})
        consume(session, new, at)
    session.flush()
    done = update(OUTBOX).where(OUTBOX.c.id.in_([fact.id for fact in told]))
    session.execute(done.values(state="done", delivered_at=at, error=None))


def _deliver_alone(engine: Engine, fact_id: int, at: datetime) -> int:
    mine = _waiting(at).where(OUTBOX.c.id == fact_id)
    try:
        return database.in_transaction(engine, lambda session: _deliver(session, mine, at))
    except faults.NotThisVersion:
        database.in_transaction(engine, lambda session: _leave(session, fact_id, at))
        return 1
    except Exception as broken:
        if database.away(broken):
            raise
        error = faults.said(broken)
        database.in_transaction(engine, lambda session: _postpone(session, fact_id, at, error))
        return 1


def _postpone(session: Session, fact_id: int, at: datetime, error: str) -> None:
    """Tell a broken fact again later; after some tries park it."""
    fact = session.get_one(Outbox, fact_id)
    fact.tries, fact.error = fact.tries + 1, error
    fact.next_at = at + faults.pause_after(fact.tries)
    fact.state = "parked" if fact.tries >= TRIES else "pending"


def _leave(session: Session, fact_id: int, at: datetime) -> None:
    """Leave a fact to newer code, which knows what it is about; it is not tried out here."""
    fact = session.get_one(Outbox, fact_id)
    fact.error, fact.next_at = faults.NOT_OURS, at + timedelta(seconds=faults.NOT_OURS_SECONDS)


def parked(session: Session) -> list[Outbox]:
    """Facts whose consumer broke too often to be tried again by itself."""
    return list(session.scalars(select(Outbox).where(Outbox.state == "parked").order_by(Outbox.id)))


def retry(session: Session, fact_id: int, at: datetime) -> bool:
    """Let a parked fact be delivered again at once; whether it was one."""
    again = update(Outbox).where(Outbox.id == fact_id, Outbox.state == "parked")
    return bool(session.execute(again.values(state="pending", tries=0, next_at=at)).rowcount)  # type: ignore[attr-defined]
