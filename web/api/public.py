"""Captures from a company's own web form: open to all, so guarded by a key, a signed token with a minimum time to fill
the form, a trap for machines, and rates per network and per phone.

The answer is the same for a new phone, for one that is protected already and for one that cannot be a lead: whoever
asks learns nothing about who is a customer.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from flask import Blueprint, Response, request
from itsdangerous import BadSignature, URLSafeSerializer
from limits import parse
from sqlalchemy.orm import Session

from models import database
from models.sealed import sealer
from web.api import limits
from web.api.answers import answer, look
from web.api.asking import body, invalid, open_to_all, query, text_field
from web.app import now, real_now, the_engine, the_settings
from workflows.engine.actor import PUBLIC
from workflows.engine.refusal import Refused, not_found
from workflows.engine.take import Ask, take
from workflows.forms import project_of
from workflows.lead import LeadFlow
from workflows.phones import NotAMobile, normalise
from workflows.words import _

TAKES = ("name", "phone", "consent", "demand", "note", "campaign")
TRAP = "website"
CONSENT = "web form, 2026-11"
FILL_SECONDS, VALID_SECONDS = 3, 2 * 60 * 60
PER_MINUTE, PER_HOUR, PER_PHONE = parse("10/minute"), parse("60/hour"), parse("5/hour")


def _signer() -> URLSafeSerializer:
    return URLSafeSerializer(the_settings().secret_key, salt="tuoke/public-form")


def _project(session: Session, key: str | None) -> str:
    """Raises `Refused` (not_found) for a key that is none of ours."""
    found = project_of(session, the_settings().secret_key, key) if key else None
    if found is None:
        raise not_found(_("form"))
    return found


@open_to_all
def form() -> Response:
    """What a form needs when it is shown: a token that is good from three seconds on, for two hours."""
    key = query("key", 60)

    def work(session: Session) -> dict[str, Any]:
        token = _signer().dumps([_project(session, key), int(real_now().timestamp())])
        return {
            "token": token,
            "fields": list(TAKES),
            "trap": TRAP,
            "wait_seconds": FILL_SECONDS,
            "valid_seconds": VALID_SECONDS,
        }

    return look(work)


@open_to_all
def capture() -> Response:
    """A capture by the public; the same answer whatever is known of the phone. Raises `Refused` for what the sender
    can put right."""
    given = body()
    for item in (PER_MINUTE, PER_HOUR):
        limits.hit(item, "public", limits.client())
    key, token = text_field(given, "key", 60), text_field(given, "token", 400)
    trapped = given.pop(TRAP, None) not in (None, "")
    with database.read(the_engine()) as session:
        project = _project(session, key)
    _filled_by_hand(token, project)
    if unknown := sorted(given.keys() - set(TAKES)):
        raise invalid(unknown[0], _("There is no such field."))
    _count_phone(given.get("phone"))
    facts = {**given, "channel": "online", "consent_text": CONSENT}
    if not trapped:
        _take(facts, project)
    return answer({"received": True}, 202)


def _filled_by_hand(token: str | None, project: str) -> None:
    """The form was loaded from us, not just now and not yesterday; raises `Refused`."""
    try:
        signed, at = _signer().loads(token or "")
        age = real_now().timestamp() - int(at)
    except (BadSignature, ValueError, TypeError) as error:
        raise invalid("token", _("Load the form again, then send it.")) from error
    if signed != project or age > VALID_SECONDS:
        raise invalid("token", _("Load the form again, then send it."))
    if age < FILL_SECONDS:
        raise invalid("token", _("That was very quick: send it again in a few seconds."))


def _count_phone(phone: Any) -> None:
    """The same phone may be sent a few times an hour; raises `Problem` (too_many)."""
    if isinstance(phone, str | int):
        try:
            limits.hit(PER_PHONE, "phone", sealer().blind("form", normalise(phone)))
        except NotAMobile:
            return


def _take(facts: dict[str, Any], project: str) -> None:
    def work(session: Session) -> None:
        at: datetime = now(session)
        take(session, Ask(LeadFlow, "capture", PUBLIC, at, facts=facts, project=project))

    try:
        database.in_transaction(the_engine(), work)
    except Refused as refusal:
        if refusal.code not in ("conflict", "guard_failed"):
            raise


@open_to_all
def options() -> Response:
    return Response(status=204)


def _from_anywhere(said: Response) -> Response:
    """The company's own site may call this from a browser; no cookie and no token of anybody is involved."""
    if (request.endpoint or "").startswith("api.public_"):
        said.headers["Access-Control-Allow-Origin"] = "*"
        said.headers["Access-Control-Allow-Headers"] = "Content-Type, Accept-Language"
        said.headers["Access-Control-Allow-Methods"] = "GET, POST, OPTIONS"
    return said


def attach(api: Blueprint) -> None:
    for path, name, view, method in (("form", "form", form, "GET"), ("leads", "leads", capture, "POST")):
        at = f"/public/{path}"
        api.add_url_rule(at, f"public_{name}", view, methods=[method], provide_automatic_options=False)
        api.add_url_rule(
            at, f"public_{name}_options", options, methods=["OPTIONS"], provide_automatic_options=False
        )
    api.after_request(_from_anywhere)
