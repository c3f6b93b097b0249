"""Leave (请假): asked for by the person a day ahead, granted by who leads them; a leader's own by the manager. Asked for too late
it is refused, and only the manager can still grant it, with a reason; else the day counts as absent (S14 一4)."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any, Literal

from pydantic import Field, field_validator
from pydantic_core.core_schema import ValidationInfo
from sqlalchemy import ColumnElement, or_, select, true

from models.days import Leave, Presence
from models.people import Person
from workflows import policy as policies
from workflows.engine.actor import CLOCK, Actor
from workflows.engine.flow import Facts, Flow, NoFacts, State, guard, opening, step
from workflows.engine.news import News, named
from workflows.engine.take import Ask, Check
from workflows.engine.who import Leader, Manager, Member, SalesManager
from workflows.lead_facts import Clean, choice, text
from workflows.money.agreed import DESKS
from workflows.money.months import Day
from workflows.office.presence import PresenceFlow, their_leaders
from workflows.office.relations import LeaderOfTheTeam, Rostered, may_look
from workflows.words import _

KINDS = {"sick": _("Ill"), "private": _("Private matter"), "other": _("Other")}


class Absence(Facts):
    first_day: Day = Field(title=_("From the day"))
    last_day: Day = Field(title=_("Until the day"))
    kind: Literal["sick", "private", "other"] = choice(_("What for"), KINDS)
    reason: Clean = text(_("Reason"), limit=500, private=True, input="area")

    @field_validator("last_day")
    @classmethod
    def not_too_long(cls, value: date, info: ValidationInfo) -> date:
        first, most = (
            info.data.get("first_day"),
            info.context["policy"].leave_days_max if info.context else 30,
        )
        if first is not None and value < first:
            raise ValueError(_("The last day comes before the first."))
        if first is not None and (value - first).days >= most:
            raise ValueError(_("One leave has at most as many days as the policy says."))
        return value

    person: Clean | None = Field(
        None,
        max_length=40,
        title=_("For whom, as the manager's exception"),
        json_schema_extra={"person": "member"},
    )


def is_exception(check: Check) -> bool:
    """Whether it is granted to somebody by the manager, not asked for by themselves."""
    return "person" in check.people


@guard(
    _("Everybody asks for their own leave; that of another is the manager's exception."),
    instead=_("Leave the person out, or let the manager grant it."),
)
def is_their_own_or_the_managers(check: Check) -> bool:
    return (
        check.by.has("manager", "sales_manager") if is_exception(check) else check.by.has("member", "leader")
    )


@guard(
    _("Leave is asked for at least %(days)s days ahead: otherwise the day counts as absent."),
    instead=_(
        "Tell the manager at once: only the manager can still grant it, as an exception and with a reason."
    ),
)
def is_asked_ahead(check: Check) -> bool | dict[str, Any]:
    facts, ahead = check.facts, check.policy.leave_days_ahead
    assert isinstance(facts, Absence)
    if is_exception(check):
        return True
    today = check.at.astimezone(policies.zone(check.session)).date()
    return True if facts.first_day >= today + timedelta(days=ahead) else {"days": ahead}


@guard(
    _("There is leave for these days already: %(code)s."),
    instead=_("Withdraw that one first, or call it off."),
    code="conflict",
)
def is_not_asked_yet(check: Check) -> bool | dict[str, Any]:
    facts = check.facts
    assert isinstance(facts, Absence)
    person = check.people.get("person")
    there = select(Leave.code).where(
        Leave.person_id == (person.id if person else check.by.id),
        Leave.state.in_(("asked", "granted")),
        Leave.first_day <= facts.last_day,
        Leave.last_day >= facts.first_day,
    )
    code = check.session.scalar(there.limit(1))
    return {"code": code} if code else True


@guard(_("Nobody grants their own leave."), instead=_("Ask the sales manager, or the other manager."))
def is_for_another(check: Check) -> bool:
    return not is_exception(check) or check.people["person"].id != check.by.id


@guard(_("This leave is over."), instead=_("What was not so on a day is corrected at that day."))
def is_not_over(check: Check) -> bool:
    return bool(check.case.last_day >= check.at.astimezone(policies.zone(check.session)).date())


def consent_follows(check: Check) -> list[Ask]:
    """Who asks for leave asks for the consent in the same breath; the manager's exception has it."""
    code = check.case.code
    if is_exception(check):
        return [Ask(LeaveFlow, "allow", check.by, check.at, code=code, house=True)]
    return [Ask(LeaveFlow, "grant", check.by, check.at, code=code)]


def _days(check: Check, *wanted: ColumnElement[bool]) -> list[str]:
    """The presences of the person that this leave is about."""
    case = check.case
    found = select(Presence.code).where(
        Presence.person_id == case.person_id, Presence.day.between(case.first_day, case.last_day), *wanted
    )
    return list(check.session.scalars(found.order_by(Presence.day)))


def days_are_excused(check: Check) -> list[Ask]:
    """Who is on leave is not expected; a day that was closed as absent meanwhile is excused."""
    codes = _days(check, Presence.state.in_(("expected", "missing", "absent")))
    facts = {"leave": check.case.code}
    return [Ask(PresenceFlow, "excuse", CLOCK, check.at, code=c, facts=facts, house=True) for c in codes]


def days_are_due_again(check: Check) -> list[Ask]:
    """From here on they are expected again; what has begun stays excused."""
    of_this = (
        Presence.leave_code == check.case.code,
        Presence.begins_at > check.at,
        Presence.state == "excused",
    )
    return [Ask(PresenceFlow, "resume", CLOCK, check.at, code=c, house=True) for c in _days(check, *of_this)]


class LeaveFlow(Flow):
    """请假: a day away that somebody knew of."""

    flow_name, noun, prefix, table = "leave", "case", "G", Leave
    label = _("Leave of absence")
    about = _("Asked for a day ahead, granted by who leads the team. A day away without it counts as absent.")
    room, topic, rests = "office", "office", ("granted",)
    remembers = ("person_id", "team_id", "first_day", "last_day", "kind")
    news = (
        News(".granted", _("Leave was granted."), named("person_id"), their_leaders),
        News(".called_off", _("Leave was called off."), their_leaders),
    )

    asked = State(_("Leave asked for"), initial=True)
    granted = State(_("Leave granted"))
    withdrawn = State(_("Withdrawn"), final=True)
    called_off = State(_("Leave called off"), final=True)

    @opening(
        label=_("Ask for leave"),
        by=Member | Leader | Manager | SalesManager,
        guards=(is_their_own_or_the_managers, is_for_another, is_asked_ahead, is_not_asked_yet),
        announces=".asked",
        then=consent_follows,
    )
    def ask_leave(self, case: Leave, facts: Absence, check: Check) -> None:
        """A day ahead or earlier, and who leads the team is asked at once. What came too suddenly for that, or is past, the
        manager grants as an exception, naming whom and why."""
        person = check.people.get("person") or check.session.get_one(Person, check.by.id)
        case.person_id, case.team_id = person.id, person.team_id
        case.first_day, case.last_day, case.kind = facts.first_day, facts.last_day, facts.kind

    @step(
        asked.to(granted),
        label=_("Ask for consent"),
        by=Rostered,
        approved_by=LeaderOfTheTeam | Manager,
        announces=".granted",
        then=days_are_excused,
    )
    def grant(self, case: Leave, facts: NoFacts) -> None:
        """Who leads the team agrees; of a leader, the manager."""

    @step(
        asked.to(granted),
        label=_("Allow"),
        by=Manager | SalesManager,
        automatic=True,
        announces=".granted",
        then=days_are_excused,
    )
    def allow(self, case: Leave, facts: NoFacts) -> None:
        """The manager's exception."""

    @step(asked.to(withdrawn), label=_("Withdraw"), by=Rostered, announces=".withdrawn")
    def withdraw(self, case: Leave, facts: NoFacts) -> None:
        """It is not needed any more."""

    @step(
        granted.to(called_off),
        label=_("Call the leave off"),
        by=Rostered | Manager,
        guards=is_not_over,
        announces=".called_off",
        then=days_are_due_again,
    )
    def call_off(self, case: Leave, facts: NoFacts) -> None:
        """The person comes after all; days that have not begun are due again."""

    @classmethod
    def seen_by(cls, actor: Actor) -> ColumnElement[bool]:
        """One's own, those of the team one leads; the desks see all."""
        if actor is CLOCK or actor.has(*DESKS):
            return true()
        mine = Leave.person_id == (actor.id or 0)
        leads = actor.has("leader") and actor.team_id is not None
        return or_(mine, Leave.team_id == actor.team_id) if leads else mine

    @classmethod
    def gains(cls, case: Leave, facts: Facts) -> set[int]:
        return {case.person_id}

    @classmethod
    def in_clear(cls, actor: Actor, case: Leave) -> bool:
        return may_look(actor, case)

    @classmethod
    def tells(cls, case: Leave) -> dict[str, Any]:
        return {"person_id": case.person_id, "team_id": case.team_id}
