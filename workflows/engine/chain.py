"""Remembering: one history row per step, chained by hash per case; what is personal is sealed beside the chain."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, date, datetime
from typing import Any

from models.remembered import History
from models.sealed import sealer

CHAINED = (
    "flow", "case_id", "case_code", "project_id", "seq", "event", "source", "target", "by_id", "by_role", "approved_by_id",
    "approval_code", "timer_id", "at", "due_at", "facts", "private_mac", "changes", "policy_version", "previous",
)  # fmt: skip


def canonical(value: Any) -> str:
    """One text for one value, the same on every database and machine."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"), default=_plain)


def _plain(value: Any) -> str:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="microseconds")
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} has no place in history")


def plain(value: Any) -> Any:
    """A value as JSON keeps it."""
    return _plain(value) if isinstance(value, datetime | date) else value


def digest(row: History) -> str:
    """The hash of a history row over everything it says and the hash before it."""
    return hashlib.sha256(canonical({name: getattr(row, name) for name in CHAINED}).encode()).hexdigest()


def private_digest(private: dict[str, Any]) -> str:
    """The keyed digest by which sealed data stand in the chain."""
    return sealer().blind("history", canonical(private))


def link(row: History, case: Any) -> None:
    """Chain a new row to the end of its case's history and make it the new end."""
    row.seq, row.previous = case.version + 1, case.head
    row.private_mac = private_digest(row.private) if row.private else None
    row.hash = digest(row)
    case.version, case.head = row.seq, row.hash
