"""The company's calendar (日历): holidays and the weekends that make up for them, as the State Council announces them each year.
They say which hours a rostered day has (S20 (一): 节假日…相应调整). What is announced already stands in `working_hours`; the
administrator or the manager enters what comes, and the health page says when nothing is known any more."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, model_validator
from sqlalchemy import ColumnElement, select, true

from models.days import CalendarDay
from workflows.engine.actor import Actor
from workflows.engine.flow import Facts, Flow, State, guard, opening, step
from workflows.engine.news import News, those_with
from workflows.engine.take import Check
from workflows.engine.who import Admin, Manager
from workflows.lead_facts import Clean, choice, text
from workflows.money.months import Day
from workflows.words import _

KINDS = {
    "holiday": _("Holiday: the hours of a weekend"),
    "worked": _("Worked: the hours of a weekday"),
}


class Days(Facts):
    first_day: Day = Field(title=_("From the day"))
    last_day: Day = Field(title=_("Until the day"))
    kind: Literal["holiday", "worked"] = choice(_("What"), KINDS)
    name: Clean = text(_("What it is called"), limit=40)

    @model_validator(mode="after")
    def in_order(self) -> Days:
        if self.last_day < self.first_day:
            raise ValueError(_("The last day comes before the first."))
        return self


class Why(Facts):
    reason: Clean = text(_("Reason"), limit=500, input="area")


@guard(
    _("%(name)s stands there already."),
    instead=_("Strike that entry first, where it is wrong."),
    code="conflict",
)
def is_not_entered_yet(check: Check) -> bool | dict[str, Any]:
    facts = check.facts
    assert isinstance(facts, Days)
    there = select(CalendarDay.name).where(
        CalendarDay.state == "entered",
        CalendarDay.first_day <= facts.last_day,
        CalendarDay.last_day >= facts.first_day,
    )
    name = check.session.scalar(there.limit(1))
    return {"name": name} if name else True


class CalendarFlow(Flow):
    """日历: days that count otherwise than their weekday says."""

    flow_name, noun, prefix, table = "calendar", "case", "U", CalendarDay
    label = _("Calendar entry")
    about = _("Holidays and the weekends that make up for them: a rostered day has its hours by them.")
    room, topic, rests = "office", "office", ("entered",)
    searched = ("name",)
    remembers = ("first_day", "last_day", "kind", "name")
    news = (
        News(
            ".entered", _("The calendar was changed: look at the rosters."), those_with("leader", "manager")
        ),
        News(".struck", _("The calendar was changed: look at the rosters."), those_with("leader", "manager")),
    )

    entered = State(_("Entered"), initial=True)
    struck = State(_("Struck"), final=True)

    @opening(
        label=_("Enter into the calendar"),
        by=Admin | Manager,
        guards=is_not_entered_yet,
        announces=".entered",
    )
    def enter(self, case: CalendarDay, facts: Days) -> None:
        """These days count as a holiday, or as worked. Rosters planned from now on have their hours."""
        case.first_day, case.last_day = facts.first_day, facts.last_day
        case.kind, case.name = facts.kind, facts.name

    @step(entered.to(struck), label=_("Strike"), by=Admin | Manager, announces=".struck")
    def strike(self, case: CalendarDay, facts: Why) -> None:
        """It was wrong: the days count again as they did before."""

    @classmethod
    def seen_by(cls, actor: Actor) -> ColumnElement[bool]:
        """Everybody's."""
        return true()
