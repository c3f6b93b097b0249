"""What a check finds, and on what it looks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from models import machinery
from models.machinery import Heartbeat, HostSign
from workflows.words import Text

GREEN, LATE, DOWN, UNKNOWN = "green", "late", "down", "unknown"
WORST = (DOWN, UNKNOWN, LATE, GREEN)


@dataclass(frozen=True, slots=True)
class Item:
    """A row that was given up: a `timer`, a `fact`, a `message` or a `register`; which case it is about, since when, why."""

    kind: str
    id: int
    what: str
    case: str
    since: datetime
    error: str

    def as_json(self) -> dict[str, Any]:
        since = self.since.isoformat()
        return {"kind": self.kind, "id": self.id, "what": self.what, "case": self.case, "since": since, "error": self.error}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the health of this installation. `name` is stable.

    `value` is the figure as a number in `unit` (`s`, `bytes`, `rows`, `processes`), `limit` from where on it is late.
    `remedy` says what sets it right: a command, or where to look.
    """

    name: str
    standing: str
    figure: Text
    threshold: Text | None = None
    remedy: Text | None = None
    value: float | None = None
    limit: float | None = None
    unit: str = ""
    items: tuple[Item, ...] = ()

    @property
    def healthy(self) -> bool:
        return self.standing == GREEN

    def as_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "standing": self.standing,
            "figure": str(self.figure),
            "threshold": str(self.threshold) if self.threshold else None,
            "remedy": str(self.remedy) if self.remedy and not self.healthy else None,
            "value": self.value,
            "limit": self.limit,
            "unit": self.unit,
            "items": [item.as_json() for item in self.items],
        }


@dataclass(frozen=True, slots=True)
class RedisSeen:
    """What a process that may ask Redis itself got for an answer: milliseconds and how many knocks wait, or what went
    wrong."""

    ms: float = 0.0
    knocks: int = 0
    wrong: str = ""


@dataclass(frozen=True)
class Sight:
    """What the checks look at: the books at an instant (`at` is the company's, `real` the real one), and what the process
    that asks sees by itself, if anything: its host, and Redis."""

    session: Session
    at: datetime
    real: datetime
    host: HostSign | None = None
    redis: RedisSeen | None = None

    @cached_property
    def present(self) -> datetime:
        """The real instant as the database has it, on which all hosts agree."""
        return machinery.present(self.session, self.real)

    @cached_property
    def beats(self) -> list[Heartbeat]:
        """Every sign of life that there is."""
        return list(self.session.scalars(select(Heartbeat).order_by(Heartbeat.kind, Heartbeat.name)))


Check = Callable[[Sight], Finding]


def graded(value: float, late: float, down: float) -> str:
    """How it stands with something that is worse the more of it there is."""
    return DOWN if value > down else LATE if value > late else GREEN


def bytes_left(value: int, late: int, down: int) -> str:
    """How it stands with something that is worse the less of it there is."""
    return DOWN if value < down else LATE if value < late else GREEN
