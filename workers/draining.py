"""One drain: everything that is due is fired, everything untold is told, registers are taken, in batches, until nothing is
left."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from sqlalchemy import Engine

from models import database
from workflows import facts, timers
from workflows.registers import background


def drain_due(
    engine: Engine,
    at: datetime,
    enough: Callable[[], bool] = lambda: False,
    until: datetime | None = None,
) -> int:
    """Fire and deliver what is due at this instant; how many rows were settled. `enough` may stop it between batches; timers
    fire as of `until` where the time beyond that is in doubt.

    Of a register one batch at a time is taken, so that a long one holds up no timer."""
    settled, limit = 0, database.batch(engine)
    while not enough():
        now_settled = (
            timers.fire_due(engine, until or at, limit)
            + facts.deliver_due(engine, at, limit)
            + background.carry_on(engine, at, limit)
        )
        settled += now_settled
        if not now_settled:
            break
    return settled
