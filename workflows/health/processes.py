"""Whether those live who do the work: clock, workers, senders; whether Redis answers; whether their clocks agree."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.machinery import Heartbeat, offset
from workflows.health.figures import lasting, late_after
from workflows.health.finding import DOWN, GREEN, LATE, UNKNOWN, Check, Finding, RedisSeen, Sight
from workflows.words import Text, _

LATE_AFTER, DOWN_AFTER = timedelta(seconds=15), timedelta(minutes=2)
FORGOTTEN_AFTER = timedelta(days=1)  # what has been silent for so long was taken away on purpose
APART, FAR_APART = timedelta(seconds=5), timedelta(minutes=1)
REDIS_SLOW, AWAY = 500.0, "away"  # milliseconds; what the clock writes down of a Redis that does not answer
KINDS = {
    "clock": _("Clock"),
    "worker": _("Worker"),
    "sender": _("Sender"),
    "redis": _("Redis"),
    "web": _("Web"),
}
STARTED_BY = {"clock": "tuoke clock", "worker": "tuoke worker", "sender": "tuoke worker --outward"}


@dataclass(frozen=True, slots=True)
class Sign:
    """A process as its last sign of life shows it: `up`, `late`, `down`."""

    name: str
    kind: str
    seen_at: datetime
    standing: str
    detail: str


def signs(beats: Iterable[Heartbeat], real: datetime) -> list[Sign]:
    """The processes that gave a sign of life within a day."""
    return [_sign(b, real) for b in beats if b.kind in KINDS and real - b.seen_at < FORGOTTEN_AFTER]


def _sign(beat: Heartbeat, real: datetime) -> Sign:
    age = real - beat.seen_at
    standing = "down" if age > DOWN_AFTER or beat.detail == AWAY else "late" if age > LATE_AFTER else "up"
    return Sign(beat.name, beat.kind, beat.seen_at, standing, beat.detail)


def lives(session: Session, kind: str, real: datetime) -> bool:
    """Whether a process of this kind left a sign of life just now."""
    latest = session.scalar(select(func.max(Heartbeat.seen_at)).where(Heartbeat.kind == kind))
    return latest is not None and real - latest <= LATE_AFTER


def process(kind: str) -> Check:
    """The check of one kind of process: one at least must live, and none that was there a day ago may have gone silent."""

    def check(sight: Sight) -> Finding:
        mine = [sign for sign in signs(sight.beats, sight.real) if sign.kind == kind]
        silent = [sign for sign in mine if sign.standing != "up"]
        limits = late_after(LATE_AFTER, DOWN_AFTER)
        if not mine:
            nobody = Text(_("none has given a sign of life within a day"))
            return Finding(kind, DOWN, nobody, limits, _start(kind), 0, 1, "processes")
        youngest = max(sign.seen_at for sign in mine)
        best = min(mine, key=lambda sign: ("up", "late", "down").index(sign.standing))
        standing = {"up": LATE if silent else GREEN, "late": LATE, "down": DOWN}[best.standing]
        up = len(mine) - len(silent)
        values = {"up": up, "all": len(mine), "span": lasting(sight.real - youngest)}
        figure = Text(_("%(up)s of %(all)s alive, the last sign %(span)s ago"), values)
        if silent and best.standing == "up":
            names = ", ".join(sign.name for sign in silent)
            figure = Text(_("%(up)s of %(all)s alive; silent: %(names)s"), values | {"names": names})
        return Finding(kind, standing, figure, limits, _start(kind), up, len(mine), "processes")

    return check


def _start(kind: str) -> Text:
    words = {"command": STARTED_BY[kind]}
    return Text(_("start it again: %(command)s (tuoke up starts everything)"), words)


def redis(sight: Sight) -> Finding:
    """Whether Redis answers: whoever may ask it says what it said; the others say what the clock saw last."""
    if sight.redis is not None:
        return asked(sight.redis)
    seen = [sign for sign in signs(sight.beats, sight.real) if sign.kind == "redis"]
    limits = late_after(LATE_AFTER, DOWN_AFTER)
    if not seen:
        return Finding("redis", UNKNOWN, Text(_("no clock has looked at it within a day")), limits, _redis())
    last = max(seen, key=lambda sign: sign.seen_at)
    age = sight.real - last.seen_at
    ago = {"span": lasting(age)}
    if last.detail == AWAY:
        figure = Text(_("it did not answer %(span)s ago"), ago)
        return Finding("redis", DOWN, figure, limits, _redis())
    standing = {"up": GREEN, "late": LATE, "down": UNKNOWN}[last.standing]
    figure = Text(_("it answered the clock %(span)s ago"), ago)
    return Finding("redis", standing, figure, limits, _redis(), age.total_seconds(), LATE_AFTER.seconds, "s")


def asked(seen: RedisSeen) -> Finding:
    """What Redis answered to one who may ask it."""
    limits = Text(_("late after %(ms)s ms"), {"ms": f"{REDIS_SLOW:.0f}"})
    if seen.wrong:
        figure = Text(_("it does not answer (%(why)s)"), {"why": seen.wrong})
        return Finding("redis", DOWN, figure, limits, _redis())
    values = {"ms": f"{seen.ms:.1f}", "knocks": seen.knocks}
    figure = Text(_("it answers in %(ms)s ms, knocks waiting: %(knocks)s"), values)
    standing = LATE if seen.ms > REDIS_SLOW else GREEN
    return Finding("redis", standing, figure, limits, _redis(), seen.ms / 1000, REDIS_SLOW / 1000, "s")


def _redis() -> Text:
    return Text(
        _("nothing is lost while it is away; start it: %(command)s, or see REDIS_URL"),
        {"command": "tuoke redis"},
    )


def time(sight: Sight) -> Finding:
    """Whether the clocks of database and hosts agree with ours: a deadline is only as good as the clock of who looks."""
    limits = late_after(APART, FAR_APART)
    apart, who = max([(timedelta(0), ""), *_apart(sight)])
    moved = offset(sight.session)
    if apart > APART:
        values = {"who": who, "span": lasting(apart)}
        figure = Text(_("%(who)s is %(span)s apart from this host"), values)
    elif moved:
        figure = Text(_("clocks agree; the company's was moved %(span)s ahead"), {"span": lasting(moved)})
    else:
        figure = Text(_("clocks agree"))
    standing = DOWN if apart > FAR_APART else LATE if apart > APART else GREEN
    remedy = Text(_("set the clocks of the hosts by NTP"))
    return Finding("time", standing, figure, limits, remedy, apart.total_seconds(), APART.seconds, "s")


def _apart(sight: Sight) -> Iterable[tuple[timedelta, str]]:
    """How far the clocks of others are from ours. A sign of life may be old; it cannot be from the future."""
    for beat in sight.beats:
        yield beat.seen_at - sight.real, beat.name
    if sight.session.get_bind().dialect.name == "postgresql":
        its = sight.session.scalar(select(func.now()))
        assert isinstance(its, datetime)
        yield abs(its - sight.real), "PostgreSQL"
