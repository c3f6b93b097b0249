"""Calendar months as the company counts them, written `2026-03`."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import AfterValidator

from workflows.words import _

WRITTEN = re.compile(r"(20\d\d)-(0[1-9]|1[0-2])")


def month_of(at: datetime, zone: ZoneInfo) -> str:
    """The company's month of an instant."""
    return f"{at.astimezone(zone):%Y-%m}"


def month_of_day(day: date) -> str:
    return f"{day:%Y-%m}"


def following(month: str) -> str:
    """The month after this one."""
    year, number = int(month[:4]), int(month[5:])
    return f"{year + number // 12}-{number % 12 + 1:02}"


def first_day(month: str) -> date:
    return date(int(month[:4]), int(month[5:]), 1)


def begins(month: str, zone: ZoneInfo) -> datetime:
    """The first instant of a month."""
    return datetime.combine(first_day(month), time.min, zone).astimezone(UTC)


def ends(month: str, zone: ZoneInfo) -> datetime:
    """The first instant after a month."""
    return begins(following(month), zone)


def last_instant(month: str, zone: ZoneInfo) -> datetime:
    """The last instant of a month, at which its own policy is still in force."""
    return ends(month, zone) - timedelta(microseconds=1)


def a_month(value: str) -> str:
    """Raises `ValueError` where a text is no month."""
    if not WRITTEN.fullmatch(value):
        raise ValueError(_("A month is expected, such as 2026-03."))
    return value


def within_reach(value: date) -> date:
    """Days at the ends of the calendar cannot be reckoned in other time zones; raises `ValueError`."""
    if not 2000 <= value.year <= 2100:
        raise ValueError(_("A year between 2000 and 2100 is expected."))
    return value


MonthText = Annotated[str, AfterValidator(a_month)]
Day = Annotated[date, AfterValidator(within_reach)]
