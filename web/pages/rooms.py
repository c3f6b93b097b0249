"""The rooms of the house that hold several workflows: one card for each, with how much of it waits. A workflow says itself in
which room it stands."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, url_for
from sqlalchemy import func, select

from web.pages.cases import openings
from web.pages.sessions import signed_in
from web.pages.show import Desk, look, show
from workflows.engine.flow import Flow
from workflows.rooms import ROOMS, furnished, standing_in
from workflows.words import _

Doors = list[tuple[str, str]]
page = Blueprint("rooms", __name__)
SEE_ALL = ("manager", "sales_manager", "finance", "auditor")


@dataclass(frozen=True, slots=True)
class Card:
    """A workflow with its cases by state: those that wait for somebody, and how many there are in all."""

    flow: type[Flow]
    waiting: list[tuple[str, int]]
    total: int
    openings: list[tuple[str, str]]


@page.get("/<any({}):room>".format(", ".join(furnished())))
@signed_in()
def room(room: str) -> str:
    """The cards of the workflows of which this reader may see or begin anything."""
    with look() as desk:
        found = [_card(desk, flow) for flow in standing_in(room)]
        everything = desk.actor.has(*SEE_ALL)
        cards = [card for card in found if card.total or card.openings or everything]
        doors = DOORS.get(room, no_doors)(desk)
        return show("room.html", title=ROOMS[room].label, says=ROOMS[room].says, doors=doors, cards=cards)


def _card(desk: Desk, flow: type[Flow]) -> Card:
    counted = (
        select(flow.table.state, func.count()).where(flow.seen_by(desk.actor)).group_by(flow.table.state)
    )
    found: dict[str, int] = dict(desk.session.execute(counted).all())
    waiting = [s.id for s in flow.states if not s.final and s.id not in flow.rests and s.id in found]
    return Card(flow, [(s, found[s]) for s in waiting], sum(found.values()), openings(desk, flow))


def no_doors(_desk: Desk) -> Doors:
    return []


def _beside_money(desk: Desk) -> Doors:
    """The pages beside the cases: one's own statement, the team's account, the months."""
    found: list[tuple[str, Any]] = []
    if not desk.actor.roles <= {"admin"}:
        found.append((_("My earnings"), url_for("statement.mine")))
    if desk.actor.has("leader") and desk.actor.team_id is not None:
        found.append((_("My team's account"), url_for("team.mine")))
    if desk.actor.has(*SEE_ALL):
        found.append((_("Months"), url_for("months.months")))
    return found


# The pages beside the cases of a room, as far as a reader has them.
DOORS: dict[str, Callable[[Desk], Doors]] = {"money": _beside_money}
