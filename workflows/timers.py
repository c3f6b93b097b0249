"""What happens by itself: due timers are found in the database and fired through `take`, like everything else.

A timer fires once, never before it is due, and late rather than never: what came due during an outage fires in due
order, each dated at its due time and at its real time. One sweep runs at a time; a person who acts at the same
instant either comes first, and the timer finds the case moved, or comes second, and is told so.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Engine, Row, Select, and_, func, not_, or_, select, text, update
from sqlalchemy.orm import Session

from models import database
from models.base import Base
from models.books import books
from models.figures import MOST, Figure, count
from models.remembered import Timer
from workflows import faults
from workflows import policy as policies
from workflows.engine.actor import CLOCK
from workflows.engine.flow import Flow
from workflows.engine.locking import hold, lock_project
from workflows.engine.refusal import Refused
from workflows.engine.take import Ask, announce, take
from workflows.engine.timing import Timer as Rule
from workflows.flows import FLOWS, sees_through

SWEEP_LOCK = 7421
TRIES = 8
TIMER, APPROVAL = Base.metadata.tables["timer"], Base.metadata.tables["approval"]
Due = Row[Any]  # a timer as the sweep reads it


def _held_back() -> Any:
    """Timers that wait for the decision of a pending approval."""
    mine = (
        APPROVAL.c.flow == TIMER.c.flow,
        APPROVAL.c.case_id == TIMER.c.case_id,
        APPROVAL.c.event == TIMER.c.waits_for,
    )
    return select(APPROVAL.c.id).where(*mine, APPROVAL.c.state == "pending").correlate(TIMER).exists()


def _ours() -> Any:
    """The timers that this code knows; those of newer code are left to it."""
    known = (
        and_(TIMER.c.flow == name, TIMER.c.name.in_([rule.name for rule in flow.timers]))
        for name, flow in FLOWS.items()
        if flow.timers
    )
    return or_(*known)


def not_ours(session: Session) -> int:
    """How many timers wait for newer code."""
    theirs = or_(not_(_ours()), TIMER.c.error == faults.NOT_OURS)
    return session.scalar(select(func.count()).where(TIMER.c.state == "pending", theirs)) or 0


def _due(at: datetime) -> Select[Any]:
    ready = or_(TIMER.c.next_at.is_(None), TIMER.c.next_at <= at)
    return (
        select(
            TIMER.c.id,
            TIMER.c.flow,
            TIMER.c.name,
            TIMER.c.case_id,
            TIMER.c.case_code,
            TIMER.c.due_at,
            TIMER.c.waits_for,
        )
        .where(TIMER.c.state == "pending", TIMER.c.due_at <= at, ready, _ours(), ~_held_back())
        .order_by(TIMER.c.due_at, TIMER.c.id)
    )


def due(session: Session, at: datetime, most: int = MOST) -> Figure:
    """How many timers are due now, counted up to `most`."""
    return count(session, _due(at), most)


def late(session: Session, at: datetime) -> tuple[Figure, datetime | None]:
    """How many timers are due and have not fired, and since when the longest of them is."""
    longest = session.execute(_due(at).limit(1)).first()
    return (due(session, at), longest.due_at) if longest else (Figure(0), None)


def next_due(session: Session) -> datetime | None:
    """When the next timer comes due, for a clock that can be moved to it."""
    ahead = select(TIMER.c.due_at).where(TIMER.c.state == "pending", _ours(), ~_held_back())
    found: datetime | None = session.scalar(ahead.order_by(TIMER.c.due_at, TIMER.c.id).limit(1))
    return found


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
            ids = [timer.id for timer in session.execute(_due(at).limit(limit))]
        return sum(_fire_alone(engine, at, timer_id) for timer_id in ids)


def _sweep(session: Session, at: datetime, limit: int) -> int:
    """One batch, in due order. What somebody else holds at this moment is left for the next sweep: a sweep holds many locks,
    so it must not wait for one."""
    if database.skip_locked(session) and not session.scalar(
        text("SELECT pg_try_advisory_xact_lock(:key)"), {"key": SWEEP_LOCK}
    ):
        return 0
    session.flush()
    settled = 0
    while settled < limit:
        found = session.execute(_due(at).limit(limit - settled)).all()
        distinct = _one_of_each_case(found)
        fired = _fire(session, distinct, at, patient=False)
        settled += fired
        if not fired or len(distinct) == len(found):
            break
        session.flush()
    return settled


def _one_of_each_case(found: Sequence[Due]) -> list[Due]:
    """The timers up to the second one of the same case: what it finds then depends on what the first one does."""
    timers: list[Due] = []
    cases: set[tuple[str, int]] = set()
    for timer in found:
        if (timer.flow, timer.case_id) in cases:
            break
        cases.add((timer.flow, timer.case_id))
        timers.append(timer)
    return timers


def _fire_alone(engine: Engine, at: datetime, timer_id: int) -> int:
    def work(session: Session) -> int:
        return _fire(session, session.execute(_due(at).where(TIMER.c.id == timer_id)).all(), at)

    try:
        return database.in_transaction(engine, work)
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
    timer.next_at = at + faults.pause_after(timer.tries)
    if timer.tries >= TRIES:
        timer.state = "parked"


def _fire(session: Session, found: Sequence[Due], at: datetime, patient: bool = True) -> int:
    """Fire these timers, each of another case, under the locks of their cases; how many were settled. Those are left that
    somebody settled first, or (by the impatient) whose case somebody else holds."""
    _hold_projects(session, found)
    mine = _held(session, found, patient)
    mine = _claimed(session, mine, at)
    decided = _decisions(session, mine)
    results: dict[str, list[int]] = {}
    for timer in mine:
        result = _settle(session, timer, at, decided.get((timer.flow, timer.case_id, timer.waits_for)))
        if result != "taken":
            results.setdefault(result, []).append(timer.id)
    for result, ids in results.items():
        session.execute(TIMER.update().where(TIMER.c.id.in_(ids)).values(result=result))
    return len(mine)


def _hold_projects(session: Session, found: Sequence[Due]) -> None:
    """Lock the projects of the steps that concern a whole rotation before any case, as everybody does."""
    for name, flow in FLOWS.items():
        serial = {rule.name for rule in flow.timers if flow.serial(rule.event)}
        cases = [timer.case_id for timer in found if timer.flow == name and timer.name in serial]
        wanted = select(flow.table.project_id).where(flow.table.id.in_(cases)).distinct() if cases else None
        for project_id in sorted(session.scalars(wanted)) if wanted is not None else ():
            lock_project(session, project_id)


def _held(session: Session, found: Sequence[Due], patient: bool) -> list[Due]:
    """Those whose cases we hold now, locked by one statement per workflow."""
    held: set[tuple[str, int]] = set()
    for name in sorted({timer.flow for timer in found}):
        ids = [timer.case_id for timer in found if timer.flow == name]
        cases = hold(session, FLOWS[name], ids, patient)
        for case in cases:
            sees_through(FLOWS[name], case)
        held |= {(name, case.id) for case in cases}
    return [timer for timer in found if (timer.flow, timer.case_id) in held]


def _claimed(session: Session, found: Sequence[Due], at: datetime) -> list[Due]:
    """Those that nobody settled meanwhile; from here on they count as fired."""
    if not found:
        return []
    still = (TIMER.c.state == "pending", TIMER.c.due_at <= at, ~_held_back())
    mine = TIMER.update().where(TIMER.c.id.in_([timer.id for timer in found]), *still)
    fired = mine.values(state="fired", ended_at=at, result="taken", error=None).returning(TIMER.c.id)
    ids = set(session.scalars(fired))
    return [timer for timer in found if timer.id in ids]


def _decisions(session: Session, found: Sequence[Due]) -> dict[tuple[str, int, str | None], datetime]:
    """When the last request was decided that held one of these timers back."""
    last: dict[tuple[str, int, str | None], datetime] = {}
    for flow, event in sorted({(timer.flow, timer.waits_for) for timer in found if timer.waits_for}):
        ids = [timer.case_id for timer in found if (timer.flow, timer.waits_for) == (flow, event)]
        awaited = (APPROVAL.c.flow == flow, APPROVAL.c.event == event, APPROVAL.c.case_id.in_(ids))
        decided = select(APPROVAL.c.case_id, func.max(APPROVAL.c.decided_at)).where(*awaited)
        for case_id, at in session.execute(decided.group_by(APPROVAL.c.case_id)):
            if at is not None:
                last[flow, case_id, event] = at
    return last


def _settle(session: Session, timer: Due, at: datetime, decided: datetime | None) -> str:
    """Take the timer's event, or tell its fact; a case that has moved on leaves nothing to do, and that is what is said."""
    flow = FLOWS[timer.flow]
    rule = next(rule for rule in flow.timers if rule.name == timer.name)
    case = books(session).held[timer.flow, timer.case_code]
    result = _take(session, timer, flow, rule, at) if rule.event else _tell(session, timer, rule, case, at)
    late = at - max(timer.due_at, decided or timer.due_at)
    if late > timedelta(minutes=policies.in_force(session, at).timer_late_minutes):
        # What waited for a decision is late only from the decision on: nobody was asleep.
        seconds, cause = int(late.total_seconds()), f"timer:{timer.id}"
        announce(session, flow, case, "timer.late", at, cause=cause, timer=timer.name, late_seconds=seconds)
    return result


def _take(session: Session, timer: Due, flow: type[Flow], rule: Rule, at: datetime) -> str:
    given = rule.facts or {}
    try:
        take(
            session,
            Ask(
                flow,
                rule.event,
                CLOCK,
                at,
                code=timer.case_code,
                facts=given,
                due_at=timer.due_at,
                timer_id=timer.id,
            ),
        )
    except Refused as refusal:
        return f"moved on: {refusal.code}"
    return "taken"


def _tell(session: Session, timer: Due, rule: Rule, case: Any, at: datetime) -> str:
    if rule.still and not rule.still(case):
        return "nothing to remind of"
    announce(session, FLOWS[timer.flow], case, rule.fact, at, cause=f"timer:{timer.id}")
    return "told"


def parked(session: Session) -> list[Timer]:
    """Timers that broke too often to be tried again by themselves."""
    return list(
        session.scalars(select(Timer).where(Timer.state == "parked").order_by(Timer.due_at, Timer.id))
    )


def retry(session: Session, timer_id: int) -> bool:
    """Let a parked timer be tried again at once; whether it was one."""
    again = update(Timer).where(Timer.id == timer_id, Timer.state == "parked")
    return bool(session.execute(again.values(state="pending", tries=0, next_at=None)).rowcount)  # type: ignore[attr-defined]
