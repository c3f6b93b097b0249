"""What a workflow tells people: the sentence that a fact becomes in their inbox, and to whom it is said. A workflow declares
its news beside its states; facts of which nobody is told are for the ledger and for other systems alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.books import kept
from models.people import Person
from models.remembered import Outbox

Audience = Callable[[Session, Outbox, datetime], Iterable[int | None]]


@dataclass(frozen=True, slots=True, init=False)
class News:
    """A fact (one that begins with a dot bears the workflow's name before it), the marked text it is told in, and everybody
    who is told. Where minutes matter, it is `urgent`: neither quiet hours nor the day's mail need hold it back. What calls for a
    step names the states in which that can be taken (`while_in`): once the case stands elsewhere, it is not sent any more."""

    fact: str
    says: str
    to: tuple[Audience, ...]
    urgent: bool
    while_in: tuple[str, ...]

    def __init__(
        self, fact: str, says: str, *to: Audience, urgent: bool = False, while_in: tuple[str, ...] = ()
    ) -> None:
        given = {"fact": fact, "says": says, "to": to, "urgent": urgent, "while_in": while_in}
        for name, value in given.items():
            object.__setattr__(self, name, value)

    def readers(self, session: Session, fact: Outbox, at: datetime) -> list[int]:
        """Who is told of this fact, by id."""
        found = {person for audience in self.to for person in audience(session, fact, at)}
        return sorted(person for person in found if person is not None)


def named(*fields: str) -> Audience:
    """Those whom the fact itself names in these fields."""
    return lambda session, fact, at: [fact.body.get(field) for field in fields]


def those_with(*roles: str) -> Audience:
    """All of the staff with one of these roles."""
    return lambda session, fact, at: [person.id for person in having(session, *roles)]


def having(session: Session, *roles: str) -> list[Person]:
    """The staff with one of these roles, looked up once a transaction."""
    return [person for person in kept(session, "staff", _staff) if set(roles) & set(person.roles)]


def _staff(session: Session) -> list[Person]:
    return list(session.scalars(select(Person).where(Person.left_on.is_(None)).order_by(Person.id)))


def of_flow(name: str, news: Iterable[News]) -> dict[str, News]:
    """News by the whole names of their facts."""
    return {name + each.fact if each.fact.startswith(".") else each.fact: each for each in news}


def all_facts(flows: Iterable[Any]) -> frozenset[str]:
    """Every kind of fact that these workflows tell: by their steps, by their timers, and by rules."""
    found: set[str] = set()
    for flow in flows:
        found |= {fact for steps in flow.by_event().values() for step in steps for fact in step.announces}
        found |= {timer.fact for timer in flow.timers if timer.fact} | flow.told().keys()
    return frozenset(found)
