"""Whether those live who do the work: clock, workers, senders; whether Redis answers; whether their clocks agree."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models import machinery
from models.machinery import Heartbeat, offset
from workflows import facts, timers
from workflows.health.figures import lasting, late_after, together
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
SAYS = {
    "leads": _("at work"),
    "stands-by": _("stands by"),
    "redis-away": _("does not reach Redis"),
    "answers": _("answers"),
    "away": _("away"),
}
STARTED_BY = {"clock": "tuoke clock", "worker": "tuoke worker", "sender": "tuoke worker --outward"}


@dataclass(frozen=True, slots=True)
class Sign:
    """A process as its last sign of life shows it: `up`, `late`, `down`; how old that is, what it had to say, which code it
    runs, and how far the clock of its host is from the database's."""

    name: str
    kind: str
    age: timedelta
    standing: str
    says: tuple[Text, ...]
    version: str
    ahead: timedelta


def signs(beats: Iterable[Heartbeat], present: datetime) -> list[Sign]:
    """The processes that gave a sign of life within a day."""
    return [_sign(b, present) for b in beats if b.kind in KINDS and present - b.seen_at < FORGOTTEN_AFTER]


def _sign(beat: Heartbeat, present: datetime) -> Sign:
    age, ahead = present - beat.seen_at, timedelta(milliseconds=beat.ahead_ms)
    standing = "down" if age > DOWN_AFTER or beat.detail == AWAY else "late" if age > LATE_AFTER else "up"
    says = [Text(SAYS[word]) for word in beat.detail.split() if word in SAYS]
    if abs(ahead) > APART:
        wrong = _("its clock is %(span)s fast") if ahead > timedelta(0) else _("its clock is %(span)s slow")
        says.append(Text(wrong, {"span": lasting(abs(ahead))}))
    version = beat.version if beat.kind != "redis" else ""
    return Sign(beat.name, beat.kind, max(age, timedelta(0)), standing, tuple(says), version, ahead)


def lives(session: Session, kind: str, real: datetime) -> bool:
    """Whether a process of this kind left a sign of life just now."""
    latest = session.scalar(select(func.max(Heartbeat.seen_at)).where(Heartbeat.kind == kind))
    return latest is not None and machinery.present(session, real) - latest <= LATE_AFTER


def process(kind: str) -> Check:
    """The check of one kind of process: one at least must live, and none that was there a day ago may have gone silent."""

    def check(sight: Sight) -> Finding:
        mine = [sign for sign in signs(sight.beats, sight.present) if sign.kind == kind]
        silent = [sign for sign in mine if sign.standing != "up"]
        limits = late_after(LATE_AFTER, DOWN_AFTER)
        if not mine:
            nobody = Text(_("none has given a sign of life within a day"))
            return Finding(kind, DOWN, nobody, limits, _start(kind), 0, 1, "processes")
        youngest = min(sign.age for sign in mine)
        best = min(mine, key=lambda sign: ("up", "late", "down").index(sign.standing))
        standing = {"up": LATE if silent else GREEN, "late": LATE, "down": DOWN}[best.standing]
        up = len(mine) - len(silent)
        values = {"up": up, "all": len(mine), "span": lasting(youngest)}
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
    seen = [sign for sign in signs(sight.beats, sight.present) if sign.kind == "redis"]
    limits = late_after(LATE_AFTER, DOWN_AFTER)
    if not seen:
        return Finding("redis", UNKNOWN, Text(_("no clock has looked at it within a day")), limits, _redis())
    last = min(seen, key=lambda sign: sign.age)
    age, ago = last.age, {"span": lasting(last.age)}
    if Text(SAYS[AWAY]) in last.says:
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
    """Whether the clocks of the hosts agree with the database's, and whether the time has jumped ahead so that nobody knows
    which is right: a deadline is only as good as the clock of who looks."""
    limits = late_after(APART, FAR_APART)
    lease = machinery.lease(sight.session)
    if lease is not None and lease.ahead_us and not lease.accepted_us:
        ahead = timedelta(microseconds=lease.ahead_us)
        figure = Text(
            _("it jumped ahead by %(span)s; timers due only by the new time wait"), {"span": lasting(ahead)}
        )
        remedy = Text(
            _("set the clocks right, or say that they are: %(command)s"),
            {"command": "tuoke clock --confirm-jump"},
        )
        return Finding("time", DOWN, figure, limits, remedy, ahead.total_seconds(), APART.seconds, "s")
    hosts = [(abs(sign.ahead), sign.name) for sign in signs(sight.beats, sight.present)]
    apart, who = max([(abs(sight.present - sight.real), "PostgreSQL"), *hosts])
    moved = offset(sight.session)
    if apart > APART:
        values = {"who": who, "span": lasting(apart)}
        figure = Text(_("the clock of %(who)s is wrong by %(span)s"), values)
    elif moved:
        figure = Text(_("clocks agree; the company's was moved %(span)s ahead"), {"span": lasting(moved)})
    else:
        figure = Text(_("clocks agree"))
    standing = DOWN if apart > FAR_APART else LATE if apart > APART else GREEN
    remedy = Text(_("set the clocks of the hosts by NTP"))
    return Finding("time", standing, figure, limits, remedy, apart.total_seconds(), APART.seconds, "s")


def versions(sight: Sight) -> Finding:
    """Whether all run the same code. While hosts are brought up to date one after the other they do not, and what newer code
    wrote waits for it; at no other time."""
    alive = [sign for sign in signs(sight.beats, sight.present) if sign.standing == "up" and sign.version]
    running = sorted({sign.version for sign in alive})
    waiting = timers.not_ours(sight.session) + facts.not_ours(sight.session)
    remedy = Text(_("bring the other hosts up to date, too"))
    if len(running) > 1:
        figure = Text(_("old and new code run together: %(versions)s"), {"versions": ", ".join(running)})
    else:
        figure = Text(_("all run the same code"))
    if waiting:
        figure = together(figure, Text(_("%(count)s rows wait for newer code"), {"count": waiting}))
    standing = LATE if len(running) > 1 or waiting else GREEN
    return Finding("versions", standing, figure, None, remedy, len(running), 1, "versions")
