"""What leaves the house: the company's webhook endpoints and the delivery log. For the administrator; every change leaves a
line on the access log. Nothing of a customer is shown here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Blueprint, abort, request, url_for
from flask_login import current_user
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models import database
from models.messages import Channel, Endpoint, Message
from models.notices import AccessLog
from models.people import Person
from web.app import now, the_engine, the_settings
from web.pages.asking import STATUS, once
from web.pages.sessions import local, signed_in
from web.pages.show import Desk, look, show
from web.pages.words import locale, said
from workflows.engine import Refused
from workflows.flows import FLOWS, saying
from workflows.telling import choosing, posting, writing
from workflows.telling.reasons import reason
from workflows.telling.topics import CHANNELS
from workflows.words import _

page = Blueprint("webhooks", __name__)
page.add_app_template_filter(lambda error: said(reason(error)), "reason")
PAGE = 40
STATES = {
    "pending": _("on its way"),
    "gathering": _("waits for the day's mail"),
    "gathered": _("in the day's mail"),
    "sent": _("sent"),
    "parked": _("parked"),
    "dropped": _("dropped"),
}
TOPIC_NAMES = {"timer": _("Machinery")}


@page.get("/webhooks")
@signed_in("admin")
def webhooks() -> Any:
    """The endpoints, a form for another one, and what can be sent."""
    with look() as desk:
        return _list(desk)


def _list(desk: Desk, refusal: Refused | None = None) -> Any:
    endpoints = list(desk.session.scalars(select(Endpoint).order_by(Endpoint.name)))
    counts = select(Message.endpoint_id, Message.state, func.count()).where(Message.endpoint_id.is_not(None))
    found = {
        (e, s): n for e, s, n in desk.session.execute(counts.group_by(Message.endpoint_id, Message.state))
    }
    html = show("webhooks.html", endpoints=endpoints, counts=found, saying=saying, **_form(refusal))
    return html, STATUS[refusal.code] if refusal else 200


def _form(refusal: Refused | None) -> dict[str, Any]:
    return {
        "topics": {name: topic_name(name) for name in choosing.catalogue()},
        "catalogue": choosing.catalogue(),
        "typed": request.form,
        "chosen": request.form.getlist("topics"),
        "refusal": {
            "detail": refusal.detail(locale()) if refusal else "",
            "errors": {k: said(v) for k, v in refusal.errors.items()} if refusal else {},
        },
    }


def topic_name(name: str) -> str:
    """What facts of this kind are about, in the reader's language."""
    return said(FLOWS[name].label if name in FLOWS else TOPIC_NAMES.get(name, name))


@page.post("/webhooks")
@signed_in("admin")
def add() -> Any:
    """Add an endpoint. Its secret is shown this once."""
    try:
        row = database.in_transaction(the_engine(), _added)
    except Refused as refusal:
        with look() as desk:
            return _list(desk, refusal)
    with look() as desk:
        return _one(desk, row.id, secret=row.secret)


def _added(session: Session) -> Endpoint:
    topics, reach = request.form.getlist("topics"), the_settings().reach
    row = choosing.set_endpoint(session, None, request.form, topics, reach, now(session))
    _log(session, f"added the webhook endpoint {row.name}", row)
    return row


@page.get("/webhooks/<int(max=2147483647):endpoint_id>")
@signed_in("admin")
def endpoint(endpoint_id: int) -> Any:
    """One endpoint: where it is, what it is told, and whether it gets it."""
    with look() as desk:
        return _one(desk, endpoint_id)


def _one(desk: Desk, endpoint_id: int, refusal: Refused | None = None, secret: str = "") -> Any:
    row = desk.session.get(Endpoint, endpoint_id) or abort(404)
    latest = posting.log(desk.session, None, 10, Message.endpoint_id == endpoint_id)
    ended = select(func.count()).where(Message.endpoint_id == endpoint_id, Message.state.in_(posting.ENDED))
    missed = desk.session.scalar(ended) or 0
    html = show(
        "webhook.html",
        row=row,
        secret=secret,
        latest=latest,
        missed=missed,
        states=STATES,
        to={},
        changed=bool(refusal),
        **_form(refusal),
    )
    return html, STATUS[refusal.code] if refusal else 200


@page.post("/webhooks/<int(max=2147483647):endpoint_id>/secret")
@signed_in("admin")
def rotate(endpoint_id: int) -> Any:
    """A new secret, shown this once; the old one signs beside it for a day."""

    def work(session: Session) -> str:
        row = session.get(Endpoint, endpoint_id, with_for_update=True) or abort(404)
        choosing.rotate(row, now(session))
        _log(session, f"gave the webhook endpoint {row.name} a new secret", row)
        return row.secret

    made = database.in_transaction(the_engine(), work)
    with look() as desk:
        return _one(desk, endpoint_id, secret=made)


@page.post("/webhooks/<int(max=2147483647):endpoint_id>/<act>")
@signed_in("admin")
def change(endpoint_id: int, act: str) -> Any:
    """Change an endpoint, switch it off or on, send it a test or again what it did not get."""
    todo = ACTS.get(act) or abort(404)

    def work(session: Session) -> tuple[str, str]:
        row = session.get(Endpoint, endpoint_id, with_for_update=True) or abort(404)
        done, line = todo(session, row)
        _log(session, f"{line} {row.name}", row)
        return url_for("webhooks.endpoint", endpoint_id=endpoint_id), said(done)

    try:
        return once(work)
    except Refused as refusal:
        with look() as desk:
            return _one(desk, endpoint_id, refusal)


def _save(session: Session, row: Endpoint) -> tuple[str, str]:
    topics, reach = request.form.getlist("topics"), the_settings().reach
    choosing.set_endpoint(session, row, request.form, topics, reach, now(session))
    return _("Saved."), "changed the webhook endpoint"


def _off(session: Session, row: Endpoint) -> tuple[str, str]:
    posting.switch_off(session, row, "by hand", now(session))
    return _("Switched off: nothing is sent there any more."), "switched off the webhook endpoint"


def _on(session: Session, row: Endpoint) -> tuple[str, str]:
    choosing.switch_on(row)
    return _("Switched on: it is told what happens from now on."), "switched on the webhook endpoint"


def _test(session: Session, row: Endpoint) -> tuple[str, str]:
    writing.write_test(session, now(session), endpoint_id=row.id)
    return _("A test is on its way: look again in a few seconds."), "sent a test to the webhook endpoint"


def _again(session: Session, row: Endpoint) -> tuple[str, str]:
    posting.send_all_again(session, row.id, now(session))
    return _("What did not arrive is sent again."), "sent again what did not arrive at"


ACTS: dict[str, Callable[[Session, Endpoint], tuple[str, str]]] = {
    "save": _save, "off": _off, "on": _on, "test": _test, "again": _again,
}  # fmt: skip


# -- the delivery log --------------------------------------------------------------------------------------------


@page.get("/webhooks/log")
@signed_in("admin")
def log() -> Any:
    """Every message that left, is to leave or could not: the latest first, by state and receiver."""
    state, to, key = (request.args.get(name, "") for name in ("state", "to", "after"))
    wanted = [Message.state == state] if state in STATES else []
    wanted += [to_whom] if (to_whom := _to(to)) is not None else []
    with look() as desk:
        before = int(key) if key.isdecimal() and len(key) < 19 else None
        rows = posting.log(desk.session, before, PAGE + 1, *wanted)
        endpoints = list(desk.session.scalars(select(Endpoint).order_by(Endpoint.name)))
        flags: dict[str, Any] = {"state": state or None, "to": to or None}
        more = url_for("webhooks.log", **flags, after=rows[PAGE - 1].id) if len(rows) > PAGE else None
        return show(
            "webhook_log.html",
            rows=rows[:PAGE],
            receivers=_receivers(desk, rows),
            endpoints=endpoints,
            names={each.id: each.name for each in endpoints},
            states=STATES,
            kinds=CHANNELS,
            state=state,
            to=to,
            first=url_for("webhooks.log", **flags) if key else None,
            following=more,
        )


def _to(to: str) -> Any:
    """The receivers that are asked for: `people`, the number of an endpoint, or all."""
    if to == "people":
        return Message.channel_id.is_not(None)
    return Message.endpoint_id == int(to) if to.isdecimal() and len(to) < 10 else None


def _receivers(desk: Desk, rows: list[Message]) -> dict[int, tuple[str, str]]:
    """Whose channel each message goes to: name and kind of way. Addresses are nobody else's business."""
    ids = {row.channel_id for row in rows if row.channel_id}
    wanted = select(Channel.id, Person.name, Channel.kind).join(Person, Person.id == Channel.person_id)
    return {row[0]: (row[1], row[2]) for row in desk.session.execute(wanted.where(Channel.id.in_(ids)))}


@page.post("/webhooks/log/<int(max=2147483647):message_id>")
@signed_in("admin")
def again(message_id: int) -> Any:
    """Send one message again."""

    def work(session: Session) -> tuple[str, str]:
        found = posting.send_again(session, message_id, now(session))
        if found:
            _log(session, f"sent a message again ({message_id})")
        back = local(request.form.get("next"), url_for("webhooks.log"))
        return back, said(_("It is sent again.") if found else _("It was not waiting to be sent again."))

    return once(work)


def _log(session: Session, line: str, row: Endpoint | None = None) -> None:
    code = f"endpoint:{row.id}" if row else None
    session.add(
        AccessLog(
            person_id=current_user.person.id,
            kind="staff",
            case_code=code,
            purpose=line[:200],
            at=now(session),
        )
    )
