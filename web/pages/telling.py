"""How one is told outside these pages: by e-mail or the robot of a group, of what, and when not. Everybody's own."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, abort, request, url_for
from flask_login import current_user
from sqlalchemy import select
from sqlalchemy.orm import Session

from models.messages import Channel, Message, Telling
from web.app import now, the_settings
from web.pages.asking import STATUS, once
from web.pages.sessions import signed_in
from web.pages.show import Desk, look, show
from web.pages.words import locale, said
from workflows.engine import Refused
from workflows.telling import choosing, posting
from workflows.telling.topics import CHANNELS, MAIL, SIGNED_ROBOTS, TOPIC_ROLES, TOPICS
from workflows.words import Text, _

page = Blueprint("telling", __name__)


@page.get("/notices/how")
@signed_in()
def how() -> Any:
    """The ways one is told, and when not."""
    with look() as desk:
        return _page(desk)


def _page(desk: Desk, refusal: Refused | None = None, part: str = "") -> Any:
    """The page; `part` is the form that was refused, shown with what was typed."""
    mine = desk.session.scalars(select(Channel).where(Channel.person_id == desk.person.id))
    html = show(
        "telling.html",
        telling=desk.session.get(Telling, desk.person.id),
        channels={row.kind: row for row in mine if row.address is not None},
        kinds=CHANNELS,
        topics={k: v for k, v in TOPICS.items() if k not in TOPIC_ROLES or desk.actor.has(*TOPIC_ROLES[k])},
        signed=SIGNED_ROBOTS,
        mail=MAIL,
        mail_server=the_settings().mail is not None,
        typed=request.form if part else {},
        chosen=request.form.getlist("topics") if part else [],
        part=part,
        refusal=refusal.detail(locale()) if refusal else "",
        errors={k: said(v) for k, v in refusal.errors.items()} if refusal else {},
    )
    return html, STATUS[refusal.code] if refusal else 200


@page.post("/notices/how/<part>")
@signed_in()
def change(part: str) -> Any:
    """Save one part of the page, take a way out of use, or send a test to it."""
    do = request.form.get("do", "save")
    if part != "when" and part not in CHANNELS:
        abort(404)

    def work(session: Session) -> tuple[str, str]:
        if part == "when":
            choosing.set_telling(session, _me(), request.form, "urgent_anyway" in request.form)
            return url_for("telling.how"), said(_("Saved."))
        return DOES.get(do, _save)(session, part)

    try:
        return once(work)
    except Refused as refusal:
        with look() as desk:
            return _page(desk, refusal, part)


def _save(session: Session, kind: str) -> tuple[str, str]:
    if kind == MAIL and the_settings().mail is None:
        raise Refused("guard_failed", Text(_("No mail server is set up here, so nothing can go by e-mail.")))
    choosing.set_channel(
        session, _me(), kind, request.form, request.form.getlist("topics"), the_settings().reach
    )
    return url_for("telling.how", _anchor=kind), said(
        _("Saved. Send yourself a test to see whether it arrives.")
    )


def _give_up(session: Session, kind: str) -> tuple[str, str]:
    choosing.give_up(session, _me(), kind)
    return url_for("telling.how"), said(_("Taken out; the address is forgotten."))


def _test(session: Session, kind: str) -> tuple[str, str]:
    row = choosing.test_channel(session, _me(), kind, now(session))
    return url_for("telling.test", message_id=row.id), ""


DOES = {"save": _save, "out": _give_up, "test": _test}


@page.get("/notices/how/tests/<int(max=2147483647):message_id>")
@signed_in()
def test(message_id: int) -> Any:
    """What became of a test."""
    with look() as desk:
        row = desk.session.scalar(
            select(Message).where(Message.id == message_id, posting.of_person(desk.person.id))
        )
        channel = desk.session.get(Channel, row.channel_id) if row else None
        if row is None or channel is None:
            abort(404)
        return show("telling_test.html", row=row, kind=CHANNELS[channel.kind], waits=row.state == "pending")


def _me() -> int:
    return int(current_user.person.id)
