"""The inbox: whoever a fact concerns finds a line there, and a message wherever else they want to be told."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from models.base import Base
from models.books import books
from models.remembered import Outbox
from workflows import probes
from workflows.flows import NEWS
from workflows.telling import writing

NOTIFICATION = Base.metadata.tables["notification"]
SAID = ("about", "event", "state", "outcome", "timer", "month")


def notify(session: Session, facts: Sequence[Outbox], at: datetime) -> None:
    """Write a line into the inbox of everybody whom these facts concern, and a message to each of their channels."""
    for fact in facts:
        if fact.fact == probes.PROBE:
            probes.tally(session, fact)
        elif fact.fact in NEWS:
            _notify(session, fact, NEWS[fact.fact].readers(session, fact, at), at)


def _notify(session: Session, fact: Outbox, people: Sequence[int], at: datetime) -> None:
    body = {key: value for key, value in fact.body.items() if key in SAID}
    code, flow = fact.body.get("about") or fact.case_code, fact.body.get("flow") or fact.flow
    writing.tell(session, fact, people, body, at)
    for person_id in people:
        line = {"person_id": person_id, "fact": fact.fact, "fact_uid": fact.uid, "flow": flow}
        line |= {"case_code": code, "body": body, "at": fact.at}
        books(session).writing.add(NOTIFICATION, line)
