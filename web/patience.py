"""How long a request waits for one answer of the database: some seconds, then whoever asked is told to come again (503).

A database that stands still, or a writer that holds what others need, would otherwise hold every thread of this process
too, and nobody would be told anything, not even those who only look. Long work that goes on is not cut short: every answer
is waited for anew. Who has waited in vain once does not wait again in the same request, however often the work is tried.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import psycopg
from flask import Flask, g, has_request_context, request
from sqlalchemy import Engine, ExceptionContext, event

SECONDS = 10.0
PROBES = {"/readyz": 2.0}


def attach(app: Flask) -> None:
    """Let requests be patient, and no longer than that. What the engine does outside a request waits as it did."""
    engine: Engine = app.extensions["engine"]
    if engine.dialect.name == "postgresql":
        event.listen(engine, "do_connect", _connect)
    else:
        event.listen(engine, "checkout", _wait_for_the_writer)
        event.listen(engine, "handle_error", _waited)


def patience() -> float | None:
    """The seconds that the present request waits for an answer; None where there is no request."""
    if not has_request_context():
        return None
    return 0.0 if g.get("waited_in_vain") else PROBES.get(request.path, SECONDS)


class Patient(psycopg.Connection[Any]):
    """A connection on which a request waits for no answer longer than its patience; it is of no use after that."""

    def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
        if (seconds := patience()) is None:
            return super().wait(gen, interval, timeout)
        try:
            return super().wait(gen, interval, seconds)
        except psycopg.OperationalError as error:
            if type(error).__name__ == "_WaitTimeout":
                g.waited_in_vain = True
                with suppress(psycopg.Error):
                    self.close()
            raise


def _connect(_dialect: Any, _record: Any, words: list[Any], named: dict[str, Any]) -> Patient:
    seconds = patience()
    if seconds == 0.0:
        raise psycopg.OperationalError("the request has waited long enough")
    limit = (
        {"connect_timeout": max(2, round(seconds))} if seconds else {}
    )  # libpq takes whole seconds, and no fewer
    try:
        return Patient.connect(*words, **named | limit)
    except psycopg.errors.ConnectionTimeout:
        if seconds:
            g.waited_in_vain = True
        raise


def _wait_for_the_writer(raw: Any, record: Any, _proxy: Any) -> None:
    """SQLite has one writer at a time: how long whoever takes this connection may wait for its turn, half of it in line and half
    for the database itself. Said past the engine, for it is asked of no table, and only where it is another length than last
    time."""
    seconds = patience()
    if seconds is not None and record.info.get("patience") != seconds:
        raw.execute(f"PRAGMA busy_timeout={round(seconds * 500)}")
        raw.patience = seconds / 2
        record.info["patience"] = seconds


def _waited(context: ExceptionContext) -> None:
    if "locked" in str(context.original_exception) and has_request_context():
        g.waited_in_vain = True
