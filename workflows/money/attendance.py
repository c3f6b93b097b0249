"""Attendance (考勤) of a person and month, in half days: what the wage is reckoned from (S14 一, S20 (二)1). The half days are
told, or left out and reckoned from the days on the rosters."""

from __future__ import annotations

from typing import Annotated, Any
from zoneinfo import ZoneInfo

from pydantic import Field, model_validator
from sqlalchemy import select

from models.days import Presence
from models.money import Attendance
from models.people import Person
from workflows import policy as policies
from workflows.engine.flow import Facts
from workflows.engine.news import News, named
from workflows.engine.take import Check
from workflows.money.agreed import AgreedFlow, Whose
from workflows.money.months import first_day, following
from workflows.office.working_hours import instant_of
from workflows.policy import Policy
from workflows.words import _

HalfDays = Annotated[int, Field(ge=0, le=62, strict=True)]
CLOSED = ("attended", "absent", "excused")


class Days(Facts):
    half_days: HalfDays | None = Field(None, title=_("Half days worked"))
    half_days_due: HalfDays | None = Field(None, title=_("Half days due"))

    @model_validator(mode="after")
    def no_more_than_due(self) -> Days:
        if (self.half_days is None) != (self.half_days_due is None):
            raise ValueError(_("Give both, or leave both out: then they are reckoned from the rosters."))
        if (
            self.half_days is not None
            and self.half_days_due is not None
            and self.half_days > self.half_days_due
        ):
            raise ValueError(_("Nobody worked more days than were due: correct the days that were due."))
        return self


class Sheet(Days, Whose):
    """Everything that is asked for at first."""


def only_part(person: Person, month: str) -> bool:
    """Whether this person joined or left within the month."""
    joined = person.hired_on is not None and person.hired_on > first_day(month)
    left = person.left_on is not None and person.left_on < first_day(following(month))
    return joined or left


def rostered(check: Check) -> list[Presence]:
    """The person's days on the rosters of the month, read once."""
    if "rostered" not in check.seen:
        month = getattr(check.facts, "month", None) or check.case.month
        person = check.people["person"].id if "person" in check.people else check.case.person_id
        days = select(Presence).where(
            Presence.person_id == person,
            Presence.project_id == check.case.project_id,
            Presence.day >= first_day(month),
            Presence.day < first_day(following(month)),
            Presence.state != "cancelled",
        )
        check.seen["rostered"] = list(check.session.scalars(days.order_by(Presence.day)))
    found: list[Presence] = check.seen["rostered"]
    return found


def halves(day: Presence, policy: Policy, zone: ZoneInfo) -> tuple[int, int]:
    """Of a day that is closed, the half days worked and due; lunch divides the two. Where nobody signed out, the half in which
    they signed in counts."""
    noon = instant_of(day.day, policy.lunch_begin_minute, zone)
    after = instant_of(day.day, policy.lunch_end_minute, zone)
    due = (day.begins_at < noon, day.ends_at > after)
    if day.state != "attended" or day.in_at is None:
        return 0, sum(due)
    morning = day.in_at < noon
    afternoon = day.out_at > after if day.out_at else not morning
    return sum((due[0] and morning, due[1] and afternoon)), sum(due)


class AttendanceFlow(AgreedFlow):
    """考勤: the days of one person and month, set while the month is open."""

    flow_name, prefix, table = "attendance", "A", Attendance
    label = _("Attendance")
    about = _(
        "How many half days each person worked: the wage is reckoned from it. Left out, they are reckoned from the rosters."
    )
    news = (
        News(".adopted", _("Your attendance of the month is recorded."), named("person_id")),
        News(".changed", _("Your attendance of the month was changed."), named("person_id")),
    )
    remembers = ("person_id", "month", "half_days", "half_days_due", "part_month")
    forms = {"propose": Sheet, "change": Days}
    only_while_open = True

    @classmethod
    def complete(cls, case: Attendance, person: Person) -> None:
        case.part_month = only_part(person, case.month)

    @classmethod
    def lacks(cls, check: Check) -> dict[str, Any] | None:
        """All of the month's rostered days must be closed, and there must be some."""
        if not isinstance(check.facts, Days) or check.facts.half_days is not None:
            return None
        closed = sum(day.state in CLOSED for day in rostered(check))
        still_open = len(rostered(check)) - closed
        return {"open": still_open, "closed": closed} if still_open or not closed else None

    @classmethod
    def reckon(cls, check: Check) -> None:
        if not isinstance(check.facts, Days) or check.facts.half_days is not None:
            return
        zone = policies.zone(check.session)
        both = [halves(day, check.policy, zone) for day in rostered(check)]
        check.case.half_days = sum(done for done, _due in both)
        check.case.half_days_due = sum(due for _done, due in both)
