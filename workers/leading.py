"""Which of several clocks works, and up to which instant timers may fire. Both rest on durations that each host measures for
itself and on one row of the database; the clocks of two hosts are never compared.

*Who leads.* The leader counts the row's turn on every second. Who has seen it stand still for `LEASE_SECONDS` takes over.
A leader that could not turn it for as long holds itself for none, whatever kept it: a signal, a cable, a slow database.

*What time it is.* The leader vouches for an instant, and workers fire no timer beyond it. It is the present one, unless
that has run ahead of what was vouched for by far more than has really passed: then the leader vouches on at the pace of
real time from where it stood, and says so, until the clock is set back or a person declares the time right.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import uuid4

from sqlalchemy import Engine

from models import machinery
from models.machinery import Lease
from workers import ground

log = logging.getLogger("tuoke.clock")
TURN_SECONDS = 1.0
LEASE_SECONDS = 4.0
ABSTAIN_SECONDS = 10.0
JUMP = timedelta(minutes=2)  # the shortest business deadline is a quarter of an hour
ANCHOR_SECONDS = 3600.0


class Time(NamedTuple):
    """The instant that can be vouched for, and how far the hosts' clocks stand before it where they are not believed."""

    vouched: datetime
    ahead: timedelta = timedelta(0)

    @property
    def doubted(self) -> bool:
        return self.ahead > timedelta(0)


class Watch:
    """Sees whether time runs as fast as it passes. `elapsed` gives seconds that nobody can set."""

    def __init__(self, elapsed: Callable[[], float] = ground.elapsed, boot: str | None = None) -> None:
        self.elapsed, self.boot = elapsed, ground.boot() if boot is None else boot
        self.anchor: tuple[datetime, float] | None = None  # an instant that was right, and when that was
        self.seen: tuple[str, int] | None = None
        self.looked = float("-inf")

    def judge(self, row: Lease | None, present: datetime) -> Time:
        """What can be vouched for now, seeing the row and the present instant as the hosts' clocks have it."""
        now = self.elapsed()
        self._learn(row, now)
        self.looked = now
        if self.anchor is None:
            self.anchor = present, now
        ahead = present - (self.anchor[0] + timedelta(seconds=now - self.anchor[1]))
        if ahead > JUMP and row is not None and abs(ahead - timedelta(microseconds=row.accepted_us)) < JUMP:
            log.info("the time was declared right: timers fire up to it")
            self.anchor, ahead = (present, now), timedelta(0)
        if ahead > JUMP:
            return Time(present - ahead, ahead)
        if now - self.anchor[1] > ANCHOR_SECONDS:
            self.anchor = present, now
        return Time(present)

    def _learn(self, row: Lease | None, now: float) -> None:
        """Take what another leader has just vouched for as what was right; what it vouched for some time ago only where it is
        known how long ago that is. At the start also what was in doubt itself."""
        if row is None or row.vouched_at is None or self.seen == (row.holder, row.turn):
            return
        first, self.seen = self.seen is None, (row.holder, row.turn)
        if self.boot and row.boot == self.boot:
            self.anchor = row.vouched_at, row.boot_us / 1e6
        elif now - self.looked < LEASE_SECONDS if not first else row.ahead_us:
            self.anchor = row.vouched_at, now


@dataclass(slots=True)
class Turn:
    """A turn of one's own: its number, and when it was begun."""

    number: int
    at: float


class Leading:
    """One clock's place among several: whether it leads, may lead, or stands by."""

    def __init__(
        self,
        engine: Engine,
        label: str,
        elapsed: Callable[[], float] = ground.elapsed,
        boot: str | None = None,
    ) -> None:
        self.engine, self.elapsed = engine, elapsed
        self.me = f"{label[:100]}.{uuid4().hex[:8]}"  # two clocks may bear one name
        self.watch = Watch(elapsed, boot)
        self.turn: Turn | None = None
        self.seen: tuple[str, int] | None = None
        self.seen_at = self.abstains_until = float("-inf")

    @property
    def leads(self) -> bool:
        return self.turn is not None and self.elapsed() - self.turn.at < LEASE_SECONDS

    @property
    def turns_now(self) -> bool:
        """Whether it is time for the next turn."""
        return self.turn is None or self.elapsed() - self.turn.at >= TURN_SECONDS

    def may(self, row: Lease | None) -> bool:
        """Whether this clock leads, or nobody does and it may."""
        now, found = self.elapsed(), (row.holder, row.turn) if row else ("", 0)
        if found != self.seen:
            self.seen, self.seen_at = found, now
        if self.turn and found == (self.me, self.turn.number):
            return True
        if self.turn:
            log.info("another clock leads")
            self.turn = None
        if now < self.abstains_until:
            return False
        return not found[0] or now - self.seen_at >= LEASE_SECONDS

    def take(self, row: Lease | None, time: Time) -> bool:
        """Turn the row on, for oneself; whether it had not been turned by another."""
        begun, led = self.elapsed(), self.turn is not None
        vouched = {
            "vouched_at": time.vouched,
            "ahead_us": round(time.ahead / timedelta(microseconds=1)),
            "boot": self.watch.boot,
            "boot_us": round(begun * 1e6),
        } | ({} if time.doubted else {"accepted_us": 0})
        if not machinery.turn(self.engine, row, self.me, **vouched):
            return False
        self.turn = Turn((row.turn if row else 0) + 1, begun)
        self.seen, self.seen_at = (self.me, self.turn.number), begun
        self.watch.seen = self.seen
        if not led:
            log.info("this clock leads")
        return True

    def give_up(self, abstain: float = 0.0) -> None:
        """Let the lease go, so that another takes it at once; and do not take it oneself for some seconds."""
        if self.turn:
            mine = Lease(name=machinery.CLOCK, holder=self.me, turn=self.turn.number)
            machinery.turn(self.engine, mine, "")
            self.turn = None
        self.abstains_until = self.elapsed() + abstain


def details(leads: bool, time: Time, redis_away: bool) -> str:
    """What a clock says of itself in its sign of life, in words of the machine."""
    said: list[Any] = ["leads" if leads else "stands-by"]
    said += ["redis-away"] if redis_away else []
    said += [f"doubt={int(time.ahead.total_seconds())}"] if leads and time.doubted else []
    return " ".join(said)
