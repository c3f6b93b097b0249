"""One JSON line per request: route, status, milliseconds, who (by number). Never a query, a name or a phone."""

from __future__ import annotations

import secrets
import time
from contextlib import suppress

import structlog
from flask import Flask, Response, g, request

QUIET = ("/healthz", "/readyz", "/metrics")


def attach(app: Flask) -> None:
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ]
    )
    app.before_request(_begin)
    app.after_request(_end)


def _begin() -> None:
    g.request_id, g.began = secrets.token_hex(8), time.perf_counter()


def _end(response: Response) -> Response:
    """The id goes back to the caller, who can name it when something broke. A line that cannot be written, for the disk is full
    or nobody reads it any more, spoils no answer."""
    if "request_id" not in g:
        _begin()
    response.headers["X-Request-ID"] = g.request_id
    if request.path not in QUIET or response.status_code >= 400:
        with suppress(OSError):
            structlog.get_logger().info(
                "request",
                id=g.request_id,
                method=request.method,
                route=request.url_rule.rule if request.url_rule else None,
                status=response.status_code,
                ms=round((time.perf_counter() - g.began) * 1000, 1),
                person=g.get("person_id"),
            )
    return response
