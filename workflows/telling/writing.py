"""Messages are written in the transaction that tells a fact: one per channel of whoever is told, one per endpoint."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import NAMESPACE_URL, uuid4, uuid5

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.base import Base
from models.books import books, kept
from models.messages import Channel, Endpoint, Message, Telling
from models.remembered import Outbox
from models.writing import Row
from workflows import policy
from workflows.flows import NEWS
from workflows.telling.hours import next_digest, quiet_until
from workflows.telling.topics import MAIL, TEST, topic_of

MESSAGE = Base.metadata.tables["message"]
OPEN = ("event", "outcome", "month", "about", "timer", "seq", "due_at", "late_seconds", "project_id")


@dataclass(frozen=True, slots=True)
class Way:
    """A channel in use, with how its person wants to be told."""

    id: int
    kind: str
    topics: frozenset[str]
    telling: Telling | None


def tell(session: Session, fact: Outbox, people: Iterable[int], said: dict[str, Any], at: datetime) -> None:
    """Write a message to every channel of these people that carries this fact. `said` is what the notice says."""
    ways = kept(session, "ways", _ways)
    for person_id in sorted(people):
        for way in ways.get(person_id, ()):
            if topic_of(fact.fact) in way.topics:
                state, when = when_told(fact.fact, way, at, policy.zone(session))
                row = _message(fact, said, channel_id=way.id, state=state, next_at=when)
                books(session).writing.add(MESSAGE, row)


def when_told(fact: str, way: Way, at: datetime, zone: Any) -> tuple[str, datetime]:
    """In which state a message begins, and when it goes: at once, after the quiet hours, or with the day's mail."""
    how = way.telling
    if how is None:
        return "pending", at
    urgent = NEWS[fact].urgent if fact in NEWS else False
    if how.digest_at and way.kind == MAIL and not urgent:
        return "gathering", next_digest(at, zone, how.digest_at)
    if urgent and how.urgent_anyway:
        return "pending", at
    return "pending", quiet_until(at, zone, how.quiet_from, how.quiet_until)


def publish(session: Session, facts: Sequence[Outbox], at: datetime) -> None:
    """Write a message to every endpoint that wants one of these facts."""
    for endpoint_id, topics in kept(session, "endpoints", _endpoints):
        for fact in facts:
            if fact.fact.partition(".")[0] in topics:
                said = {key: fact.body[key] for key in OPEN if fact.body.get(key) is not None}
                row = _message(fact, said | _stand(fact), endpoint_id=endpoint_id, next_at=at)
                books(session).writing.add(MESSAGE, row)


def write_test(session: Session, at: datetime, **receiver: int) -> Message:
    """A message that only says that messages arrive (`channel_id=` or `endpoint_id=`); it goes at once."""
    uid = str(uuid4())
    row = Message(uid=uid, fact=TEST, fact_uid=uid, at=at, next_at=at, **receiver)
    session.add(row)
    session.flush()
    return row


def _stand(fact: Outbox) -> dict[str, Any]:
    """Which case it was and where it stood; of a request also in which workflow the case is that it is about."""
    about = {"about_flow": fact.body["flow"]} if fact.body.get("flow") and fact.body.get("about") else {}
    return {"flow": fact.flow, "code": fact.case_code, "state": fact.body.get("state"), **about}


def _message(fact: Outbox, said: dict[str, Any], **more: Any) -> Row:
    receiver = (
        f"channel:{more.get('channel_id')}" if "channel_id" in more else f"endpoint:{more['endpoint_id']}"
    )
    return {
        "uid": str(uuid5(NAMESPACE_URL, f"tuoke:message:{receiver}:{fact.uid}")),
        "fact": fact.fact,
        "fact_uid": fact.uid,
        "flow": fact.body.get("flow") or fact.flow,
        "case_code": fact.body.get("about") or fact.case_code,
        "body": said,
        "at": fact.at,
        **more,
    }


def _ways(session: Session) -> dict[int, list[Way]]:
    """The channels in use, by person."""
    wanted = select(Channel.id, Channel.person_id, Channel.kind, Channel.topics).where(
        Channel.address.is_not(None)
    )
    found: dict[int, list[Way]] = {}
    how = {row.person_id: row for row in session.scalars(select(Telling))}
    for channel_id, person_id, kind, topics in session.execute(wanted):
        found.setdefault(person_id, []).append(Way(channel_id, kind, frozenset(topics), how.get(person_id)))
    return found


def _endpoints(session: Session) -> list[tuple[int, list[str]]]:
    rows = select(Endpoint.id, Endpoint.topics).where(Endpoint.is_on).order_by(Endpoint.id)
    return [(row[0], row[1]) for row in session.execute(rows)]
