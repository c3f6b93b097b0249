"""What happens by itself: due timers are found in the database and fired through `take`, like everything else.

A timer fires once, never before it is due, and late rather than never: what came due during an outage fires in due
order, each dated at its due time and at its real time. One sweep runs at a time; a person who acts at the same
instant either comes first, and the timer finds the case moved, or comes second, and is told so.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Engine, Select, and_, func, not_, or_, select, text, update
from sqlalchemy.orm import Session

from models import database
from models.remembered import Approval, Timer
from workflows import faults
from workflows import policy as policies
from workflows.engine.actor import CLOCK
from workflows.engine.flow import Flow
from workflows.engine.refusal import Refused
from workflows.engine.take import Ask, announce, lock_project, locked, take
from workflows.engine.timing import Timer as Rule
from workflows.flows import FLOWS, sees_through

SWEEP_LOCK = 7421
TRIES = 8


def _held_back() -> Any:
    """Timers that wait for the decision of a pending approval."""
    mine = (Approval.flow == Timer.flow, Approval.case_id == Timer.case_id, Approval.event == Timer.waits_for)
    return select(Approval.id).where(*mine, Approval.state == "pending").correlate(Timer).exists()


def _ours() -> Any:
    """The timers that this code knows; those of newer code are left to it."""
    return or_(
        *(
            and_(Timer.flow == name, Timer.name.in_([rule.name for rule in flow.timers]))
            for name, flow in FLOWS.items()
            if flow.timers
        )
    )


def not_ours(session: Session) -> int:
    """How many timers wait for newer code."""
    theirs = or_(not_(_ours()), Timer.error == faults.NOT_OURS)
    return session.scalar(select(func.count()).where(Timer.state == "pending", theirs)) or 0


def _due(at: datetime) -> Select[Timer]:
    ready = or_(Timer.next_at.is_(None), Timer.next_at <= at)
    return (
        select(Timer)
        .where(Timer.state == "pending", Timer.due_at <= at, ready, _ours(), ~_held_back())
        .order_by(Timer.due_at, Timer.id)
    )


def due(session: Session, at: datetime) -> int:
    """How many timers are due now."""
    return session.scalar(select(func.count()).select_from(_due(at).order_by(None).subquery())) or 0


def late(session: Session, at: datetime) -> tuple[int, datetime | None]:
    """How many timers are due and have not fired, and since when the longest of them is."""
    overdue = _due(at).order_by(None).subquery()
    count, oldest = session.execute(select(func.count(), func.min(overdue.c.due_at))).one()
    return count, oldest


def next_due(session: Session) -> datetime | None:
    """When the next timer comes due, for a clock that can be moved to it."""
    return session.scalar(
        select(func.min(Timer.due_at)).where(Timer.state == "pending", _ours(), ~_held_back())
    )


def fire_due(engine: Engine, at: datetime, limit: int = 200) -> int:
    """Fire one batch of due timers in one transaction, in due order; how many were settled.

    If one of them breaks, the batch is undone and each is fired by itself, so that only the broken one waits: it is
    tried again later, and parked after some tries, where people see it.
    """
    try:
        return database.in_transaction(engine, lambda session: _sweep(session, at, limit))
    except Exception as broken:
        if database.away(broken):
            raise
        with database.read(engine) as session:
            ids = [timer.id for timer in session.scalars(_due(at).limit(limit))]
        return sum(_fire_alone(engine, at, timer_id) for timer_id in ids)


def _sweep(session: Session, at: datetime, limit: int) -> int:
    """One batch, in due order. What somebody else holds at this moment is left for the next sweep, with all that is due
    after it on the same case: a sweep holds many locks, so it must not wait for one."""
    if database.skip_locked(session) and not session.scalar(
        text("SELECT pg_try_advisory_xact_lock(:key)"), {"key": SWEEP_LOCK}
    ):
        return 0
    found = list(session.scalars(_due(at).limit(limit)))
    _hold_projects(session, found)
    busy: set[tuple[str, int]] = set()
    done = 0
    for timer in found:
        case = (timer.flow, timer.case_id)
        if case not in busy and _fire(session, timer.id, at, patient=False):
            done += 1
        else:
            busy.add(case)
    return done


def _hold_projects(session: Session, found: list[Timer]) -> None:
    """Lock the projects of the steps that concern a whole rotation before any case, as everybody does."""
    for name, flow in FLOWS.items():
        serial = {rule.name for rule in flow.timers if flow.serial(rule.event)}
        cases = [timer.case_id for timer in found if timer.flow == name and timer.name in serial]
        wanted = select(flow.table.project_id).where(flow.table.id.in_(cases)).distinct() if cases else None
        for project_id in sorted(session.scalars(wanted)) if wanted is not None else ():
            lock_project(session, project_id)


def _fire_alone(engine: Engine, at: datetime, timer_id: int) -> int:
    try:
        return database.in_transaction(engine, lambda session: _fire(session, timer_id, at))
    except faults.NotThisVersion:
        database.in_transaction(engine, lambda session: _leave(session, timer_id, at))
        return 0
    except Exception as broken:
        if database.away(broken):
            raise
        error = faults.said(broken)
        database.in_transaction(engine, lambda session: _postpone(session, timer_id, at, error))
        return 0


def _leave(session: Session, timer_id: int, at: datetime) -> None:
    """Leave a timer to newer code, which knows the state of its case; it is not tried out here."""
    timer = session.get_one(Timer, timer_id)
    timer.error, timer.next_at = faults.NOT_OURS, at + timedelta(seconds=faults.NOT_OURS_SECONDS)


def _postpone(session: Session, timer_id: int, at: datetime, error: str) -> None:
    """Try a broken timer again later; after some tries park it."""
    timer = session.get_one(Timer, timer_id)
    timer.tries, timer.error = timer.tries + 1, error
    timer.next_at = at + timedelta(seconds=min(300, 2**timer.tries))
    if timer.tries >= TRIES:
        timer.state = "parked"


def _fire(session: Session, timer_id: int, at: datetime, patient: bool = True) -> int:
    """Fire one timer under the lock of its case; 0 if somebody settled it first or (to the impatient) holds the case."""
    timer = session.get(Timer, timer_id)
    if timer is None:
        return 0
    flow = FLOWS[timer.flow]
    rule = next(rule for rule in flow.timers if rule.name == timer.name)
    ask = Ask(
        flow,
        rule.event,
        CLOCK,
        at,
        code=timer.case_code,
        facts=rule.facts or {},
        due_at=timer.due_at,
        timer_id=timer.id,
    )
    try:
        case = locked(session, ask, patient)
    except Refused:
        return 0
    sees_through(flow, case)
    claimed = update(Timer).where(
        Timer.id == timer_id, Timer.state == "pending", Timer.due_at <= at, ~_held_back()
    )
    if not session.execute(claimed.values(state="fired", ended_at=at, error=None)).rowcount:  # type: ignore[attr-defined]
        return 0
    session.refresh(timer)
    timer.result = _settle(session, timer, rule, ask, case)
    _tell_if_late(session, timer, flow, case, at)
    return 1


def _settle(session: Session, timer: Timer, rule: Rule, ask: Ask, case: Any) -> str:
    """Take the timer's event, or tell its fact; a case that has moved on leaves nothing to do, and that is what is said."""
    if rule.fact:
        if rule.still and not rule.still(case):
            return "nothing to remind of"
        announce(session, ask.flow, case, rule.fact, ask.at, cause=f"timer:{timer.id}")
        return "told"
    try:
        take(session, ask)
    except Refused as refusal:
        return f"moved on: {refusal.code}"
    return "taken"


def _tell_if_late(session: Session, timer: Timer, flow: type[Flow], case: Any, at: datetime) -> None:
    """Say that a timer fired late. What waited for a decision is late only from the decision on: nobody was asleep."""
    late = at - _free_since(session, timer)
    if late > timedelta(minutes=policies.in_force(session, at).timer_late_minutes):
        seconds = int(late.total_seconds())
        announce(
            session,
            flow,
            case,
            "timer.late",
            at,
            cause=f"timer:{timer.id}",
            timer=timer.name,
            late_seconds=seconds,
        )


def _free_since(session: Session, timer: Timer) -> datetime:
    """Since when nothing held the timer back: since it was due, or since the decision that it waited for."""
    awaited = (
        Approval.flow == timer.flow,
        Approval.case_id == timer.case_id,
        Approval.event == timer.waits_for,
    )
    decided = (
        session.scalar(select(func.max(Approval.decided_at)).where(*awaited)) if timer.waits_for else None
    )
    return max(timer.due_at, decided or timer.due_at)


def parked(session: Session) -> list[Timer]:
    """Timers that broke too often to be tried again by themselves."""
    return list(
        session.scalars(select(Timer).where(Timer.state == "parked").order_by(Timer.due_at, Timer.id))
    )


def retry(session: Session, timer_id: int) -> bool:
    """Let a parked timer be tried again at once; whether it was one."""
    again = update(Timer).where(Timer.id == timer_id, Timer.state == "parked")
    return bool(session.execute(again.values(state="pending", tries=0, next_at=None)).rowcount)  # type: ignore[attr-defined]
