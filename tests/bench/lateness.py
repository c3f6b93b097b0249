"""How late timers fire that come due one after the other, many a second, among very many that are pending: with the real clock,
Redis and workers, and seen from outside, when the row that says so can be read."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

from tests.bench.books import Books
from tests.bench.grounds import House
from tests.bench.hand import Hand
from tests.bench.measured import Result
from tests.bench.sweep import set_due

LOOK_SECONDS = 0.02
LONGEST = 1800.0  # seconds that are waited for the last


def measure(books: Books, house: House, per_second: int, seconds: int) -> Result:
    """So many come due each second for so many seconds. The tenth that comes first is for warming up and does not count."""
    hand, leads = Hand.on(books.engine), books.take("assigned", needed(per_second, seconds))
    pending = hand.one("SELECT count(*) FROM timer WHERE state = 'pending'")
    hand.quiet()
    clock = house.staffed().start("clock")
    first = datetime.now(UTC) + timedelta(seconds=8 + len(leads) / 2000)
    set_due(hand, leads, first, timedelta(seconds=1 / per_second))
    if datetime.now(UTC) >= first:
        raise RuntimeError("timers were due before all were written: the machine is too slow for this size")
    late = sorted(watch(hand, len(leads), first)[len(leads) // 10 :])
    clock.end()
    house.rest()
    hand.quiet()
    hand.close()
    result = Result("lateness", books.engine.dialect.name)
    result.more = {
        "size": books.size,
        "pending": pending,
        "per_second": per_second,
        "seconds": seconds,
        **{f"p{share}_ms": round(late[len(late) * share // 100] * 1000) for share in (50, 99)},
        "max_ms": round(late[-1] * 1000),
    }
    return result


def needed(per_second: int, seconds: int) -> int:
    """How many assigned leads have their ten days ended in all."""
    return per_second * seconds


def watch(hand: Hand, many: int, first: datetime) -> list[float]:
    """How many seconds after it was due each was first seen to have fired, in the order in which they were seen."""
    earliest = "SELECT min(due_at) FROM timer WHERE state = 'pending' AND due_at >= :first"
    fired = "SELECT id, due_at FROM timer WHERE state = 'fired' AND due_at >= :low"
    seen: set[int] = set()
    late: list[float] = []
    low, end = hand.instant(first), time.monotonic() + LONGEST
    while len(seen) < many:
        if time.monotonic() > end:
            raise TimeoutError(f"{many - len(seen)} of {many} timers have not fired")
        time.sleep(LOOK_SECONDS)
        pending = hand.one(earliest, {"first": hand.instant(first)})
        found = hand.run(fired, {"low": low}).fetchall()
        now, low = datetime.now(UTC), pending  # what was due before has fired by then, and was found
        for timer_id, due_at in found:
            if timer_id not in seen:
                seen.add(timer_id)
                late.append((now - hand.moment(due_at)).total_seconds())
    return late
