"""The clock: twice a second it looks whether anything is due, inside the house or to be sent out of it, and knocks. It does no work itself, so two of them do no harm.

It also says in our database what it sees: that it lives, and whether Redis answers. The web reads those rows and never
touches Redis itself.
"""

from __future__ import annotations

import logging
import time
from threading import Event

from redis.exceptions import RedisError
from rq import Queue
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from models import database, machinery
from models.settings import Settings
from workers import ground
from workers.queue import NAME, OUTWARD, connect, knock, queue, see_that_redis_lets_us_in
from workflows import facts, timers
from workflows.registers import background
from workflows.telling import posting

log = logging.getLogger("tuoke.clock")
TICK_SECONDS = 0.5
BEAT_SECONDS = 5.0
LONGEST_PAUSE = 5.0

ANSWERS, AWAY = "answers", "away"


class Clock:
    """One clock: what it looks at, and what it saw last."""

    def __init__(self, engine: Engine, doors: dict[str, Queue], name: str = "clock") -> None:
        self.engine, self.doors, self.name = engine, doors, name
        self.redis_was = ""
        self.database_away = ground.Pause(first=TICK_SECONDS, longest=LONGEST_PAUSE)
        self.last_beat = float("-inf")

    def tick(self) -> float:
        """Look, knock, and leave a sign of life; returns the seconds until the next tick."""
        try:
            waiting = self.waiting()
            redis_is = self.knock(waiting)
            if redis_is != self.redis_was or time.monotonic() - self.last_beat >= BEAT_SECONDS:
                self.beat(redis_is)
        except SQLAlchemyError as error:
            if not self.database_away.seconds:
                log.warning("the database is away (%s)", type(error).__name__)
            return self.database_away.longer()
        if self.database_away.seconds:
            log.info("the database is back")
            self.database_away.over()
        return TICK_SECONDS

    def waiting(self) -> dict[str, int]:
        """How much is to be done now, by queue: timers that are due, facts to tell, registers to take;
        messages to send."""
        with database.read(self.engine) as session:
            at = ground.company_now(session)
            inside = timers.due(session, at) + facts.undelivered(session, at)
            inside += background.waiting(session, at)
            return {NAME: inside, OUTWARD: posting.waiting(session, at)}

    def knock(self, waiting: dict[str, int]) -> str:
        """Knock where anything waits; says whether Redis answered."""
        try:
            for name, door in self.doors.items():
                if waiting[name]:
                    knock(door)
            if not any(waiting.values()):
                self.doors[NAME].connection.ping()
        except RedisError as error:
            if self.redis_was != AWAY:
                log.warning("Redis is away (%s); the facts wait in the database", type(error).__name__)
            return AWAY
        if self.redis_was == AWAY:
            log.info("Redis is back")
        return ANSWERS

    def beat(self, redis_is: str) -> None:
        """Leave two rows: the clock lives; Redis answers, or is away."""
        at = ground.real_now()
        with database.begin(self.engine) as session:
            machinery.beat(session, self.name, "clock", at)
            machinery.beat(session, "redis", "redis", at, redis_is)
        self.redis_was, self.last_beat = redis_is, time.monotonic()


def run(settings: Settings, stop: Event, name: str = "clock") -> None:
    """Tick until told to stop."""
    see_that_redis_lets_us_in(settings)
    connection = connect(settings)
    doors = {each: queue(connection, each) for each in (NAME, OUTWARD)}
    clock = Clock(ground.engine(), doors, name)
    while not stop.wait(clock.tick()):
        pass
