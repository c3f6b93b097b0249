"""Where the leads stand and how they move: how many in each state, since when, what runs out next, and how many went along
each edge of the machine. Read only, over the leads that the asker may see."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, func, or_, select
from sqlalchemy.orm import Session

from models.leads import Lead
from models.quantiles import Spread, seconds_between, spreads
from models.remembered import History, Timer
from workflows.engine.actor import Actor
from workflows.lead import LeadFlow

OPEN = ("captured", "screened", "visited", "assigned", "unconverted", "reclaimed")
YOUNG, OLD = timedelta(days=3), timedelta(days=10)


@dataclass(frozen=True, slots=True)
class Standing:
    """The leads of one state: how many, by how long they have been in it, and how many run out within two days."""

    state: str
    count: int
    young: int
    middle: int
    old: int
    oldest: datetime | None
    soon: int


@dataclass(frozen=True, slots=True)
class Move:
    """How often an event led from one state to another in a span of days."""

    source: str
    target: str
    event: str
    count: int


def since_column() -> ColumnElement[datetime]:
    """Since when a lead has been in its present state."""
    by_state: list[tuple[ColumnElement[bool], Any]] = [
        (Lead.state == "screened", Lead.screened_at),
        (Lead.state == "visited", Lead.visited_at),
        (Lead.state == "assigned", Lead.assigned_at),
        (Lead.state == "unconverted", Lead.unconverted_at),
        (Lead.state == "reclaimed", func.coalesce(Lead.reclaimed_at, Lead.lost_at)),
        (Lead.state == "closed", Lead.closed_at),
    ]
    return func.coalesce(case(*by_state, else_=Lead.captured_at), Lead.captured_at)


def standings(session: Session, actor: Actor, at: datetime) -> list[Standing]:
    """Every open state, also those nobody stands in, in the order of a lead's life."""
    since = since_column()
    ends = (
        select(func.min(Timer.due_at))
        .where(Timer.flow == "lead", Timer.case_id == Lead.id, Timer.state == "pending")
        .where(Timer.name.in_(("lapse", "expire", "offer")))
        .correlate(Lead)
        .scalar_subquery()
    )
    young, old = since > at - YOUNG, since <= at - OLD
    wanted = (
        select(
            Lead.state,
            func.count(),
            func.sum(case((young, 1), else_=0)),
            func.sum(case((old, 1), else_=0)),
            func.min(since),
            func.sum(case((ends < at + timedelta(days=2), 1), else_=0)),
        )
        .where(Lead.state.in_(OPEN), LeadFlow.seen_by(actor))
        .group_by(Lead.state)
    )
    found = {
        state: Standing(state, n, y, n - y - o, o, oldest, soon)
        for state, n, y, o, oldest, soon in session.execute(wanted)
    }
    return [found.get(state, Standing(state, 0, 0, 0, 0, None, 0)) for state in OPEN]


def moves(session: Session, actor: Actor, since: datetime) -> list[Move]:
    """How often each edge was gone since then."""
    wanted = (
        select(History.source, History.target, History.event, func.count())
        .join(Lead, Lead.id == History.case_id)
        .where(
            History.flow == "lead", History.at >= since, History.source.is_not(None), LeadFlow.seen_by(actor)
        )
        .group_by(History.source, History.target, History.event)
    )
    return [Move(source or "", target, event, n) for source, target, event, n in session.execute(wanted)]


def stays(session: Session, actor: Actor, since: datetime) -> dict[str, Spread]:
    """How long those who left a state since then had been in it, by state."""
    went = History.__table__.alias("went")
    moved = select(went.c.case_id).where(
        went.c.flow == "lead", went.c.at >= since, went.c.source != went.c.target
    )
    entered = (
        select(
            History.target.label("state"),
            History.at.label("at"),
            func.lead(History.at).over(partition_by=History.case_id, order_by=History.seq).label("left_at"),
        )
        .join(Lead, Lead.id == History.case_id)
        .where(
            History.flow == "lead",
            History.case_id.in_(moved),
            or_(History.source.is_(None), History.source != History.target),
            LeadFlow.seen_by(actor),
        )
        .subquery()
    )
    lengths = select(entered.c.state).where(entered.c.left_at >= since)
    return spreads(session, lengths, entered.c.state, seconds_between(entered.c.at, entered.c.left_at))


def went_along(source: str, target: str, event: str, since: datetime) -> ColumnElement[bool]:
    """Leads that went along this edge since then."""
    along = and_(
        History.flow == "lead",
        History.source == source,
        History.target == target,
        History.event == event,
        History.at >= since,
    )
    return Lead.id.in_(select(History.case_id).where(along))


def column(actor: Actor, state: str, deadline: Any, limit: int) -> Select[Lead]:
    """The leads of one state that this actor sees, the most urgent first."""
    mine = (Lead.state == state, LeadFlow.seen_by(actor))
    return select(Lead).where(*mine).order_by(deadline, Lead.id).limit(limit)


def per_day(found: Sequence[Move], days: int) -> dict[tuple[str, str, str], float]:
    """Moves a day by (source, target, event)."""
    return {(m.source, m.target, m.event): m.count / days for m in found}
