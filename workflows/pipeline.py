"""Where the leads stand and how they move: how many in each state, since when, what runs out next, and how many went along
each edge of the machine. Read only, over the leads that the asker may see."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, func, literal, or_, select, union_all
from sqlalchemy.orm import Session

from models.base import Instant
from models.figures import MOST, Figure, counted, fixed
from models.leads import Lead
from models.quantiles import Spread, seconds_between, spreads
from models.remembered import History, Timer
from workflows import lead_lists
from workflows.engine.actor import Actor
from workflows.lead import LeadFlow
from workflows.lead_lists import OPEN

YOUNG, OLD, SOON = timedelta(days=3), timedelta(days=10), timedelta(days=2)


@dataclass(frozen=True, slots=True)
class Standing:
    """The leads of one state: how many, by how long they have been in it, and how many run out within two days."""

    state: str
    young: Figure
    middle: Figure
    old: Figure
    oldest: datetime | None
    soon: Figure

    @property
    def count(self) -> Figure:
        return self.young + self.middle + self.old


@dataclass(frozen=True, slots=True)
class Move:
    """How often an event led from one state to another in a span of days."""

    source: str
    target: str
    event: str
    count: int


def _since(state: str) -> Any:
    """Since when a lead has been in this state."""
    return Lead.captured_at if state == "captured" else getattr(Lead, f"{state}_at")


def standings(session: Session, actor: Actor, at: datetime) -> list[Standing]:
    """Every open state, also those nobody stands in, in the order of a lead's life."""
    whole = lead_lists.seen(session, actor)
    mine = {state: list(lead_lists.of_state(state, whole)) for state in OPEN}
    aged = counted(
        session,
        {
            (state, age): [select(Lead.id).where(*each, so) for each in mine[state]]
            for state in OPEN
            for age, so in _ages(state, at).items()
        },
    )
    oldest, soon = _oldest(session, mine), _soon(session, actor, at)
    return [
        Standing(
            state,
            aged[state, "young"],
            aged[state, "middle"],
            aged[state, "old"],
            oldest.get(state),
            soon.get(state, Figure(0)),
        )
        for state in OPEN
    ]


def _ages(state: str, at: datetime) -> dict[str, ColumnElement[bool]]:
    since, young, old = _since(state), at - YOUNG, at - OLD
    return {"young": since > young, "middle": and_(since <= young, since > old), "old": since <= old}


def _oldest(session: Session, mine: dict[str, list[tuple[Any, ...]]]) -> dict[str, datetime]:
    """Since when the one longest in each state has been in it."""
    first = [
        select(fixed(state).label("state"), func.min(_since(state), type_=Instant()).label("since")).where(
            *each
        )
        for state, parts in mine.items()
        for each in parts
    ]
    found: dict[str, datetime] = {}
    for state, since in session.execute(union_all(*first)) if first else ():
        if since is not None:
            found[state] = min(since, found.get(state, since))
    return found


def _soon(session: Session, actor: Actor, at: datetime) -> dict[str, Figure]:
    """How many leads of each state run out within two days; of very many the first to run out are looked at."""
    clocks = lead_lists.clocks(Timer)
    next_ones = select(Timer.case_id).where(*clocks, Timer.due_at < at + SOON).order_by(Timer.due_at)
    some = next_ones.limit(MOST + 1).subquery()
    per_state = (
        select(Lead.state, func.count(Lead.id.distinct()), func.count())
        .join(some, some.c.case_id == Lead.id)
        .where(LeadFlow.seen_by(actor))
        .group_by(Lead.state)
    )
    everything = select(literal(""), literal(0), func.count()).select_from(some)
    found = {state: (leads, n) for state, leads, n in session.execute(union_all(per_state, everything))}
    more = found.pop("")[1] > MOST
    return {state: Figure(leads, more=more) for state, (leads, _n) in found.items()}


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


def per_day(found: Sequence[Move], days: int) -> dict[tuple[str, str, str], float]:
    """Moves a day by (source, target, event)."""
    return {(m.source, m.target, m.event): m.count / days for m in found}
