"""What one was told: the notices of the signed-in person, the latest first."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import Blueprint, redirect, request, url_for
from flask_login import current_user
from sqlalchemy import select, update

from models import database
from models.notices import Notification
from web.app import now, the_engine
from web.pages.sessions import local, signed_in
from web.pages.show import Desk, case_url, look, show
from web.pages.words import locale
from workflows.flows import FLOWS
from workflows.lead import LeadFlow
from workflows.telling.texts import sentence
from workflows.views import visible

page = Blueprint("notes", __name__)
PAGE = 30


@page.get("/notices")
@signed_in()
def notes() -> str:
    """The notices; `all` shows the read ones too."""
    key, everything = request.args.get("after", ""), request.args.get("all") == "1"
    with look() as desk:
        mine = select(Notification).where(Notification.person_id == desk.actor.id)
        query = mine if everything else mine.where(Notification.read_at.is_(None))
        if key.isdecimal() and len(key) < 19:
            query = query.where(Notification.id < int(key))
        found = list(desk.session.scalars(query.order_by(Notification.id.desc()).limit(PAGE + 1)))
        flag = "1" if everything else None
        following = url_for("notes.notes", all=flag, after=found[PAGE - 1].id) if len(found) > PAGE else None
        lines = [(note, says(note), target(desk, note)) for note in found[:PAGE]]
        first = url_for("notes.notes", all=flag) if key else None
        return show("notices.html", lines=lines, everything=everything, first=first, following=following)


def says(note: Notification) -> str:
    """The sentence of a notice, as messages say it too."""
    return sentence(note.fact, note.flow, note.body, locale())


def target(desk: Desk, note: Notification) -> str | None:
    """Where the matter of a notice is looked after, if its reader may see it."""
    flow = FLOWS.get(note.flow)
    if note.fact == "month.paid" and note.body.get("month"):
        return url_for("statement.of", who=desk.person.id, month=note.body["month"])
    if flow is None or (
        flow is not LeadFlow and visible(desk.session, flow, desk.actor, note.case_code) is None
    ):
        return None
    return case_url(note.flow, note.case_code)


@page.get("/notices/<uuid:fact_uid>")
@signed_in()
def one(fact_uid: UUID) -> Any:
    """Where a link in a message leads: to the matter, for whoever was told of it and may see it."""
    with look() as desk:
        mine = (Notification.fact_uid == str(fact_uid), Notification.person_id == desk.actor.id)
        note = desk.session.scalar(select(Notification).where(*mine))
        return redirect((note and target(desk, note)) or url_for("notes.notes"))


@page.post("/notices/read")
@signed_in()
def read() -> Any:
    """Mark one notice as read (and go to its matter), or all up to the latest that was shown."""
    number, upto = request.form.get("id", ""), request.form.get("upto", "")
    mine = update(Notification).where(
        Notification.person_id == current_user.person.id, Notification.read_at.is_(None)
    )
    if number.isdecimal() and len(number) < 19:
        mine = mine.where(Notification.id == int(number))
    elif upto.isdecimal() and len(upto) < 19:
        mine = mine.where(Notification.id <= int(upto))
    else:
        return redirect(url_for("notes.notes"), 303)
    database.in_transaction(the_engine(), lambda session: session.execute(mine.values(read_at=now(session))))
    return redirect(local(request.form.get("next"), url_for("notes.notes")), 303)
