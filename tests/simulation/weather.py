"""How bad the day is: how likely each fault is, drawn from the seed. Some days have a little of everything, some a lot of one thing."""

from __future__ import annotations

import random
from dataclasses import dataclass, fields
from datetime import timedelta

SLOW = (0, 0, 0.4, 2, 20, 90)  # seconds by which the clock of a host may be slow


@dataclass(frozen=True, slots=True)
class Weather:
    """Chances, each of one occasion: of a statement, a commit, an answer, a knock, or a turn of the director's."""

    dies: float = 0.0  # a process, before a statement
    cut: float = 0.0  # the connection to the database, in the place of a statement
    refused: float = 0.0  # the database could not serialise: do it all again
    dies_committing: float = 0.0  # and nobody knows whether it was committed
    cut_committing: float = 0.0
    answer_lost: float = 0.0
    doubled: float = 0.0  # a request arrives twice
    gives_up: float = 0.0  # whoever asked in vain
    knock_lost: float = 0.0
    knock_doubled: float = 0.0
    knock_late: float = 0.0
    redis_mute: float = 0.0  # the knock was taken, its answer is lost
    redis_goes: float = 0.0
    flushed: float = 0.0  # FLUSHALL
    base_goes: float = 0.0  # the whole database, for a while
    poison: float = 0.0  # a consumer or a timer breaks on some rows
    stalls: float = 0.0  # a process stands still, and time goes on without it
    slow: float = 0.0  # the clock of a host is late
    jumps: float = 0.0  # the clocks of the hosts run ahead, until somebody sets them back
    fails: float = 0.0  # a receiver of messages
    pauses: float = 0.15  # the turn passes on at a statement

    @classmethod
    def of(cls, rng: random.Random) -> Weather:
        """The weather of one day."""
        kind = rng.random()
        if kind < 0.03:
            return cls()
        if kind < 0.45:  # a few things, the rest is quiet
            mild = FOUL.scaled(rng, 0.3)
            chosen = rng.sample([f.name for f in fields(cls)], 4)
            return cls(
                **{name: getattr(FOUL.scaled(rng, 1.0) if name in chosen else mild, name) for name in WHAT}
            )
        return FOUL.scaled(rng, rng.choice((0.3, 0.6, 1.0)))

    def scaled(self, rng: random.Random, by: float) -> Weather:
        """The same, more or less: every chance by itself."""
        return Weather(**{name: getattr(self, name) * by * rng.choice((0.0, 0.5, 1.0, 2.0)) for name in WHAT})


FOUL = Weather(
    dies=0.005, cut=0.002, refused=0.002, dies_committing=0.03, cut_committing=0.02, answer_lost=0.06, doubled=0.06, gives_up=0.05,
    knock_lost=0.15, knock_doubled=0.15, knock_late=0.2, redis_mute=0.05, redis_goes=0.05, flushed=0.02, base_goes=0.01, poison=0.15,
    stalls=0.01, slow=0.3, jumps=0.03, fails=0.2, pauses=0.15,
)  # fmt: skip
WHAT = [f.name for f in fields(Weather)]
CALM = Weather(pauses=0.0)


def lateness(rng: random.Random, weather: Weather) -> timedelta:
    """By how much the clock of a host is slow."""
    return timedelta(seconds=rng.choice(SLOW)) if rng.random() < weather.slow else timedelta(0)
