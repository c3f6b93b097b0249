"""The door: logging in and out, and the choice of language."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, abort, g, make_response, redirect, request, url_for
from flask_login import current_user
from sqlalchemy import select
from sqlalchemy.orm import Session

from models import database
from models.people import Person
from web.app import now, real_now, the_engine, the_settings
from web.pages import passwords
from web.pages.sessions import local, sign_in, sign_out
from web.pages.show import show
from web.pages.words import COOKIE, said
from workflows.engine.actor import STAFF_ROLES
from workflows.staff import works
from workflows.words import LOCALES, _

page = Blueprint("entry", __name__)
patience = passwords.Patience()


@page.get("/login")
def login() -> Any:
    """The log-in page; in the demo company with a button per person."""
    if current_user.is_authenticated:
        return redirect(local(request.args.get("next")))
    return _door(200)


def _door(status: int, error: str = "", name: str = "") -> Any:
    with database.read(the_engine()) as session:
        g.at = now(session)
        demo = _cast(session) if the_settings().clock == "movable" else []
        onward = local(request.values.get("next"), "")
        return show("login.html", error=error, name=name, demo=demo, onward=onward), status


def _cast(session: Session) -> list[tuple[str, list[Person]]]:
    """The people of the demo company by their first role."""
    today = now(session).astimezone(the_settings().timezone).date()
    people = [p for p in session.scalars(select(Person).order_by(Person.id)) if works(p, today)]
    by_role = {role: [p for p in people if p.roles and p.roles[0] == role] for role in STAFF_ROLES}
    return [(role, found[:6]) for role, found in by_role.items() if found]


@page.post("/login")
def check() -> Any:
    """Name and password. Many wrong ones are slowed down; nobody learns which of the two was wrong."""
    name, password = request.form.get("name", "").strip()[:80], request.form.get("password", "")[:500]
    place, at = request.remote_addr or "", real_now()
    if wait := patience.wait(name, place, at):
        return (
            *_door(
                429,
                said(_("Too many wrong passwords: try again in %(minutes)s min."), minutes=-(-wait // 60)),
                name,
            ),
            {"Retry-After": str(wait)},
        )
    with database.read(the_engine()) as session:
        person = session.scalar(select(Person).where(Person.name == name)) if name.isprintable() else None
        session.expunge_all()
    try:
        right = passwords.fits(person.password_hash if person else None, password)
    except passwords.Crowded:
        return (
            *_door(503, said(_("Many are logging in just now: try again in a moment.")), name),
            {"Retry-After": "5"},
        )
    if person is None or not right or not works(person, at.astimezone(the_settings().timezone).date()):
        patience.failed(name, place, at)
        return _door(422, said(_("Name and password do not fit together.")), name)
    patience.forgive(name)
    sign_in(person)
    return redirect(local(request.form.get("next")), 303)


@page.post("/login/as")
def login_as() -> Any:
    """The demo company prints its log-ins anyway: one click is enough there, and only there."""
    if the_settings().clock != "movable":
        abort(404)
    with database.read(the_engine()) as session:
        person = session.scalar(select(Person).where(Person.name == request.form.get("name", "")[:80]))
        session.expunge_all()
    if person is None:
        abort(404)
    sign_in(person)
    return redirect(local(request.form.get("next")), 303)


@page.post("/logout")
def logout() -> Any:
    sign_out()
    return redirect(url_for("entry.login"), 303)


@page.post("/language")
def language() -> Any:
    """Chinese or English, remembered on this device and with the person."""
    chosen = request.form.get("language")
    if chosen not in LOCALES:
        abort(400)
    if current_user.is_authenticated:
        database.in_transaction(
            the_engine(), lambda s: setattr(s.get_one(Person, current_user.person.id), "locale", chosen)
        )
    answer = make_response(redirect(local(request.form.get("next")), 303))
    answer.set_cookie(
        COOKIE, chosen, max_age=365 * 86400, httponly=True, samesite="Lax", secure=request.is_secure
    )
    return answer
