"""Connections that need not be asked whether they live: their work is done again by itself when one turns out to be dead.

A connection out of the pool is asked first everywhere else (`pool_pre_ping`), which is one more round trip each time.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from flask import Flask, g, has_request_context
from sqlalchemy import Engine


def attach(app: Flask) -> None:
    engine: Engine = app.extensions["engine"]
    asks = engine.dialect.do_ping
    engine.dialect.do_ping = lambda connection: _trusted() or asks(connection)  # type: ignore[method-assign, assignment]


@contextmanager
def trusting() -> Iterator[None]:
    """For work that is tried again from the start where a connection was lost."""
    before, g.trusting = _trusted(), True
    try:
        yield
    finally:
        g.trusting = before


def _trusted() -> bool:
    return has_request_context() and bool(g.get("trusting"))
