"""Probes: facts that concern nobody, put into the outbox by a drill so that it can be seen whether each is told once.

A probe goes the way of every fact, but it is about no case: all that comes of it is that a row counts how often it came.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import NAMESPACE_URL, uuid5

from sqlalchemy import func, insert, select, update
from sqlalchemy.orm import Session

from models.machinery import DrillProbe
from models.remembered import Outbox

PROBE, FLOW = "drill.probed", "drill"


@dataclass(frozen=True, slots=True)
class Told:
    """How the probes fared so far: how many there are, were told once, more than once, and not yet."""

    probes: int
    once: int
    twice: int
    waiting: int


def probe(session: Session, drill_id: int, numbers: range, at: datetime) -> None:
    """Put so many probes into the outbox."""
    marks = [{"drill_id": drill_id, "number": number, "told": 0} for number in numbers]
    session.execute(insert(DrillProbe), marks)
    session.execute(insert(Outbox), [_fact(drill_id, number, at) for number in numbers])


def _fact(drill_id: int, number: int, at: datetime) -> dict[str, object]:
    cause = f"{FLOW}:{drill_id}:{number}"
    return {
        "uid": str(uuid5(NAMESPACE_URL, f"tuoke:{cause}:{PROBE}")), "fact": PROBE, "cause": cause, "flow": FLOW,
        "case_code": "", "at": at, "next_at": at, "body": {"drill": drill_id, "number": number}, "state": "pending", "tries": 0,
    }  # fmt: skip


def tally(session: Session, fact: Outbox) -> None:
    """A probe is told: count it. Nobody else is told of it."""
    mine = (DrillProbe.drill_id == fact.body["drill"], DrillProbe.number == fact.body["number"])
    session.execute(update(DrillProbe).where(*mine).values(told=DrillProbe.told + 1))


def counted(session: Session, drill_id: int) -> Told:
    """How the probes of a drill stand."""
    times = select(DrillProbe.told, func.count()).where(DrillProbe.drill_id == drill_id)
    by_times = dict(session.execute(times.group_by(DrillProbe.told)).all())
    probes, waiting, once = sum(by_times.values()), by_times.get(0, 0), by_times.get(1, 0)
    return Told(probes, once, probes - once - waiting, waiting)
