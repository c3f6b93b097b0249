"""Writers of one SQLite file stand in line: within a process at a lock, between processes at a lock on a file beside the
database. SQLite's own waiting sleeps ever longer between two looks, up to a tenth of a second, and serves whoever happens to
look first; in a line the next one goes at once.

The line is a courtesy, not a safeguard: `BEGIN IMMEDIATE` still sees to it that there is one writer. Whoever waited in vain
for the patience of a connection goes on and is told by the database itself.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
import threading
import time
from pathlib import Path

PATIENCE = 5.0  # seconds; an ordinary turn takes thousandths of one, and then the database itself is asked
LOOK_SECONDS = 0.0005


class Line:
    """The line in front of one file, as this process sees it."""

    def __init__(self, path: str) -> None:
        self.path = f"{path}-line"
        self.anew()

    def anew(self) -> None:
        """What a process has before it was ever in line; a forked child begins with it, for locks on files are shared with
        the parent."""
        self.inside, self.file = threading.Lock(), -1

    def enter(self, seconds: float) -> bool:
        """Wait so long for one's turn; whether it came."""
        end = time.monotonic() + seconds
        if not self.inside.acquire(timeout=seconds):
            return False
        try:
            if self.file < 0:
                self.file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            while not self._free() and time.monotonic() < end:
                time.sleep(LOOK_SECONDS)
        except OSError:
            self.inside.release()
            return False
        return True

    def _free(self) -> bool:
        try:
            fcntl.flock(self.file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def leave(self) -> None:
        fcntl.flock(self.file, fcntl.LOCK_UN)
        self.inside.release()


LINES: dict[str, Line] = {}


def line_of(path: str) -> Line:
    """The line in front of this file."""
    return LINES.setdefault(str(Path(path).absolute()), Line(str(Path(path).absolute())))


def _anew_in_child() -> None:
    for line in LINES.values():
        if line.file >= 0:
            os.close(line.file)
        line.anew()


os.register_at_fork(after_in_child=_anew_in_child)


class Queued(sqlite3.Connection):
    """A connection that stands in line before it begins to write, and leaves it when its transaction has ended."""

    line: Line | None = None
    patience = PATIENCE
    at_the_head = False

    def stand_in(self, line: Line) -> None:
        self.line = line

    def wait(self) -> None:
        """Wait for the turn to write."""
        if self.line is not None and not self.at_the_head:
            self.at_the_head = self.line.enter(self.patience)

    def _leave(self) -> None:
        if self.at_the_head and self.line is not None:
            self.at_the_head = False
            self.line.leave()

    def commit(self) -> None:
        try:
            super().commit()
        finally:
            if not self.in_transaction:
                self._leave()

    def rollback(self) -> None:
        try:
            super().rollback()
        finally:
            self._leave()

    def close(self) -> None:
        try:
            super().close()
        finally:
            self._leave()
