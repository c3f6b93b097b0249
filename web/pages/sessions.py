"""Who is signed in: sessions are rows, so that they can be ended; the cookie carries a 256-bit token, the row its SHA-256.

A session ends after 12 idle hours, after 7 days, at log-out, and when its person leaves. Log-ins live in real time: the
company's movable clock signs nobody out.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from functools import wraps
from typing import Any, ParamSpec, TypeVar
from urllib.parse import urlsplit

from flask import Flask, Request, abort, g, redirect, request, session, url_for
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface
from flask_login import LoginManager, UserMixin, current_user, login_user, logout_user
from flask_wtf import CSRFProtect
from sqlalchemy import update
from sqlalchemy.exc import DBAPIError

from models import database
from models.people import Person, WebSession
from web.app import real_now, the_engine, the_settings
from workflows.engine import Actor, Refused
from workflows.engine.actor import ROLES
from workflows.staff import hashed, works
from workflows.words import Text, _

IDLE, LONGEST, TOUCH = timedelta(hours=12), timedelta(days=7), timedelta(minutes=1)
OTHERS = ("/api/", "/healthz", "/readyz", "/metrics")
P = ParamSpec("P")
R = TypeVar("R")
csrf = CSRFProtect()


class User(UserMixin):  # type: ignore[misc]
    """Somebody signed in. What Flask-Login keeps of them is the token of their session."""

    def __init__(self, person: Person, token: str) -> None:
        self.person, self.token, self.actor = person, token, Actor.of(person)

    def get_id(self) -> str:
        return self.token


class Cookies(SecureCookieSessionInterface):
    """The cookie takes the `__Host-` prefix wherever the page came over https; programs have none that counts."""

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        return self.session_class() if is_other(request.path) else super().open_session(app, request)

    def get_cookie_name(self, app: Flask) -> str:
        return "__Host-tuoke" if request.is_secure else "tuoke"

    def get_cookie_secure(self, app: Flask) -> bool:
        return request.is_secure


def attach(app: Flask) -> None:
    """Cookies, log-ins and CSRF tokens for everything that is a page."""
    app.config.update(
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_REFRESH_EACH_REQUEST=False,
        WTF_CSRF_CHECK_DEFAULT=False,
        WTF_CSRF_TIME_LIMIT=None,
    )
    app.session_interface = Cookies()
    logins = LoginManager(app)
    logins.session_protection = None
    logins.user_loader(_loaded)
    logins.unauthorized_handler(_to_the_door)
    csrf.init_app(app)
    app.before_request(_protect)


def _protect() -> None:
    """Pages change things only with a CSRF token; programs bring a bearer token instead and no cookie counts for them."""
    if is_other(request.path):
        return
    if any("\x00" in text for text in (request.path, *request.args.values(), *request.form.values())):
        abort(400)  # a database text cannot hold it
    if request.method not in ("GET", "HEAD", "OPTIONS"):
        csrf.protect()


def is_other(path: str) -> bool:
    """Whether a path is for programs, not for people."""
    return path.startswith(OTHERS)


def sign_in(person: Person) -> None:
    """Begin a session under a new token; whatever the cookie said before is forgotten."""
    token, at = secrets.token_urlsafe(32), real_now()
    row = WebSession(
        digest=hashed(token), person_id=person.id, made_at=at, seen_at=at, agent=str(request.user_agent)[:120]
    )
    database.in_transaction(the_engine(), lambda s: s.add(row))
    session.clear()
    login_user(User(person, token))


def sign_out() -> None:
    """End the session, on the server too."""
    if current_user.is_authenticated:
        digest, at = hashed(current_user.token), real_now()
        ended = update(WebSession).where(WebSession.digest == digest).values(ended_at=at)
        database.in_transaction(the_engine(), lambda s: s.execute(ended))
    logout_user()
    session.clear()


def _loaded(token: str) -> User | None:
    at = real_now()
    with database.read(the_engine()) as s:
        row = s.get(WebSession, hashed(token))
        if row is None or row.ended_at or at - row.seen_at > IDLE or at - row.made_at > LONGEST:
            return None
        person = s.get(Person, row.person_id)
        s.expunge_all()
    if person is None or not works(person, at.astimezone(the_settings().timezone).date()):
        return None
    if at - row.seen_at > TOUCH:
        _touch(row.digest, at)
    g.person_locale, g.person_id = person.locale, person.id
    return User(person, token)


def _touch(digest: str, at: datetime) -> None:
    """Write down that its reader was seen, if it can be written now: for want of that nobody is kept from reading."""
    seen = update(WebSession).where(WebSession.digest == digest).values(seen_at=at)
    with suppress(DBAPIError), database.begin(the_engine()) as s:
        s.execute(seen)


def _to_the_door() -> Any:
    return redirect(
        url_for("entry.login", next=request.full_path.rstrip("?") if request.method == "GET" else None)
    )


def signed_in(*roles: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Only for those who are signed in, with one of these roles where any are named; others read what they lack."""

    def made(view: Callable[P, R]) -> Callable[P, R]:
        @wraps(view)
        def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
            if not current_user.is_authenticated:
                return _to_the_door()  # type: ignore[no-any-return]
            if roles and not current_user.actor.has(*roles):
                raise Refused(
                    "not_permitted", Text(_("This page is not for your role.")), who=[ROLES[r] for r in roles]
                )
            return view(*args, **kwargs)

        return guarded

    return made


def local(path: str | None, otherwise: str = "/") -> str:
    """A path of this site to go on to; anything else (another host, a script) becomes `otherwise`."""
    try:
        parts = urlsplit(path or "")
    except ValueError:
        return otherwise
    safe = (
        path
        and not parts.scheme
        and not parts.netloc
        and path.startswith("/")
        and not path.startswith(("//", "/\\"))
    )
    return path if safe and path and path.isprintable() else otherwise
