"""Passwords (argon2id), and the patience of the door: many wrong ones from one place or for one name are slowed down."""

from __future__ import annotations

import threading
from collections import defaultdict, deque
from datetime import datetime, timedelta

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

HASHER = PasswordHasher()
AT_ONCE = threading.BoundedSemaphore(2)
NOBODY = "$argon2id$v=19$m=65536,t=3,p=4$KDwE66h6rBh6YvYuKXkksQ$aCXEF8C2lw/omHrOAmjn19PPJ5q/Ka26pyC6PtxQ7H4"
WINDOW = timedelta(minutes=10)


class Crowded(Exception):
    """Too many passwords are being checked at this moment; try again in a few seconds."""


def hash_of(password: str) -> str:
    """What is kept of a password."""
    return HASHER.hash(password)


def fits(kept: str | None, password: str) -> bool:
    """Whether this is the password. Takes as long for somebody who does not exist. Raises `Crowded`."""
    if not AT_ONCE.acquire(timeout=5):
        raise Crowded
    try:
        return HASHER.verify(kept or NOBODY, password) and kept is not None
    except (Argon2Error, InvalidHashError):
        return False
    finally:
        AT_ONCE.release()


class Patience:
    """Failed tries of the last ten minutes, by name and by place, within this process."""

    def __init__(self, per_name: int = 8, per_place: int = 60) -> None:
        self.per_name, self.per_place = per_name, per_place
        self._failed: defaultdict[str, deque[datetime]] = defaultdict(deque)
        self._lock = threading.Lock()

    def wait(self, name: str, place: str, at: datetime) -> int:
        """Seconds until the next try is heard; 0 means now."""
        with self._lock:
            return max(
                self._wait(f"n:{name}", self.per_name, at), self._wait(f"p:{place}", self.per_place, at)
            )

    def _wait(self, key: str, most: int, at: datetime) -> int:
        failed = self._failed.get(key)
        while failed and at - failed[0] > WINDOW:
            failed.popleft()
        if not failed or len(failed) < most:
            return 0
        return max(1, int((failed[-most] + WINDOW - at).total_seconds()))

    def failed(self, name: str, place: str, at: datetime) -> None:
        with self._lock:
            if len(self._failed) > 10_000:
                self._failed.clear()
            self._failed[f"n:{name}"].append(at)
            self._failed[f"p:{place}"].append(at)

    def forgive(self, name: str) -> None:
        """The right password was given."""
        with self._lock:
            self._failed.pop(f"n:{name}", None)
