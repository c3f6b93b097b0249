"""The rotation board (轮排): who is next and why, open offers, waiting customers; and the answer to one's own offer."""

from __future__ import annotations

from datetime import datetime, time
from typing import Any

from flask import Blueprint, abort, request, url_for

from models.leads import Duty
from web.pages.asking import submit
from web.pages.sessions import signed_in
from web.pages.show import Desk, look, show
from workflows import reports, staff
from workflows.boards import turns
from workflows.rotation import DutyFlow, duty_of
from workflows.views import Choice, choices, lead_view

page = Blueprint("rotation", __name__)
LOOKERS = ("consultant", "reception", "manager", "sales_manager", "finance", "auditor")
DESKS = ("reception", "manager", "sales_manager", "finance", "auditor")


@page.get("/rotation")
@signed_in(*LOOKERS)
def rotation() -> str:
    """Order, who is next and why, who is asked what, who waits, who declined today."""
    with look() as desk:
        project = staff.first_project(desk.session) or abort(404)
        board = turns.board(desk.session, project.id, desk.at)
        (monday,) = reports.weeks(desk.at, desk.zone, 1)
        week = reports.turns(desk.session, project.id, datetime.combine(monday, time(), desk.zone))
        return show(
            "rotation.html",
            board=board,
            week=week,
            overburdened=reports.overburdened(week),
            customers={each.lead.code: customer(desk, each) for each in board.at_desk},
            mine=duty_of(desk.session, project.id, desk.person.id),
            offers=[each for each in board.at_desk if each.lead.offered_to_id == desk.person.id],
            may_appoint=desk.actor.has("sales_manager"),
            duty_choices=lambda duty: _possible(desk, duty),
        )


def customer(desk: Desk, each: turns.AtDesk) -> dict[str, Any]:
    """A waiting customer as this reader may see them; a colleague's customer has no name for a consultant."""
    if desk.actor.has(*DESKS) or each.lead.offered_to_id == desk.person.id:
        return lead_view(desk.session, desk.actor, each.lead)
    return {"name": "", "phone": ""}


def _possible(desk: Desk, duty: Duty) -> list[Choice]:
    return [choice for choice in choices(DutyFlow, desk.actor, duty) if choice.allowed]


@page.post("/rotation/<event>")
@signed_in("consultant", "sales_manager")
def place(event: str) -> Any:
    """Join or leave: for oneself, or, as sales manager, for the consultant who is named."""
    if event not in ("join", "leave"):
        abort(404)
    named = request.form.get("consultant", "").strip()[:40]
    with look() as desk:
        project = staff.first_project(desk.session) or abort(404)
        who = staff.person_named(desk.session, named) if named else desk.person
        duty = duty_of(desk.session, project.id, who.id)
        code = duty.code if duty else None
    facts = {"consultant": named} if named and code is None else {}
    return submit(DutyFlow, event, code=code, facts=facts, to=url_for("rotation.rotation"))
