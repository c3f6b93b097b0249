"""The web application for a test: its routes are the same for all, and bound only once per process."""

from __future__ import annotations

from flask import Flask
from sqlalchemy import Engine

from models.settings import Settings
from web.api.limits import limiter
from web.app import create_app

BUILT: list[Flask] = []


def application(settings: Settings, engine: Engine) -> Flask:
    """The application on this database and these settings, as if nobody had asked it anything before."""
    if not BUILT:
        BUILT.append(create_app(settings, engine))
    app = BUILT[0]
    app.extensions |= {"settings": settings, "engine": engine}
    app.config["SECRET_KEY"] = settings.secret_key
    app.testing = True
    limiter.reset()
    return app
