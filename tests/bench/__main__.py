"""How fast it is: people's steps, a sweep of timers, the telling of facts, and the proof of the books, on both databases.

`make bench` (or `make bench ARGS=500` for another number of leads). One thread, on this machine; a step is one transaction.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from datetime import timedelta

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from models import database, sealed
from tests import floor
from tests.bench import _postgres, _sqlite
from tests.races.office import Office
from workflows import facts, timers
from workflows.verify import verify


def main(leads: int) -> None:
    sealed.use(bytes(32))
    results = []
    for kind, opened in (("SQLite", _sqlite), ("PostgreSQL", _postgres)):
        with opened() as engine:
            database.migrate(engine)
            print(f"{kind}, {leads} leads")
            results.append(floor.measure(engine, leads))
        with opened() as engine:
            database.migrate(engine)
            _measure(engine, leads)
    floor.write_down(results)


def _measure(engine: Engine, leads: int) -> None:
    office = Office(engine)
    codes: list[str] = []
    _told("capture", leads, lambda: codes.extend(office.capture() for _ in range(leads)))
    _told(
        "screen", leads, lambda: [office.lead("screen", "mei", c, demand="三房", intent="A") for c in codes]
    )
    office.now += timedelta(days=15)
    due = _count(engine, lambda session: timers.due(session, office.now))
    _told("timer fired", due, lambda: _until_none(lambda: timers.fire_due(engine, office.now)))
    untold = _count(engine, lambda session: facts.undelivered(session, office.now))
    _told("fact told", untold, lambda: _until_none(lambda: facts.deliver_due(engine, office.now)))
    with database.read(engine) as session:
        _told("lead proved", leads, lambda: verify(session, office.now))


def _told(what: str, number: int, work: Callable[[], object]) -> None:
    started = time.perf_counter()
    work()
    seconds = time.perf_counter() - started
    print(f"  {what:<12} {number:>6} in {seconds:6.2f} s  {number / seconds:8.0f} /s", flush=True)


def _count(engine: Engine, question: Callable[[Session], int]) -> int:
    with database.read(engine) as session:
        return question(session)


def _until_none(batch: Callable[[], int]) -> None:
    while batch():
        pass


if __name__ == "__main__":
    main(int(sys.argv[1]) if sys.argv[1:] else 300)
