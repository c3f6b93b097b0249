"""Reception: finding who has come, by phone, lead code or arrival code, marking the arrival in two taps, and seeing who was
offered the customer."""

from __future__ import annotations

import re
import unicodedata
from typing import Any

from flask import Blueprint, request, url_for
from sqlalchemy import select

from models.keyset import beyond
from models.leads import Lead
from models.sealed import sealer
from web.app import real_now
from web.pages import paging
from web.pages.arrival import key_of, spending, token_of
from web.pages.asking import asking_for, once
from web.pages.forms import facts_of, form_for
from web.pages.passwords import Patience
from web.pages.sessions import signed_in
from web.pages.show import Desk, look, show
from web.pages.words import locale, said
from workflows import arrival, staff
from workflows.boards import turns
from workflows.engine import Refused
from workflows.lead import LeadFlow
from workflows.lead_facts import Arrival
from workflows.phones import NotAMobile, normalise
from workflows.views import Choice, choices, lead_views
from workflows.words import Text, _

page = Blueprint("reception", __name__)
CODE = re.compile(r"^L[0-9A-Z]{8}$")
DESKS = ("reception", "sales_manager")
FIRST, PAGE = 12, 50
patience = Patience(per_name=8, per_place=60)


@page.get("/reception")
@signed_in(*DESKS)
def reception() -> str:
    """Who is expected, who waits, and what became of the one who has just arrived."""
    with look() as desk:
        return _show(desk, arrived=request.args.get("arrived", ""))


@page.post("/reception/find")
@signed_in(*DESKS)
def find() -> Any:
    """Look for a customer by phone or code. Posted, so that no number ever stands in an address."""
    with look() as desk:
        typed = request.form.get("q", "").strip()[:40]
        digits = re.sub(r"[\s-]", "", unicodedata.normalize("NFKC", typed))
        if re.fullmatch(r"[0-9]{6}", digits):
            return _arriving(desk, digits)
        found, problem = _search(desk, typed)
        return _show(desk, typed=typed, found=found, problem=problem)


def _arriving(desk: Desk, digits: str) -> Any:
    """Whom six digits mean. They could be guessed, so wrong ones make the desk wait."""
    name, place, at = str(desk.person.id), request.remote_addr or "", real_now()
    if wait := patience.wait(name, place, at):
        minutes = -(-wait // 60)
        problem = said(_("Too many wrong arrival codes: try again in %(minutes)s min."), minutes=minutes)
        return _show(desk, problem=problem), 429, {"Retry-After": str(wait)}
    project = staff.first_project(desk.session)
    project_id = project.id if project else 0
    try:
        good = arrival.check(arrival.by_digits(desk.session, project_id, digits), project_id, desk.at)
    except Refused as refusal:
        patience.failed(name, place, at)
        return _show(desk, typed=digits, problem=refusal.detail(locale())), 422
    patience.forgive(name)
    return _expect(desk, good.lead, token_of(good.key))


@page.get("/arrive/<token>")
@signed_in(*DESKS)
def scanned(token: str) -> str:
    """What the camera of the desk's phone opens: who stands there, to be marked as arrived. Raises `Refused`."""
    with look() as desk:
        project = staff.first_project(desk.session)
        found = arrival.by_key(desk.session, key_of(token))
        good = arrival.check(found, project.id if project else 0, desk.at)
        return _expect(desk, good.lead, token)


def _expect(desk: Desk, lead: Lead, token: str) -> str:
    return _show(desk, found=[lead], token=token)


def _search(desk: Desk, typed: str) -> tuple[list[Lead], str]:
    wanted = select(Lead).where(LeadFlow.seen_by(desk.actor)).order_by(Lead.id.desc()).limit(5)
    if CODE.match(typed.upper()):
        return list(desk.session.scalars(wanted.where(Lead.code == typed.upper()))), ""
    try:
        index = sealer().blind("phone", normalise(typed))
    except NotAMobile as error:
        return [], said(str(error))
    return list(desk.session.scalars(wanted.where(Lead.phone_index == index))), ""


def _show(
    desk: Desk,
    *,
    arrived: str = "",
    typed: str = "",
    found: list[Lead] | None = None,
    problem: str = "",
    token: str = "",
) -> str:
    project = staff.first_project(desk.session)
    board = turns.board(desk.session, project.id, desk.at) if project else None
    at_desk = board.at_desk if board else []
    expected = select(Lead).where(LeadFlow.seen_by(desk.actor), Lead.state == "screened")
    place, most = paging.read(request.args.get("after", "")), FIRST
    if place or request.args.get("all"):
        most = PAGE
    expected = expected.where(beyond(Lead.screened_at, Lead.id, place, newest=True))
    latest = expected.order_by(Lead.screened_at.desc(), Lead.id.desc())
    leads = list(desk.session.scalars(latest.limit(most + 1)))
    seen = [*leads, *(found or []), *(each.lead for each in at_desk)]
    return show(
        "reception.html",
        at_desk=at_desk,
        arrived=next((each for each in at_desk if each.lead.code == arrived), None),
        expected=leads[:most],
        first=url_for("reception.reception") if most == PAGE else None,
        more=_further(leads, most) if len(leads) > most else None,
        typed=typed,
        found=found,
        problem=problem,
        token=token,
        views=lead_views(desk.session, desk.actor, seen),
        closed_doors={lead.code: _why_not(desk, lead) for lead in found or []},
        may_appoint=desk.actor.has("sales_manager"),
        may_receive=desk.actor.has("reception"),
    )


def _further(leads: list[Lead], most: int) -> str:
    """Where the list of the expected goes on: first all of it, then page by page."""
    last = leads[most - 1]
    if most == FIRST or last.screened_at is None:
        return url_for("reception.reception", all=1)
    return url_for("reception.reception", after=paging.written((last.screened_at, last.id)))


def _why_not(desk: Desk, lead: Lead) -> Text | None:
    """Why this customer cannot be marked as arrived now."""
    visit: Choice | None = next((c for c in choices(LeadFlow, desk.actor, lead) if c.event == "visit"), None)
    if visit is None or visit.allowed:
        return None
    if lead.state == "captured":
        return Text(_("Not screened yet: the promoter must write down the demand first."))
    return visit.why_not


@page.post("/reception/arrived/<code>")
@signed_in("reception")
def mark(code: str) -> Any:
    """The customer stands at the desk; the code they showed, if they did, is used up."""
    with look() as desk:
        facts = facts_of(form_for(Arrival, desk.session, desk.at, desk.zone, request.form), desk.zone)
    back = url_for("reception.reception", arrived=code)
    visit = asking_for(LeadFlow, "visit", code=code, facts=facts, to=back)
    return once(spending(request.form.get("pass", ""), code, visit))
