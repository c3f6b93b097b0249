"""The movable clock of demo and tests: a bar on every page that moves the company's time and shows the timers fire.

Moving it changes one row; the clock and the workers see it and do what has come due, as they would in real life.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from flask import Blueprint, abort, flash, g, redirect, request, url_for
from sqlalchemy.orm import Session

from models import database, machinery
from web.app import now, the_engine, the_settings
from web.pages.sessions import local, signed_in
from web.pages.show import look, show
from web.pages.words import moment, said
from workflows import facts, timers
from workflows.words import _

page = Blueprint("clock", __name__)
STEPS = {"hour": timedelta(hours=1), "day": timedelta(days=1), "week": timedelta(days=7)}


@page.before_request
def only_where_it_moves() -> None:
    if the_settings().clock != "movable":
        abort(404)


@page.app_context_processor
def bar_values() -> dict[str, Any]:
    """What the bar on every page shows; asked for only where it is drawn."""
    return {"clock_bar": standing}


def standing() -> dict[str, Any]:
    """How the clock stands: the company's time, how many timers and facts are due, when the next comes due."""
    with database.read(the_engine()) as session:
        at = now(session)
        g.setdefault("at", at)
        return {
            "at": at,
            "due": timers.due(session, at),
            "untold": facts.undelivered(session, at),
            "next": timers.next_due(session),
        }


@page.get("/clock")
@signed_in()
def clock() -> str:
    """The clock's own page: the bar with its explanation."""
    with look():
        return show("clock.html")


@page.get("/clock/bar")
@signed_in()
def bar() -> Any:
    """The bar alone, for pages that watch the timers fire; once all have, the page is loaded anew."""
    found = standing()
    html = show("parts/clock.html", watching=True, onward=local(request.args.get("next")))
    done = not found["due"] and not found["untold"]
    return html, 200, {"HX-Refresh": "true"} if done else {}


@page.post("/clock")
@signed_in()
def move() -> Any:
    """Move the company's time forward, by a step or to the next deadline."""
    by = request.form.get("by", "")
    if by not in (*STEPS, "next"):
        abort(400)
    there = database.in_transaction(the_engine(), lambda session: _moved(session, by))
    with look():
        flash(said(_("The company's time is now %(when)s."), when=moment(there)))
    return redirect(local(request.form.get("next"), url_for("clock.clock")), 303)


def _moved(session: Session, by: str) -> datetime:
    at = now(session)
    due = timers.next_due(session) if by == "next" else None
    length = STEPS[by] if by in STEPS else max(timedelta(0), due - at) if due else timedelta(0)
    machinery.move(session, length)
    return at + length
