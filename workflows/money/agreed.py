"""What one person sets for another and a third approves: quotas, pay, attendance. One life for all of them: proposed,
in force, and changed only with the same consent."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import Field
from sqlalchemy import ColumnElement, or_, select, true
from sqlalchemy.orm import Session

from models.money import Month
from models.people import Person
from workflows.engine.actor import CLOCK, Actor
from workflows.engine.flow import Facts, Flow, NoFacts, State, guard, opening, step
from workflows.engine.take import Ask, Check
from workflows.engine.who import Manager, SalesManager
from workflows.lead_facts import Clean, staff
from workflows.money.months import MonthText, first_day, following
from workflows.words import _

DESKS = ("manager", "sales_manager", "finance", "auditor")


@guard(_("There is one already."), instead=_("Change that one."), code="conflict")
def is_the_first(check: Check) -> bool:
    """One per person, and per month where it is for a month."""
    table: Any = check.ask.flow.table
    wanted = select(table.id).where(table.person_id == check.people["person"].id)
    if hasattr(table, "month"):
        month = getattr(check.facts, "month", None)
        wanted = wanted.where(table.project_id == check.case.project_id, table.month == month)
    return check.session.scalar(wanted) is None


@guard(_("%(name)s had left before this month."))
def was_there(check: Check) -> bool | dict[str, Any]:
    """Who has left in or after the month is still set and paid what is due for it."""
    month, person = getattr(check.facts, "month", None), check.people["person"]
    gone = month is not None and person.left_on is not None and person.left_on <= first_day(month)
    return {"name": person.name} if gone else True


def past_open(session: Session, project_id: int, month: str) -> bool:
    """Whether nothing may be posted into this month any more: it or a later one is closed."""
    wanted = select(Month.id).where(
        Month.project_id == project_id, Month.month >= month, Month.state != "open"
    )
    return session.scalar(wanted.limit(1)) is not None


def month_to_post_in(session: Session, project_id: int, month: str) -> str:
    """This month while it is open; else the next that is."""
    while past_open(session, project_id, month):
        month = following(month)
    return month


@guard(
    _("The month %(month)s has been submitted: what it is reckoned from stands."),
    instead=_("Open a dispute; it is settled in the next month."),
)
def month_is_open(check: Check) -> bool | dict[str, Any]:
    """Some figures may come late and are reckoned again (quotas); others stand once the month is submitted."""
    if not check.ask.flow.only_while_open:  # type: ignore[attr-defined]
        return True
    month: str = getattr(check.facts, "month", None) or check.case.month
    return {"month": month} if past_open(check.session, check.case.project_id, month) else True


@guard(
    _("The figures cannot be reckoned: days not closed yet: %(open)s, days closed: %(closed)s."),
    instead=_("Wait until the last day is closed, or give the figures yourself."),
)
def can_be_reckoned(check: Check) -> bool | dict[str, Any]:
    """Figures that were left out are reckoned, where the workflow knows how."""
    lacking: dict[str, Any] | None = check.ask.flow.lacks(check)  # type: ignore[attr-defined]
    return lacking or True


def asks_for_consent(check: Check) -> list[Ask]:
    """Who proposes asks for the approval in the same breath."""
    if check.ask.house:
        return []
    return [Ask(check.ask.flow, "adopt", check.by, check.at, code=check.case.code)]


def write(case: Any, facts: Facts, people: dict[str, Person]) -> None:
    """Put what was told into the columns of the same names."""
    for name in type(facts).model_fields:
        if name in people:
            setattr(case, f"{name}_id", people[name].id)
        elif hasattr(type(case), name):
            setattr(case, name, getattr(facts, name))


class Whose(Facts):
    """Whom, and which month, figures of a month are about; asked before the figures."""

    person: Clean = staff(_("Person"), "member", left=True)
    month: MonthText = Field(title=_("Month"))


class AgreedFlow(Flow):
    """Proposed by the manager, approved by the sales manager (S20 (四) 个人1)."""

    noun = "case"
    room, topic, rests = "money", "pay", ("in_force",)
    team_sees: ClassVar[bool] = False
    only_while_open: ClassVar[bool] = False

    proposed = State(_("Proposed"), initial=True)
    in_force = State(_("In force"))

    @opening(
        label=_("Propose"),
        by=Manager,
        guards=(was_there, is_the_first, month_is_open, can_be_reckoned),
        announces=".proposed",
        then=asks_for_consent,
    )
    def propose(self, case: Any, facts: Facts, people: dict[str, Person], check: Check) -> None:
        """Set it for one person; the sales manager is asked at once."""
        write(case, facts, people)
        self.reckon(check)
        self.complete(case, people["person"])

    @classmethod
    def complete(cls, case: Any, person: Person) -> None:
        """What a workflow adds to a new case from what is known of the person."""

    @classmethod
    def lacks(cls, check: Check) -> dict[str, Any] | None:
        """What is lacking to reckon the figures that were left out; nothing where none was."""
        return None

    @classmethod
    def reckon(cls, check: Check) -> None:
        """Fill in the figures that were left out."""

    @step(
        proposed.to(in_force),
        label=_("Adopt"),
        by=Manager,
        approved_by=SalesManager,
        guards=month_is_open,
        announces=".adopted",
        serial=True,
    )
    def adopt(self, case: Any, facts: NoFacts) -> None:
        """It comes into force as it was proposed."""

    @step(
        in_force.from_(proposed) | in_force.to.itself(internal=True),
        label=_("Change"),
        by=Manager,
        approved_by=SalesManager,
        guards=(month_is_open, can_be_reckoned),
        announces=".changed",
        serial=True,
    )
    def change(self, case: Any, facts: Facts, check: Check) -> None:
        """Other figures take its place; what was posted under the old ones is reversed and posted anew."""
        write(case, facts, {})
        self.reckon(check)

    @classmethod
    def seen_by(cls, actor: Actor) -> ColumnElement[bool]:
        """One's own; the desks that pay and prove see all; leaders see their team's where it is the team's business."""
        if actor is CLOCK or actor.has(*DESKS):
            return true()
        table: Any = cls.table
        seen = [table.person_id == (actor.id or 0)]
        if cls.team_sees and actor.has("leader") and actor.team_id is not None:
            seen.append(table.person_id.in_(select(Person.id).where(Person.team_id == actor.team_id)))
        return or_(*seen)

    @classmethod
    def gains(cls, case: Any, facts: Facts) -> set[int]:
        """Nobody approves their own figures."""
        return {case.person_id}

    @classmethod
    def tells(cls, case: Any) -> dict[str, Any]:
        return {"person_id": case.person_id, "month": getattr(case, "month", None)}
