"""The pipeline: how many leads stand where and since when, the most urgent of each state with what may be done, and the
machine itself with the leads that move along its edges."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from flask import Blueprint, url_for
from markupsafe import Markup

from models.quantiles import Spread
from web.pages.leads import Row, rows_of
from web.pages.sessions import signed_in
from web.pages.show import Desk, look, show, step_url
from web.pages.sieve import SPANS, days_asked
from web.pages.words import count_a_day, locale, number, said, span
from workflows import drawing, lead_lists, pipeline
from workflows.lead import LeadFlow
from workflows.pipeline import Move, Standing
from workflows.views import Choice, choices
from workflows.words import _

page = Blueprint("pipeline", __name__)
LOOKERS = ("leader", "manager", "sales_manager", "finance", "auditor")
CARDS = 8


@dataclass(frozen=True, slots=True)
class Drop:
    """What comes of dragging a card into the column of a state: a form to fill in, or why it cannot go there."""

    state: str
    url: str
    why: str


@dataclass(frozen=True, slots=True)
class Card:
    """A lead on the board, and where this reader may send it from here: by menu, and by dragging."""

    row: Row
    moves: list[Choice]
    drops: list[Drop]


@page.get("/pipeline")
@signed_in(*LOOKERS)
def board() -> str:
    """A column for each open state: counts, ages, and the most urgent leads."""
    with look() as desk:
        found = pipeline.standings(desk.session, desk.actor, desk.at)
        return show(
            "pipeline.html",
            tab="board",
            columns=_columns(desk, found),
            endpoint=_leads_page(desk),
            young=pipeline.YOUNG.days,
            old=pipeline.OLD.days,
        )


def _leads_page(desk: Desk) -> str:
    """The list that shows the rows behind a figure: a leader's is that of the team."""
    return (
        "leads.everything"
        if desk.actor.has("manager", "sales_manager", "finance", "auditor")
        else "leads.mine"
    )


def _columns(desk: Desk, found: list[Standing]) -> list[tuple[Standing, list[Card]]]:
    """The columns with their first cards; what stands on the cards is read for all columns at once."""
    mine = lead_lists.seen(desk.session, desk.actor)
    states = [each.state for each in found if each.count]
    first = lead_lists.urgent_in_each(desk.session, mine, states, CARDS)
    leads = [lead for state in states for lead in first[state]]
    cards: dict[str, list[Card]] = {}
    for row in rows_of(desk.session, desk.actor, leads):
        cards.setdefault(row.lead.state, []).append(_card(desk, row))
    return [(each, cards.get(each.state, [])) for each in found]


def _card(desk: Desk, row: Row) -> Card:
    found = choices(LeadFlow, desk.actor, row.lead)
    states = [state.id for state in LeadFlow.states if not state.final and state.id != row.lead.state]
    return Card(row, [c for c in found if c.allowed], [_drop(row, found, state) for state in states])


def _drop(row: Row, found: list[Choice], state: str) -> Drop:
    """The event by which people send this lead into that state, or why nobody, or not this reader, can."""
    leading = [c for c in found if c.step.target == state and state not in c.step.sources]
    allowed = next((choice for choice in leading if choice.allowed), None)
    if allowed is not None:
        return Drop(state, step_url("lead", row.lead.code, allowed.event, url_for("pipeline.board")), "")
    if not leading:
        why = said(_("Nobody sends a lead there by hand: time does, or it begins there."))
    else:
        label = said(leading[0].step.label)
        why = said(_("%(event)s: %(why)s"), event=label, why=said(leading[0].why_not))
    return Drop(state, "", why)


@page.get("/pipeline/machine")
@signed_in(*LOOKERS)
def machine() -> str:
    """The machine with the number of leads in each state, how long they stay, and how many go along each edge a day."""
    days = days_asked(SPANS[1])
    with look() as desk:
        since = desk.at - timedelta(days=days)
        standings = pipeline.standings(desk.session, desk.actor, desk.at)
        moves = pipeline.moves(desk.session, desk.actor, since)
        stays = pipeline.stays(desk.session, desk.actor, since)
        moves.sort(key=lambda move: -move.count)
        endpoint = _leads_page(desk)
        return show(
            "machine.html",
            tab="machine",
            days=days,
            spans=SPANS,
            picture=_picture(standings, moves, stays, days, endpoint),
            standings=standings,
            stays=stays,
            moves=[(move, _along(move, days, endpoint)) for move in moves],
            endpoint=endpoint,
        )


def _along(move: Move, days: int, endpoint: str) -> str:
    edge = f"{move.source}.{move.target}.{move.event}"
    return url_for(endpoint, state="all", along=edge, days=days)


def _under(standing: Standing, stay: Spread | None) -> str:
    count = said(_("%(n)s leads"), n=number(standing.count))
    return said(_("%(count)s · median %(span)s"), count=count, span=span(stay.median)) if stay else count


def _picture(
    standings: list[Standing], moves: list[Move], stays: dict[Any, Spread], days: int, endpoint: str
) -> Markup:
    under = {each.state: _under(each, stays.get(each.state)) for each in standings}
    live = drawing.Live(
        under=under,
        behind={(m.source, m.target, m.event): count_a_day(m.count / days) for m in moves},
        state_links={each.state: url_for(endpoint, state=each.state) for each in standings}
        | {"closed": url_for(endpoint, state="closed")},
        event_links={(m.source, m.target, m.event): _along(m, days, endpoint) for m in moves},
    )
    drawn = drawing.svg(LeadFlow, locale=locale(), live=live)
    return Markup(drawn)  # noqa: S704 (drawn by us, every text in it escaped)
