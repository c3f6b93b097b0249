"""The first page after the log-in: what waits for this person today, by what they are."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from flask import Blueprint, request, url_for
from sqlalchemy import ColumnElement, and_, func, select, true

from models.figures import Figure, fixed
from models.leads import Lead
from models.money import Entry
from models.notices import AccessLog
from models.people import Person
from models.remembered import History
from web.pages import months
from web.pages.health import findings_of
from web.pages.leads import rows_of
from web.pages.sessions import signed_in
from web.pages.show import Desk, look, show
from workflows import lead_lists
from workflows.boards import requests
from workflows.health import LABELS
from workflows.lead import LeadFlow
from workflows.lead_lists import OPEN, STATES, Whole
from workflows.money.months import month_of
from workflows.views import choices, names

page = Blueprint("home", __name__)
FEW, WAITING, PAGE = 8, 5, 40
LOOKERS = ("manager", "sales_manager", "finance", "auditor")
MACHINERY = ("clock", "worker", "sender", "redis", "time", "timers", "parked", "backups")


@page.get("/")
@signed_in()
def home() -> str:
    """Today, with a part for each of the reader's roles."""
    with look() as desk:
        parts: dict[str, Any] = {}
        if desk.actor.has("consultant"):
            parts["offered"] = _offered(desk)
        if desk.actor.has("member", "leader", "consultant"):
            parts |= _mine(desk)
        if desk.actor.has("leader", "manager", "sales_manager", "finance"):
            parts |= _waiting(desk)
        if desk.actor.has("reception"):
            parts |= _reception(desk)
        if desk.actor.has("manager", "sales_manager"):
            parts |= _office(desk)
        if desk.actor.has(*LOOKERS):
            parts["months"] = months.waiting(desk)
            parts["numbers"] = lead_lists.counts(
                desk.session, lead_lists.seen(desk.session, desk.actor), true()
            )
        if desk.actor.has("finance", "auditor"):
            parts["recent"] = list(
                desk.session.scalars(select(History).order_by(History.id.desc()).limit(12))
            )
        if desk.actor.has("auditor"):
            parts["access"] = list(
                desk.session.scalars(select(AccessLog).order_by(AccessLog.id.desc()).limit(FEW))
            )
        if desk.actor.has("admin"):
            parts["machinery"] = _machinery(desk)
        return show("home.html", parts=parts, who=names(desk.session), check_names=LABELS)


def _rows(desk: Desk, whole: Whole, states: Sequence[str], *narrowed: ColumnElement[bool]) -> Any:
    """The most urgent of these leads."""
    found = lead_lists.urgent(desk.session, whole, and_(true(), *narrowed), states, None, FEW)
    return rows_of(desk.session, desk.actor, [lead for lead, _place in found])


def _count(desk: Desk, whole: Whole, states: Sequence[str], *narrowed: ColumnElement[bool]) -> Figure:
    found = lead_lists.counts(desk.session, whole, and_(true(), *narrowed), states)
    return sum(found.values(), Figure(0))


def _waiting(desk: Desk) -> dict[str, Any]:
    """The requests that have waited longest of those this person may decide, and how many wait."""
    found: list[requests.Waiting] = []
    after, total = None, requests.kinds_to_decide(desk.session, desk.actor)
    for _page in range(5 if total else 0):
        page, after = requests.to_decide(desk.session, desk.actor, after, limit=20)
        found += [each for each in page if each.mine]
        if len(found) >= WAITING or after is None:
            break
    return {"waiting": found[:WAITING], "waiting_total": sum((n for _f, _e, n in total), Figure(0))}


def _offered(desk: Desk) -> Any:
    """What the rotation offers this consultant now, with the answers to it."""
    rows = _rows(
        desk, lead_lists.own(desk.session, desk.actor), ("visited",), Lead.offered_to_id == desk.actor.id
    )
    return [
        (row, [c for c in choices(LeadFlow, desk.actor, row.lead) if c.event in ("accept", "decline")])
        for row in rows
    ]


def _mine(desk: Desk) -> dict[str, Any]:
    """One's own open leads, the most urgent first, and what today still wants."""
    mine = lead_lists.own(desk.session, desk.actor)
    midnight = desk.at.astimezone(desk.zone).replace(hour=0, minute=0, second=0, microsecond=0)
    tomorrow = midnight + timedelta(days=1)
    return {
        "mine": _rows(desk, mine, [state for state in OPEN if state != "visited"]),
        "mine_total": _count(desk, mine, OPEN),
        "today": {
            "registered": _count(desk, mine, STATES, Lead.captured_at >= midnight),
            "unscreened": _count(desk, mine, ("captured",)),
            "contacts": _count(desk, mine, OPEN, Lead.next_at < tomorrow),
        },
        **({"earned": _earned(desk)} if desk.actor.has("member", "leader") else {}),
    }


def _earned(desk: Desk) -> tuple[str, int]:
    """The present month and what one has earned in it so far, in fen."""
    month = month_of(desk.at, desk.zone)
    mine = select(func.sum(Entry.amount_fen)).where(
        Entry.person_id == desk.actor.id, Entry.month == month, Entry.kind != "payout"
    )
    return month, int(desk.session.scalar(mine) or 0)


def _reception(desk: Desk) -> dict[str, Any]:
    """Who may come in, and who stands at the desk."""
    expected = select(Lead).where(LeadFlow.seen_by(desk.actor), Lead.state == fixed("screened"))
    latest = expected.order_by(Lead.screened_at.desc(), Lead.id.desc()).limit(FEW)
    everybodys = lead_lists.seen(desk.session, desk.actor)
    return {
        "expected": rows_of(desk.session, desk.actor, list(desk.session.scalars(latest))),
        "expected_total": _count(desk, everybodys, ("screened",)),
        "at_desk": _rows(desk, everybodys, ("visited",)),
    }


def _office(desk: Desk) -> dict[str, Any]:
    """Customers whom nobody attends to, and those whose ten days ended without a deal."""
    everybodys = lead_lists.seen(desk.session, desk.actor)
    return {
        "unattended": _rows(desk, everybodys, ("visited",), Lead.offered_to_id.is_(None)),
        "unconverted": _rows(desk, everybodys, ("unconverted",)),
        "unconverted_total": _count(desk, everybodys, ("unconverted",)),
    }


def _machinery(desk: Desk) -> dict[str, Any]:
    """What the health page would say in short, and how many people work here."""
    staff = select(func.count()).select_from(Person).where(Person.left_on.is_(None))
    return {"findings": findings_of(desk, *MACHINERY), "people": desk.session.scalar(staff) or 0}


@page.get("/access")
@signed_in("auditor")
def access() -> str:
    """Who looked at whose data in clear, or carried them out, and why: the latest first."""
    key = request.args.get("after", "")
    with look() as desk:
        query = select(AccessLog).order_by(AccessLog.id.desc()).limit(PAGE + 1)
        query = query.where(AccessLog.id < int(key)) if key.isdecimal() and len(key) < 19 else query
        found = list(desk.session.scalars(query))
        following = url_for("home.access", after=found[PAGE - 1].id) if len(found) > PAGE else None
        first = url_for("home.access") if key else None
        return show(
            "access.html", rows=found[:PAGE], first=first, following=following, who=names(desk.session)
        )


@page.get("/more")
@signed_in()
def more() -> str:
    """Everything that found no room at the bottom of a phone."""
    with look():
        return show("more.html")
