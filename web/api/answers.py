"""Answering: JSON that no cache keeps, and changes that give the same answer again under the same Idempotency-Key.

The answer is stored in the transaction of the change itself, so that there is never the one without the other. The key
is claimed first: a second request with the same key waits at that row until the first has committed, then reads what
it said, or does the work itself if the first was refused. Refusals are not stored.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

from flask import Response, current_app, g, request
from sqlalchemy import Connection, delete, select, tuple_
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from models import database
from models.base import Base
from models.books import books
from models.remembered import Answer
from models.sealed import JsonText, sealer
from web.api.asking import body, idempotency_key
from web.app import now, the_engine
from web.trust import trusting
from workflows.engine.refusal import Refused
from workflows.words import Text, _

KEPT = timedelta(hours=24)
FORGETTING, MOST_FORGOTTEN = timedelta(seconds=5), 1000
CLAIM = {
    each.__name__.rpartition(".")[2]: each.insert(Answer.__table__)
    .on_conflict_do_nothing()
    .execution_options(preserve_rowcount=True)
    for each in (postgresql, sqlite)
}
KEPT_IN = Base.metadata.tables["answer"]
Work = Callable[[Session], tuple[dict[str, Any], int]]


def told(said: Any) -> str:
    """What is said, as JSON: instants in UTC, ISO 8601."""
    return json.dumps(said, ensure_ascii=False, default=_plain)


def _plain(value: Any) -> Any:
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, set | frozenset):
        return list(value)
    raise TypeError(f"{type(value).__name__} is not told to programs")


def answer(said: Any, status: int = 200) -> Response:
    """A JSON answer. A case bears its version as ETag, for If-Match."""
    return _answered(told(said), said.get("version") if isinstance(said, dict) else None, status)


def _answered(text: str, version: Any, status: int) -> Response:
    made = Response(text, status, content_type="application/json")
    made.headers["Cache-Control"] = "no-store"
    if isinstance(version, int):
        made.headers["ETag"] = f'"{version}"'
    return made


def look(work: Callable[[Session], Any]) -> Response:
    """Answer with what a read-only look finds."""
    with database.read(the_engine()) as session:
        return answer(work(session))


def write(work: Work) -> Response:
    """Do a change in one transaction and answer it; raises `Refused`, and then nothing was written."""
    key, digest = idempotency_key(), _digest()

    def unit(session: Session) -> tuple[str, Any, int, bool]:
        at = now(session)
        if key and (given := _claim(session, key, digest, at)):
            return told(given.body), given.body.get("version"), given.status, True
        said, status = work(session)
        text = told(said)
        if key:
            kept = {"key": key, "person_id": g.person_id, "status": status, "body": JsonText(text)}
            books(session).writing.change(("answer", key), KEPT_IN, kept)
        return text, said.get("version"), status, False

    with trusting():
        text, version, status, again = database.in_transaction(the_engine(), unit)
    made = _answered(text, version, status)
    if again:
        made.headers["Idempotency-Replayed"] = "true"
    return made


def _digest() -> str:
    """What was asked: the same key may only be used for the same request again."""
    asked = [request.method, request.path, request.headers.get("If-Match", ""), body()]
    return sealer().blind("answer", json.dumps(asked, sort_keys=True, ensure_ascii=False))


def _claim(session: Session, key: str, digest: str, at: datetime) -> Answer | None:
    """Claim this key, so that whoever else sends it waits until we have committed; the answer where one was given already."""
    connection = session.connection()
    if _time_to_forget(at):
        _forget(connection, at)
    new = {"key": key, "person_id": g.person_id, "request": digest, "status": 0, "body": {}, "at": at}
    if connection.execute(CLAIM[connection.dialect.name], new).rowcount:
        return None
    wanted = select(Answer).where(Answer.key == key, Answer.person_id == g.person_id).with_for_update()
    row = session.scalars(wanted).one()
    if row.at <= at - KEPT:
        row.request, row.status, row.body, row.at = digest, 0, {}, at
        session.flush()
        return None
    if row.request != digest:
        reason = _("This key was used for another request already.")
        said = Text(_("The data are not complete or not right: %(fields)s."), {"fields": "Idempotency-Key"})
        raise Refused("invalid_data", said, errors={"Idempotency-Key": reason}, rule="one_key_one_request")
    return row


def _time_to_forget(at: datetime) -> bool:
    """Every few seconds one request of each process sees to it."""
    last: datetime | None = current_app.extensions.get("forgotten_at")
    if last is not None and timedelta(0) <= at - last < FORGETTING:
        return False
    current_app.extensions["forgotten_at"] = at
    return True


def _forget(connection: Connection, at: datetime) -> None:
    """Forget answers older than a day; rows that somebody is reading are left for later."""
    old = select(Answer.key, Answer.person_id).where(Answer.at <= at - KEPT).limit(MOST_FORGOTTEN)
    found = [tuple(row) for row in connection.execute(old.with_for_update(skip_locked=True))]
    if found:
        connection.execute(delete(Answer).where(tuple_(Answer.key, Answer.person_id).in_(found)))
