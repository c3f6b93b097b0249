"""Proving the books: every history row legal in its machine and chained, every case equal to the fold of its history,
every timer settled once, every approval decided once, every fact told or explained."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from hashlib import sha256
from itertools import groupby
from operator import itemgetter
from typing import Any

from sqlalchemy import LargeBinary, Select, String, cast, func, inspect, select, type_coerce
from sqlalchemy import case as either
from sqlalchemy.orm import Session

from models.base import Base
from models.money import Journal
from models.remembered import Outbox
from models.sealed import sealer
from workflows import timers as clockwork
from workflows.engine import chain
from workflows.engine.flow import Flow
from workflows.flows import FLOWS
from workflows.money import proof

Progress = Callable[[int], None]
HISTORY, TIMER, APPROVAL = (Base.metadata.tables[name] for name in ("history", "timer", "approval"))
# Where in a streamed row its case stands; what is personal in history is sealed for this place.
CASE_ID, SEALED = 0, "history.private"
# How many rows come at once, and over how many at once it is asked whether a fact was told of each.
AT_ONCE, STRETCH = 2_000, 50_000


@dataclass(frozen=True, slots=True)
class Finding:
    """Something in the books that is not right: which case, which rule, what was found."""

    what: str
    case: str
    detail: str

    def as_json(self) -> dict[str, str]:
        return {"what": self.what, "case": self.case, "detail": self.detail}


@dataclass(slots=True)
class Report:
    """What a proof looked at. `notes` explain what is not finished but not wrong; `anchor` is a digest over the ends of all
    chains, to be written down outside, by which a later cut shows."""

    counts: dict[str, int] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    anchor: str = ""

    @property
    def clean(self) -> bool:
        return not self.findings

    def as_json(self) -> dict[str, Any]:
        return {
            "clean": self.clean,
            "counts": self.counts,
            "findings": [finding.as_json() for finding in self.findings],
            "notes": self.notes,
            "anchor": self.anchor,
        }


def verify(session: Session, at: datetime, progress: Progress = lambda done: None) -> Report:
    """Prove everything in one reading transaction, in streams: what it takes of memory does not grow with the books."""
    report, anchor = Report(), sha256()
    for flow in FLOWS.values():
        report.findings += _cases(session, flow, report, anchor, progress)
    report.findings += _of_no_workflow(session, report)
    report.findings += _timers(session, report)
    report.findings += _approvals(session, report)
    report.findings += _facts(session, report, at)
    report.findings += _ledger(session, report)
    report.anchor = anchor.hexdigest()
    late = clockwork.due(session, at)
    if late:
        report.notes.append(f"{late} timers are due and wait for a worker")
    return report


def anchor_of(session: Session) -> str:
    """The anchor of all chains, without proving them: by it a copy is known to be one. Books from before a workflow came have no
    table of it, and nothing to say."""
    anchor, there = sha256(), set(inspect(session.connection()).get_table_names())
    for flow in (flow for flow in FLOWS.values() if flow.table.__tablename__ in there):
        ends = select(flow.table.code, flow.table.version, flow.table.head).order_by(flow.table.id)
        for end in session.execute(ends.execution_options(yield_per=2000)):
            anchor.update(_end(end))
    return anchor.hexdigest()


def _end(case: Any) -> bytes:
    """What the anchor knows of a case: where its chain ends."""
    return f"{case.code}:{case.version}:{case.head};".encode()


# -- each case ------------------------------------------------------------------------------------------------------


def _cases(
    session: Session, flow: type[Flow], report: Report, anchor: Any, progress: Progress
) -> Iterator[Finding]:
    """Each case beside its rows, both read in order in one stream; what is left over belongs to no case."""
    name, read = flow.flow_name, _Read(report, progress)
    chains = groupby(_rows(session, name), key=itemgetter(CASE_ID))
    current = next(chains, None)
    for case in _streamed(session, _columns(flow)):
        while current and current[0] < case.id:
            yield from _left_over(current[1], read)
            current = next(chains, None)
        mine: list[Any] = []
        if current and current[0] == case.id:
            mine = list(current[1])
            current = next(chains, None)
        anchor.update(_end(case))
        report.counts[name] = report.counts.get(name, 0) + 1
        read.add(len(mine))
        yield from prove(flow, case, mine)
    while current:
        yield from _left_over(current[1], read)
        current = next(chains, None)
    read.say()


class _Read:
    """How many rows of history were read, said now and then."""

    def __init__(self, report: Report, progress: Progress) -> None:
        self.report, self.progress, self.unsaid = report, progress, 0

    def add(self, rows: int) -> None:
        self.unsaid += rows
        if self.unsaid >= AT_ONCE:
            self.say()

    def say(self) -> None:
        self.report.counts["history"] = self.report.counts.get("history", 0) + self.unsaid
        self.progress(self.unsaid)
        self.unsaid = 0


def _left_over(rows: Iterable[Any], read: _Read) -> Iterator[Finding]:
    left = list(rows)
    read.add(len(left))
    for code in dict.fromkeys(row.case_code for row in left):
        yield Finding("history without a case", code, "its rows belong to no case")


def _rows(session: Session, flow: str) -> Iterator[Any]:
    """The history of one workflow, case by case, with what is personal still sealed."""
    sealed = type_coerce(HISTORY.c.private, LargeBinary).label("private")
    plain = [column for column in HISTORY.c if column is not HISTORY.c.private]
    wanted = select(HISTORY.c.case_id.label("of"), *plain, sealed).where(HISTORY.c.flow == flow)
    return _streamed(session, wanted.order_by(HISTORY.c.case_id, HISTORY.c.seq))


def _columns(flow: type[Flow]) -> Select[Any]:
    """What is proved of a case, and not what is personal of it."""
    table = flow.table.__table__
    names = dict.fromkeys(("id", "code", "version", "head", "state", *flow.remembers))
    return select(*(table.c[name] for name in names)).order_by(table.c.id)


def _streamed(session: Session, wanted: Select[Any]) -> Iterator[Any]:
    return iter(session.execute(wanted.execution_options(yield_per=AT_ONCE)))


def _of_no_workflow(session: Session, report: Report) -> Iterator[Finding]:
    """Every row of history was read with the cases of its workflow."""
    there = session.scalar(select(func.count()).select_from(HISTORY)) or 0
    if unread := there - report.counts.get("history", 0):
        strange = select(HISTORY.c.flow).where(HISTORY.c.flow.not_in(FLOWS)).distinct()
        for flow in session.scalars(strange):
            yield Finding(
                "history of no workflow", flow, f"{unread} rows belong to no workflow that there is"
            )


def prove(flow: type[Flow], case: Any, rows: Sequence[Any]) -> Iterator[Finding]:
    """One case: its chain, its legality, and that it equals the fold of its history."""
    previous, state = "", None
    folded: dict[str, Any] = {}
    laws = _laws(flow)
    for seq, row in enumerate(rows, start=1):
        if row.seq != seq:
            yield Finding("broken chain", case.code, f"row {seq} is missing or doubled (found {row.seq})")
            return
        if row.previous != previous or row.hash != chain.digest(row):
            yield Finding(
                "broken chain", case.code, f"row {seq} ({row.event}) was altered after it was written"
            )
            return
        if row.private is not None and not _is_what_was_sealed(row.private, row.private_mac):
            yield Finding(
                "broken chain", case.code, f"the sealed facts of row {seq} ({row.event}) were altered"
            )
        if illegal := _illegal(laws, row, state):
            yield Finding("illegal step", case.code, f"row {seq}: {illegal}")
        previous, state = row.hash, row.target
        folded |= row.changes
    yield from _ends(flow, case, rows, previous, state, folded)


def _is_what_was_sealed(private: Any, mac: str | None) -> bool:
    """Whether the digest in the chain is that of these facts, opened or as they are kept."""
    try:
        opened = json.loads(sealer().open(private, SEALED)) if isinstance(private, bytes) else private
    except ValueError:
        return False
    return bool(mac == chain.private_digest(opened))


@dataclass(frozen=True, slots=True)
class _Law:
    """A step as history must show it: where it leads, and whether somebody must have agreed."""

    target: str
    asks: bool


@cache
def _laws(flow: type[Flow]) -> dict[tuple[str, str | None], _Law]:
    return {
        (event, source): _Law(
            flow.begins() if step.opens else _target(flow, event, source), step.approved_by is not None
        )
        for (event, source), step in flow.steps.items()
    }


def _illegal(laws: dict[tuple[str, str | None], _Law], row: Any, state: str | None) -> str:
    """Why this row cannot follow that state; nothing if it can."""
    if row.source != state:
        return f"{row.event} starts from {row.source}, but the case stood at {state}"
    law = laws.get((row.event, row.source))
    if law is None:
        return f"{row.event} is not possible from {row.source}"
    if row.target != law.target:
        return f"{row.event} leads to {law.target}, not to {row.target}"
    if law.asks and row.approved_by_id is None and row.by_role == "person" and not _by_the_house(row):
        return f"{row.event} needs an approval and has none"
    if row.approved_by_id is not None and row.approved_by_id == row.by_id:
        return f"{row.event} was approved by who asked for it"
    if row.due_at is not None and row.at < row.due_at:
        return f"{row.event} fired before it was due"
    return ""


def _by_the_house(row: Any) -> bool:
    """Steps that follow from another step in the same transaction need no approval of their own."""
    return bool(
        row.event == "invalidate" and row.facts.get("reason") == "duplicate" and row.source == "captured"
    )


def _target(flow: type[Flow], event: str, source: str | None) -> str:
    state = flow.states_map[source]
    return next((t.target.id for t in state.transitions if event in [e.id for e in t.events]), "")


def _ends(
    flow: type[Flow], case: Any, rows: Sequence[Any], head: str, state: str | None, folded: dict[str, Any]
) -> Iterator[Finding]:
    if case.version != len(rows) or case.head != head:
        yield Finding(
            "cut history", case.code, f"the case counts {case.version} rows, history has {len(rows)}"
        )
        return
    if case.state != state:
        yield Finding("state without history", case.code, f"the case says {case.state}, its history {state}")
    for column in flow.remembers:
        kept, told = getattr(case, column), folded.get(column)
        if (
            kept != told
            and (kept := chain.plain(kept)) != told
            and not (kept in (None, []) and told in (None, []))
        ):
            yield Finding(
                "value without history", case.code, f"{column} is {kept!r}, its history says {told!r}"
            )


# -- what goes with the cases ----------------------------------------------------------------------------------------


def _timers(session: Session, report: Report) -> Iterator[Finding]:
    """Every timer is pending, fired once, or cancelled; every step a timer took belongs to a fired one."""
    report.counts["timers"] = session.scalar(select(func.count()).select_from(TIMER)) or 0
    timer = select(TIMER.c.case_code, TIMER.c.name, TIMER.c.tries, TIMER.c.error)
    for code, name, tries, error in session.execute(
        timer.where(TIMER.c.state.not_in(("pending", "fired", "cancelled")))
    ):
        yield Finding("parked timer", code, f"{name} gave up after {tries} tries: {error}")
    for code, name, *_rest in session.execute(
        timer.where(TIMER.c.state == "fired", TIMER.c.ended_at < TIMER.c.due_at)
    ):
        yield Finding("early timer", code, f"{name} fired before it was due")
    step = select(HISTORY.c.id).where(HISTORY.c.timer_id.is_not(None), HISTORY.c.timer_id == TIMER.c.id)
    for code, name, *_rest in session.execute(timer.where(TIMER.c.result == "taken", ~step.exists())):
        yield Finding("timer without a step", code, f"{name} says it was taken, history knows nothing of it")
    fired = select(TIMER.c.id).where(TIMER.c.id == HISTORY.c.timer_id, TIMER.c.state == "fired")
    for code, event in session.execute(
        select(HISTORY.c.case_code, HISTORY.c.event).where(
            HISTORY.c.timer_id.is_not(None), ~fired.correlate(HISTORY).exists()
        )
    ):
        yield Finding("step without a timer", code, f"{event} names a timer that has not fired")


def _approvals(session: Session, report: Report) -> Iterator[Finding]:
    """Every approved request happened exactly once, and nothing happened on one that was not approved."""
    report.counts["approvals"] = report.counts.get("approval", 0)
    happened = (
        select(HISTORY.c.approval_code.label("code"), func.count().label("times"))
        .where(HISTORY.c.approval_code.is_not(None))
        .group_by(HISTORY.c.approval_code)
        .cte("happened")
    )
    times = func.coalesce(happened.c.times, 0)
    once = either((APPROVAL.c.state == "approved", 1), else_=0)
    wrong = (
        select(APPROVAL.c.code, APPROVAL.c.event, APPROVAL.c.case_code, APPROVAL.c.state, times.label("n"))
        .select_from(APPROVAL.outerjoin(happened, happened.c.code == APPROVAL.c.code))
        .where(times != once)
        .order_by(APPROVAL.c.id)
    )
    for code, event, about, state, n in session.execute(wrong):
        detail = f"{event} of {about} is {state} and happened {n} times"
        yield Finding("approval and history differ", code, detail)
    known = select(APPROVAL.c.id).where(APPROVAL.c.code == happened.c.code)
    for code in session.scalars(select(happened.c.code).where(~known.exists()).order_by(happened.c.code)):
        yield Finding("approval and history differ", code, "history names an approval that does not exist")


def _ledger(session: Session, report: Report) -> Iterator[Finding]:
    """Every journal balances, and every statement equals what history says, to the fen."""
    report.counts["journals"] = session.scalar(select(func.count()).select_from(Journal)) or 0
    for wrong in proof.prove(session):
        yield Finding(wrong.what, wrong.where, wrong.detail)


def _facts(session: Session, report: Report, at: datetime) -> Iterator[Finding]:
    """The outbox is drained, or it is said what waits and why."""
    counted = select(Outbox.state, func.count()).group_by(Outbox.state)
    by_state: dict[str, int] = dict(session.execute(counted).all())
    report.counts["facts"] = sum(by_state.values())
    if waiting := by_state.get("pending"):
        oldest = session.scalar(select(func.min(Outbox.at)).where(Outbox.state == "pending"))
        report.notes.append(
            f"{waiting} facts wait for a worker, the oldest since {oldest:%Y-%m-%d %H:%M:%S} UTC"
        )
    for fact in session.scalars(select(Outbox).where(Outbox.state == "parked").order_by(Outbox.id)):
        yield Finding(
            "parked fact",
            fact.case_code,
            f"{fact.fact} could not be told after {fact.tries} tries: {fact.error}",
        )
    for row in _silent(session):
        step = FLOWS[row.flow].steps.get((row.event, row.source)) if row.flow in FLOWS else None
        if step is not None and step.announces:
            yield Finding(
                "step without its fact", row.case_code, f"{row.event} (row {row.seq}) was never announced"
            )


def _silent(session: Session) -> Iterator[Any]:
    """The rows of history that no fact names as its cause, looked up a stretch of history at a time."""
    cause = HISTORY.c.flow + ":" + HISTORY.c.case_code + ":" + cast(HISTORY.c.seq, String)
    told = select(Outbox.id).where(Outbox.cause == cause).correlate(HISTORY)
    row = select(HISTORY.c.flow, HISTORY.c.event, HISTORY.c.source, HISTORY.c.case_code, HISTORY.c.seq)
    first, last = session.execute(select(func.min(HISTORY.c.id), func.max(HISTORY.c.id))).one()
    for start in range(first or 0, (last or -1) + 1, STRETCH):
        stretch = HISTORY.c.id.between(start, start + STRETCH - 1)
        yield from session.execute(row.where(stretch, ~told.exists()).order_by(HISTORY.c.id))
