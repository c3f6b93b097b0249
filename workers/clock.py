"""The clock: twice a second it looks whether anything is due, inside the house or to be sent out of it, and knocks. It does no
work itself. Of several clocks one works and the others stand by (`workers.leading`); two at once would do no harm.

It also says in our database what it sees: that it lives and whether it leads, whether Redis answers, and whether the time
can be right. The web reads those rows and never touches Redis itself.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from threading import Event

from redis.exceptions import RedisError
from rq import Queue
from sqlalchemy import Engine, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from models import database, machinery
from models.machinery import Heartbeat
from models.settings import Settings
from workers import ground
from workers.leading import ABSTAIN_SECONDS, Leading, Time, details
from workers.queue import NAME, OUTWARD, connect, knock, queue, see_that_redis_lets_us_in
from workflows import facts, timers
from workflows.registers import background
from workflows.telling import posting

log = logging.getLogger("tuoke.clock")
TICK_SECONDS = 0.5
BEAT_SECONDS = 5.0
LONGEST_PAUSE = 5.0
FRESH = timedelta(seconds=15)

ANSWERS, AWAY = "answers", "away"


class Clock:
    """One clock: what it looks at, and what it saw last."""

    def __init__(
        self,
        engine: Engine,
        doors: dict[str, Queue],
        name: str = "clock",
        elapsed: Callable[[], float] = ground.elapsed,
    ) -> None:
        self.engine, self.doors, self.name = engine, doors, name
        self.leading = Leading(engine, name, elapsed)
        self.redis_was, self.said = "", ""
        self.database_away = ground.Pause(first=TICK_SECONDS, longest=LONGEST_PAUSE)
        self.last_beat = float("-inf")

    def tick(self) -> float:
        """Look, knock, and leave a sign of life; returns the seconds until the next tick."""
        try:
            self.look()
        except SQLAlchemyError as error:
            if not self.database_away.seconds:
                log.warning("the database is away (%s)", type(error).__name__)
            return self.database_away.longer()
        if self.database_away.seconds:
            log.info("the database is back")
            self.database_away.over()
        return TICK_SECONDS

    def look(self) -> None:
        """Lead if nobody else does; knock where one leads and anything waits; say what was seen."""
        with database.read(self.engine) as session:
            row = machinery.lease(session)
            seen = self.leading.watch.judge(row, ground.present(session))
            may = self.leading.may(row)
            waiting = waiting_now(session, seen) if may else {}
        if may and (self.leading.turns_now or waiting[NAME]):
            self.leading.take(row, seen)
        leads = self.leading.leads
        redis_is = self.knock(waiting if leads else {})
        said = details(leads, seen, redis_is == AWAY)
        if (said, redis_is) != (
            self.said,
            self.redis_was,
        ) or time.monotonic() - self.last_beat >= BEAT_SECONDS:
            self.beat(leads, seen, said, redis_is)
        if leads and redis_is == AWAY and self.another_reaches_redis():
            log.warning("another clock reaches Redis: it shall lead")
            self.leading.give_up(ABSTAIN_SECONDS)

    def knock(self, waiting: dict[str, int]) -> str:
        """Knock where anything waits; says whether Redis answered."""
        try:
            for name, count in waiting.items():
                if count:
                    knock(self.doors[name])
            if not any(waiting.values()):
                self.doors[NAME].connection.ping()
        except RedisError as error:
            if self.redis_was != AWAY:
                log.warning("Redis is away (%s); the facts wait in the database", type(error).__name__)
            return AWAY
        if self.redis_was == AWAY:
            log.info("Redis is back")
        return ANSWERS

    def beat(self, leads: bool, seen: Time, said: str, redis_is: str) -> None:
        """Leave the rows: the clock lives; and, from the one that leads, Redis answers or is away."""
        if seen.doubted and "doubt" in said and "doubt" not in self.said:
            log.warning(
                "the time jumped ahead by %s: what is due only by it waits until somebody confirms",
                seen.ahead,
            )
        with database.begin(self.engine) as session:
            ground.sign_of_life(session, self.name, "clock", said)
            if leads:
                ground.sign_of_life(session, "redis", "redis", redis_is)
                machinery.forget_the_silent(session, machinery.present(session, ground.real_now()))
        self.said, self.redis_was, self.last_beat = said, redis_is, time.monotonic()

    def another_reaches_redis(self) -> bool:
        """Whether a clock that stands by reaches the Redis that this one does not."""
        with database.read(self.engine) as session:
            since = machinery.present(session, ground.real_now()) - FRESH
            able = select(Heartbeat.name).where(
                Heartbeat.kind == "clock", Heartbeat.name != self.name, Heartbeat.detail == "stands-by"
            )
            return session.scalar(able.where(Heartbeat.seen_at > since).limit(1)) is not None

    def end(self) -> None:
        """Let another clock take over at once."""
        with suppress(SQLAlchemyError):
            self.leading.give_up()
            with database.begin(self.engine) as session:
                machinery.leave(session, self.name)


def waiting_now(session: Session, seen: Time) -> dict[str, int]:
    """Whether anything is to be done now, by queue: timers that are due by the time that is vouched for, facts to tell,
    registers to take; messages to send. Of many it is enough to know that there is one."""
    at, until = ground.company_now(session), ground.in_company(session, seen.vouched)
    inside = (
        timers.due(session, until, 1),
        facts.undelivered(session, at, 1),
        background.waiting(session, at),
    )
    return {NAME: sum(inside), OUTWARD: posting.waiting(session, at, 1)}


def run(settings: Settings, stop: Event, name: str = "clock") -> None:
    """Tick until told to stop."""
    ground.see_that_the_books_are_ours()
    see_that_redis_lets_us_in(settings)
    connection = connect(settings)
    doors = {each: queue(connection, each) for each in (NAME, OUTWARD)}
    clock = Clock(ground.engine(), doors, name)
    while not stop.wait(clock.tick()):
        pass
    clock.end()
