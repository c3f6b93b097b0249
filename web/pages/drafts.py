"""What a phone needs to register customers without a network: an empty form that holds nobody's data, the worker that keeps
it, and a fresh token when the network is back.

The browser's side is in `static/drafts.js` (what waits, encrypted), `static/capture.js` (writing down and sending) and
`static/leave.js` (logging out throws it away).
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from flask import Blueprint, Flask, Response, current_app, make_response, url_for
from flask_login import current_user
from flask_wtf.csrf import generate_csrf

from models import database
from models.sealed import sealer
from web.app import now, the_engine, the_settings
from web.pages.capture import BIG, CONSENT, REGISTRARS
from web.pages.forms import form_for
from web.pages.show import show
from workflows import policy
from workflows.lead_facts import CHANNELS, Capture

page = Blueprint("drafts", __name__)
KEPT = (
    "vendor/pico.min.css",
    "tuoke.css",
    "leads.css",
    "mark.svg",
    "drafts.js",
    "capture.js",
)


@page.record_once
def _attach(state: Any) -> None:
    app: Flask = state.app
    app.jinja_env.globals["owner_mark"] = owner_mark


def owner_mark() -> str:
    """Whose drafts are whose on a phone that several people use: a mark from which nobody is read."""
    return sealer().blind("drafts", str(current_user.person.id))[:24] if current_user.is_authenticated else ""


@page.get("/register/token")
def token() -> Any:
    """A token to send drafts with, and whose drafts it sends. 401: nobody is signed in; 403: somebody who registers nobody."""
    if not current_user.is_authenticated:
        return {}, 401
    if not current_user.actor.has(*REGISTRARS):
        return {}, 403
    return {"token": generate_csrf(), "who": owner_mark()}


@page.get("/register/offline")
def offline() -> str:
    """The empty form as a phone keeps it: no name, no token, nothing of whoever fetched it."""
    return _shell()


def _shell() -> str:
    with database.read(the_engine()) as session:
        at = now(session)
        return show(
            "capture_offline.html",
            form=form_for(Capture, session, at, the_settings().timezone),
            big=BIG[""],
            rest=[c for c in CHANNELS if c not in BIG[""]],
            channels=CHANNELS,
            consent=CONSENT,
            hours=policy.in_force(session, at).draft_hours,
        )


@page.get("/register/worker.js")
def worker() -> Response:
    """The worker that keeps the form; its text changes with what it keeps, so that phones notice a new version."""
    files = [url_for("static", filename=name) for name in KEPT]
    answer = make_response(
        show("worker.js", version=_version(), shell=url_for("drafts.offline"), files=files)
    )
    answer.headers["Content-Type"] = "text/javascript; charset=utf-8"
    answer.headers["Service-Worker-Allowed"] = url_for("capture.capture")
    return answer


def _version() -> str:
    """A digest of everything the worker keeps; the form is in the reader's language."""
    folder = Path(current_app.static_folder or "")
    kept = hashlib.sha256(_shell().encode())
    for name in KEPT:
        kept.update((folder / name).read_bytes())
    return kept.hexdigest()[:16]
