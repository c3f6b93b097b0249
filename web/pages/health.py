"""Whether everything that should happen by itself does: silence is the signal."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from flask import Blueprint, abort, url_for
from flask_login import current_user
from sqlalchemy import func, select
from sqlalchemy.orm import Session

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
LATE, DOWN = timedelta(seconds=15), timedelta(minutes=2)
KINDS = {
    "clock": _("Clock"),
    "worker": _("Worker"),
    "sender": _("Sender"),
    "redis": _("Redis"),
    "web": _("Web"),
}


@dataclass(frozen=True, slots=True)
class Sign:
    """A process as its last sign of life shows it: `up`, `late`, `down`."""

    name: str
    kind: str
    seen_at: datetime
    standing: str
    detail: str


@page.get("/health")
@signed_in("admin")
def health() -> str:
    """Signs of life, due and late timers, untold facts, unsent messages, and what is parked."""
    with look() as desk:
        real = real_now()
        beats = desk.session.scalars(
            select(Heartbeat).where(Heartbeat.kind.in_(KINDS)).order_by(Heartbeat.kind, Heartbeat.name)
        )
        signs = [_sign(beat, real) for beat in beats if real - beat.seen_at < timedelta(days=1)]
        return show(
            "health.html",
            signs=signs,
            kinds=KINDS,
            real=real,
            silent=[
                kind
                for kind in ("clock", "worker", "sender", "redis")
                if not any(s.kind == kind and s.standing == "up" for s in signs)
            ],
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
        )


def works_now(session: Session, kind: str) -> bool:
    """Whether a process of this kind left a sign of life just now."""
    beats = session.scalars(select(Heartbeat).where(Heartbeat.kind == kind))
    return any(_sign(beat, real_now()).standing == "up" for beat in beats)


def _sign(beat: Heartbeat, real: datetime) -> Sign:
    age = real - beat.seen_at
    standing = "down" if age > DOWN or beat.detail == "away" else "late" if age > LATE else "up"
    return Sign(beat.name, beat.kind, beat.seen_at, standing, beat.detail)


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
