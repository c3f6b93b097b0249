"""How things are measured side by side: rounds in which ours and the floor take turns, and the median of each."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Result:
    """One row of the table: how many a second ours does and the floor does, and what else is worth knowing."""

    name: str
    db: str
    ours: float | None = None
    floor: float | None = None
    peers: dict[str, float] = field(default_factory=dict)
    more: dict[str, Any] = field(default_factory=dict)

    @property
    def ratio(self) -> float | None:
        return self.ours / self.floor if self.ours and self.floor else None

    def as_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "db": self.db,
            "ours_per_s": _short(self.ours),
            "floor_per_s": _short(self.floor),
            "ratio": _short(self.ratio),
            "peers": {name: _short(speed) for name, speed in self.peers.items()},
            **self.more,
        }


def _short(number: float | None) -> float | None:
    return None if number is None else float(f"{number:.4g}")


def compared(ours: float, floor: float) -> dict[str, float | None]:
    """A part of a row, as the row itself is written down."""
    return {"ours_per_s": _short(ours), "floor_per_s": _short(floor), "ratio": _short(ours / floor)}


def elapsed(works: Iterable[Callable[[], object]]) -> tuple[float, float]:
    """The seconds that these take, one after the other: on the wall, and of this process's own time."""
    started, own = time.perf_counter(), time.process_time()
    for work in works:
        work()
    return time.perf_counter() - started, time.process_time() - own
