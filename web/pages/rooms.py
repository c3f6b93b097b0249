"""The rooms of the house that hold several workflows: one card for each, with how much of it waits. A workflow says itself in
which room it stands."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import Blueprint, url_for
from sqlalchemy import func, select

from web.pages.cases import ROOMS, openings
from web.pages.sessions import signed_in
from web.pages.show import Desk, look, show
from workflows.engine.flow import Flow
from workflows.flows import FLOWS
from workflows.words import _

page = Blueprint("rooms", __name__)
SEE_ALL = ("manager", "sales_manager", "finance", "auditor")


@dataclass(frozen=True, slots=True)
class Card:
    """A workflow with its cases by state: those that wait for somebody, and how many there are in all."""

    flow: type[Flow]
    waiting: list[tuple[str, int]]
    total: int
    openings: list[tuple[str, str]]


@page.get("/money")
@signed_in()
def money() -> str:
    """What earnings are reckoned from, and what is said about them."""
    says = _("What earnings are reckoned from, and what is said about them.")
    with look() as desk:
        return _room(desk, "money", says, _beside_money(desk))


@page.get("/office")
@signed_in()
def office() -> str:
    """What the office does beside its leads."""
    says = _("The work around the leads: what is asked, decided, promised and kept.")
    with look() as desk:
        return _room(desk, "office", says, [])


def _room(desk: Desk, room: str, says: str, doors: list[tuple[str, str]]) -> str:
    """The cards of the workflows of which this reader may see or begin anything."""
    found = [_card(desk, flow) for flow in FLOWS.values() if flow.room == room]
    everything = desk.actor.has(*SEE_ALL)
    cards = [card for card in found if card.total or card.openings or everything]
    return show("room.html", title=ROOMS[room], says=says, doors=doors, cards=cards)


def _card(desk: Desk, flow: type[Flow]) -> Card:
    counted = (
        select(flow.table.state, func.count()).where(flow.seen_by(desk.actor)).group_by(flow.table.state)
    )
    found: dict[str, int] = dict(desk.session.execute(counted).all())
    waiting = [s.id for s in flow.states if not s.final and s.id not in flow.rests and s.id in found]
    return Card(flow, [(s, found[s]) for s in waiting], sum(found.values()), openings(desk, flow))


def _beside_money(desk: Desk) -> list[tuple[str, str]]:
    """The pages beside the cases: one's own statement, the team's account, the months."""
    found: list[tuple[str, Any]] = []
    if not desk.actor.roles <= {"admin"}:
        found.append((_("My earnings"), url_for("statement.mine")))
    if desk.actor.has("leader") and desk.actor.team_id is not None:
        found.append((_("My team's account"), url_for("team.mine")))
    if desk.actor.has(*SEE_ALL):
        found.append((_("Months"), url_for("months.months")))
    return found
