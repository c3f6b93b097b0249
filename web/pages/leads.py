"""Lists of leads: one's own by deadline, and all that one may see."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import Blueprint, request, url_for
from sqlalchemy import select
from sqlalchemy.orm import Session

from models.leads import Lead
from models.people import Person
from models.remembered import CLOCKS, Timer
from web.pages import bulk, filters, paging
from web.pages.sessions import signed_in
from web.pages.show import Desk, look, show
from web.pages.sieve import Sieve
from web.pages.words import said
from workflows import lead_lists
from workflows.engine import Actor
from workflows.lead import LeadFlow
from workflows.lead_facts import CHANNELS, INTENTS, OUTCOMES
from workflows.lead_lists import Whole
from workflows.views import bring_in, lead_view

page = Blueprint("leads", __name__)

PAGE = 30
DOES = {timer.name: timer.then for timer in LeadFlow.timers}


@dataclass(frozen=True, slots=True)
class Row:
    """A lead in a list: as its reader may see it, and its next deadline with what happens then."""

    lead: Lead
    view: dict[str, Any]
    due: datetime | None
    then: str


def rows_of(session: Session, actor: Actor, leads: Sequence[Lead]) -> list[Row]:
    """Leads with their next deadlines, read at once."""
    running = select(Timer).where(
        Timer.flow == "lead",
        Timer.case_id.in_([lead.id for lead in leads]),
        Timer.state == "pending",
        Timer.name.in_(CLOCKS),
    )
    bring_in(session, leads)
    first: dict[int, Timer] = {}
    for timer in session.scalars(running.order_by(Timer.due_at.desc())):
        first[timer.case_id] = timer
    return [_row(session, actor, lead, first.get(lead.id)) for lead in leads]


def _row(session: Session, actor: Actor, lead: Lead, timer: Timer | None) -> Row:
    then = said(DOES[timer.name]) if timer else ""
    return Row(lead, lead_view(session, actor, lead), timer.due_at if timer else None, then)


def _list(desk: Desk, whole: Whole, title: str, endpoint: str, *, newest: bool) -> str:
    sieve, key = Sieve.read(request.args), request.args.get("after", "")
    whole, narrowed, after = sieve.of(desk, whole), sieve.wanted(desk), paging.read(key)
    if newest:
        latest = lead_lists.latest(desk.session, whole, narrowed, sieve.states, after, PAGE + 1)
        found = [(lead, (lead.captured_at, lead.id)) for lead in latest]
    else:
        found = lead_lists.urgent(desk.session, whole, narrowed, sieve.states, after, PAGE + 1)
    rows = rows_of(desk.session, desk.actor, [lead for lead, _place in found[:PAGE]])
    more = paging.written(found[PAGE - 1][1]) if found[PAGE:] else None
    numbers = lead_lists.counts(desk.session, whole, narrowed, sieve.possible)
    events = bulk.offered(desk.actor, [row.lead for row in rows])
    return show(
        "leads.html",
        title=title,
        rows=rows,
        events=events,
        together=bulk.common(events),
        sieve=sieve,
        kept=[(each, url_for(endpoint, **each.args)) for each in filters.kept(desk, title)],
        here=sieve.args(),
        state=sieve.state,
        numbers=numbers,
        total_open=sum(n for s, n in numbers.items() if s != "closed"),
        endpoint=endpoint,
        channels=CHANNELS,
        intents=INTENTS,
        outcomes=OUTCOMES,
        staff=_staff(desk) if newest else [],
        first=url_for(endpoint, **sieve.args()) if after else None,
        following=url_for(endpoint, **sieve.args(), after=more) if more else None,
    )


def _staff(desk: Desk) -> list[str]:
    """Whose leads one may look for."""
    people = desk.session.scalars(select(Person).order_by(Person.name))
    return [
        p.name for p in people if {"member", "leader", "manager", "reception", "consultant"} & set(p.roles)
    ]


@page.get("/leads")
@signed_in("member", "leader", "consultant", "manager", "reception")
def mine() -> str:
    """One's own leads, the most urgent first; a leader sees the team's."""
    with look() as desk:
        return _list(desk, lead_lists.own(desk.session, desk.actor), "mine", "leads.mine", newest=False)


@page.get("/leads/all")
@signed_in("reception", "manager", "sales_manager", "finance", "auditor")
def everything() -> str:
    """All the leads one may see, the latest first."""
    with look() as desk:
        return _list(desk, lead_lists.seen(desk.session, desk.actor), "all", "leads.everything", newest=True)
