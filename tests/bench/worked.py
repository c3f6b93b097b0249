"""Work that waits in the database, done by the real clock, Redis and workers; by the same function in this process; and by hand."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from itertools import islice
from statistics import median
from typing import ClassVar

from tests.bench.books import Books
from tests.bench.grounds import House, until
from tests.bench.hand import Hand, Row
from tests.bench.measured import Result, compared

PATIENCE = 7200.0  # seconds


@dataclass
class Work(ABC):
    """Work on leads, by their codes. Each way is timed from when it is due until nothing is left.

    `waits` is what holds of a row of `table` that is to be done now, `order` in which order they are done; `find` and
    `statements` do a batch of it by hand.
    """

    hand: Hand
    books: Books
    code: str
    batch: int
    statements: list[tuple[str, Row]] = field(init=False)
    table: ClassVar[str]
    waits: ClassVar[str]
    order: ClassVar[str]

    @abstractmethod
    def bring_due(self, codes: list[str]) -> int:
        """Let the work on these leads be due; how many pieces it is."""

    @abstractmethod
    def once(self, at: datetime, limit: int) -> int:
        """Do a batch by the function that the workers call; how many were done."""

    @cached_property
    def find(self) -> str:
        """How a batch is found by hand."""
        sql = f"SELECT id FROM {self.table} WHERE {self.waits} ORDER BY {self.order} LIMIT :batch"
        return sql + self.hand.skip_locked

    def by_engine(self) -> str:
        """Do the one piece that is due, to see what it writes."""
        assert self.once(datetime.now(UTC), 1) == 1
        return self.code

    def left(self) -> int:
        """How many are due and not done."""
        sql = f"SELECT count(*) FROM {self.table} WHERE {self.waits}"
        return int(self.hand.one(sql, {"now": self.hand.instant()}))

    def is_left(self) -> bool:
        """Whether any is, without counting them."""
        sql = f"SELECT id FROM {self.table} WHERE {self.waits} LIMIT 1"
        return self.hand.run(sql, {"now": self.hand.instant()}).fetchone() is not None

    def by_itself(self, codes: list[str]) -> float:
        """How many a second in this process, by the function that the workers call."""
        many, at = self.bring_due(codes), datetime.now(UTC)
        return self._timed(many, lambda: self.once(at, self.batch))

    def by_hand(self, codes: list[str]) -> float:
        """How many a second by set-based SQL, in batches of the same size, one transaction each."""
        many = self.bring_due(codes)
        return self._timed(many, lambda: self.hand.batch(self.find, self.batch, self.statements))

    def _timed(self, many: int, batch: Callable[[], int]) -> float:
        started = time.perf_counter()
        while batch():
            pass
        seconds = time.perf_counter() - started
        assert self.left() == 0
        return many / seconds


def measure(
    name: str, house: House, work: Work, leads: Iterator[str], many: int, rounds: int, unit: int = 1
) -> Result:
    """In each round so many are due at once for ours; the floor has as many, half of them before ours and half after. Then the
    same in this process. Codes are taken in multiples of `unit`."""
    half = max(unit, many // 2 // unit * unit)
    ours: list[float] = []
    alone: list[float] = []
    floor: list[float] = []
    for _number in range(rounds):
        floor.append(work.by_hand(list(islice(leads, half))))
        ours.append(by_workers(house.staffed(), work, list(islice(leads, 2 * half))))
        floor.append(work.by_hand(list(islice(leads, half))))
    for _number in range(rounds):
        alone.append(work.by_itself(list(islice(leads, half))))
        floor.append(work.by_hand(list(islice(leads, half))))
    work.hand.quiet()
    result = Result(name, work.hand.kind, median(ours), median(floor))
    result.more = {
        "at_once": 2 * half,
        "batch": work.batch,
        "in_process": compared(median(alone), median(floor)),
    }
    return result


def needed(many: int, rounds: int, unit: int = 1) -> int:
    """How many leads are worked on in all."""
    return rounds * 6 * max(unit, many // 2 // unit * unit)


def by_workers(house: House, work: Work, codes: list[str]) -> float:
    """How many a second, from when the first are seen to be done until the last are."""
    work.hand.quiet()
    many = work.bring_due(codes)
    clock = house.start("clock")
    until(lambda: work.left() < many, "the first is done")
    begun, rest = time.perf_counter(), work.left()
    if not rest:
        raise RuntimeError(f"all {many} were done at once: take more of them")
    ended = until(lambda: not work.is_left(), "all are done", PATIENCE)
    clock.end()
    house.rest()
    return rest / (ended - begun)
