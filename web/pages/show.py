"""Looking at the database on behalf of somebody, and showing what was found."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from flask import Flask, g, render_template, url_for
from flask_login import current_user
from flask_wtf.csrf import generate_csrf
from markupsafe import Markup
from sqlalchemy import select
from sqlalchemy.orm import Session

from models import database
from models.figures import Figure, count
from models.notices import Notification
from models.people import Person
from web.app import now, the_engine, the_settings
from web.pages.menu import menu
from web.pages.words import locale, said
from workflows.engine import Actor
from workflows.engine.actor import ROLES
from workflows.flows import FLOWS
from workflows.lead_facts import OUTCOMES
from workflows.money.statements import KINDS
from workflows.views import Choice, choices

MANY_NOTICES = 99


@dataclass(frozen=True, slots=True)
class Desk:
    """Somebody looks at the books at an instant. The session only reads."""

    session: Session
    actor: Actor
    person: Person
    at: datetime
    zone: ZoneInfo


@contextmanager
def look() -> Iterator[Desk]:
    """A read-only look for whoever is signed in."""
    with database.read(the_engine()) as session:
        g.at = now(session)
        g.unread = unread(session, current_user.person.id)
        yield Desk(session, current_user.actor, current_user.person, g.at, the_settings().timezone)


def unread(session: Session, person_id: int) -> Figure:
    """How many notices this person has not read."""
    mine = (Notification.person_id == person_id, Notification.read_at.is_(None))
    return count(session, select(Notification.id).where(*mine), MANY_NOTICES)


def show(template: str, **values: Any) -> str:
    """Render a page in the reader's language."""
    return render_template(template, **values)


def hidden(version: int | None = None, once: str | None = None, **more: Any) -> Markup:
    """The hidden fields of a form: CSRF token, one-time key, the version that was seen, and what else is named."""
    fields: dict[str, Any] = {
        "csrf_token": generate_csrf(),
        "once": once or secrets.token_urlsafe(16),
        **more,
    }
    if version is not None:
        fields["version"] = version
    lines = [
        Markup('<input type="hidden" name="{}" value="{}">').format(k, v)
        for k, v in fields.items()
        if v is not None
    ]
    return Markup("\n").join(lines)


def choices_for(flow: str, case: Any) -> list[Choice]:
    """The buttons of a case for whoever is signed in."""
    return choices(FLOWS[flow], current_user.actor, case)


def step_url(flow: str, code: str, event: str, next_path: str | None = None) -> str:
    return url_for("steps.ask", flow=flow, code=code, event=event, next=next_path)


def case_url(flow: str, code: str) -> str:
    """The page of a case of any workflow."""
    if flow == "lead":
        return url_for("lead.lead", code=code)
    return url_for("inbox.inbox") if flow == "approval" else url_for("cases.case", flow=flow, code=code)


def attach(app: Flask) -> None:
    """What every template knows."""
    app.jinja_env.globals.update(
        hidden=hidden, choices_for=choices_for, step_url=step_url, case_url=case_url, FLOWS=FLOWS, ROLES=ROLES
    )
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True

    @app.context_processor
    def around() -> dict[str, Any]:
        me = current_user if current_user and current_user.is_authenticated else None
        return {
            "lang": "zh-CN" if locale() == "zh" else "en",
            "locale": locale(),
            "me": me,
            "menu": menu(me.actor) if me else [],
            "unread": getattr(g, "unread", 0),
            "at": getattr(g, "at", None),
            "icons": url_for("static", filename="icons.svg"),
            "view_functions": app.view_functions,
            "outcome_names": OUTCOMES,
            "kind_names": KINDS,
            "movable": the_settings().clock == "movable",
            "role_names": lambda roles: ("、" if locale() == "zh" else ", ").join(
                said(ROLES[r]) for r in roles
            ),
        }
