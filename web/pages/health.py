"""Whether everything that should happen by itself does: silence is the signal."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from flask import Blueprint, abort, url_for
from flask_login import current_user
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models import machinery
from models.machinery import Heartbeat
from models.notices import AccessLog
from models.remembered import Outbox
from web.app import now, real_now
from web.pages.asking import once
from web.pages.sessions import signed_in
from web.pages.show import look, show
from web.pages.words import said
from workflows import facts, timers
from workflows.telling import posting
from workflows.words import _

page = Blueprint("health", __name__)
LATE, DOWN, GONE = timedelta(seconds=15), timedelta(minutes=2), timedelta(days=1)
WRONG_CLOCK = timedelta(seconds=5)
KINDS = {
    "clock": _("Clock"),
    "worker": _("Worker"),
    "sender": _("Sender"),
    "redis": _("Redis"),
    "web": _("Web"),
}
DETAILS = {
    "leads": _("at work"),
    "stands-by": _("stands by"),
    "redis-away": _("does not reach Redis"),
    "answers": _("answers"),
    "away": _("away"),
}


@dataclass(frozen=True, slots=True)
class Sign:
    """A process as its last sign of life shows it: `up`, `late`, `down`."""

    name: str
    kind: str
    age: timedelta
    standing: str
    says: list[str]
    version: str
    signs: str = ""


@page.get("/health")
@signed_in("admin")
def health() -> str:
    """Signs of life, due and late timers, untold facts, unsent messages, and what is parked."""
    with look() as desk:
        found = signs(desk.session)
        return show(
            "health.html",
            signs=found,
            kinds=KINDS,
            silent=[
                kind
                for kind in ("clock", "worker", "sender", "redis")
                if not any(s.kind == kind and s.standing == "up" for s in found)
            ],
            versions=sorted({s.version for s in found if s.standing == "up" and s.kind != "redis"}),
            keys=len({s.signs for s in found if s.standing == "up" and s.signs}),
            ahead=time_in_doubt(desk.session),
            due=timers.due(desk.session, desk.at),
            oldest_due=_oldest_due(desk.session, desk.at),
            next_due=timers.next_due(desk.session),
            untold=facts.undelivered(desk.session, desk.at),
            oldest_untold=desk.session.scalar(select(func.min(Outbox.at)).where(Outbox.state == "pending")),
            fired_late=_fired_late(desk.session, desk.at),
            parked_timers=timers.parked(desk.session),
            parked_facts=facts.parked(desk.session),
            unsent=posting.waiting(desk.session, desk.at),
            oldest_unsent=posting.oldest(desk.session, desk.at),
            parked_messages=posting.parked(desk.session),
            not_ours=(timers.not_ours(desk.session), facts.not_ours(desk.session)),
        )


def works_now(session: Session, kind: str) -> bool:
    """Whether a process of this kind left a sign of life just now."""
    return any(sign.kind == kind and sign.standing == "up" for sign in signs(session))


def signs(session: Session) -> list[Sign]:
    """The signs of life of a day, by kind and name; how old they are by the clock of the database, on which all hosts agree."""
    present = machinery.present(session, real_now())
    lately = select(Heartbeat).where(Heartbeat.kind.in_(KINDS), Heartbeat.seen_at > present - GONE)
    beats = session.scalars(lately.order_by(Heartbeat.kind, Heartbeat.name))
    return [_sign(beat, present - beat.seen_at) for beat in beats]


def time_in_doubt(session: Session) -> timedelta:
    """By how much the time jumped ahead, where nobody has confirmed that it is right; else nothing."""
    lease = machinery.lease(session)
    return timedelta(microseconds=lease.ahead_us) if lease and not lease.accepted_us else timedelta(0)


def _sign(beat: Heartbeat, age: timedelta) -> Sign:
    standing = "down" if age > DOWN or beat.detail == "away" else "late" if age > LATE else "up"
    says = [said(DETAILS[word]) for word in beat.detail.split() if word in DETAILS]
    ahead = timedelta(milliseconds=beat.ahead_ms)
    if abs(ahead) > WRONG_CLOCK:
        wrong = (
            _("its clock is %(seconds)s s fast")
            if beat.ahead_ms > 0
            else _("its clock is %(seconds)s s slow")
        )
        says.append(said(wrong, seconds=round(abs(ahead).total_seconds())))
    signs_as = next((word for word in beat.detail.split() if word.startswith("signs=")), "")
    return Sign(beat.name, beat.kind, max(age, timedelta(0)), standing, says, beat.version, signs_as)


def _oldest_due(session: Session, at: datetime) -> datetime | None:
    due = timers.next_due(session)
    return due if due and due <= at else None


def _fired_late(session: Session, at: datetime) -> int:
    """How many facts of the last day say that a timer fired late."""
    lately = select(func.count()).where(Outbox.fact == "timer.late", Outbox.at > at - timedelta(days=1))
    return session.scalar(lately) or 0


@page.post("/health/retry/<kind>/<int(max=2147483647):row_id>")
@signed_in("admin")
def retry(kind: str, row_id: int) -> Any:
    """Let something parked be tried again."""
    if kind not in ("timer", "fact"):
        abort(404)

    def work(session: Session) -> tuple[str, str]:
        at = now(session)
        found = timers.retry(session, row_id) if kind == "timer" else facts.retry(session, row_id, at)
        if found:
            line = AccessLog(
                person_id=current_user.person.id,
                kind="staff",
                purpose=f"retried a parked {kind} ({row_id})",
                at=at,
            )
            session.add(line)
        return url_for("health.health"), said(
            _("It is tried again.") if found else _("It was not parked any more.")
        )

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
