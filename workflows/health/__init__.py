"""Whether everything that should happen by itself does, as one list of checks: the command `tuoke doctor`, the page “Health” and
`/metrics` all say what these find.

A check looks at the books (`Sight`) and returns one `Finding`: how it stands (green, late, down, or unknown where nobody could
look), the figure, the threshold, and what sets it right. Thresholds are policy numbers or the constants at the head of the
modules of this package. A check that fails or takes more than two seconds is a finding, and the others go on.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from models.patience import bounded
from workflows.health import care, place, processes, work
from workflows.health.finding import DOWN, GREEN, LATE, UNKNOWN, WORST, Check, Finding, Item, RedisSeen, Sight
from workflows.words import Text, _

SECONDS = 2.0  # for each check
LABELS = {
    "database": _("Database"),
    "migrations": _("Migrations"),
    "data_key": _("Data key"),
    "clock": _("Clock"),
    "worker": _("Worker"),
    "sender": _("Sender"),
    "redis": _("Redis"),
    "time": _("Time"),
    "versions": _("Versions"),
    "timers": _("Timers"),
    "facts": _("Deliveries"),
    "messages": _("Outgoing messages"),
    "registers": _("Imports"),
    "parked": _("Parked"),
    "disk": _("Disk space"),
    "wal": _("Write-ahead log"),
    "calendar": _("Calendar"),
    "backups": _("Backups"),
    "drill": _("Drill"),
}
STANDINGS = {GREEN: _("green"), LATE: _("late"), DOWN: _("down"), UNKNOWN: _("unknown")}
CHECKS: dict[str, Check] = {
    "database": place.database,
    "migrations": place.migrations,
    "data_key": place.data_key,
    "clock": processes.process("clock"),
    "worker": processes.process("worker"),
    "sender": processes.process("sender"),
    "redis": processes.redis,
    "time": processes.time,
    "versions": processes.versions,
    "timers": work.timers,
    "facts": work.facts,
    "messages": work.messages,
    "registers": work.registers,
    "parked": work.parked,
    "disk": place.disk,
    "wal": place.wal,
    "calendar": place.calendar,
    "backups": care.backups,
    "drill": care.drill,
}


def examine(sight: Sight, wanted: Sequence[str] = tuple(CHECKS)) -> Iterator[Finding]:
    """What these checks find, one by one."""
    return (look(name, sight) for name in wanted)


def look(name: str, sight: Sight) -> Finding:
    """One check, with little patience; one that breaks is a finding too."""
    try:
        with bounded(sight.session, SECONDS):
            return CHECKS[name](sight)
    except DBAPIError as error:
        if _took_too_long(error):
            figure = Text(_("it took longer than %(seconds)s s to look"), {"seconds": f"{SECONDS:.0f}"})
            return Finding(name, DOWN, figure, None, Text(_("see what the database is busy with")))
        return unknown(name, str(error.orig).splitlines()[0][:120])
    except (SQLAlchemyError, ValueError) as error:
        return unknown(name, type(error).__name__)


def unknown(name: str, why: str) -> Finding:
    """Nobody could look."""
    figure = Text(_("it could not be looked at (%(why)s)"), {"why": why})
    return Finding(name, UNKNOWN, figure)


def _took_too_long(error: DBAPIError) -> bool:
    return getattr(error.orig, "sqlstate", None) == "57014" or "interrupted" in str(error.orig)


__all__ = [
    "CHECKS", "DOWN", "GREEN", "LABELS", "LATE", "STANDINGS", "UNKNOWN", "WORST", "Finding", "Item", "RedisSeen", "Sight",
    "examine", "look", "unknown",
]  # fmt: skip
