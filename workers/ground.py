"""What every process of this room stands on: its settings, its engine, the time, and an end that leaves nobody behind.

The database is imported only by whoever opens it: the launcher of Redis and of the web start without it, and faster.
"""

from __future__ import annotations

import ctypes
import logging
import os
import signal
import sys
import time
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING

from models.settings import Settings

if TYPE_CHECKING:
    from sqlalchemy import Engine
    from sqlalchemy.orm import Session

PR_SET_PDEATHSIG = 1


@cache
def settings() -> Settings:
    """The settings of this process, read once. Raises `WrongSetting`."""
    return Settings.from_env()


@cache
def engine() -> Engine:
    """The engine of this process. A forked child forgets its parent's connections and opens its own."""
    from models import database

    opened = database.engine(settings())
    os.register_at_fork(after_in_child=lambda: opened.dispose(close=False))
    return opened


def see_that_the_books_are_ours() -> None:
    """Look at the database before anything starts on it. One that is away is no reason to stop.

    Raises `WrongSetting` where its tables are older than this code needs, or sealed with another key.
    """
    from models import database, schema

    try:
        schema.see_that_it_suffices(engine())
        database.check_key(engine())
    except Exception as error:
        if not database.away(error):
            raise
        logging.getLogger("tuoke").warning("the database is away (%s)", type(error).__name__)
    finally:
        engine().dispose()


def real_now() -> datetime:
    """The real instant: what heartbeats are dated with, however far the demo's clock was moved."""
    return datetime.now(UTC)


def company_now(session: Session) -> datetime:
    """The instant the company lives in: the real one, moved on where the clock is movable."""
    return in_company(session, real_now())


def in_company(session: Session, real: datetime) -> datetime:
    """What time it is in the company at this real instant."""
    from models import machinery

    return real + machinery.offset(session) if settings().clock == "movable" else real


def present(session: Session) -> datetime:
    """The real instant by the two clocks that this process can see, its host's and the database's: the earlier one, for a
    timer fires late rather than early."""
    from models import machinery

    real = real_now()
    return min(real, machinery.present(session, real))


def fires_until(session: Session) -> datetime:
    """The company's instant up to which timers may fire: the present one, and not beyond what the leading clock vouches for."""
    from models import machinery

    real, row = present(session), machinery.lease(session)
    if row is not None and row.vouched_at is not None and (row.holder or row.ahead_us):
        real = min(real, row.vouched_at)
    return in_company(session, real)


def sign_of_life(session: Session, name: str, kind: str, detail: str = "") -> None:
    """Leave a sign of life in the time of the database, and say how far this host's clock is from it."""
    from models import machinery

    real = real_now()
    machinery.beat(session, name, kind, machinery.present(session, real), detail, real)


def elapsed() -> float:
    """Seconds that have really passed since this host was started, asleep or awake, whatever is done to its clock."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


@cache
def boot() -> str:
    """Which run of this host `elapsed` counts; nothing where that cannot be known."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return ""


def die_with_parent(parent: int, last: signal.Signals = signal.SIGTERM) -> None:
    """Let the kernel end this process when its parent dies, however that happens (Linux; elsewhere nothing).

    The parent may have died just before: then there is nothing left to do here.
    """
    if sys.platform != "linux":
        return
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, int(last))
    if os.getppid() != parent:
        os._exit(1)


def follow_parent() -> None:
    """Die with the `tuoke up` that started this process, where one did (it says so in TUOKE_PARENT)."""
    if parent := os.environ.get("TUOKE_PARENT"):
        die_with_parent(int(parent))


def told_to_stop() -> Event:
    """An event that SIGTERM, SIGINT and a closed terminal set: whoever waits on it ends in order."""
    stop = Event()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: stop.set())
    return stop


def log_to_stderr() -> None:
    """Plain lines on standard error; the messages of this room carry names of processes and counts, never people."""
    logging.basicConfig(format="%(asctime)s %(message)s", datefmt="%H:%M:%S", level=logging.INFO)
    logging.getLogger("alembic").setLevel(logging.WARNING)


class Pause:
    """How long to wait before the next try: doubled after each failure, back to the first after a success (seconds)."""

    def __init__(self, first: float = 0.5, longest: float = 5.0) -> None:
        self.first, self.longest = first, longest
        self.seconds = 0.0

    def longer(self) -> float:
        self.seconds = min(max(self.first, self.seconds * 2), self.longest)
        return self.seconds

    def over(self) -> None:
        self.seconds = 0.0
