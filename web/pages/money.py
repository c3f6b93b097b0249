"""Where everything about money is found: one card for each of its workflows, with how much of it waits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import Blueprint, url_for
from sqlalchemy import func, select

from web.pages.cases import openings
from web.pages.sessions import signed_in
from web.pages.show import Desk, look, show
from workflows.engine.flow import Flow
from workflows.flows import FLOWS
from workflows.words import _

page = Blueprint("money", __name__)
# What each is for, in the order in which an office needs them.
SAYS = {
    "quota": _("How many visits each person is set for a month. Only those beyond earn."),
    "attendance": _("How many half days each person worked: the wage is reckoned from it."),
    "pay": _("By the day or by the month, from when."),
    "deduction": _("Reported, judged by somebody else, three days to appeal, then settled."),
    "dispute": _("Somebody disagrees with a line of their statement."),
    "sale": _("Deals that stand, and those that were called off."),
    "split": _("Team awards that leaders divided over their members."),
    "policy": _("New numbers of the policy on their way into force."),
}
RESTING = ("in_force", "signed", "divided")


@dataclass(frozen=True, slots=True)
class Card:
    """A workflow with its cases by state: those that wait for somebody, and how many there are in all."""

    flow: type[Flow]
    says: str
    waiting: list[tuple[str, int]]
    total: int
    openings: list[tuple[str, str]]


@page.get("/money")
@signed_in(
    "member", "leader", "manager", "reception", "consultant", "sales_manager", "finance", "auditor", "admin"
)
def money() -> str:
    """The cards of the workflows of which this reader may see or begin anything."""
    with look() as desk:
        found = [_card(desk, FLOWS[name], says) for name, says in SAYS.items()]
        return show(
            "money.html",
            cards=[card for card in found if card.total or card.openings or _all(desk)],
            **_doors(desk),
        )


def _all(desk: Desk) -> bool:
    return desk.actor.has("manager", "sales_manager", "finance", "auditor")


def _card(desk: Desk, flow: type[Flow], says: str) -> Card:
    counted = (
        select(flow.table.state, func.count()).where(flow.seen_by(desk.actor)).group_by(flow.table.state)
    )
    found: dict[str, int] = dict(desk.session.execute(counted).all())
    waiting = [s.id for s in flow.states if not s.final and s.id not in RESTING and s.id in found]
    return Card(flow, says, [(s, found[s]) for s in waiting], sum(found.values()), openings(desk, flow))


def _doors(desk: Desk) -> dict[str, Any]:
    """The pages beside the cases: one's own statement, the team's account, the months."""
    leads = desk.actor.has("leader") and desk.actor.team_id is not None
    return {
        "own": None if desk.actor.roles <= {"admin"} else url_for("statement.mine"),
        "team": url_for("team.mine") if leads else None,
        "months": url_for("months.months") if _all(desk) else None,
    }
