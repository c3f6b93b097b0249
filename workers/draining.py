"""One drain: everything that is due is fired, everything untold is told, registers are taken, in batches, until nothing is
left."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime

from sqlalchemy import Engine

from models import database
from workflows import facts, timers
from workflows.registers import background

SWEEP_SECONDS = 1.0


def drain_due(
    engine: Engine,
    at: datetime,
    enough: Callable[[], bool] = lambda: False,
    until: datetime | None = None,
) -> int:
    """Fire and deliver what is due at this instant; how many rows were settled. `enough` may stop it between batches; timers
    fire as of `until` where the time beyond that is in doubt.

    Timers go first: while more of them are due than one batch takes, facts are told once in a while, so that nobody who
    stands at the desk waits for the end of a long sweep. Of a register one batch at a time is taken, so that a long one
    holds up no timer."""
    settled, limit = 0, database.batch(engine)
    while not enough():
        now_settled = (
            _fire(engine, until or at, limit, enough)
            + facts.deliver_due(engine, at, limit)
            + background.carry_on(engine, at, limit)
        )
        settled += now_settled
        if not now_settled:
            break
    return settled


def _fire(engine: Engine, at: datetime, limit: int, enough: Callable[[], bool]) -> int:
    """Fire batch after batch, for a second at most."""
    fired, end = 0, time.monotonic() + SWEEP_SECONDS
    while batch := timers.fire_due(engine, at, limit):
        fired += batch
        if batch < limit or enough() or time.monotonic() > end:
            break
    return fired
