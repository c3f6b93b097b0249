"""An import in the background: a register is laid down row by row, checked, and, when its sender says so, taken.

Rows are the truth. Every batch is one transaction that takes its rows, writes down what came of each and moves the counters:
whoever dies in the middle leaves the batch undone, and the next drain goes on with it. What a row said is forgotten in the
transaction that takes it; a register that nobody starts is forgotten after a day, and the masked answer after thirty.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Engine, delete, func, insert, select, update
from sqlalchemy.orm import Session

from models import database
from models.notices import AccessLog
from models.people import Person
from models.registers import RegisterImport, RegisterRow
from workflows import faults, policy
from workflows.engine import Refused
from workflows.registers import kept
from workflows.registers.columns import Understood
from workflows.registers.reading import BadRow, GoodRow
from workflows.registers.result import STOPPED as CUT_OFF
from workflows.registers.result import Line, Outcome
from workflows.registers.taking import BATCH, Desk, Terms
from workflows.words import Text, _

CHECKING, CHECKED, RUNNING, STOPPED, DONE, DROPPED = (
    "checking", "checked", "running", "stopped", "done", "dropped",
)  # fmt: skip
UNDER_WAY = (CHECKING, RUNNING)
KEPT = timedelta(days=1)  # how long what was sent waits for its sender
ANSWER_KEPT = timedelta(days=30)
TRIES = 5
LAID_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Paper:
    """What comes with a register: who sent it and when, under what name, on what basis of consent, and who captures the rows
    whose registrar is not on the staff."""

    sender_id: int
    stand_in: Person
    name: str
    consent: str
    at: datetime


def lay_down(
    session: Session, rows: Sequence[GoodRow | BadRow], how: Iterable[Understood], paper: Paper
) -> RegisterImport:
    """Keep the rows of a register and how it was understood, sealed, to be checked. Nothing of it is a lead yet."""
    unread = sum(isinstance(row, BadRow) for row in rows)
    found = RegisterImport(
        person_id=paper.sender_id,
        stand_in_id=paper.stand_in.id,
        name=paper.name,
        consent=paper.consent,
        columns=[
            {
                "sheet": u.sheet,
                "header": u.header,
                "columns": [[c.letter, c.word, c.field] for c in u.columns],
            }
            for u in how
        ],
        state=CHECKING,
        total=len(rows),
        bad=unread,
        made_at=paper.at,
        began_at=paper.at,
        began_with=unread,
        next_at=paper.at,
    )
    session.add(found)
    session.flush()
    for start in range(0, len(rows), LAID_AT_ONCE):
        session.execute(
            insert(RegisterRow), [_laid(found, row) for row in rows[start : start + LAID_AT_ONCE]]
        )
    return found


def _laid(found: RegisterImport, row: GoodRow | BadRow) -> dict[str, object]:
    bad = isinstance(row, BadRow)
    return {
        "import_id": found.id,
        "given": None if isinstance(row, BadRow) else kept.given(row),
        "shown": kept.shown(Line.of(row)),
        "reason": kept.words(row.reason) if isinstance(row, BadRow) else None,
        "foreseen": "bad" if bad else None,
        "result": "bad" if bad else None,
    }


# -- by itself ---------------------------------------------------------------------------------------------------


def waiting(session: Session, at: datetime) -> int:
    """How many registers there is something to do about now."""
    return session.scalar(select(func.count()).where(RegisterImport.next_at <= at)) or 0


def carry_on(engine: Engine, at: datetime, limit: int = BATCH) -> int:
    """Do the next batch of one register, or what is due about it; how many of them it took up (none or one)."""
    with database.read(engine) as session:
        if not waiting(session, at):
            return 0
    taken_up: list[int] = []
    try:
        return database.in_transaction(
            engine, lambda session: _next(session, at, min(limit, BATCH), taken_up)
        )
    except Exception as broken:
        if database.away(broken) or not taken_up:
            raise
        error = faults.said(broken)
        database.in_transaction(engine, lambda session: _try_later(session, taken_up[-1], error, at))
        return 1


def _next(session: Session, at: datetime, limit: int, taken_up: list[int]) -> int:
    """The one of which the fewest rows are done goes first, so that a small register does not wait behind a long one."""
    rows_done = RegisterImport.good + RegisterImport.bad + RegisterImport.already - RegisterImport.began_with
    wanted = select(RegisterImport).where(RegisterImport.next_at <= at)
    wanted = wanted.order_by(rows_done, RegisterImport.id).limit(1)
    found = session.scalars(wanted.with_for_update(skip_locked=True)).first()
    if found is None:
        return 0
    taken_up.append(found.id)
    DUE[found.state](session, found, at, limit)
    found.tries, found.error = 0, None
    return 1


def _check(session: Session, found: RegisterImport, at: datetime, limit: int) -> None:
    """Take the next rows and take everything back again; what would have come of them stays."""
    rows = _undone(session, found, RegisterRow.foreseen, limit)
    tried = session.begin_nested()
    outcomes = _taken(session, found, rows, at)
    tried.rollback()
    for row, outcome in zip(rows, outcomes, strict=True):
        row.foreseen, row.reason = outcome.result, outcome.reason and kept.words(outcome.reason)
    _count(found, outcomes)
    if _finished(found):
        found.state, found.ended_at, found.next_at = CHECKED, at, at + KEPT


def _run(session: Session, found: RegisterImport, at: datetime, limit: int) -> None:
    """Take the next rows for good, and forget what they said."""
    rows = _undone(session, found, RegisterRow.result, limit)
    outcomes = _taken(session, found, rows, at)
    for row, outcome in zip(rows, outcomes, strict=True):
        row.result, row.code, row.given = outcome.result, outcome.code, None
        row.reason = outcome.reason and kept.words(outcome.reason)
    _count(found, outcomes)
    if _finished(found):
        found.state, found.ended_at, found.next_at = DONE, at, at + ANSWER_KEPT


def _undone(session: Session, found: RegisterImport, column: object, limit: int) -> list[RegisterRow]:
    wanted = select(RegisterRow).where(RegisterRow.import_id == found.id, column.is_(None))  # type: ignore[attr-defined]
    return list(session.scalars(wanted.order_by(RegisterRow.id).limit(limit)))


def _taken(
    session: Session, found: RegisterImport, rows: Sequence[RegisterRow], at: datetime
) -> list[Outcome]:
    stand_in = session.get_one(Person, found.stand_in_id)
    desk = Desk(session, Terms(at, policy.zone(session), found.consent, stand_in.name))
    given = [kept.row_of(row.given) for row in rows]
    known = desk.already(given)
    return [desk.take(each, known) for each in given]


def _count(found: RegisterImport, outcomes: Iterable[Outcome]) -> None:
    for outcome in outcomes:
        setattr(found, outcome.result, getattr(found, outcome.result) + 1)


def done(found: RegisterImport) -> int:
    """How many rows the present phase has behind it."""
    return found.good + found.bad + found.already


def _finished(found: RegisterImport) -> bool:
    return done(found) == found.total


def _forget(session: Session, found: RegisterImport, _at: datetime, _limit: int) -> None:
    """Nobody started it, or its answer was kept long enough: the rows go, the counters stay."""
    session.execute(delete(RegisterRow).where(RegisterRow.import_id == found.id))
    found.state = DONE if found.state == DONE else DROPPED
    found.next_at = None


def only_foreseen(session: Session, found: RegisterImport) -> bool:
    """Whether nothing of it can have been taken yet: what is known of its rows is what would come of them."""
    if found.state == STOPPED:
        return bool(_undone(session, found, RegisterRow.foreseen, 1))
    return found.state in (CHECKING, CHECKED)


def _cut_off(session: Session, found: RegisterImport, at: datetime, limit: int) -> None:
    """It was stopped and nobody went on: what is left of it is not taken any more."""
    if only_foreseen(session, found):
        _forget(session, found, at, limit)
        return
    left = update(RegisterRow).where(RegisterRow.import_id == found.id, RegisterRow.result.is_(None))
    session.execute(left.values(result="bad", given=None, reason=kept.words(CUT_OFF)))
    found.bad += found.total - done(found)
    found.state, found.ended_at, found.next_at = DONE, at, at + ANSWER_KEPT


DUE: dict[str, Callable[[Session, RegisterImport, datetime, int], None]] = {
    CHECKING: _check, CHECKED: _forget, RUNNING: _run, STOPPED: _cut_off, DONE: _forget,
}  # fmt: skip


def _try_later(session: Session, import_id: int, error: str, at: datetime) -> None:
    """Something broke: the batch was undone and is tried again later; after some tries it waits for somebody to look."""
    found = session.get_one(RegisterImport, import_id, with_for_update=True)
    found.tries, found.error = found.tries + 1, error
    found.next_at = at + timedelta(seconds=2**found.tries)
    if found.tries >= TRIES:
        _stand_still(found, at)


def _stand_still(found: RegisterImport, at: datetime) -> None:
    found.state, found.ended_at, found.next_at = STOPPED, at, at + KEPT


# -- as its sender says ------------------------------------------------------------------------------------------


def start(session: Session, import_id: int, by_id: int, at: datetime) -> None:
    """Begin to take a register that was checked, or go on with one that was stopped. Raises `Refused`."""
    found = _standing(session, import_id, CHECKED, STOPPED)
    if found.state == CHECKED:
        line = AccessLog(
            person_id=by_id, kind="import", purpose=f"import {found.id}", rows=found.total, at=at
        )
        session.add(line)
        found.good, found.already, found.bad = 0, 0, _already_bad(session, found)
        found.state = RUNNING
    else:
        found.state = CHECKING if only_foreseen(session, found) else RUNNING
    found.began_at, found.began_with, found.ended_at, found.next_at = at, done(found), None, at
    found.tries, found.error = 0, None


def _already_bad(session: Session, found: RegisterImport) -> int:
    mine = (RegisterRow.import_id == found.id, RegisterRow.result == "bad")
    return session.scalar(select(func.count()).where(*mine)) or 0


def stop(session: Session, import_id: int, at: datetime) -> None:
    """Stop after the batch it is at; what was taken stays. Raises `Refused`."""
    _stand_still(_standing(session, import_id, *UNDER_WAY), at)


def throw_away(session: Session, import_id: int, at: datetime) -> None:
    """Forget a register of which nothing was taken. Raises `Refused`."""
    _forget(session, _standing(session, import_id, CHECKING, CHECKED), at, 0)


def _standing(session: Session, import_id: int, *states: str) -> RegisterImport:
    """The register, for a change, if it stands so; whoever works on it is waited for."""
    found = session.get(RegisterImport, import_id, with_for_update=True)
    if found is None:
        raise Refused("not_found", Text(_("There is no such import.")))
    if found.state not in states:
        raise Refused("conflict", Text(_("The import has moved on meanwhile.")), rule="import")
    return found


# -- to look at --------------------------------------------------------------------------------------------------


def lines(
    session: Session, found: RegisterImport, result: str = "", after: int = 0, limit: int | None = None
) -> Iterator[tuple[int, Line, Outcome]]:
    """The rows as they may be shown, in the order of the register, with their keys; those with a `result` only, if named.

    What came of a row is what was foreseen until the register is taken.
    """
    column = RegisterRow.foreseen if only_foreseen(session, found) else RegisterRow.result
    wanted = select(RegisterRow).where(RegisterRow.import_id == found.id, RegisterRow.id > after)
    wanted = wanted.where(column == result) if result else wanted
    for row in session.scalars(wanted.order_by(RegisterRow.id).limit(limit).execution_options(yield_per=500)):
        came_to = row.foreseen if column is RegisterRow.foreseen else row.result
        reason = kept.text_of(row.reason) if row.reason and came_to else None
        yield row.id, kept.line_of(row.shown), Outcome(came_to or "", row.code, reason)
