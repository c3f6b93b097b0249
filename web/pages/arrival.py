"""The arrival code: shown by the promoter's phone as a QR and six digits, read at the desk with a camera or by ear.

The address in the QR is a signed key, about nobody; opening it changes nothing, it only shows the desk who stands there.
"""

from __future__ import annotations

from typing import Any

import segno
from flask import Blueprint, abort, url_for
from flask_login import current_user
from itsdangerous import BadSignature, Signer
from markupsafe import Markup
from sqlalchemy.orm import Session

from models.leads import Lead
from web.app import now, the_settings
from web.pages.asking import Work, once
from web.pages.sessions import signed_in
from web.pages.show import look, show
from workflows import arrival, staff
from workflows.lead import LeadFlow
from workflows.views import lead_view, visible

page = Blueprint("arrival", __name__)


def _signer() -> Signer:
    return Signer(the_settings().secret_key, salt="tuoke/arrival")


def token_of(key: str) -> str:
    """The key as it stands in the QR: signed, so that guesses cost no look into the database."""
    return _signer().sign(key).decode()


def key_of(token: str) -> str:
    """The key of a token; empty for one that we did not sign."""
    try:
        return _signer().unsign(token[:120]).decode()
    except (BadSignature, UnicodeError):
        return ""


@page.get("/leads/<code>/arrival")
@signed_in("member", "leader", "manager", "reception")
def code(code: str) -> Any:
    """The code that is good now, or a button for a new one; it looks again by itself and says when the customer has come."""
    with look() as desk:
        found: Lead | None = visible(desk.session, LeadFlow, desk.actor, code)
        if found is None or not arrival.MAY_SHOW.allows(desk.actor, found):
            abort(404)
        good = arrival.shown(desk.session, found, desk.at) if found.state == "screened" else None
        return show(
            "arrival.html",
            lead=found,
            view=lead_view(desk.session, desk.actor, found),
            good=good,
            qr=_qr(url_for("reception.scanned", token=token_of(good.key), _external=True)) if good else "",
        )


def _qr(address: str) -> Markup:
    """An SVG element without any style of its own."""
    drawn = segno.make(address, error="m", micro=False).svg_inline(
        border=4, omitsize=True, svgclass="qr", lineclass=None, dark="#000", light="#fff"
    )
    return Markup(drawn)  # noqa: S704 (drawn by us from an address of ours)


@page.post("/leads/<code>/arrival")
@signed_in("member", "leader", "manager", "reception")
def new(code: str) -> Any:
    """A new code; the earlier one is good no longer."""

    def work(session: Session) -> tuple[str, str]:
        arrival.issue(session, code, current_user.actor, now(session))
        return url_for("arrival.code", code=code), ""

    return once(work)


def spending(token: str, code: str, work: Work) -> Work:
    """The step `work`, with the code the customer showed: both or neither."""

    def both(session: Session) -> tuple[str, str]:
        project, at = staff.first_project(session), now(session)
        arrival.use(session, key_of(token), code, project.id if project else 0, current_user.actor, at)
        return work(session)

    return both if token else work
