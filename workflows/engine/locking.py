"""Locking: a case is locked before anything about it is believed, the project before the case where a step concerns a whole
rotation, and nothing twice in one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any

from sqlalchemy import Select, bindparam, select, true
from sqlalchemy.orm import Session

from models.books import books
from models.people import Project
from models.sealed import Sealed
from workflows import policy as policies
from workflows.engine.actor import CLOCK, Actor
from workflows.engine.flow import Flow
from workflows.engine.refusal import not_found

if TYPE_CHECKING:
    from workflows.engine.take import Ask


def locked(session: Session, ask: Ask, patient: bool = True) -> Any:
    """The case under lock, if this actor may see it. The project first where the step concerns the whole rotation.

    The impatient do not wait for a case that somebody else holds: to them it is not there. Locks leave keys alone
    (`FOR NO KEY UPDATE`): a row of history that only names the project or the case need not wait for them.
    """
    everything = ask.house or ask.by is CLOCK
    held, key = books(session).held, (ask.flow.flow_name, ask.code or "")
    case = held.get(key) if everything else None
    if case is not None:
        return case
    if ask.flow.serial(ask.event):
        table = ask.flow.table
        project_id = session.scalar(select(table.project_id).where(table.code == ask.code))
        if project_id is not None:
            lock_project(session, project_id)
    wanted = _under_lock(ask.flow, None if everything else ask.by, patient)
    session.flush()
    row = session.connection().execute(wanted, {"code": ask.code, "at": ask.at}).first()
    if row is None:
        raise not_found(ask.flow.label)
    policies.learn(session, ask.at, row[-1])
    held[key] = case = books(session).seat(ask.flow.table, _columns(ask.flow), [row])[0]
    return case


@lru_cache(maxsize=4096)
def _under_lock(flow: type[Flow], by: Actor | None, patient: bool) -> Select[Any]:
    """The statement that locks one case of this flow, as far as this actor sees it, and says which policy is in force; kept,
    for building it costs as much as running it."""
    table, version = flow.table.__table__, policies.IN_FORCE.scalar_subquery()
    wanted = select(*(table.c[name] for name in _columns(flow)), version)
    wanted = wanted.where(table.c.code == bindparam("code"))
    sight = true() if by is None else flow.seen_by(by)
    if by is not None and sight.compare(true()):
        return _under_lock(flow, None, patient)
    wanted = wanted.where(sight)
    return wanted.with_for_update(of=table, key_share=True, skip_locked=not patient)


@cache
def _columns(flow: type[Flow], sealed: bool = True) -> tuple[str, ...]:
    """The columns of a case, its id first; without those that are sealed, if they are to be read later."""
    columns = flow.table.__table__.columns
    shown = [c.name for c in columns if c.name != "id" and (sealed or not isinstance(c.type, Sealed))]
    return ("id", *shown)


def hold(session: Session, flow: type[Flow], ids: Sequence[int], patient: bool = True) -> list[Any]:
    """Lock many cases of a flow by one statement, for steps of the clock that follow in this transaction; the impatient pass
    over those that somebody else holds. What is sealed in them is read only if a step asks for it."""
    table, names = flow.table.__table__, _columns(flow, sealed=False)
    wanted = select(*(table.c[name] for name in names)).where(table.c.id.in_(ids)).order_by(table.c.id)
    lock = wanted.with_for_update(of=table, key_share=True, skip_locked=not patient)
    cases = books(session).seat(flow.table, names, session.connection().execute(lock))
    books(session).held.update({(flow.flow_name, case.code): case for case in cases})
    return cases


def lock_project(session: Session, project_id: int) -> None:
    """Lock a project, once a transaction."""
    held, key = books(session).held, ("project", str(project_id))
    if key not in held:
        session.execute(select(Project.id).where(Project.id == project_id).with_for_update(key_share=True))
        held[key] = project_id
