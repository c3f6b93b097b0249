"""Drills: things are broken on purpose while probes and whatever else waits are told, and afterwards it is counted what came of
them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.machinery import Drill
from models.remembered import History, Outbox, Timer
from workflows import timers, verify
from workflows.flows import FLOWS
from workflows.probes import PROBE, counted
from workflows.registers import background
from workflows.telling import posting

MOST_PROVED = 500  # cases


@dataclass(frozen=True, slots=True)
class Waiting:
    """What is to be done now, besides the probes."""

    timers: int
    facts: int
    messages: int
    registers: int

    def __str__(self) -> str:
        return (
            f"timers {self.timers}, facts {self.facts}, messages {self.messages}, registers {self.registers}"
        )


def begin(session: Session, real: datetime, host: str, worker: str) -> int:
    """Write down that a drill begins; its number."""
    row = Drill(at=real, host=host, worker=worker)
    session.add(row)
    session.flush()
    return row.id


def waiting(session: Session, at: datetime) -> Waiting:
    """What there is to do now, without the probes of any drill."""
    due = (Outbox.state == "pending", Outbox.next_at <= at, Outbox.fact != PROBE)
    return Waiting(
        timers.due(session, at),
        session.scalar(select(func.count()).where(*due)) or 0,
        posting.waiting(session, at),
        background.waiting(session, at),
    )


def last_row(session: Session) -> int:
    """The last row of history so far."""
    return session.scalar(select(func.max(History.id))) or 0


def moving(session: Session, at: datetime) -> set[tuple[str, str]]:
    """The cases about which something is to be done now: flow and code."""
    due = select(Timer.flow, Timer.case_code).where(Timer.state == "pending", Timer.due_at <= at)
    facts = select(Outbox.flow, Outbox.case_code).where(Outbox.state == "pending", Outbox.fact != PROBE)
    return {
        (flow, code) for query in (due, facts) for flow, code in session.execute(query.limit(MOST_PROVED))
    }


def findings(session: Session, cases: set[tuple[str, str]], after_row: int) -> list[verify.Finding]:
    """What is wrong with these cases and with those that moved since a row of history."""
    moved = select(History.flow, History.case_code).where(History.id > after_row).distinct()
    cases = cases | set(session.execute(moved.limit(MOST_PROVED)))
    found: list[verify.Finding] = []
    for name, code in sorted(cases):
        flow = FLOWS.get(name)
        case = session.scalar(select(flow.table).where(flow.table.code == code)) if flow else None
        if flow is None or case is None:
            continue
        rows = select(History).where(History.flow == name, History.case_id == case.id).order_by(History.seq)
        found += verify.prove(flow, case, list(session.scalars(rows)))
    return found


def conclude(session: Session, drill_id: int, wrong: int, recovered_ms: int | None) -> Drill:
    """Write down what came of it. Probes that were not told by now count as lost."""
    told, row = counted(session, drill_id), session.get_one(Drill, drill_id)
    row.probes, row.lost, row.twice = told.probes, told.waiting, told.twice
    row.findings, row.recovered_ms = wrong, recovered_ms
    return row
