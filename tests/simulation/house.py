"""The program in this process: its web application, workers and clock as they are, only that time, chance, the queue and the
outside are the play's own."""

from __future__ import annotations

import logging
import random
import secrets
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import ExitStack, contextmanager
from datetime import datetime
from typing import Any
from unittest.mock import patch

import structlog

import models.database
import models.machinery
import models.queueing
import web.app
import workers.clock
import workers.draining
import workers.jobs
import workers.sending
from models.queueing import Line
from models.settings import Settings
from tests.simulation.ground import DATA_KEY, Ground
from tests.simulation.stage import Part
from tests.simulation.wires import Wires
from web.api.limits import limiter
from web.app import create_app
from workers import ground as processes
from workflows.telling.posting import Outcome, Parcel

ENVIRONMENT = {
    "TUOKE_SECRET_KEY": "only for the simulation",
    "TUOKE_DATA_KEY": DATA_KEY.hex(),
    "TUOKE_VAR": "/nowhere",
}


enter = Line.enter


class Director:
    """What the house asks of the day that is played. `now` is the right time, whatever the machines believe."""

    now: datetime
    chance: random.Random

    def time_of(self, part: Part | None) -> datetime:
        raise NotImplementedError

    def carried(self, parcel: Parcel) -> Outcome:
        raise NotImplementedError

    def rest(self, seconds: float) -> None:
        raise NotImplementedError


class House:
    """One application on one ground; `day` is what is being played in it."""

    day: Director

    def __init__(self, ground: Ground) -> None:
        self.ground, self.settings = ground, Settings.from_env(ENVIRONMENT)
        self.app = create_app(self.settings, ground.engine)
        self.app.config["PROPAGATE_EXCEPTIONS"] = True
        structlog.configure(processors=[_silent])
        for name in ("tuoke", "sqlalchemy"):
            logging.getLogger(name).setLevel(logging.CRITICAL)
        self.wires = Wires(ground.engine)

    def begin_day(self, day: Director) -> None:
        self.day = day
        limiter.reset()

    # -- what stands for the world outside ----------------------------------------------------------------------------

    def real_now(self) -> datetime:
        """The time on the machine of whoever asks."""
        return self.day.time_of(self.wires.stage.here())

    def database_now(self, _session: Any, _real: datetime) -> datetime:
        """The time of the database, which is the same for all hosts."""
        return self.day.now

    def monotonic(self) -> float:
        """Seconds that nobody can set."""
        return self.day.now.timestamp()

    def stand_in_line(self, line: Line, seconds: float) -> bool:
        """The line in front of SQLite is a place where others have their turn, too."""
        self.wires.stand_in_line()
        return enter(line, seconds)

    def sleep(self, seconds: float) -> None:
        self.day.rest(seconds)

    def carry(self, parcel: Parcel, _settings: Settings) -> Outcome:
        return self.day.carried(parcel)

    def choice(self, signs: Any) -> Any:
        return self.day.chance.choice(signs)


def _silent(*_unused: Any) -> Any:
    raise structlog.DropEvent


class AtOnce:
    """Carries one parcel after the other, in the thread that asks: which of several comes back first is no chance here."""

    def __init__(self, _hands: int) -> None:
        return

    def __enter__(self) -> AtOnce:
        return self

    def __exit__(self, *_unused: object) -> None:
        return

    def submit(self, work: Any, *given: Any) -> Future[Any]:
        done: Future[Any] = Future()
        done.set_result(work(*given))
        return done


@contextmanager
def opened(ground: Ground) -> Iterator[House]:
    """The house on this ground, until it is left."""
    with ExitStack() as kept:
        house = House(ground)
        clockwork = type(
            "Clockwork", (), {"monotonic": staticmethod(house.monotonic), "sleep": staticmethod(house.sleep)}
        )
        for place, name, ours in (
            (web.app, "real_now", house.real_now),
            (processes, "real_now", house.real_now),
            (processes, "engine", lambda: ground.engine),
            (processes, "settings", lambda: house.settings),
            (models.machinery, "present", house.database_now),
            (models.queueing.Line, "enter", lambda line, seconds: house.stand_in_line(line, seconds)),
            (workers.jobs, "time", clockwork),
            (workers.draining, "time", clockwork),
            (workers.clock, "time", clockwork),
            (models.database, "time", clockwork),
            (workers.sending, "carry", house.carry),
            (workers.sending, "ThreadPoolExecutor", AtOnce),
            (workers.sending, "as_completed", list),
            (secrets, "choice", house.choice),
        ):
            kept.enter_context(patch.object(place, name, ours))
        yield house
