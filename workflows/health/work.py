"""How the work stands that happens by itself: what is due and not done, since when, and what was given up."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import func, select

from models.registers import RegisterImport
from models.remembered import Outbox
from workflows import policy
from workflows import timers as clockwork
from workflows.health import parked as given_up
from workflows.health.figures import lasting, late_after, together
from workflows.health.finding import DOWN, GREEN, LATE, Finding, Item, Sight
from workflows.telling import posting
from workflows.words import Text, _

DOWN_TIMES = 6  # a timer so many times as late as the policy allows: nobody is at work
FACTS_LATE, FACTS_DOWN = timedelta(minutes=1), timedelta(minutes=10)
MESSAGES_LATE, MESSAGES_DOWN = timedelta(minutes=5), timedelta(hours=1)
REGISTERS_LATE, REGISTERS_DOWN = timedelta(minutes=5), timedelta(hours=1)
WHOSE = {"worker": Text(_("worker")), "sender": Text(_("sender"))}


def timers(sight: Sight) -> Finding:
    """Timers that are due and have not fired; late by the policy's number (S12 (ours))."""
    late = timedelta(minutes=policy.in_force(sight.session, sight.at).timer_late_minutes)
    count, oldest = clockwork.late(sight.session, sight.at)
    found = _waiting("timers", sight, count, oldest, late, late * DOWN_TIMES, "worker")
    return replace(found, figure=together(found.figure, _next_timer(sight), _fired_late(sight)))


def _next_timer(sight: Sight) -> Text | None:
    due = clockwork.next_due(sight.session)
    if due is None or due <= sight.at:
        return None
    return Text(_("the next in %(span)s"), {"span": lasting(due - sight.at)})


def _fired_late(sight: Sight) -> Text | None:
    """How many facts of the last day say that a timer fired late."""
    lately = select(func.count()).where(Outbox.fact == "timer.late", Outbox.at > sight.at - timedelta(days=1))
    count = sight.session.scalar(lately)
    return Text(_("fired late within a day: %(count)s"), {"count": count}) if count else None


def facts(sight: Sight) -> Finding:
    """Facts that wait to be told inside the house."""
    waiting = select(func.count(), func.min(Outbox.next_at)).where(
        Outbox.state == "pending", Outbox.next_at <= sight.at
    )
    count, oldest = sight.session.execute(waiting).one()
    return _waiting("facts", sight, count, oldest, FACTS_LATE, FACTS_DOWN, "worker")


def messages(sight: Sight) -> Finding:
    """Messages that wait to leave the house. One whose receiver failed is due again only after its pause."""
    count, oldest = (
        posting.waiting(sight.session, sight.at),
        posting.oldest(sight.session, sight.at),
    )
    return _waiting("messages", sight, count, oldest, MESSAGES_LATE, MESSAGES_DOWN, "sender")


def registers(sight: Sight) -> Finding:
    """Registers that are checked or taken in the background."""
    waiting = select(func.count(), func.min(RegisterImport.next_at)).where(RegisterImport.next_at <= sight.at)
    count, oldest = sight.session.execute(waiting).one()
    return _waiting("registers", sight, count, oldest, REGISTERS_LATE, REGISTERS_DOWN, "worker")


def _waiting(
    name: str,
    sight: Sight,
    count: int,
    oldest: datetime | None,
    late: timedelta,
    down: timedelta,
    whose: str,
) -> Finding:
    age = sight.at - oldest if oldest else timedelta(0)
    figure = Text(_("nothing is due"))
    if count:
        figure = Text(_("%(count)s due, the oldest for %(span)s"), {"count": count, "span": lasting(age)})
    standing = DOWN if age > down else LATE if age > late else GREEN
    remedy = Text(_("it is done by clock, Redis and %(whose)s: see those lines"), {"whose": WHOSE[whose]})
    return Finding(
        name,
        standing,
        figure,
        late_after(late, down),
        remedy,
        age.total_seconds(),
        late.total_seconds(),
        "s",
    )


def parked(sight: Sight) -> Finding:
    """What broke so often that it waits for somebody to look; which ones, and why."""
    counts = given_up.counts(sight.session)
    total = sum(counts.values())
    limit = Text(_("late from the first one on"))
    if not total:
        return Finding("parked", GREEN, Text(_("nothing")), limit, value=0, limit=1, unit="rows")
    figure = Text(
        _("timers %(timer)s, facts %(fact)s, messages %(message)s, registers %(register)s"), dict(counts)
    )
    remedy = Text(
        _("put the cause right, then %(command)s, or the page Health"),
        {"command": "tuoke doctor --retry-parked"},
    )
    items = tuple(given_up.listed(sight.session))
    return Finding("parked", LATE, figure, limit, remedy, total, 1, "rows", items)


def causes(items: tuple[Item, ...]) -> list[tuple[str, str, str, int]]:
    """Kind, what, why and how many: the same cause is said once."""
    found = Counter((item.kind, item.what, item.error) for item in items)
    return [(*cause, count) for cause, count in found.most_common()]
