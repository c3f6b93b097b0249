"""Registering a customer in half a minute: phone first, an answer to it at once, three big channels, consent, done.

A phone without a network keeps what was written down and sends it later (`drafts.py`); then both times are kept."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from flask import Blueprint, redirect, request, url_for
from flask_login import current_user
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models import database
from models.remembered import Timer
from web.app import now, real_now, the_engine
from web.pages.asking import STATUS, asking_for, once, settle
from web.pages.forms import facts_of, form_for, put_errors
from web.pages.passwords import Patience
from web.pages.sessions import signed_in
from web.pages.show import Desk, look, show
from web.pages.words import locale, said
from workflows import policy
from workflows.engine import Ask, Refused, consider
from workflows.lead import LeadFlow
from workflows.lead_facts import CHANNELS, Capture
from workflows.views import lead_view, visible
from workflows.words import _

page = Blueprint("capture", __name__)
REGISTRARS = ("member", "leader", "manager", "reception")
BIG = {"reception": ("walk_in", "call_in", "referral"), "": ("flyer", "exhibition", "call_in")}
CONSENT = _(
    "The customer agrees that we keep their name, phone and what they look for, for this project only, and call back."
)
patience = Patience(per_name=120, per_place=2000)


@page.get("/register")
@signed_in(*REGISTRARS)
def capture() -> Any:
    """The empty form; above it what was registered just now."""
    with look() as desk:
        return _form(desk, form_for(Capture, desk.session, desk.at, desk.zone), saved=_saved(desk))


def _saved(desk: Desk) -> dict[str, Any] | None:
    """The lead that was just registered, and until when it is protected."""
    found = visible(desk.session, LeadFlow, desk.actor, request.args.get("saved", ""))
    if found is None or found.promoter_id != desk.actor.id:
        return None
    running = select(func.min(Timer.due_at)).where(
        Timer.flow == "lead", Timer.case_id == found.id, Timer.name == "expire", Timer.state == "pending"
    )
    return {**lead_view(desk.session, desk.actor, found), "until": desk.session.scalar(running)}


def _form(desk: Desk, form: Any, *, saved: Any = None, refusal: Refused | None = None) -> Any:
    big = BIG["reception" if desk.actor.has("reception") else ""]
    html = show(
        "capture.html",
        form=form,
        saved=saved,
        refusal=refusal.detail(locale()) if refusal else "",
        summary=put_errors(form, refusal.errors) if refusal else [],
        taken=refusal.detail(locale()) if refusal and not refusal.errors else "",
        big=big,
        rest=[c for c in CHANNELS if c not in big],
        channels=CHANNELS,
        chosen=form.channel.data,
        consent=CONSENT,
        hours=policy.in_force(desk.session, desk.at).draft_hours,
    )
    return html, STATUS[refusal.code] if refusal else 200


@page.post("/register")
@signed_in(*REGISTRARS)
def save() -> Any:
    """Register, or show again what was typed with what is wrong."""
    with look() as desk:
        form = form_for(Capture, desk.session, desk.at, desk.zone, request.form)
        facts = {**facts_of(form, desk.zone), "consent_text": said(CONSENT)[:200], **_noted(desk.at)}
    work = asking_for(
        LeadFlow,
        "capture",
        facts=facts,
        to=lambda taken: url_for("capture.capture", saved=taken.case.code),
        done=said(_("Registered.")),
    )
    try:
        return {"to": settle(work)[0]} if _by_script() else once(work)
    except Refused as refusal:
        if _by_script():
            return _reasons(refusal), STATUS[refusal.code]
        with look() as desk:
            return _form(desk, form, refusal=refusal)


def _by_script() -> bool:
    """Whether the page's script sends the form and reads the answer itself."""
    return request.accept_mimetypes.best == "application/json"


def _reasons(refusal: Refused) -> dict[str, Any]:
    """Why it was refused, as the script shows it: the whole reason, and by field."""
    errors = {name: said(text) for name, text in refusal.errors.items()}
    return {"reason": refusal.detail(locale()), "errors": errors}


def _noted(at: datetime) -> dict[str, Any]:
    """When a draft was written down. The phone tells how many seconds ago that was, not the hour on its clock, which may be
    wrong; a draft that came at once says nothing."""
    ago = request.form.get("noted_ago", "")
    if not (ago.isascii() and ago.isdecimal() and len(ago) < 9):
        return {}
    return {"noted_at": at - timedelta(seconds=int(ago))}


@page.post("/register/phone")
@signed_in(*REGISTRARS)
def phone() -> Any:
    """Whether this phone can be registered: free, or taken since when and until when, but never by whom."""
    name = str(current_user.person.id)
    if patience.wait(name, name, real_now()):
        return show(
            "parts/phone_answer.html",
            free=False,
            text=said(_("Too many questions: wait a little, then try again.")),
        )
    patience.failed(name, name, real_now())
    with database.read(the_engine()) as session:
        refusal = _refusal(session, request.form.get("phone", "")[:40])
    if request.headers.get("HX-Request") != "true":
        return redirect(url_for("capture.capture"), 303)
    if refusal is None:
        return show("parts/phone_answer.html", free=True, text=said(_("Can be registered.")))
    text = said(refusal.errors["phone"]) if "phone" in refusal.errors else refusal.detail(locale())
    return show("parts/phone_answer.html", free=False, text=text)


def _refusal(session: Session, number: str) -> Refused | None:
    """What the rules would say to registering this phone now."""
    facts = {"name": "?", "phone": number, "channel": "flyer", "consent": True}
    try:
        consider(session, Ask(LeadFlow, "capture", current_user.actor, now(session), facts=facts))
    except Refused as refusal:
        return refusal
    finally:
        session.expunge_all()
    return None
