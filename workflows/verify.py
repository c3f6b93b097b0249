"""Proving the books: every history row legal in its machine and chained, every case equal to the fold of its history,
every timer settled once, every approval decided once, every fact told or explained."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from itertools import groupby
from typing import Any

from sqlalchemy import String, cast, func, select
from sqlalchemy.orm import Session

from models.money import Journal
from models.remembered import Approval, History, Outbox, Timer
from workflows import timers as clockwork
from workflows.engine import chain
from workflows.engine.flow import Flow
from workflows.flows import FLOWS
from workflows.money import proof

Progress = Callable[[int], None]


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
    """Prove everything in one reading transaction."""
    report, anchor = Report(), sha256()
    for name, flow in FLOWS.items():
        report.findings += _cases(session, flow, report, anchor, progress)
        report.findings += _orphans(session, name, flow)
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
    """The anchor of all chains, without proving them: by it a copy is known to be one."""
    anchor = sha256()
    for flow in FLOWS.values():
        ends = select(flow.table.code, flow.table.version, flow.table.head).order_by(flow.table.id)
        for end in session.execute(ends.execution_options(yield_per=2000)):
            anchor.update(_end(end))
    return anchor.hexdigest()


def _end(case: Any) -> bytes:
    """What the anchor knows of a case: where its chain ends."""
    return f"{case.code}:{case.version}:{case.head};".encode()


def _cases(
    session: Session, flow: type[Flow], report: Report, anchor: Any, progress: Progress
) -> Iterator[Finding]:
    """Each case with its rows, read in one ordered stream."""
    rows = select(History).where(History.flow == flow.flow_name).order_by(History.case_id, History.seq)
    chains = groupby(session.scalars(rows.execution_options(yield_per=500)), key=lambda row: row.case_id)
    cases = session.scalars(select(flow.table).order_by(flow.table.id).execution_options(yield_per=500))
    current = next(chains, None)
    for case in cases:
        while current and current[0] < case.id:
            current = next(chains, None)
        mine = list(current[1]) if current and current[0] == case.id else []
        anchor.update(_end(case))
        report.counts[flow.flow_name] = report.counts.get(flow.flow_name, 0) + 1
        report.counts["history"] = report.counts.get("history", 0) + len(mine)
        progress(len(mine))
        yield from prove(flow, case, mine)


def _orphans(session: Session, name: str, flow: type[Flow]) -> Iterator[Finding]:
    known = select(flow.table.id)
    for code in session.scalars(
        select(History.case_code).where(History.flow == name, History.case_id.not_in(known)).distinct()
    ):
        yield Finding("history without a case", code, "its rows belong to no case")


def prove(flow: type[Flow], case: Any, rows: list[History]) -> Iterator[Finding]:
    """One case: its chain, its legality, and that it equals the fold of its history."""
    previous, state = "", None
    folded: dict[str, Any] = {}
    for seq, row in enumerate(rows, start=1):
        if row.seq != seq:
            yield Finding("broken chain", case.code, f"row {seq} is missing or doubled (found {row.seq})")
            return
        if row.previous != previous or row.hash != chain.digest(row):
            yield Finding(
                "broken chain", case.code, f"row {seq} ({row.event}) was altered after it was written"
            )
            return
        if row.private is not None and row.private_mac != chain.private_digest(row.private):
            yield Finding(
                "broken chain", case.code, f"the sealed facts of row {seq} ({row.event}) were altered"
            )
        if illegal := _illegal(flow, row, state):
            yield Finding("illegal step", case.code, f"row {seq}: {illegal}")
        previous, state = row.hash, row.target
        folded |= row.changes
    yield from _ends(flow, case, rows, previous, state, folded)


def _illegal(flow: type[Flow], row: History, state: str | None) -> str:
    """Why this row cannot follow that state; nothing if it can."""
    if row.source != state:
        return f"{row.event} starts from {row.source}, but the case stood at {state}"
    step = flow.steps.get((row.event, row.source))
    if step is None:
        return f"{row.event} is not possible from {row.source}"
    target = flow.begins() if step.opens else _target(flow, row)
    if row.target != target:
        return f"{row.event} leads to {target}, not to {row.target}"
    if step.approved_by and row.approved_by_id is None and row.by_role == "person" and not _by_the_house(row):
        return f"{row.event} needs an approval and has none"
    if row.approved_by_id is not None and row.approved_by_id == row.by_id:
        return f"{row.event} was approved by who asked for it"
    if row.due_at is not None and row.at < row.due_at:
        return f"{row.event} fired before it was due"
    return ""


def _by_the_house(row: History) -> bool:
    """Steps that follow from another step in the same transaction need no approval of their own."""
    return row.event == "invalidate" and row.facts.get("reason") == "duplicate" and row.source == "captured"


def _target(flow: type[Flow], row: History) -> str:
    state = flow.states_map[row.source]
    return next((t.target.id for t in state.transitions if row.event in [e.id for e in t.events]), "")


def _ends(
    flow: type[Flow], case: Any, rows: list[History], head: str, state: str | None, folded: dict[str, Any]
) -> Iterator[Finding]:
    if case.version != len(rows) or case.head != head:
        yield Finding(
            "cut history", case.code, f"the case counts {case.version} rows, history has {len(rows)}"
        )
        return
    if case.state != state:
        yield Finding("state without history", case.code, f"the case says {case.state}, its history {state}")
    for column in flow.remembers:
        kept, told = chain.plain(getattr(case, column)), folded.get(column)
        if kept != told and not (kept in (None, []) and told in (None, [])):
            yield Finding(
                "value without history", case.code, f"{column} is {kept!r}, its history says {told!r}"
            )


def _timers(session: Session, report: Report) -> Iterator[Finding]:
    """Every timer is pending, fired once, or cancelled; every step a timer took belongs to a fired one."""
    report.counts["timers"] = session.scalar(select(func.count()).select_from(Timer)) or 0
    for timer in session.scalars(select(Timer).where(Timer.state.not_in(("pending", "fired", "cancelled")))):
        yield Finding(
            "parked timer", timer.case_code, f"{timer.name} gave up after {timer.tries} tries: {timer.error}"
        )
    for timer in session.scalars(select(Timer).where(Timer.state == "fired", Timer.ended_at < Timer.due_at)):
        yield Finding("early timer", timer.case_code, f"{timer.name} fired before it was due")
    taken = select(History.timer_id).where(History.timer_id.is_not(None))
    for timer in session.scalars(select(Timer).where(Timer.result == "taken", Timer.id.not_in(taken))):
        yield Finding(
            "timer without a step",
            timer.case_code,
            f"{timer.name} says it was taken, history knows nothing of it",
        )
    fired = select(Timer.id).where(Timer.state == "fired")
    for row in session.scalars(
        select(History).where(History.timer_id.is_not(None), History.timer_id.not_in(fired))
    ):
        yield Finding("step without a timer", row.case_code, f"{row.event} names a timer that has not fired")


def _approvals(session: Session, report: Report) -> Iterator[Finding]:
    """Every approved request happened exactly once, and nothing happened on one that was not approved."""
    report.counts["approvals"] = report.counts.get("approval", 0)
    done = (
        select(History.approval_code, func.count())
        .where(History.approval_code.is_not(None))
        .group_by(History.approval_code)
    )
    times: dict[str | None, int] = dict(session.execute(done).all())
    for approval in session.scalars(select(Approval)):
        happened = times.pop(approval.code, 0)
        if happened != (1 if approval.state == "approved" else 0):
            detail = (
                f"{approval.event} of {approval.case_code} is {approval.state} and happened {happened} times"
            )
            yield Finding("approval and history differ", approval.code, detail)
    for code in times:
        yield Finding(
            "approval and history differ", str(code), "history names an approval that does not exist"
        )


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
    for fact in session.scalars(select(Outbox).where(Outbox.state == "parked")):
        yield Finding(
            "parked fact",
            fact.case_code,
            f"{fact.fact} could not be told after {fact.tries} tries: {fact.error}",
        )
    told = select(Outbox.cause)
    cause = History.flow + ":" + History.case_code + ":" + cast(History.seq, String)
    silent = select(History).where(cause.not_in(told))
    for row in session.scalars(silent.execution_options(yield_per=500)):
        step = FLOWS[row.flow].steps.get((row.event, row.source)) if row.flow in FLOWS else None
        if step is not None and step.announces:
            yield Finding(
                "step without its fact", row.case_code, f"{row.event} (row {row.seq}) was never announced"
            )
