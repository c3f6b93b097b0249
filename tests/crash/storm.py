"""The storm: a plan of faults drawn from the seed, which strike one after the other while leads live; those that last end
later, while the next ones strike already."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Event, RLock, Thread
from typing import TYPE_CHECKING, TypeVar

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from tests.crash.client import Client
from tests.crash.house import House
from tests.crash.stores import Store

if TYPE_CHECKING:
    from tests.crash.faults import Fault

T = TypeVar("T")
REST = {
    "web": 12.0,
    "worker": 14.0,
    "sender": 14.0,
    "clock": 14.0,
    "redis": 14.0,
    "all": 60.0,
}  # `tuoke up` waits up to ten
AFTERWARDS = 12.0  # seconds for which a fault of the database may still be the cause of a 503


@dataclass
class Storm:
    """Faults in the order of the plan until it is over; `needed` are dealt first, each once."""

    house: House
    store: Store
    engine: Engine
    client: Client
    seed: int
    faults: list[Fault]
    pause: tuple[float, float]
    brief: bool
    done: Counter[str] = field(default_factory=Counter)
    causes: list[tuple[float, float]] = field(default_factory=list)
    notes: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.rng, self.over, self.strikes = random.Random(self.seed), Event(), RLock()
        self.struck: dict[str, float] = {}
        self.lasting: list[tuple[float, Callable[[], object]]] = []
        self.failed: BaseException | None = None
        self.log: list[str] = []
        self.needed = {fault.name for fault in self.faults}
        self.hand = self.deal()
        self.thread = Thread(target=self._blow, daemon=True)
        self.ender = Thread(target=self._end_in_time, daemon=True)

    def deal(self) -> list[Fault]:
        """Every fault as often as it is to come, mixed."""
        cards = [fault for fault in self.faults for _copy in range(1 if self.brief else fault.copies)]
        return self.rng.sample(cards, len(cards))

    @property
    def through(self) -> bool:
        """Whether every kind of fault has struck."""
        return not self.needed - set(self.done)

    def start(self) -> None:
        self.thread.start()
        self.ender.start()

    def stop(self) -> None:
        """Let no fault strike any more, end those that last, and raise what a fault did not find as it should be."""
        self.over.set()
        if self.thread.is_alive():
            self.thread.join(90)
            self.ender.join(90)
        self._end_lasting(everything=True)
        if self.failed:
            raise self.failed

    def _blow(self) -> None:
        try:
            while not self.over.wait(self.rng.uniform(*self.pause)):
                self._strike_next()
        except BaseException as error:
            self.failed = error
            self.client.hopeless.set()

    def _end_in_time(self) -> None:
        """What lasts ends in its time, also while the next fault waits for just that."""
        try:
            while not self.over.wait(0.1):
                self._end_lasting()
        except BaseException as error:
            self.failed = self.failed or error
            self.client.hopeless.set()

    def _strike_next(self) -> None:
        """The first of the hand whose turn it may be; who finds nobody goes to the end of it. A brief storm deals once."""
        if not self.hand and not self.brief:
            self.hand = self.deal()
        for fault in self.hand:
            if self._fair(fault):
                self.hand.remove(fault)
                began = time.monotonic()
                with self.strikes:
                    struck = fault.strike(self)
                took = time.monotonic() - began
                self.log.append(
                    f"{time.strftime('%H:%M:%S')} {fault.name}: {took:.1f} s{'' if struck else ', nobody'}"
                )
                if struck:
                    self.done[fault.name] += 1
                    self.struck[fault.kin] = time.monotonic()
                    if fault.of_database:
                        self.causes.append((began, time.monotonic()))
                elif fault.name in self.needed - set(self.done):
                    self.hand.append(fault)
                return

    def _fair(self, fault: Fault) -> bool:
        """Leave what was killed the time to come back before it is killed again: a storm, no siege."""
        kins = {fault.kin, "web"} if fault.needs_web else {fault.kin}
        rested = time.monotonic() - self.struck.get(fault.kin, float("-inf")) > REST.get(fault.kin, 0.0)
        return (rested or self.brief) and all(self.house.is_back(kin) for kin in kins - {"", "all"})

    def later(self, seconds: float, act: Callable[[], object]) -> None:
        """End something that lasts."""
        self.lasting.append((time.monotonic() + seconds, act))

    def _end_lasting(self, everything: bool = False) -> None:
        now = time.monotonic()
        for each in [each for each in self.lasting if everything or each[0] <= now]:
            each[1]()
            self.lasting.remove(each)

    def lasts(self, brief: tuple[float, float], long: tuple[float, float]) -> float:
        """How many seconds a fault lasts."""
        return self.rng.uniform(*(brief if self.brief else long))

    def caused(self, until: float) -> None:
        """From now until that instant a 503 has its cause."""
        self.causes.append((time.monotonic(), until))

    def without_cause(self) -> list[float]:
        """When the house said that its database is away and it was not."""
        return [at for at in self.client.away if not any(b <= at <= e + AFTERWARDS for b, e in self.causes)]

    @contextmanager
    def lull(self):
        """Nothing strikes meanwhile: for what the torturer does to the books with its own hands."""
        with self.strikes:
            yield


def eventually(true: Callable[[], T], seconds: float, what: str) -> float:
    """Wait until it is true; how long it took. Fails when it is not in time. A database that is away is not it."""
    started = time.monotonic()
    while True:
        try:
            if true():
                return time.monotonic() - started
        except DBAPIError:
            pass
        assert time.monotonic() - started < seconds, f"not within {seconds:.0f} s: {what}"
        time.sleep(0.2)
