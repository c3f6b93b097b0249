"""Asking the database with little patience: a statement that takes too long is broken off, and the rest can still be asked."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import text
from sqlalchemy.orm import Session

STEPS = 20_000  # of SQLite's machine between two looks at the watch: a millisecond or so


@contextmanager
def bounded(session: Session, seconds: float) -> Iterator[None]:
    """What is asked meanwhile is broken off after so many seconds (on PostgreSQL each statement by itself), and undone
    alone: the transaction around it goes on. Raises `DBAPIError`."""
    if session.get_bind().dialect.name == "postgresql":
        with session.begin_nested():
            session.execute(text(f"SET LOCAL statement_timeout = {int(seconds * 1000)}"))
            yield
            session.execute(text("SET LOCAL statement_timeout = DEFAULT"))
        return
    with session.begin_nested():
        connection = session.connection().connection.driver_connection
        assert connection is not None
        end = time.monotonic() + seconds
        connection.set_progress_handler(lambda: time.monotonic() > end, STEPS)
        try:
            yield
        finally:
            connection.set_progress_handler(None, 0)
