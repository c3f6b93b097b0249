"""Work that waits in the database, done by the real clock, Redis and workers; by the same function in this process; and by hand."""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import islice
from statistics import median
from typing import Protocol

from tests.bench.grounds import House, until
from tests.bench.hand import Hand
from tests.bench.measured import Result, compared

PATIENCE = 7200.0  # seconds


class Work(Protocol):
    """Work on leads, by their codes. Each way is timed from when it is due until nothing is left."""

    hand: Hand
    batch: int

    def bring_due(self, codes: list[str]) -> int:
        """Let the work on these leads be due; how many pieces it is."""

    def left(self) -> int:
        """How many are due and not done."""

    def is_left(self) -> bool:
        """Whether any is, without counting them."""

    def by_itself(self, codes: list[str]) -> float:
        """How many a second in this process, by the function that the workers call."""

    def by_hand(self, codes: list[str]) -> float:
        """How many a second by set-based SQL, in batches of the same size, one transaction each."""


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
    return rest / (ended - begun)
