"""Signing in and out (签到、签退): one's own day with its button, and for who leads the code to be shown at each spot."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby

from flask import Blueprint
from sqlalchemy import select

from models.days import Presence
from web.pages.sessions import signed_in
from web.pages.show import Desk, look, show
from workflows import policy
from workflows.office import signing as rules
from workflows.office.presence import PresenceFlow
from workflows.views import choices

page = Blueprint("signing", __name__)
AHEAD = 7
SIGNATURES = ("sign_in", "sign_out")


@dataclass(frozen=True, slots=True)
class Spot:
    """A spot of today with the code that is shown there, until when, and who belongs there."""

    name: str
    team: str
    code: str
    until: datetime
    people: list[Presence]


@page.get("/signing")
@signed_in("member", "leader", "manager")
def signing() -> str:
    """Today: one's own day, those to come, and the spots one answers for."""
    with look() as desk:
        today = desk.at.astimezone(desk.zone).date()
        mine = select(Presence).where(
            Presence.person_id == desk.person.id,
            Presence.day.between(today, today + timedelta(days=AHEAD)),
            Presence.state != "cancelled",
        )
        days = list(desk.session.scalars(mine.order_by(Presence.day)))
        now_on = [each for each in days if each.day == today]
        return show(
            "signing.html",
            today=[(each, _signatures(desk, each)) for each in now_on],
            ahead=[each for each in days if each.day > today],
            spots=_spots(desk) if desk.actor.has("leader", "manager") else [],
            leads=desk.actor.has("leader", "manager"),
        )


def _signatures(desk: Desk, case: Presence) -> list[object]:
    found = choices(PresenceFlow, desk.actor, case)
    return [choice for choice in found if choice.event in SIGNATURES and choice.allowed]


def _spots(desk: Desk) -> list[Spot]:
    """The spots at which somebody of whom this reader sees the days stands today."""
    today = desk.at.astimezone(desk.zone).date()
    there = select(Presence).where(
        PresenceFlow.seen_by(desk.actor),
        Presence.day == today,
        Presence.state.not_in(("cancelled", "excused")),
    )
    if not desk.actor.has("manager"):
        there = there.where(Presence.team_id == desk.actor.team_id)
    order = (Presence.team_id, Presence.spot, Presence.project_id, Presence.id)
    now_on, found = policy.in_force(desk.session, desk.at), list(desk.session.scalars(there.order_by(*order)))
    spots = (list(group) for _key, group in groupby(found, lambda p: (p.team_id, p.spot, p.project_id)))
    until = rules.changes_at(desk.at, now_on)
    return [
        Spot(
            group[0].spot,
            group[0].person.team.name if group[0].person.team else "",
            rules.code_of(group[0], desk.at, now_on),
            until,
            group,
        )
        for group in spots
    ]
