"""Timers as the rules write them, and the reckoning of their due times in the company's time zone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from dateutil.relativedelta import relativedelta
from sqlalchemy import bindparam, select, update
from sqlalchemy.orm import Session

from models.base import Base
from models.books import books
from models.remembered import Timer as TimerRow

Reckoning = Callable[[datetime, Any, ZoneInfo], datetime]
TIMER = Base.metadata.tables["timer"]
OF_CASE = (
    TIMER.c.flow == bindparam("of_flow"),
    TIMER.c.case_id == bindparam("of_case"),
    TIMER.c.state == "pending",
)
ENDED = {"state": "cancelled", "ended_at": bindparam("at"), "result": bindparam("why")}
END_ALL = update(TIMER).where(*OF_CASE).values(ENDED)
END_NAMED = update(TIMER).where(*OF_CASE, TIMER.c.name == bindparam("called")).values(ENDED)


def days(number: str) -> Reckoning:
    """This policy number of days later, at the same local time."""
    return lambda start, policy, zone: add_days(start, getattr(policy, number), zone)


def months(number: str) -> Reckoning:
    """This many calendar months later, same local time; the 31st becomes the month's last day (31 Jan → 28 Feb)."""

    def due(start: datetime, policy: Any, zone: ZoneInfo) -> datetime:
        local = start.astimezone(zone).replace(tzinfo=None) + relativedelta(months=getattr(policy, number))
        return local.replace(tzinfo=zone).astimezone(UTC)

    return due


def hours(number: str) -> Reckoning:
    return lambda start, policy, zone: start + timedelta(hours=getattr(policy, number))


def hours_before(number: str) -> Reckoning:
    """This policy number of hours before what the timer is anchored to."""
    return lambda start, policy, zone: start - timedelta(hours=getattr(policy, number))


def minutes(number: str) -> Reckoning:
    return lambda start, policy, zone: start + timedelta(minutes=getattr(policy, number))


def days_before(number: str) -> Reckoning:
    """This policy number of days earlier, at the same local time."""
    return lambda start, policy, zone: add_days(start, -getattr(policy, number), zone)


def on_time(start: datetime, policy: Any, zone: ZoneInfo) -> datetime:
    """At that very instant."""
    return start


def at_minute(day: date, minute: int, zone: ZoneInfo) -> datetime:
    """The instant at which the company's clock shows so many minutes since midnight of this day."""
    return datetime.combine(day, time(minute // 60, minute % 60), zone).astimezone(UTC)


def add_days(start: datetime, count: int, zone: ZoneInfo) -> datetime:
    """`count` days later at the same local time, across any change of the clocks."""
    local = start.astimezone(zone).replace(tzinfo=None) + timedelta(days=count)
    return local.replace(tzinfo=zone).astimezone(UTC)


@dataclass(frozen=True, slots=True)
class Anchor:
    """An instant that a case bears itself, such as the one at which something is due; `label` says what happens then."""

    label: str
    at: Callable[[Any], datetime]


@dataclass(frozen=True, slots=True)
class Timer:
    """A timer as a flow declares it. When due it takes `event` (by the clock) or only tells `fact`.

    It is reckoned from the step that starts it, or from the `anchor` of the case. What would have been due before the step is
    due with it.

    `then` and `unless` tell people what it does and what keeps it from doing so.
    `when` says for which cases it starts; `still` whether a notice is still wanted when it falls due; `waits_for` is an
    event whose pending approval holds the timer back until it is decided. One timer of a name runs per case: starting
    it again replaces the one that runs.
    """

    name: str
    label: str
    after: Reckoning
    event: str = ""
    fact: str = ""
    facts: dict[str, Any] | None = None
    waits_for: str | None = None
    when: Callable[[Any], bool] | None = None
    still: Callable[[Any], bool] | None = None
    then: str = ""
    unless: str = ""
    anchor: Anchor | None = None


class CaseTimers:
    """The timers of one case, started, moved and cancelled in the transaction of the step that does so."""

    def __init__(
        self, session: Session, flow: str, case: Any, at: datetime, policy: Any, zone: ZoneInfo
    ) -> None:
        self.session, self.flow, self.case = books(session), flow, case
        self.at, self.policy, self.zone = at, policy, zone

    def start(self, timer: Timer) -> None:
        """Start it, in place of one of the same name that still runs."""
        if self.case.version > 1:
            self.cancel(timer.name, result="replaced")
        since = timer.anchor.at(self.case) if timer.anchor else self.at
        due = timer.after(since, self.policy, self.zone)
        self.session.writing.add(
            TIMER,
            {
                "flow": self.flow,
                "case_id": self.case.id,
                "case_code": self.case.code,
                "name": timer.name,
                "state": "pending",
                "started_at": self.at,
                "due_at": max(due, self.at),
                "waits_for": timer.waits_for,
                "policy_version": self.policy.version,
            },
        )

    def cancel(self, *names: str, result: str = "cancelled") -> None:
        """Cancel these timers, or all of the case's when none is named."""
        if any(row["case_id"] == self.case.id for row in self.session.writing.rows.get(TIMER, ())):
            self.session.flush()  # what began in this transaction can end in it
        mine = {"of_flow": self.flow, "of_case": self.case.id, "at": self.at, "why": result}
        if not names:
            self.session.writing.first(END_ALL, mine)
        for name in names:
            self.session.writing.first(END_NAMED, mine | {"called": name})

    def postpone(self, count: int, *names: str) -> None:
        """Move the pending ones of these timers by `count` days, keeping their local time."""
        self.session.flush()
        mine = (TimerRow.flow == self.flow, TimerRow.case_id == self.case.id, TimerRow.state == "pending")
        for row in self.session.scalars(select(TimerRow).where(*mine, TimerRow.name.in_(names))):
            row.due_at = add_days(row.due_at, count, self.zone)
