"""Who answers for whom: the leader of a team and the manager for those who work under them, the sales manager for these two."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from models.people import Person
from models.remembered import Outbox
from workflows.engine.actor import Actor
from workflows.engine.news import having
from workflows.engine.who import relation
from workflows.words import _

LEADING = {"leader", "manager"}


def leads_others(person: Person) -> bool:
    return not LEADING.isdisjoint(person.roles)


def is_led_by(person: Person, actor: Actor) -> bool:
    """Whether somebody works in the team that this actor leads."""
    same_team = actor.team_id is not None and actor.team_id == person.team_id
    return actor.has("leader") and same_team and not leads_others(person)


def _about(test: Callable[[Actor, Person], bool]) -> Callable[[Actor, Any], bool]:
    """A relation to whoever a case belongs to; nobody stands in it to a case that does not exist yet."""
    return lambda actor, case: case.person is not None and test(actor, case.person)


# The one who decides about a case of somebody of the staff: the case's `person`.
Superior = (
    relation(
        "persons_leader",
        _("the leader of the team"),
        {"leader"},
        _about(lambda actor, person: is_led_by(person, actor)),
    )
    | relation(
        "persons_manager",
        _("the manager, for those who lead nobody"),
        {"manager"},
        _about(lambda actor, person: actor.has("manager") and not leads_others(person)),
    )
    | relation(
        "leaders_sales_manager",
        _("the sales manager, for leaders and managers"),
        {"sales_manager"},
        _about(lambda actor, person: actor.has("sales_manager") and leads_others(person)),
    )
)


def superiors(session: Session, fact: Outbox, at: datetime) -> Iterable[int | None]:
    """Whom the one a fact is about reports to: the leader of their team, where there is none the managers; leaders and managers
    report to the sales managers."""
    person = session.get(Person, fact.body.get("person_id") or 0)
    if person is None:
        return []
    if leads_others(person):
        return [each.id for each in having(session, "sales_manager") if each.id != person.id]
    leaders = [each.id for each in having(session, "leader") if is_led_by(person, Actor.of(each))]
    return leaders or [each.id for each in having(session, "manager")]


def of_ones_team(column: Any, actor: Actor) -> ColumnElement[bool]:
    """The SQL condition that this column names somebody of the team that the actor leads."""
    team = actor.team_id if actor.has("leader") and actor.team_id is not None else -1
    found: ColumnElement[bool] = column.in_(select(Person.id).where(Person.team_id == team))
    return found


__all__ = ["Superior", "is_led_by", "leads_others", "of_ones_team", "superiors"]
