"""Attendance (考勤) of a person and month, in half days: what the wage is reckoned from (S14 一, S20 (二)1)."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from models.money import Attendance
from models.people import Person
from workflows.engine.flow import Facts
from workflows.engine.news import News, named
from workflows.money.agreed import AgreedFlow, Whose
from workflows.money.months import first_day, following
from workflows.words import _

HalfDays = Annotated[int, Field(ge=0, le=62, strict=True)]


class Days(Facts):
    half_days: HalfDays = Field(title=_("Half days worked"))
    half_days_due: HalfDays = Field(title=_("Half days due"))

    @model_validator(mode="after")
    def no_more_than_due(self) -> Days:
        if self.half_days > self.half_days_due:
            raise ValueError(_("Nobody worked more days than were due: correct the days that were due."))
        return self


class Sheet(Days, Whose):
    """Everything that is asked for at first."""


def only_part(person: Person, month: str) -> bool:
    """Whether this person joined or left within the month."""
    joined = person.hired_on is not None and person.hired_on > first_day(month)
    left = person.left_on is not None and person.left_on < first_day(following(month))
    return joined or left


class AttendanceFlow(AgreedFlow):
    """考勤: the days of one person and month, set while the month is open."""

    flow_name, prefix, table = "attendance", "A", Attendance
    label = _("Attendance")
    about = _("How many half days each person worked: the wage is reckoned from it.")
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
