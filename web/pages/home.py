"""The first page after the log-in: what waits for this person today, by what they are."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from flask import Blueprint, request, url_for
from sqlalchemy import ColumnElement, and_, func, select

from models.leads import Lead
from models.money import Entry
from models.notices import AccessLog
from models.people import Person
from models.remembered import History, Outbox, Timer
from web.pages import months
from web.pages.health import signs, time_in_doubt
from web.pages.leads import by_deadline, counts, own, rows_of
from web.pages.sessions import signed_in
from web.pages.show import Desk, look, show
from workflows import boards
from workflows.lead import LeadFlow
from workflows.money.months import month_of
from workflows.views import choices, names

page = Blueprint("home", __name__)
FEW, PAGE = 8, 40
LOOKERS = ("manager", "sales_manager", "finance", "auditor")


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
            parts["waiting"] = [w for w in boards.to_decide(desk.session, desk.actor)[0] if w.mine]
        if desk.actor.has("reception"):
            parts |= _reception(desk)
        if desk.actor.has("manager", "sales_manager"):
            parts |= _office(desk)
        if desk.actor.has(*LOOKERS):
            parts["months"] = months.waiting(desk)
            parts["numbers"] = counts(desk.session, LeadFlow.seen_by(desk.actor))
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
        return show("home.html", parts=parts, who=names(desk.session))


def _rows(desk: Desk, wanted: ColumnElement[bool], limit: int = FEW) -> Any:
    return rows_of(desk.session, desk.actor, list(desk.session.scalars(by_deadline(wanted, limit))))


def _count(desk: Desk, wanted: ColumnElement[bool]) -> int:
    return desk.session.scalar(select(func.count()).select_from(Lead).where(wanted)) or 0


def _offered(desk: Desk) -> Any:
    """What the rotation offers this consultant now, with the answers to it."""
    rows = _rows(desk, and_(Lead.offered_to_id == desk.actor.id, Lead.state == "visited"))
    return [
        (row, [c for c in choices(LeadFlow, desk.actor, row.lead) if c.event in ("accept", "decline")])
        for row in rows
    ]


def _mine(desk: Desk) -> dict[str, Any]:
    """One's own open leads, the most urgent first, and what today still wants."""
    mine = own(desk.actor)
    midnight = desk.at.astimezone(desk.zone).replace(hour=0, minute=0, second=0, microsecond=0)
    is_open = and_(mine, Lead.state != "closed", Lead.state != "visited")
    tomorrow = midnight + timedelta(days=1)
    return {
        "mine": _rows(desk, is_open),
        "mine_total": _count(desk, and_(mine, Lead.state != "closed")),
        "today": {
            "registered": _count(desk, and_(mine, Lead.captured_at >= midnight)),
            "unscreened": _count(desk, and_(mine, Lead.state == "captured")),
            "contacts": _count(desk, and_(mine, Lead.state != "closed", Lead.next_at < tomorrow)),
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
    expected = and_(LeadFlow.seen_by(desk.actor), Lead.state == "screened")
    latest = select(Lead).where(expected).order_by(Lead.screened_at.desc()).limit(FEW)
    return {
        "expected": rows_of(desk.session, desk.actor, list(desk.session.scalars(latest))),
        "expected_total": _count(desk, expected),
        "at_desk": _rows(desk, and_(LeadFlow.seen_by(desk.actor), Lead.state == "visited")),
    }


def _office(desk: Desk) -> dict[str, Any]:
    """Customers whom nobody attends to, and those whose ten days ended without a deal."""
    seen = LeadFlow.seen_by(desk.actor)
    return {
        "unattended": _rows(desk, and_(seen, Lead.state == "visited", Lead.offered_to_id.is_(None))),
        "unconverted": _rows(desk, and_(seen, Lead.state == "unconverted")),
        "unconverted_total": _count(desk, and_(seen, Lead.state == "unconverted")),
    }


def _machinery(desk: Desk) -> dict[str, Any]:
    """Signs of life, and what waits or was given up."""
    parked = [
        desk.session.scalar(select(func.count()).select_from(table).where(table.state == "parked")) or 0
        for table in (Outbox, Timer)
    ]
    staff = select(func.count()).select_from(Person).where(Person.left_on.is_(None))
    return {
        "signs": signs(desk.session),
        "ahead": time_in_doubt(desk.session),
        "parked": sum(parked),
        "people": desk.session.scalar(staff) or 0,
    }


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
