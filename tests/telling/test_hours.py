"""When somebody may be told: quiet hours over midnight and in company time, and the hour of the day's mail."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from workflows.telling.hours import next_digest, quiet_until

SHANGHAI, BERLIN = ZoneInfo("Asia/Shanghai"), ZoneInfo("Europe/Berlin")


def local(text: str, zone: ZoneInfo = SHANGHAI) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=zone)


@pytest.mark.parametrize(
    ("at", "start", "end", "goes"),
    [
        ("2026-11-23T21:59", "22:00", "07:30", "2026-11-23T21:59"),
        ("2026-11-23T22:00", "22:00", "07:30", "2026-11-24T07:30"),
        ("2026-11-23T23:59", "22:00", "07:30", "2026-11-24T07:30"),
        ("2026-11-24T00:00", "22:00", "07:30", "2026-11-24T07:30"),
        ("2026-11-24T07:29", "22:00", "07:30", "2026-11-24T07:30"),
        ("2026-11-24T07:30", "22:00", "07:30", "2026-11-24T07:30"),
        ("2026-11-24T12:00", "12:00", "14:00", "2026-11-24T14:00"),
        ("2026-11-24T11:59", "12:00", "14:00", "2026-11-24T11:59"),
        ("2026-11-24T14:00", "12:00", "14:00", "2026-11-24T14:00"),
        ("2026-11-24T03:00", "08:00", "08:00", "2026-11-24T03:00"),
        ("2026-11-24T03:00", None, None, "2026-11-24T03:00"),
    ],
)
def test_what_falls_into_quiet_hours_waits_for_their_end(
    at: str, start: str | None, end: str | None, goes: str
) -> None:
    assert quiet_until(local(at), SHANGHAI, start, end) == local(goes)


def test_quiet_hours_are_those_of_the_office_wherever_the_server_stands() -> None:
    """15:00 in UTC is 23:00 in Shanghai and 16:00 in Berlin."""
    at = datetime(2026, 11, 23, 15, tzinfo=UTC)
    assert quiet_until(at, SHANGHAI, "22:00", "07:00") == datetime(2026, 11, 23, 23, tzinfo=UTC)
    assert quiet_until(at, BERLIN, "22:00", "07:00") == at


def test_quiet_hours_end_at_the_clock_on_the_wall_when_the_clocks_change() -> None:
    """The night in which Berlin puts the clocks back is an hour longer."""
    night = local("2026-10-24T23:00", BERLIN)
    ends = quiet_until(night, BERLIN, "22:00", "07:00")
    assert ends == datetime(2026, 10, 25, 6, tzinfo=UTC)
    assert (ends - night).total_seconds() == 9 * 3600


def test_the_mail_of_the_day_goes_at_its_hour_today_or_tomorrow() -> None:
    assert next_digest(local("2026-11-23T17:59"), SHANGHAI, "18:00") == local("2026-11-23T18:00")
    assert next_digest(local("2026-11-23T18:00"), SHANGHAI, "18:00") == local("2026-11-24T18:00")
