"""Whether everything that should happen by itself does: silence is the signal."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from flask import Blueprint, abort, url_for
from flask_login import current_user
from markupsafe import Markup, escape
from sqlalchemy.orm import Session

from models import machinery
from models.notices import AccessLog
from web.app import now, real_now
from web.pages.asking import once
from web.pages.sessions import signed_in
from web.pages.show import Desk, look, show
from web.pages.words import said
from workflows import health as healthy
from workflows.health import parked, processes
from workflows.health.finding import Finding, Sight
from workflows.words import Text, _

page = Blueprint("health", __name__)
TYPED = ("command", "query")  # what stands in a remedy to be typed, not read
KINDS = {"timer": _("Timer"), "fact": _("Delivery"), "message": _("Message"), "register": _("Import")}


@page.get("/health")
@signed_in("admin")
def health() -> str:
    """Every check with its figure, what sets it right, signs of life, and what is parked."""
    with look() as desk:
        sight = Sight(desk.session, desk.at, real_now())
        findings = sorted(healthy.examine(sight), key=lambda each: healthy.WORST.index(each.standing))
        given_up = next(each for each in findings if each.name == "parked")
        return show(
            "health.html",
            findings=findings,
            labels=healthy.LABELS,
            standings=healthy.STANDINGS,
            ill=[each for each in findings if not each.healthy],
            silent=any(each.name in processes.KINDS and not each.healthy for each in findings),
            remedy=remedy,
            more=_more(),
            signs=processes.signs(sight.beats, sight.present),
            ahead=_in_doubt(desk.session),
            kinds=processes.KINDS,
            items=[item for item in given_up.items if item.kind != "message"],
            item_kinds=KINDS,
            unsent=given_up.figure.values.get("message", 0),
        )


def _in_doubt(session: Session) -> timedelta:
    """By how much the time jumped ahead, if nobody has said yet that this is right."""
    lease = machinery.lease(session)
    return timedelta(microseconds=lease.ahead_us if lease and not lease.accepted_us else 0)


def findings_of(desk: Desk, *names: str) -> list[Finding]:
    """What some of the checks find, for other pages."""
    return list(healthy.examine(Sight(desk.session, desk.at, real_now()), names))


def works_now(session: Session, kind: str) -> bool:
    """Whether a process of this kind left a sign of life just now."""
    return processes.lives(session, kind, real_now())


def remedy(text: Text) -> Markup:
    """What sets it right, in the reader's language, with what is to be typed marked as such."""
    values = {
        key: Markup("<code>{}</code>").format(value) if key in TYPED else _plain(value)
        for key, value in text.values.items()
    }
    return escape(said(text.msgid)) % values if values else escape(said(text))


def _plain(value: Any) -> Any:
    return said(value) if isinstance(value, Text) else value


def _more() -> dict[str, str]:
    """Where there is more to see about a check."""
    return {
        "messages": url_for("webhooks.log"),
        "parked": "#given-up",
        "calendar": url_for("policies.policies"),
    }


@page.post("/health/retry/<kind>/<int(max=2147483647):row_id>")
@signed_in("admin")
def retry(kind: str, row_id: int) -> Any:
    """Let something parked be tried again."""
    if kind not in KINDS:
        abort(404)

    def work(session: Session) -> tuple[str, str]:
        at = now(session)
        found = parked.retry(session, kind, row_id, at)
        if found:
            parked.log(session, f"retried a parked {kind} ({row_id})", at, current_user.person.id)
        return url_for("health.health"), said(
            _("It is tried again.") if found else _("It was not parked any more.")
        )

    return once(work)


@page.post("/health/retry")
@signed_in("admin")
def retry_all() -> Any:
    """Let everything that is parked be tried again."""

    def work(session: Session) -> tuple[str, str]:
        done = parked.retry_all(session, tuple(KINDS), now(session), current_user.person.id)
        return url_for("health.health"), said(_("Tried again: %(count)s"), count=sum(done.values()))

    return once(work)


@page.post("/health/jump")
@signed_in("admin")
def confirm_jump() -> Any:
    """Declare the time right that the clocks doubt: the timers that wait for that fire."""

    def work(session: Session) -> tuple[str, str]:
        ahead = machinery.accept_jump(session)
        if ahead is not None:
            purpose = f"confirmed that the time jumped ahead by {ahead} rightly"[:200]
            session.add(
                AccessLog(person_id=current_user.person.id, kind="staff", purpose=purpose, at=now(session))
            )
        told = (
            _("No time is in doubt.") if ahead is None else _("Confirmed: the timers that waited fire now.")
        )
        return url_for("health.health"), said(told)

    return once(work)
