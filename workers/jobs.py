"""The two jobs: drain what is due, send what is to leave. They carry nothing, so they may come twice, late or never."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime
from threading import Event

from models import database
from workers import ground
from workers.draining import drain_due
from workers.sending import send_due

DRAIN_SECONDS = 20.0
enough = Event()  # set when this process is told to stop: the drain ends after the batch it is at


class DrainFailed(Exception):
    """A job broke off. Says only what kind of error it was: a traceback could carry somebody's data into Redis."""


def drain() -> None:
    """Fire the timers that are due and deliver the facts that wait, until nothing is left or 20 seconds are over.

    Raises `DrainFailed`; what was done until then stays done, and the clock knocks again for the rest.
    """

    def work(over: Callable[[], bool]) -> None:
        with database.read(ground.engine()) as session:
            at, until = ground.company_now(session), ground.fires_until(session)
        drain_due(ground.engine(), at, enough=over, until=until)

    _for_a_while(work)


def send() -> None:
    """Send the messages that are due, until nothing is left or 20 seconds are over; a try under way may take longer.

    Raises `DrainFailed`; what was sent and not written down is sent again, under the same id.
    """
    _for_a_while(lambda over: send_due(ground.engine(), _present, ground.settings(), enough=over))


def _present() -> datetime:
    with database.read(ground.engine()) as session:
        return ground.company_now(session)


def _for_a_while(work: Callable[[Callable[[], bool]], object]) -> None:
    end = time.monotonic() + DRAIN_SECONDS
    try:
        work(lambda: enough.is_set() or time.monotonic() > end)
    except Exception as error:  # noqa: BLE001  (whatever it was, only its kind goes to Redis)
        raise DrainFailed(type(error).__name__) from None
