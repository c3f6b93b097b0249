"""Presence (到岗): one person on one rostered day, from being expected to having been there (S14 一1, 2, 5).

It begins when the roster is published, and says where and from when to when. Who comes signs in with the code that is shown at
the spot, and signs out with it; late, early and missing are worked out when the day ends, in whole minutes, from the roster
and the instants that our own clock saw. What is wrong is reported as a deduction, and judged by people."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import Field, model_validator
from sqlalchemy import ColumnElement, or_, select, true
from sqlalchemy.orm import Session

from models.days import Leave, Presence, Roster
from models.people import Person
from models.remembered import Outbox
from workflows import policy as policies
from workflows.engine.actor import CLOCK, Actor
from workflows.engine.flow import Facts, Flow, NoFacts, State, guard, opening, step
from workflows.engine.news import News, having, named, those_with
from workflows.engine.take import Ask, Check
from workflows.engine.timing import Anchor, Timer, minutes
from workflows.engine.who import Clock, Manager, SalesManager
from workflows.lead_facts import Clean, Moment, maybe, staff, text
from workflows.money.agreed import DESKS
from workflows.money.months import Day
from workflows.office import signing
from workflows.office.flaws import flaws_are_reported, reports_are_waived
from workflows.office.relations import LeaderOfTheTeam, Rostered, may_look
from workflows.office.roster import Hours, minutes_of, spot_is_free
from workflows.office.working_hours import instant_of, minute_of, muster_of, whole_minutes
from workflows.words import _

Superior = LeaderOfTheTeam | Manager | SalesManager


BEGINS = Anchor(_("the day begins"), lambda case: case.begins_at)
ENDS = Anchor(_("the day ends"), lambda case: case.ends_at)
UNSEEN = Timer(
    "unseen",
    _("Not signed in yet"),
    minutes("unseen_minutes"),
    anchor=BEGINS,
    fact="presence.unseen",
    still=lambda case: case.state == "expected",
    then=_("the leader is told to look for them"),
    unless=_("signed in before"),
)
DAY_END = Timer(
    "day_end",
    _("The day is closed"),
    minutes("sign_out_minutes"),
    anchor=ENDS,
    event="close",
    then=_("late, early and missing are worked out and reported"),
    unless=_("leave is granted, or the day is taken off the roster"),
)


class Expectation(Facts):
    """What a presence begins with; written by the house."""

    person: Clean = staff(_("Who"), "member")
    roster: Clean = text(_("Roster"), limit=24, hidden=True)
    day: Day = Field(title=_("Day"))
    spot: Clean = text(_("Spot"), limit=80)
    begins_at: Moment = Field(title=_("Begins"))
    ends_at: Moment = Field(title=_("Ends"))


class Signing(Facts):
    """What is told with a signature. The time is ours: no device is asked for one."""

    code: Clean = text(_("The six digits shown at the spot"), limit=6, input="digits")
    place: Clean | None = maybe(_("Where you are"), limit=120, private=True)
    agreed: bool = Field(False, title=_("I agree that the place is kept"))
    device: Clean | None = maybe(_("Device"), limit=64, private=True, hidden=True, device=True)

    @model_validator(mode="after")
    def place_by_consent(self) -> Signing:
        if self.place and not self.agreed:
            raise ValueError(_("The place is only kept where you agree: tick it, or leave the place out."))
        return self


class Move(Hours):
    spot: Clean = text(_("Spot"), limit=80)
    reason: Clean = text(_("Reason"), limit=500, input="area")


class Why(Facts):
    reason: Clean = text(_("Reason"), limit=500, input="area")


class Correction(Facts):
    came_at: Moment = Field(title=_("Came"))
    left_at: Moment = Field(title=_("Went"))
    reason: Clean = text(_("Reason"), limit=1000, input="area")


class OnLeave(Facts):
    leave: Clean = text(_("Leave of absence"), limit=24)


@guard(
    _("This is not the code shown at your spot now."),
    instead=_("Read it off the screen again; without one, ask for a correction when the day is closed."),
)
def reads_the_right_code(check: Check) -> bool:
    facts = check.facts
    assert isinstance(facts, Signing)
    return signing.is_right(check.case, facts.code, check.at, check.policy)


@guard(_("Signing in opens with the muster and ends with the day."), instead=_("Sign in between the two."))
def is_open(check: Check) -> bool:
    case = check.case
    return bool(muster_of(case.begins_at, check.policy) <= check.at < case.ends_at)


@guard(_("The day has not begun."), instead=_("Look again when it has."))
def has_begun(check: Check) -> bool:
    return bool(check.at >= check.case.begins_at)


@guard(_("The day has begun."), instead=_("Ask for a correction when it is closed."))
def is_to_come(check: Check) -> bool:
    return bool(check.at < check.case.begins_at)


def hours_told(check: Check) -> tuple[datetime, datetime]:
    """The instants that a change names, where it names none the ones that stand."""
    case, facts, zone = check.case, check.facts, policies.zone(check.session)
    assert isinstance(facts, Move)
    begins, ends = minutes_of(check.session, check.policy, case.day, facts)
    return (
        case.begins_at if minute_of(facts.begins or "") is None else instant_of(case.day, begins, zone),
        case.ends_at if minute_of(facts.ends or "") is None else instant_of(case.day, ends, zone),
    )


@guard(_("The end must come after the beginning, and both lie ahead."), instead=_("Give other hours."))
def begins_ahead(check: Check) -> bool:
    begins, ends = hours_told(check)
    return check.at < begins < ends


@guard(
    _("Somebody of the team stands at %(spot)s then already."),
    instead=_("Choose another spot: several of a team at one spot cost the leader."),
)
def finds_the_spot_free(check: Check) -> bool | dict[str, Any]:
    facts = check.facts
    assert isinstance(facts, Move)
    free = spot_is_free(check, check.case.team_id, facts.spot, hours_told(check), check.case.id)
    return True if free else {"spot": facts.spot}


@guard(
    _("These times do not lie within the rostered day, one after the other."),
    instead=_("Give when they came and went, between the muster and the end of the day."),
)
def lies_within_the_day(check: Check) -> bool:
    case, facts = check.case, check.facts
    assert isinstance(facts, Correction)
    return bool(
        muster_of(case.begins_at, check.policy)
        <= facts.came_at
        < facts.left_at
        <= min(DAY_END.after(case.ends_at, check.policy, policies.zone(check.session)), check.at)
    )


def leave_counts(check: Check) -> list[Ask]:
    """Who has leave on that day is not expected."""
    case = check.case
    granted = select(Leave.code).where(
        Leave.person_id == case.person_id,
        Leave.state == "granted",
        Leave.first_day <= case.day,
        Leave.last_day >= case.day,
    )
    code = check.session.scalar(granted.limit(1))
    facts = {"leave": code}
    return (
        [Ask(PresenceFlow, "excuse", CLOCK, check.at, code=case.code, facts=facts, house=True)]
        if code
        else []
    )


def their_leaders(session: Session, fact: Outbox, at: datetime) -> list[int]:
    """Who leads the team that the fact names."""
    return [person.id for person in having(session, "leader") if person.team_id == fact.body.get("team_id")]


def work_out(case: Presence) -> None:
    """How late and how early, in whole minutes."""
    case.late_minutes = whole_minutes(case.in_at - case.begins_at) if case.in_at else 0
    case.early_minutes = whole_minutes(case.ends_at - case.out_at) if case.out_at else 0


class PresenceFlow(Flow):
    """到岗: expected, signed in, signed out, and what came of the day."""

    flow_name, noun, prefix, table = "presence", "case", "B", Presence
    label = _("Day on the roster")
    about = _("Who is expected where, who signed in and out, and what came of the day.")
    room, topic, rests = "office", "office", ("attended", "excused")
    known_by = ("person_id", "day")
    searched = ("spot",)
    timers = (UNSEEN, DAY_END)
    labels = {
        "in_at": _("Signed in"),
        "out_at": _("Signed out"),
        "noticed_at": _("Noticed missing"),
        "late_minutes": _("Minutes late"),
        "early_minutes": _("Minutes early"),
        "leave_code": _("Leave of absence"),
    }
    remembers = (
        "person_id", "team_id", "day", "spot", "begins_at", "ends_at", "noticed_at", "in_at", "out_at", "late_minutes",
        "early_minutes", "leave_code",
    )  # fmt: skip
    news = (
        News(
            ".unseen",
            _("Somebody of your team has not signed in: look for them, and report it if they are missing."),
            their_leaders,
        ),
        News(".missed", _("Somebody is missing at their spot."), those_with("manager"), named("person_id")),
        News(".moved", _("Your day on the roster was changed."), named("person_id")),
        News(".cancelled", _("A day was taken off the roster."), named("person_id")),
        News(".absent", _("A day counts as absent: what was not so can be corrected."), named("person_id")),
        News(".corrected", _("A day on the roster was corrected."), named("person_id"), their_leaders),
        News(".excused", _("A day on the roster is excused by leave."), their_leaders),
    )

    expected = State(_("Due at the spot"), initial=True)
    missing = State(_("Missing"))
    arrived = State(_("Signed in"))
    departed = State(_("Signed out"))
    attended = State(_("Attended"))
    absent = State(_("Absent"))
    excused = State(_("Excused by leave"))
    cancelled = State(_("Taken off"), final=True)

    @opening(label=_("Expect"), by=Clock, automatic=True, starts=(UNSEEN, DAY_END), then=leave_counts)
    def expect(self, case: Presence, facts: Expectation, people: dict[str, Person], check: Check) -> None:
        """The roster is published: this person is expected there on that day."""
        roster = check.session.scalars(select(Roster).where(Roster.code == facts.roster)).one()
        case.roster_id, case.team_id, case.person_id = roster.id, roster.team_id, people["person"].id
        case.day, case.spot, case.begins_at, case.ends_at = (
            facts.day,
            facts.spot,
            facts.begins_at,
            facts.ends_at,
        )
        case.late_minutes = case.early_minutes = 0

    @step(
        expected.to.itself(internal=True),
        label=_("Change the day"),
        by=Rostered | LeaderOfTheTeam | Manager,
        approved_by=Superior,
        guards=(is_to_come, begins_ahead, finds_the_spot_free),
        starts=(UNSEEN, DAY_END),
        announces=".moved",
    )
    def move(self, case: Presence, facts: Move, check: Check) -> None:
        """Another spot, or other hours: asked for, and only then so (S14 一3)."""
        case.begins_at, case.ends_at = hours_told(check)
        case.spot = facts.spot

    @step(
        expected.to(cancelled),
        label=_("Take off"),
        by=Rostered | LeaderOfTheTeam | Manager,
        approved_by=Superior,
        guards=is_to_come,
        announces=".cancelled",
    )
    def take_off(self, case: Presence, facts: Why, timers: Any) -> None:
        """This person is not needed that day (S14 一3)."""
        timers.cancel()

    @step(
        expected.to(missing),
        label=_("Report missing"),
        by=LeaderOfTheTeam | Manager,
        guards=has_begun,
        announces=".missed",
    )
    def notice(self, case: Presence, facts: Why, ask: Ask) -> None:
        """The leader looked, and reports in time that somebody is not there (S20 罚2)."""
        case.noticed_at = ask.at

    @step(
        arrived.from_(expected, missing),
        label=_("Sign in"),
        by=Rostered,
        guards=(is_open, reads_the_right_code),
        announces=".signed_in",
        then=signing.proxy_is_reported,
    )
    def sign_in(self, case: Presence, facts: Signing, check: Check) -> None:
        """At the spot, in person, with the code that is shown there (S14 一2, 5)."""
        case.in_at = check.at
        work_out(case)
        signing.sign(check, facts.device)

    @step(
        arrived.to(departed),
        label=_("Sign out"),
        by=Rostered,
        guards=reads_the_right_code,
        announces=".signed_out",
        then=signing.proxy_is_reported,
    )
    def sign_out(self, case: Presence, facts: Signing, check: Check) -> None:
        """In person, with the code that is shown at the spot (S14 一2)."""
        case.out_at = check.at
        work_out(case)
        signing.sign(check, facts.device)

    @step(
        attended.from_(arrived, departed),
        label=_("Close the day"),
        by=Clock,
        announces=".attended",
        then=flaws_are_reported,
    )
    def close(self, case: Presence, facts: NoFacts) -> None:
        """They were there; what was late, early or not signed is reported (S14 一1)."""

    @step(
        absent.from_(expected, missing),
        event="close",
        label=_("Close the day"),
        by=Clock,
        announces=".absent",
        then=flaws_are_reported,
    )
    def close_without_them(self, case: Presence, facts: NoFacts) -> None:
        """Nobody came, and no leave was granted: absent (S14 一4)."""

    @step(
        attended.from_(absent) | attended.to.itself(internal=True),
        label=_("Correct"),
        by=Rostered | LeaderOfTheTeam | Manager,
        approved_by=Superior,
        guards=lies_within_the_day,
        announces=".corrected",
        then=(reports_are_waived, flaws_are_reported),
    )
    def correct(self, case: Presence, facts: Correction) -> None:
        """They were there when nobody saw them sign; why, is said, and another agrees. What was reported is reckoned anew."""
        case.in_at, case.out_at = facts.came_at, facts.left_at
        work_out(case)

    @step(
        attended.to(absent),
        label=_("Was not there"),
        by=LeaderOfTheTeam | Manager,
        approved_by=Manager | SalesManager,
        announces=".absent",
        then=(reports_are_waived, flaws_are_reported),
    )
    def deny(self, case: Presence, facts: Why, ask: Ask) -> None:
        """Somebody else signed, or signed and went: the day counts as absent (S14 一2). What was reported is reckoned anew."""
        case.in_at = case.out_at = None
        case.noticed_at = ask.at
        work_out(case)

    @step(
        excused.from_(expected, missing, absent),
        label=_("Excuse by leave"),
        by=Clock,
        automatic=True,
        announces=".excused",
        then=reports_are_waived,
    )
    def excuse(self, case: Presence, facts: OnLeave, timers: Any) -> None:
        """Leave was granted for this day (S14 一4)."""
        case.leave_code = facts.leave
        timers.cancel()

    @step(
        excused.to(expected),
        label=_("Expect again"),
        by=Clock,
        automatic=True,
        starts=(UNSEEN, DAY_END),
        announces=".resumed",
    )
    def resume(self, case: Presence, facts: NoFacts) -> None:
        """The leave was called off before this day began."""
        case.leave_code = None

    @classmethod
    def seen_by(cls, actor: Actor) -> ColumnElement[bool]:
        """One's own, those of the team one leads; the desks see all."""
        if actor is CLOCK or actor.has(*DESKS):
            return true()
        mine = Presence.person_id == (actor.id or 0)
        leads = actor.has("leader") and actor.team_id is not None
        return or_(mine, Presence.team_id == actor.team_id) if leads else mine

    @classmethod
    def gains(cls, case: Presence, facts: Facts) -> set[int]:
        """Nobody agrees to a change of their own day."""
        return {case.person_id}

    @classmethod
    def in_clear(cls, actor: Actor, case: Presence) -> bool:
        return may_look(actor, case)

    @classmethod
    def shown(cls, session: Session, case: Presence, at: datetime) -> dict[str, str]:
        return {"code": signing.code_of(case, at, policies.in_force(session, at))}

    @classmethod
    def tells(cls, case: Presence) -> dict[str, Any]:
        return {"person_id": case.person_id, "team_id": case.team_id, "day": case.day.isoformat()}
