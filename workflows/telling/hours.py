"""When somebody may be told: quiet hours and the hour of the day's mail, in company time. Pure reckoning."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo


def quiet_until(at: datetime, zone: ZoneInfo, start: str | None, end: str | None) -> datetime:
    """`at` itself, or the end of the quiet hours it falls into. They may run over midnight; equal ends mean none."""
    if not start or not end or start == end:
        return at
    local = at.astimezone(zone)
    begins, ends, now = time.fromisoformat(start), time.fromisoformat(end), local.time()
    over_midnight = begins > ends
    if not (now >= begins or now < ends) if over_midnight else not begins <= now < ends:
        return at
    day = local.date() + timedelta(days=1) if over_midnight and now >= begins else local.date()
    return datetime.combine(day, ends, zone).astimezone(UTC)


def next_digest(at: datetime, zone: ZoneInfo, hour: str) -> datetime:
    """The next time that the clock in the office shows `hour` (`HH:MM`), after `at`."""
    local = at.astimezone(zone)
    today = datetime.combine(local.date(), time.fromisoformat(hour), zone)
    if today > local:
        return today.astimezone(UTC)
    return datetime.combine(local.date() + timedelta(days=1), time.fromisoformat(hour), zone).astimezone(UTC)
