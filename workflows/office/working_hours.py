"""When is worked (S20 (一)): the hours of a day by the policy and the company's calendar, and times of day as people write them."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.days import CalendarDay
from workflows.policy import Policy
from workflows.words import _

NO_TIME = _("A time of day is expected, such as 10:00.")
WRITTEN = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)")
# As the State Council announced them on 2025-11-04: the first and last days of holidays, and the weekends on which is worked.
HOLIDAYS = (
    (date(2026, 1, 1), date(2026, 1, 3)),
    (date(2026, 2, 15), date(2026, 2, 23)),
    (date(2026, 4, 4), date(2026, 4, 6)),
    (date(2026, 5, 1), date(2026, 5, 5)),
    (date(2026, 6, 19), date(2026, 6, 21)),
    (date(2026, 9, 25), date(2026, 9, 27)),
    (date(2026, 10, 1), date(2026, 10, 7)),
)
WORKED = (
    date(2026, 1, 4), date(2026, 2, 14), date(2026, 2, 28), date(2026, 5, 9), date(2026, 9, 20), date(2026, 10, 10),
)  # fmt: skip
KNOWN_UNTIL = date(2026, 12, 31)


def minute_of(written: str) -> int | None:
    """The minute of the day of `9:30`; None where it is no time of day."""
    found = WRITTEN.fullmatch(written.strip())
    return int(found[1]) * 60 + int(found[2]) if found else None


def a_time(value: str) -> str:
    """Raises `ValueError` where a text is no time of day."""
    if minute_of(value) is None:
        raise ValueError(NO_TIME)
    return value


TimeOfDay = Annotated[str, AfterValidator(a_time)]


def optional_time(label: str) -> Any:
    """A time of day that may be left to the policy."""
    return Field(None, max_length=5, title=label, json_schema_extra={"input": "time"})


def instant_of(day: date, minute: int, zone: ZoneInfo) -> datetime:
    """The instant at this minute of the company's day."""
    return datetime.combine(day, time(minute // 60, minute % 60), zone).astimezone(UTC)


def hours_of(session: Session, policy: Policy, day: date) -> tuple[int, int]:
    """From when to when is worked on a day, in minutes of the day. Holidays have the hours of weekends, days that make up for
    one those of weekdays."""
    if is_weekday(session, day):
        return policy.weekday_begin_minute, policy.weekday_end_minute
    return policy.weekend_begin_minute, policy.weekend_end_minute


def is_weekday(session: Session, day: date) -> bool:
    """Whether a day counts as one from Monday to Friday: as the company says, else the State Council, else the calendar."""
    said = select(CalendarDay.kind).where(
        CalendarDay.state == "entered", CalendarDay.first_day <= day, CalendarDay.last_day >= day
    )
    kind = session.scalar(said.order_by(CalendarDay.id.desc()).limit(1))
    if kind is not None:
        return kind == "worked"
    if day in WORKED:
        return True
    return day.weekday() < 5 and not any(first <= day <= last for first, last in HOLIDAYS)


def known_until(session: Session) -> date:
    """The end of the last year whose holidays are known, ours or the company's own."""
    last = session.scalar(select(func.max(CalendarDay.last_day)).where(CalendarDay.state == "entered"))
    return max(KNOWN_UNTIL, date(last.year, 12, 31)) if last else KNOWN_UNTIL


def muster_of(begins_at: datetime, policy: Policy) -> datetime:
    """When everybody is to be there before hours that begin then: as long before as the policy's muster is before its hours."""
    return begins_at - timedelta(minutes=max(0, policy.weekday_begin_minute - policy.muster_minute))


def whole_minutes(length: timedelta) -> int:
    """The whole minutes of a span; none where it is negative."""
    return max(0, int(length.total_seconds()) // 60)
