"""Remembering: one history row per step, chained by hash per case; what is personal is sealed beside the chain."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, date, datetime
from typing import Any

from models.sealed import sealer

CHAINED: tuple[str, ...] = (
    "flow", "case_id", "case_code", "project_id", "seq", "event", "source", "target", "by_id", "by_role", "approved_by_id",
    "approval_code", "timer_id", "at", "due_at", "facts", "private_mac", "changes", "policy_version", "previous",
)  # fmt: skip
_CHAINED = frozenset(CHAINED)


class Line:
    """A row of history as it was just written: its columns are attributes, `row` is all of them."""

    __slots__ = ("row",)

    def __init__(self, row: dict[str, Any]) -> None:
        self.row = row

    def __getattr__(self, column: str) -> Any:
        try:
            return self.row[column]
        except KeyError:
            raise AttributeError(column) from None


def canonical(value: Any) -> str:
    """One text for one value, the same on every database and machine."""
    return _ENCODER.encode(value)


def _plain(value: Any) -> str:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="microseconds")
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} has no place in history")


_ENCODER = json.JSONEncoder(sort_keys=True, ensure_ascii=False, separators=(",", ":"), default=_plain)


def plain(value: Any) -> Any:
    """A value as JSON keeps it."""
    return _plain(value) if isinstance(value, datetime | date) else value


def digest(row: Any) -> str:
    """The hash of a history row over everything it says and the hash before it."""
    return _hashed({name: getattr(row, name) for name in CHAINED})


def _hashed(says: dict[str, Any]) -> str:
    return hashlib.sha256(canonical(says).encode()).hexdigest()


def private_digest(private: dict[str, Any]) -> str:
    """The keyed digest by which sealed data stand in the chain."""
    return sealer().blind("history", canonical(private))


def link(case: Any, says: dict[str, Any], private: dict[str, Any]) -> Line:
    """Chain a new row that says this to the end of its case's history, and make it the new end. What is `private` stands
    in the chain by its digest alone."""
    says |= {"seq": case.version + 1, "previous": case.head}
    says["private_mac"] = private_digest(private) if private else None
    assert says.keys() == _CHAINED
    line = Line(says | {"hash": _hashed(says), "private": private or None})
    case.version, case.head = line.seq, line.hash
    return line
