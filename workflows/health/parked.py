"""What was given up: timers, facts and messages that were tried too often, registers that broke; and trying them again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.messages import Message
from models.notices import AccessLog
from models.registers import RegisterImport
from models.remembered import Outbox, Timer
from workflows import facts, timers
from workflows.health.finding import Item
from workflows.registers import background
from workflows.telling import posting

SHOWN = 50  # of each kind
KINDS = {"timers": "timer", "facts": "fact", "messages": "message", "registers": "register"}


def _timers() -> Any:
    return Timer.state == "parked"


def _facts() -> Any:
    return Outbox.state == "parked"


def _messages() -> Any:
    return Message.state == "parked"


def _registers() -> Any:
    return (RegisterImport.state == background.STOPPED) & RegisterImport.error.is_not(None)


TABLES: dict[str, tuple[Any, Callable[[], Any]]] = {
    "timer": (Timer, _timers),
    "fact": (Outbox, _facts),
    "message": (Message, _messages),
    "register": (RegisterImport, _registers),
}


def counts(session: Session) -> dict[str, int]:
    """How many of each kind."""
    return {
        kind: session.scalar(select(func.count()).select_from(table).where(given_up())) or 0
        for kind, (table, given_up) in TABLES.items()
    }


def listed(session: Session, limit: int = SHOWN) -> Iterator[Item]:
    """The first of each kind, the oldest first."""
    for kind, (table, given_up) in TABLES.items():
        for row in session.scalars(select(table).where(given_up()).order_by(table.id).limit(limit)):
            yield _item(kind, row)


def _item(kind: str, row: Any) -> Item:
    error = row.error or ""
    if kind == "timer":
        return Item(kind, row.id, row.name, row.case_code, row.due_at, error)
    if kind == "register":
        return Item(kind, row.id, "import", str(row.id), row.ended_at or row.began_at, error)
    return Item(kind, row.id, row.fact, row.case_code, row.at, error)


def retry(session: Session, kind: str, row_id: int, at: datetime) -> bool:
    """Let one be tried again at once; whether it was given up."""
    if kind == "timer":
        return timers.retry(session, row_id)
    if kind == "fact":
        return facts.retry(session, row_id, at)
    table, given_up = TABLES[kind]
    if session.scalar(select(table.id).where(table.id == row_id, given_up())) is None:
        return False
    if kind == "message":
        return posting.send_again(session, row_id, at)
    background.start(session, row_id, 0, at)  # who goes on is only asked of a register that was never begun
    return True


def retry_all(
    session: Session, kinds: tuple[str, ...], at: datetime, by_id: int | None = None
) -> dict[str, int]:
    """Let all of these kinds be tried again; how many of each. Leaves a line in the access log."""
    done = {}
    for kind in kinds:
        table, given_up = TABLES[kind]
        ids = list(session.scalars(select(table.id).where(given_up()).order_by(table.id)))
        done[kind] = sum(retry(session, kind, row_id, at) for row_id in ids)
        if done[kind]:
            log(session, f"retried {done[kind]} parked {kind}s", at, by_id)
    return done


def log(session: Session, what: str, at: datetime, by_id: int | None) -> None:
    """Who set the machinery right stands where everything stands that only few may do."""
    session.add(AccessLog(person_id=by_id, kind="staff", purpose=what, at=at))
