"""The Flask application: one factory, its blueprints, and what every request stands on (engine, clock, who asks)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache
from importlib import import_module
from io import BytesIO
from typing import Any, BinaryIO, TypeVar

from flask import Flask, Request, current_app
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session
from werkzeug.middleware.proxy_fix import ProxyFix

from models import database, machinery
from models.settings import Settings
from web.trust import trusting

T = TypeVar("T")
PARTS = (
    "web.packed",
    "web.patience",
    "web.trust",
    "web.logs",
    "web.headers",
    "web.health",
    "web.api",
    "web.pages",
)


class InMemory(Request):
    """What somebody uploads stays in memory (its size is limited): no customer's data lie in a file in clear."""

    def _get_file_stream(self, *_of_what: Any, **_named: Any) -> BinaryIO:
        return BytesIO()


class Application(Flask):
    """All its functions are plain ones: nothing looks a dozen times per request whether one is a coroutine."""

    request_class = InMemory

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        return func


def create_app(settings: Settings | None = None, engine: Engine | None = None) -> Flask:
    """The application on these settings (the environment's by default). Each part has `attach(app)`."""
    settings = settings or Settings.from_env()
    app = Application(__name__, static_folder="static", template_folder="templates")
    app.config.update(SECRET_KEY=settings.secret_key, MAX_CONTENT_LENGTH=6 * 1024 * 1024)
    app.extensions["settings"] = settings
    app.extensions["engine"] = engine or database.engine(settings)
    for part in PARTS:
        import_module(part).attach(app)
    if near := settings.proxies:
        # Who asks and whether over TLS, as our own proxies tell it; what came with the request stands further left.
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=near, x_proto=near, x_host=0)  # type: ignore[method-assign]
    return app


def the_engine() -> Engine:
    """The database of this application."""
    engine: Engine = current_app.extensions["engine"]
    return engine


def the_settings() -> Settings:
    settings: Settings = current_app.extensions["settings"]
    return settings


def glance(look: Callable[[Connection], T]) -> T:
    """Ask a statement or two that need no transaction around them: each sees what is committed by then. Asked again where the
    connection turned out to be dead."""
    with trusting():
        try:
            with _alone(the_engine()).connect() as connection:
                return look(connection)
        except DBAPIError as error:
            if not error.connection_invalidated:
                raise
        with _alone(the_engine()).connect() as connection:
            return look(connection)


@lru_cache(maxsize=1)
def _alone(engine: Engine) -> Engine:
    postgresql = engine.dialect.name == "postgresql"
    return engine.execution_options(**{"isolation_level": "AUTOCOMMIT"} if postgresql else {"alone": True})


def real_now() -> datetime:
    """The real instant, for log-ins, throttling and signs of life, which must not run ahead with a moved clock."""
    return datetime.now(UTC)


def now(session: Session | Connection) -> datetime:
    """The present instant of the company: the real one, or the movable clock's where it may be moved."""
    real = real_now()
    return real + machinery.offset(session) if the_settings().clock == "movable" else real
