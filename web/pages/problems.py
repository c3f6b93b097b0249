"""What people read when something does not go: what it was, and what to do. Programs get their own answers from the API."""

from __future__ import annotations

import logging
from typing import Any

from flask import Flask, g, request
from flask_login import AnonymousUserMixin, current_user
from flask_wtf.csrf import CSRFError
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.exceptions import HTTPException

from models import database
from web.pages.asking import STATUS
from web.pages.sessions import is_other
from web.pages.show import show
from web.pages.words import locale, said
from workflows.engine import Refused
from workflows.words import _

log = logging.getLogger(__name__)

SAYS = {
    400: (_("This could not be understood"), _("Go back and send the form again.")),
    401: (_("Please log in"), _("Your session has ended. Log in and try again.")),
    403: (_("You may not do this"), _("Ask one of those who may, or your leader.")),
    404: (
        _("Not found"),
        _(
            "It may have moved to somebody else, or the link is wrong. Look at your own list, or search for it."
        ),
    ),
    405: (_("This could not be understood"), _("Go back and use the buttons of the page.")),
    409: (_("It has moved on meanwhile"), _("Look at it as it stands now, then decide again.")),
    413: (_("Too large"), _("Send a smaller file.")),
    422: (_("This does not fit"), _("Go back, put it right and send it again.")),
    429: (_("Too many tries"), _("Wait a little, then try again.")),
    500: (
        _("Something broke here"),
        _("Nothing was changed. Try again; if it happens again, tell your administrator when it was."),
    ),
    503: (
        _("The database is away"),
        _("Nothing was changed. Go back, your entries are still there, and send them again in a minute."),
    ),
}
TITLES = {
    "not_found": _("Not found"),
    "not_permitted": _("You may not do this"),
    "not_allowed_from_state": _("Not possible in this state"),
    "invalid_data": _("The data are not complete or not right"),
    "guard_failed": _("A rule forbids this"),
    "conflict": _("Somebody else was first"),
}


def problem(status: int, title: str = "", detail: str = "", instead: str = "") -> tuple[str, int]:
    """A page that says what went wrong and what to do."""
    standing = SAYS.get(status, SAYS[500])
    title, instead = title or said(standing[0]), instead or said(standing[1])
    return show("problem.html", status=status, heading=title, detail=detail, instead=instead), status


def refused(refusal: Refused) -> Any:
    """A refusal in the reader's language."""
    if is_other(request.path):
        raise refusal
    return problem(STATUS[refusal.code], said(TITLES[refusal.code]), refusal.detail(locale()), " ")


def http(error: HTTPException) -> Any:
    """Any HTTP error of a page; programs get what the API says of it."""
    if is_other(request.path) or error.code is None or error.code < 400:
        return error
    answer = problem(error.code)
    wait = getattr(error, "retry_after", None)
    return (*answer, {"Retry-After": str(wait)}) if wait else answer


def no_token(error: CSRFError) -> Any:
    """The form's token is missing or of an earlier session."""
    ended = not current_user.is_authenticated
    text = (
        _("Your session has ended. Log in and try again.")
        if ended
        else _("The form was too old. Open the page again and send it once more.")
    )
    return problem(400, said(_("The form could not be accepted")), said(text), " ")


def database_error(error: SQLAlchemyError) -> Any:
    """The database is away (503), or something of ours broke (500)."""
    if is_other(request.path) or not database.away(error):
        raise error
    log.error("database away: %s", type(error).__name__)
    g._login_user = AnonymousUserMixin()  # nobody can be looked up now, not even for the menu of this page
    return (*problem(503), {"Retry-After": "5"})


def attach(app: Flask) -> None:
    app.register_error_handler(Refused, refused)
    app.register_error_handler(CSRFError, no_token)
    app.register_error_handler(HTTPException, http)
    app.register_error_handler(SQLAlchemyError, database_error)
