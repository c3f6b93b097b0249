"""Who stands how to the person a case is about."""

from __future__ import annotations

from typing import Any

from workflows.engine.actor import Actor
from workflows.engine.who import relation
from workflows.words import _

STAFF = {"member", "leader", "manager", "reception", "consultant", "sales_manager", "finance", "auditor"}


def leads(actor: Actor, case: Any) -> bool:
    """Whether the case is about somebody of the team that this actor leads."""
    person = case.person
    led = actor.has("leader") and actor.team_id is not None
    return led and person is not None and person.team_id == actor.team_id and person.id != actor.id


Oneself = relation(
    "oneself",
    _("whom it is about"),
    STAFF,
    lambda a, case: a.id is not None and a.id == case.person_id,
)
TheirLeader = relation("their_leader", _("the leader of their team"), {"leader"}, leads)

# Of cases that bear their team themselves: rosters, and the days and the leave of those who stand on them.
LeaderOfTheTeam = relation(
    "their_leader",
    _("the leader of the team"),
    {"leader"},
    lambda a, case: a.has("leader") and a.team_id is not None and a.team_id == case.team_id,
)
Rostered = relation(
    "oneself",
    _("the person concerned"),
    {"member", "leader"},
    lambda a, case: a.id is not None and a.id == case.person_id,
)


def may_look(actor: Actor, case: Any) -> bool:
    """Who reads what is sealed of somebody's days: they themselves, who leads them, and the managers."""
    return (
        actor.has("manager", "sales_manager")
        or Rostered.allows(actor, case)
        or LeaderOfTheTeam.allows(actor, case)
    )
