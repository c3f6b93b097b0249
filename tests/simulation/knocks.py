"""What stands for Redis and RQ: two lists of knocks that may be lost, doubled, late or swept away, and a server that may be gone
or mute. The clock knocks on it as on the real one."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from redis.exceptions import ConnectionError as Gone
from redis.exceptions import TimeoutError as Mute

from tests.simulation.weather import Weather


class Redis:
    """The server. `weather` and `now` are asked at every knock."""

    def __init__(
        self,
        rng: random.Random,
        faults: Counter[str],
        weather: Callable[[], Weather],
        now: Callable[[], datetime],
    ) -> None:
        self.rng, self.faults, self.weather, self.now = rng, faults, weather, now
        self.away = False
        self.lists: list[Door] = []

    def ping(self) -> bool:
        self.answer()
        return True

    def answer(self) -> None:
        if self.away:
            raise Gone("it is away")

    def flush(self) -> None:
        """FLUSHALL."""
        for door in self.lists:
            door.knocks.clear()
        self.faults["FLUSHALL"] += 1


class Door:
    """One list of knocks, with as much of `rq.Queue` as the clock asks of it."""

    def __init__(self, name: str, redis: Redis) -> None:
        self.name, self.connection = name, redis
        self.knocks: list[datetime] = []
        redis.lists.append(self)

    @property
    def count(self) -> int:
        self.connection.answer()
        return len(self.knocks)

    def enqueue(self, _job: str, **_options: Any) -> None:
        redis = self.connection
        redis.answer()
        weather, rng = redis.weather(), redis.rng
        if rng.random() < weather.knock_lost:
            redis.faults["knock lost"] += 1
            return
        late = timedelta(0)
        if rng.random() < weather.knock_late:
            redis.faults["knock late"] += 1
            late = timedelta(seconds=rng.choice((1, 30, 600, 7200)))
        self.knocks.append(redis.now() + late)
        if rng.random() < weather.knock_doubled:
            redis.faults["knock doubled"] += 1
            self.knocks.append(redis.now())
        if rng.random() < weather.redis_mute:
            redis.faults["knock taken, answer lost"] += 1
            raise Mute("no answer came")

    def heard(self) -> bool:
        """Whether a worker hears a knock now."""
        return not self.connection.away and any(at <= self.connection.now() for at in self.knocks)

    def take(self) -> None:
        """A worker takes one of them, in any order."""
        heard = [n for n, at in enumerate(self.knocks) if at <= self.connection.now()]
        del self.knocks[self.connection.rng.choice(heard)]
