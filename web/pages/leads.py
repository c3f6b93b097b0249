"""Lists of leads: one's own by deadline, and all that one may see."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import Blueprint, request, url_for
from sqlalchemy import ColumnElement, Select, and_, func, literal, or_, select, true
from sqlalchemy.orm import Session

from models.base import Instant
from models.keyset import beyond
from models.leads import Lead
from models.people import Person
from models.remembered import Timer
from web.pages import bulk, filters, paging
from web.pages.paging import NEVER
from web.pages.sessions import signed_in
from web.pages.show import Desk, look, show
from web.pages.sieve import STATES, Sieve, in_state
from web.pages.story import THEN
from web.pages.words import said
from workflows.engine import Actor
from workflows.lead import LeadFlow
from workflows.lead_facts import CHANNELS, INTENTS, OUTCOMES
from workflows.views import bring_in, lead_view

page = Blueprint("leads", __name__)

CLOCKS = ("lapse", "expire", "offer")
PAGE = 30


@dataclass(frozen=True, slots=True)
class Row:
    """A lead in a list: as its reader may see it, and its next deadline with what happens then."""

    lead: Lead
    view: dict[str, Any]
    due: datetime | None
    then: str


def own(actor: Actor) -> ColumnElement[bool]:
    """One's own leads, promoted, held or offered; a leader's are those of the team. All of them are leads that one sees
    (`LeadFlow.seen_by`), which is not asked beside it: databases would read every lead to find the few."""
    mine = [Lead.promoter_id == actor.id, Lead.holder_id == actor.id, Lead.offered_to_id == actor.id]
    if actor.has("leader") and actor.team_id is not None:
        team = select(Person.id).where(Person.team_id == actor.team_id)
        mine += [Lead.promoter_id.in_(team), Lead.holder_id.in_(team)]
    return ~true() if actor.roles <= {"admin"} else or_(*mine)


def deadline() -> Any:
    """When the next clock of a lead runs out, as a column."""
    running = select(func.min(Timer.due_at)).where(
        Timer.flow == "lead", Timer.case_id == Lead.id, Timer.state == "pending", Timer.name.in_(CLOCKS)
    )
    return func.coalesce(
        running.correlate(Lead).scalar_subquery(), literal(NEVER, Instant()), type_=Instant()
    )


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
    then = said(THEN[timer.name][0]) if timer else ""
    return Row(lead, lead_view(session, actor, lead), timer.due_at if timer else None, then)


def by_deadline(wanted: ColumnElement[bool], limit: int = PAGE) -> Select[Lead]:
    """These leads, the most urgent first."""
    return select(Lead).where(wanted).order_by(deadline(), Lead.id).limit(limit)


def counts(session: Session, wanted: ColumnElement[bool]) -> dict[str, int]:
    """How many of these leads stand in each state."""
    found = session.execute(select(Lead.state, func.count()).where(wanted).group_by(Lead.state))
    by_state = {row[0]: row[1] for row in found}
    return {state: by_state[state] for state in STATES if by_state.get(state)}


def _after_deadline(query: Select[Lead], key: str) -> Select[Lead]:
    return query.where(beyond(deadline(), Lead.id, paging.read(key), exact=True))


def _list(desk: Desk, wanted: ColumnElement[bool], title: str, endpoint: str, *, newest: bool) -> str:
    sieve, key = Sieve.read(request.args), request.args.get("after", "")
    wanted = and_(wanted, sieve.wanted(desk))
    chosen = in_state(wanted, sieve.state)
    if newest:
        query = select(Lead).where(chosen).order_by(Lead.id.desc()).limit(PAGE + 1)
        query = query.where(Lead.id < int(key)) if key.isdecimal() and len(key) < 19 else query
    else:
        query = by_deadline(chosen, PAGE + 1)
        query = _after_deadline(query, key) if key else query
    found = list(desk.session.scalars(query))
    rows = rows_of(desk.session, desk.actor, found[:PAGE])
    more = _key(desk.session, rows[-1], newest=newest) if len(found) > PAGE else None
    numbers = counts(desk.session, wanted)
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
        first=url_for(endpoint, **sieve.args()) if key else None,
        following=url_for(endpoint, **sieve.args(), after=more) if more else None,
    )


def _staff(desk: Desk) -> list[str]:
    """Whose leads one may look for."""
    people = desk.session.scalars(select(Person).order_by(Person.name))
    return [
        p.name for p in people if {"member", "leader", "manager", "reception", "consultant"} & set(p.roles)
    ]


def _key(session: Session, row: Row, *, newest: bool) -> str:
    return str(row.lead.id) if newest else paging.written((row.due or NEVER, row.lead.id))


@page.get("/leads")
@signed_in("member", "leader", "consultant", "manager", "reception")
def mine() -> str:
    """One's own leads, the most urgent first; a leader sees the team's."""
    with look() as desk:
        return _list(desk, own(desk.actor), "mine", "leads.mine", newest=False)


@page.get("/leads/all")
@signed_in("reception", "manager", "sales_manager", "finance", "auditor")
def everything() -> str:
    """All the leads one may see, the latest first."""
    with look() as desk:
        return _list(desk, LeadFlow.seen_by(desk.actor), "all", "leads.everything", newest=True)
