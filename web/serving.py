"""What the web server does beside answering: each process says that it lives and which code it runs (gunicorn reads this
file as its configuration)."""

from __future__ import annotations

import hashlib
import platform
from contextlib import suppress
from threading import Event, Thread
from typing import Any

from flask import Flask
from sqlalchemy.exc import SQLAlchemyError

from models import database, machinery
from web.app import real_now

BEAT_SECONDS = 10.0
_over = Event()


def post_worker_init(worker: Any) -> None:
    """A process of the web is ready to serve."""
    Thread(target=_keep_beating, args=(worker.wsgi,), daemon=True).start()


def worker_exit(_server: Any, worker: Any) -> None:
    """A process ends in order. Another one of this address says within seconds that it lives."""
    _over.set()
    if app := getattr(worker, "wsgi", None):
        with suppress(SQLAlchemyError), database.begin(app.extensions["engine"]) as session:
            machinery.leave(session, _name(app))


def _keep_beating(app: Flask) -> None:
    """Leave signs of life until the end; a database that is away hears of it later."""
    engine, name = app.extensions["engine"], _name(app)
    while True:
        with suppress(SQLAlchemyError), database.begin(engine) as session:
            real = real_now()
            machinery.beat(session, name, "web", machinery.present(session, real), signs_as(app), real)
        if _over.wait(BEAT_SECONDS):
            return


def signs_as(app: Flask) -> str:
    """A print of the key that forms and log-ins are signed with: on every host it must be the same."""
    return f"signs={hashlib.sha256(app.extensions['settings'].secret_key.encode()).hexdigest()[:8]}"


def _name(app: Flask) -> str:
    return f"web@{platform.node()}:{app.extensions['settings'].port}"
