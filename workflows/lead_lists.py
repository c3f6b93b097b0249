"""Lists of leads as people look at them: whose, in which states, narrowed down by what, in which order. Each page is read from an
index that has its order, and no figure is counted further than anybody wants to know. Read only."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, bindparam, func, or_, select, true, union_all
from sqlalchemy.orm import Session

from models.base import Instant
from models.figures import Figure, counted, fixed
from models.keyset import Place, beyond
from models.leads import Lead
from models.people import Person
from models.remembered import CLOCKS, Timer
from workflows.engine.actor import Actor

RUNNING = ("captured", "screened", "visited", "assigned", "unconverted")
RESTING = ("reclaimed", "closed")
STATES = (*RUNNING, *RESTING)
OPEN = STATES[:-1]
HELD = ("assigned", "unconverted", "reclaimed", "closed")
# A list by deadline ends with the leads that have none, those captured first before the others: their place is that of their
# capture so many years later (2800 years change no day of the calendar).
WITHOUT = timedelta(days=7 * 146_097)
# So many of the next clocks to run out are gone through for the leads that are met first.
NEAR, FAR = 2_000, 20_000
BEYOND_CLOCKS = datetime(4000, 1, 1, tzinfo=UTC)

Condition = ColumnElement[bool]


@dataclass(frozen=True, slots=True)
class Part:
    """Some leads: those for which it is so, and the states in which there can be any. Parts of a whole have none in common."""

    so: Condition
    states: tuple[str, ...] = STATES


Whole = tuple[Part, ...]
EVERYBODYS: Whole = (Part(true()),)


def own(session: Session, actor: Actor) -> Whole:
    """One's own leads, promoted, held or offered; a leader's are those of the team."""
    return _apart(_own(session, actor))


def seen(session: Session, actor: Actor) -> Whole:
    """All that one sees: the same leads as `LeadFlow.seen_by`."""
    if actor.has("reception", "manager", "sales_manager", "finance", "auditor"):
        return EVERYBODYS
    pool = Part(and_(Lead.state == fixed("reclaimed"), Lead.holder_id.is_(None)), ("reclaimed",))
    return _apart([*_own(session, actor), *([pool] if actor.has("member", "leader") else [])])


def of_person(session: Session, name: str) -> Whole:
    """What somebody of this name promoted or holds."""
    return _apart(_brought_or_held(list(session.scalars(select(Person.id).where(Person.name == name)))))


def _own(session: Session, actor: Actor) -> list[Part]:
    if actor.roles <= {"admin"} or actor.id is None:
        return []
    whose = [actor.id]
    if actor.has("leader") and actor.team_id is not None:
        whose += session.scalars(select(Person.id).where(Person.team_id == actor.team_id))
    return [*_brought_or_held(sorted(set(whose))), Part(Lead.offered_to_id == actor.id, ("visited",))]


def _apart(parts: Iterable[Part]) -> Whole:
    """These parts, each without what is in an earlier one."""
    found: list[Part] = []
    taken: list[Condition] = []
    for part in parts:
        found.append(Part(and_(part.so, *(known.is_not(true()) for known in taken)), part.states))
        taken.append(part.so)
    return tuple(found)


def _brought_or_held(people: Sequence[int]) -> tuple[Part, Part]:
    """People are told by their numbers: a database that had to find them first would rather read all leads."""
    if len(people) == 1:
        return Part(Lead.promoter_id == people[0]), Part(Lead.holder_id == people[0], HELD)
    return Part(Lead.promoter_id.in_(people)), Part(Lead.holder_id.in_(people), HELD)


def within(whole: Whole, other: Whole) -> Whole:
    """What is in both."""
    return tuple(
        Part(and_(one.so, two.so), tuple(state for state in one.states if state in two.states))
        for one in whole
        for two in other
    )


def counts(
    session: Session, whole: Whole, narrowed: Condition, states: Sequence[str] = STATES
) -> dict[str, Figure]:
    """How many of these leads stand in each state, of the states in which there are any."""
    wanted = {
        state: [select(Lead.id).where(*each, narrowed) for each in of_state(state, whole)] for state in states
    }
    return {state: figure for state, figure in counted(session, wanted).items() if figure}


def of_state(state: str, whole: Whole) -> Iterator[tuple[Condition, ...]]:
    """The conditions for the leads of one state, part by part."""
    return ((Lead.state == fixed(state), part.so) for part in whole if state in part.states)


def latest(
    session: Session,
    whole: Whole,
    narrowed: Condition,
    states: Sequence[str],
    after: Place | None,
    limit: int,
) -> list[Lead]:
    """The latest captured of these leads, from a place in the list on."""
    place = beyond(Lead.captured_at, Lead.id, after, newest=True)
    order = Lead.captured_at.desc(), Lead.id.desc()
    some = [
        select(Lead.id).where(*each, narrowed, place).order_by(*order).limit(limit)
        for state in states
        for each in of_state(state, whole)
    ]
    return list(session.scalars(select(Lead).where(Lead.id.in_(_ids(some))).order_by(*order).limit(limit)))


def _ids(some: Sequence[Select[int]]) -> Select[int]:
    """The numbers that these find together; a part that is ordered and limited stands for itself."""
    every = union_all(*(select(each.subquery().c.id) for each in some)).subquery() if some else None
    return select(every.c.id) if every is not None else select(Lead.id).where(~true())


# -- by deadline ----------------------------------------------------------------------------------------------------


def urgent(
    session: Session,
    whole: Whole,
    narrowed: Condition,
    states: Sequence[str],
    after: Place | None,
    limit: int,
) -> list[tuple[Lead, Place]]:
    """These leads, the most urgent first, each with its place in the list: by the first of its clocks that runs out; those
    without a clock come last, by their capture."""
    found: list[Place] = []
    if after is None or after[0] < BEYOND_CLOCKS:
        running = tuple(state for state in states if state in RUNNING)
        found = _by_clock(session, whole, narrowed, running, after, limit)
        after = None
    if len(found) < limit:
        found += _without(session, whole, narrowed, states, after, limit - len(found))
    leads = _leads(session, found)
    return [(leads[place[1]], place) for place in found]


def urgent_in_each(
    session: Session, whole: Whole, states: Sequence[str], limit: int
) -> dict[str, list[Lead]]:
    """The most urgent of these leads, so many of each state."""
    running = tuple(state for state in states if state in RUNNING)
    found, to_the_end = _first_to_run_out(session, whole, true(), running, None, limit, NEAR, each=True)
    for state in states:
        if state in RUNNING and len(found[state]) < limit and not to_the_end:
            found[state] = _by_clock(session, whole, true(), (state,), None, limit, (FAR,))
        if len(found[state]) < limit:
            found[state] += _without(session, whole, true(), (state,), None, limit - len(found[state]))
    leads = _leads(session, [place for each in found.values() for place in each])
    return {state: [leads[lead_id] for _at, lead_id in each] for state, each in found.items()}


def _leads(session: Session, places: Sequence[Place]) -> dict[int, Lead]:
    ids = [lead_id for _at, lead_id in places]
    return {lead.id: lead for lead in session.scalars(select(Lead).where(Lead.id.in_(ids)))} if ids else {}


def _by_clock(
    session: Session,
    whole: Whole,
    narrowed: Condition,
    states: tuple[str, ...],
    after: Place | None,
    limit: int,
    distances: Sequence[int] = (NEAR, FAR),
) -> list[Place]:
    """Those that have a clock. Few of them are put in order as a whole. The first of many are soon met where the next clocks to
    run out are gone through; where they are not, further and further, until it is less work to put all in order."""
    some = [select(Lead.id).where(*each, narrowed) for state in states for each in of_state(state, whole)]
    if not some:
        return []
    size = counted(session, {"": some})[""]
    for far in distances:
        if not size.more and size * 2 <= far:
            break
        met, to_the_end = _first_to_run_out(session, whole, narrowed, states, after, limit, far)
        if to_the_end or len(met[""]) == limit:
            return met[""]
    mine, due = union_all(*some).subquery(), func.min(Timer.due_at, type_=Instant())
    timed = select(due, mine.c.id).join(Timer, and_(Timer.case_id == mine.c.id, *clocks(Timer)))
    ordered = (
        timed.group_by(mine.c.id).having(beyond(due, mine.c.id, after, exact=True)).order_by(due, mine.c.id)
    )
    return [(at, lead_id) for at, lead_id in session.execute(ordered.limit(limit))]


def _first_to_run_out(
    session: Session,
    whole: Whole,
    narrowed: Condition,
    states: tuple[str, ...],
    after: Place | None,
    limit: int,
    far: int,
    *,
    each: bool = False,
) -> tuple[dict[str, list[Place]], bool]:
    """The leads that are met first among the next clocks to run out, all together or so many of `each` state; and whether these
    were all the clocks there are."""
    going = (*clocks(Timer), beyond(Timer.due_at, Timer.case_id, after))
    next_ones = (
        select(Timer.due_at, Timer.case_id).where(*going).order_by(Timer.due_at, Timer.case_id).limit(far)
    )
    some = next_ones.subquery()
    at = func.min(some.c.due_at, type_=Instant()).label("at")
    first = select(some.c.case_id.label("id"), at).group_by(some.c.case_id).subquery()
    sooner = select(Timer.id).where(*clocks(Timer), Timer.case_id == first.c.id, Timer.due_at < first.c.at)
    mine = [Lead.state.in_(states), or_(*(part.so for part in whole)), narrowed]
    rank = func.row_number().over(
        partition_by=Lead.state if each else None, order_by=(first.c.at, first.c.id)
    )
    ranked = select(Lead.state.label("state"), first.c.at, first.c.id, rank.label("rank")).join(
        Lead, Lead.id == first.c.id
    )
    ranked = ranked.where(*mine, *([~sooner.exists()] if after else []))
    best = ranked.subquery()
    wanted = select(best).where(best.c.rank <= limit).order_by(best.c.rank)
    found: dict[str, list[Place]] = {state: [] for state in (STATES if each else ("",))}
    for state, due, lead_id, _rank in session.execute(wanted):
        found[state if each else ""].append((due, lead_id))
    walked = session.scalar(select(func.count()).select_from(some))
    return found, (walked or 0) < far


def _without(
    session: Session,
    whole: Whole,
    narrowed: Condition,
    states: Sequence[str],
    after: Place | None,
    limit: int,
) -> list[Place]:
    """Those without a clock; at rest no lead has one."""
    place = beyond(Lead.captured_at, Lead.id, (after[0] - WITHOUT, after[1]) if after else None)
    clock = select(Timer.id).where(Timer.case_id == Lead.id, *clocks(Timer)).exists()
    some = [
        select(Lead.captured_at.label("at"), Lead.id.label("id"))
        .where(*each, narrowed, place, *([~clock] if state in RUNNING else []))
        .order_by(Lead.captured_at, Lead.id)
        .limit(limit)
        for state in states
        for each in of_state(state, whole)
    ]
    if not some:
        return []
    every = union_all(*(select(each.subquery()) for each in some)).subquery()
    found = session.execute(select(every.c.at, every.c.id).order_by(every.c.at, every.c.id).limit(limit))
    return [(at + WITHOUT, lead_id) for at, lead_id in found]


def clocks(timer: Any) -> tuple[Condition, ...]:
    """That a timer is a clock of a lead that runs."""
    names: Any = bindparam(None, CLOCKS, expanding=True, literal_execute=True)
    return timer.state == fixed("pending"), timer.flow == fixed("lead"), timer.name.in_(names)
