"""The one job: drain what is due. It carries nothing, so it may come twice, late or never."""

from __future__ import annotations

import time
from threading import Event

from models import database
from workers import ground
from workers.draining import drain_due

DRAIN_SECONDS = 20.0
enough = Event()  # set when this process is told to stop: the drain ends after the batch it is at


class DrainFailed(Exception):
    """A drain broke off. Says only what kind of error it was: a traceback could carry somebody's data into Redis."""


def drain() -> None:
    """Fire the timers that are due and deliver the facts that wait, until nothing is left or 20 seconds are over.

    Raises `DrainFailed`; what was done until then stays done, and the clock knocks again for the rest.
    """
    end = time.monotonic() + DRAIN_SECONDS
    try:
        with database.read(ground.engine()) as session:
            at = ground.company_now(session)
        drain_due(ground.engine(), at, enough=lambda: enough.is_set() or time.monotonic() > end)
    except Exception as error:  # noqa: BLE001  (whatever it was, only its kind goes to Redis)
        raise DrainFailed(type(error).__name__) from None
