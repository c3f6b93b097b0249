"""Asking for a step from a page: once per form however often it is sent, against the version that was seen."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from flask import flash, redirect, request
from flask_login import current_user
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from models import database
from models.remembered import Answer
from models.sealed import sealer
from web.app import now, the_engine
from web.pages.words import said
from workflows.engine import Ask, Flow, Refused, Taken, take
from workflows.words import Text, _

Where = str | Callable[[Taken], str]
Work = Callable[[Session], tuple[str, str]]
# How a form was sent, which says nothing of what was asked: sent again, these may differ.
MANNER = ("csrf_token", "once", "version", "noted_ago")


@dataclass(frozen=True, slots=True)
class Sent:
    """A form that was sent: its one-time key, and the digest of what was in it."""

    once: str
    digest: str

    @classmethod
    def now(cls) -> Sent:
        """The form of this request."""
        given = sorted((k, v) for k, v in request.form.items(multi=True) if k not in MANNER)
        text = json.dumps([request.path, given], ensure_ascii=False)
        return cls(request.form.get("once", "")[:100], sealer().blind("answer", text))


def submit(
    flow: type[Flow],
    event: str,
    *,
    code: str | None = None,
    facts: Mapping[str, Any] | None = None,
    to: Where = "/",
    done: str = "",
) -> Response:
    """Take the step the form asks for and go on to `to`, saying what came of it. Raises `Refused`.

    Sent twice (a double click, a nervous network), it is done once and answered twice. `to` may be made of what was taken.
    """
    return once(asking_for(flow, event, code=code, facts=facts, to=to, done=done))


def asking_for(
    flow: type[Flow],
    event: str,
    *,
    code: str | None = None,
    facts: Mapping[str, Any] | None = None,
    to: Where = "/",
    done: str = "",
) -> Work:
    """What changes the database when the step is taken; it returns where to go on to and what to say there."""

    def work(session: Session) -> tuple[str, str]:
        ask = Ask(
            flow,
            event,
            current_user.actor,
            now(session),
            code=code,
            facts=facts or {},
            version=seen_version(),
        )
        taken = take(session, ask)
        if taken.approval is not None:
            return _place(to, taken), said(_("Asked for: it happens when it is approved."))
        return _place(to, taken), said(done) if done else said(
            _("Done: %(event)s."), event=said(flow.by_event()[event][0].label)
        )

    return work


def once(work: Work) -> Response:
    """Do what a form asks, once: `work` changes the database and returns where to go and what to say there."""
    place, words = settle(work)
    if words:
        flash(words)
    return redirect(place, 303)


def settle(work: Work) -> tuple[str, str]:
    """Do the work once for this form; where to go on to and what to say, now or when it was sent before. Raises `Refused`."""
    sent = Sent.now()
    try:
        return database.in_transaction(the_engine(), lambda session: _remembering(session, sent, work))
    except (IntegrityError, Refused):
        answered = earlier(sent)
        if answered is None:
            raise
        return answered


def _remembering(session: Session, sent: Sent, work: Work) -> tuple[str, str]:
    """The key is written first: a second sending waits here for the first, and finds it done."""
    if not sent.once:
        return work(session)
    answer = Answer(
        key=f"form:{sent.once}", person_id=_who(), request=sent.digest, status=303, body=[], at=now(session)
    )
    session.add(answer)
    session.flush()
    place, words = work(session)
    answer.body = [place, words]
    return place, words


def earlier(sent: Sent) -> tuple[str, str] | None:
    """The answer this form got before. Raises `Refused` where the same form comes with other contents."""
    with database.read(the_engine()) as session:
        answer = session.get(Answer, (f"form:{sent.once}", _who()))
        if answer is None:
            return None
        if answer.request != sent.digest:
            reason = Text(_("This form was sent before, with other contents."))
            raise Refused(
                "conflict",
                reason,
                rule="once",
                instead=_("Nothing was changed now. Send it again if it is meant."),
            )
        place, words = answer.body
        return place, words


def _who() -> int:
    return current_user.person.id if current_user.is_authenticated else 0


def seen_version() -> int | None:
    """The version of the case that the reader had before them."""
    text = request.form.get("version", "")
    return int(text) if text.isdecimal() and len(text) < 10 else None


def _place(to: Where, taken: Taken) -> str:
    return to if isinstance(to, str) else to(taken)


STATUS = {
    "not_found": 404,
    "not_permitted": 403,
    "not_allowed_from_state": 409,
    "conflict": 409,
    "invalid_data": 422,
    "guard_failed": 422,
}
