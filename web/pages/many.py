"""Many steps asked for at once: tried one after the other and taken back, or taken each in its own transaction, so that one
refusal harms no other; what came of them is kept under the form's one-time key and can be read again."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from flask import request
from flask_login import current_user
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from models import database
from models.remembered import Answer
from web.app import now, the_engine
from web.pages.asking import Sent
from workflows.engine import Ask, Flow, Refused, Taken, take

MOST = 100


@dataclass(frozen=True, slots=True)
class Wish:
    """One of the steps: an event of one case, against the version that was seen."""

    flow: type[Flow]
    event: str
    code: str
    facts: Mapping[str, Any] = field(default_factory=dict)
    version: int | None = None

    def ask(self, at: datetime) -> Ask:
        return Ask(
            self.flow,
            self.event,
            current_user.actor,
            at,
            code=self.code,
            facts=self.facts,
            version=self.version,
        )


@dataclass(frozen=True, slots=True)
class Result:
    """What came of one of them. `kind` is the state it came to, or `refused`."""

    code: str
    lead: str
    event: str
    kind: str
    said: str
    flow: str = "lead"


Told = Callable[[Taken], Result]
Denied = Callable[[Wish, Refused], Result]


def picked() -> list[str]:
    """The codes that were ticked, each once."""
    return list(dict.fromkeys(request.form.getlist("pick")))[:MOST]


def version_of(code: str) -> int | None:
    """The version of a ticked case that the reader had before them."""
    text = request.form.get(f"v_{code}", "")
    return int(text) if text.isdecimal() and len(text) < 10 else None


class _Tried(Exception):
    """What would have come of everything, carried out of a transaction that is taken back."""

    def __init__(self, outcomes: list[Result | Refused]) -> None:
        super().__init__(len(outcomes))
        self.outcomes = outcomes


def would(wishes: Sequence[Wish], told: Told) -> list[Result | Refused]:
    """What would come of them, one after the other: where a limit lets only some through, only those do. Nothing stays."""

    def work(session: Session) -> None:
        raise _Tried([_try(session, wish, told) for wish in wishes])

    try:
        database.in_transaction(the_engine(), work)
    except _Tried as tried:
        return tried.outcomes
    raise AssertionError("unreachable")


def _try(session: Session, wish: Wish, told: Told) -> Result | Refused:
    try:
        with session.begin_nested():
            return told(take(session, wish.ask(now(session))))
    except Refused as refusal:
        return refusal


def each(wishes: Sequence[Wish], told: Told, denied: Denied, sent: Sent) -> list[Result]:
    """Take them, each in its own transaction together with its answer: whatever is sent again is done once and answered twice."""
    return [_one(wish, told, denied, f"each:{sent.once}:{wish.code}", sent.digest) for wish in wishes]


def _one(wish: Wish, told: Told, denied: Denied, key: str, digest: str) -> Result:
    who = current_user.person.id

    def work(session: Session) -> Result:
        answered = session.get(Answer, (key, who))
        if answered is not None:
            return Result(*answered.body)
        at = now(session)
        result = told(take(session, wish.ask(at)))
        session.add(Answer(key=key, person_id=who, request=digest, status=200, body=_line(result), at=at))
        return result

    try:
        return database.in_transaction(the_engine(), work)
    except Refused as refusal:
        return denied(wish, refusal)


def _line(result: Result) -> list[str]:
    return [result.code, result.lead, result.event, result.kind, result.said, result.flow]


def known(kind: str, once: str) -> bool:
    """Whether the results of this form are kept already."""
    with database.read(the_engine()) as session:
        return kept(session, kind, once) is not None


def keep(kind: str, sent: Sent, event: str, results: Sequence[Result]) -> None:
    """Keep the result lines, so that they can be read again; the same form sent at the same instant keeps the first."""

    def work(session: Session) -> None:
        answer = Answer(
            key=f"{kind}:{sent.once}",
            person_id=current_user.person.id,
            request=sent.digest,
            status=303,
            body=[event, [_line(result) for result in results]],
            at=now(session),
        )
        session.add(answer)

    try:
        database.in_transaction(the_engine(), work)
    except IntegrityError:
        return


def kept(session: Session, kind: str, once: str) -> tuple[str, list[Result]] | None:
    """The event and the result lines of a form of this reader's."""
    answer = session.get(Answer, (f"{kind}:{once}", current_user.person.id))
    if answer is None:
        return None
    event, lines = answer.body
    return event, [Result(*line) for line in lines]
