"""Rosters (排班表): where each of a team is on which day of a week, and from when to when (S14 一3, S20 (一)).

A roster is drafted as one plan and published with the manager's consent. From then on every day of every person is a case of
its own, their presence (`presence.py`): what must be asked for is a change of that one day, which has its request, its history
and its timers already. So there is no workflow of "shifts" between the two, and the roster keeps no state of its days."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

from pydantic import Field, model_validator
from sqlalchemy import ColumnElement, select, true
from sqlalchemy.orm import Session

from models.days import Presence, Roster
from models.people import Person, Project
from models.remembered import Outbox
from workflows import policy as policies
from workflows import staff as staff_list
from workflows.engine.actor import CLOCK, Actor
from workflows.engine.flow import Facts, Flow, State, guard, opening, step
from workflows.engine.flow import NoFacts as Nothing
from workflows.engine.news import News, having, those_with
from workflows.engine.take import Ask, Check
from workflows.engine.who import Leader, Manager, SalesManager
from workflows.lead_facts import Clean, staff, text
from workflows.money.agreed import DESKS
from workflows.money.months import Day
from workflows.office.relations import LeaderOfTheTeam
from workflows.office.working_hours import TimeOfDay, hours_of, instant_of, minute_of, optional_time
from workflows.words import _

WEEK = timedelta(days=7)
DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
Entry = list[Any]  # [day as text, spot, minute of its beginning, minute of its end]


class Week(Facts):
    week: Day = Field(title=_("A day of the week"))
    leader: Clean | None = Field(
        None, max_length=40, title=_("Leader of the team"), json_schema_extra={"person": "leader"}
    )
    as_before: bool = Field(False, title=_("As in the team's last roster"))


class Hours(Facts):
    """Other hours than the policy's; what is left out is the policy's."""

    begins: TimeOfDay | None = optional_time(_("Begin, if not as usual"))
    ends: TimeOfDay | None = optional_time(_("End, if not as usual"))


class Days(Hours):
    person: Clean = staff(_("Who"), "member")
    spot: Clean = text(_("Spot"), limit=80)
    monday: bool = Field(False, title=_("Monday"))
    tuesday: bool = Field(False, title=_("Tuesday"))
    wednesday: bool = Field(False, title=_("Wednesday"))
    thursday: bool = Field(False, title=_("Thursday"))
    friday: bool = Field(False, title=_("Friday"))
    saturday: bool = Field(False, title=_("Saturday"))
    sunday: bool = Field(False, title=_("Sunday"))

    @model_validator(mode="after")
    def some_day(self) -> Days:
        if not any(getattr(self, name) for name in DAYS):
            raise ValueError(_("Choose at least one day."))
        return self


class OneDay(Hours):
    person: Clean = staff(_("Who"), "member")
    day: Day = Field(title=_("Day"))
    spot: Clean = text(_("Spot"), limit=80)
    reason: Clean = text(_("Reason"), limit=500, input="area")


class Whom(Facts):
    person: Clean = staff(_("Who"), "member")


def monday_of(day: date) -> date:
    return day - timedelta(days=day.weekday())


def minutes_of(session: Session, policy: policies.Policy, day: date, facts: Hours) -> tuple[int, int]:
    """From when to when somebody is to be there, in minutes of the day: as told, else as the policy says of this day."""
    usual = hours_of(session, policy, day)
    told = (minute_of(facts.begins or ""), minute_of(facts.ends or ""))
    return usual[0] if told[0] is None else told[0], usual[1] if told[1] is None else told[1]


def entries_of(case: Roster) -> Iterator[tuple[int, Entry]]:
    """Every day of everybody, with the person's id."""
    return ((person_id, entry) for person_id, entries in case.plan or () for entry in entries)


def wanted(check: Check) -> list[Entry]:
    """The days that were told, as the plan keeps them; worked out once."""
    if "wanted" not in check.seen:
        facts = check.facts
        if isinstance(facts, Days):
            told = [
                check.case.week + timedelta(days=i) for i, name in enumerate(DAYS) if getattr(facts, name)
            ]
        else:
            assert isinstance(facts, OneDay)
            told = [facts.day]
        hours = {day: minutes_of(check.session, check.policy, day, facts) for day in told}
        check.seen["wanted"] = [[day.isoformat(), facts.spot, *hours[day]] for day in told]
    found: list[Entry] = check.seen["wanted"]
    return found


def team_of(check: Check) -> int | None:
    """The team whose roster it is: the named leader's, else one's own."""
    leader = check.people.get("leader")
    if leader is not None:
        return leader.team_id if "leader" in leader.roles else None
    return check.by.team_id


@guard(_("It must be clear whose roster it is."), instead=_("Name the leader of the team."))
def names_a_team(check: Check) -> bool:
    return team_of(check) is not None


@guard(_("Leaders draft the roster of their own team."), instead=_("Ask that team's leader, or the manager."))
def is_of_their_own_team(check: Check) -> bool:
    return check.by.has("manager") or team_of(check) == check.by.team_id


@guard(_("This week is over."), instead=_("Draft the roster of a week that is not over."))
def is_not_over(check: Check) -> bool:
    facts = check.facts
    assert isinstance(facts, Week)
    return monday_of(facts.week) + WEEK > today(check)


@guard(
    _("There is a roster of this team and week already."),
    instead=_("Go on with that roster."),
    code="conflict",
)
def is_the_first(check: Check) -> bool:
    facts = check.facts
    assert isinstance(facts, Week)
    there = select(Roster.id).where(
        Roster.project_id == check.case.project_id,
        Roster.team_id == team_of(check),
        Roster.week == monday_of(facts.week),
    )
    return check.session.scalar(there) is None


@guard(_("%(name)s is not of this team on these days."), instead=_("Choose somebody of the team."))
def is_of_the_team(check: Check) -> bool | dict[str, Any]:
    person = check.people["person"]
    there = person.team_id == check.case.team_id
    there = there and all(staff_list.works(person, date.fromisoformat(day)) for day, *_rest in wanted(check))
    return True if there else {"name": person.name}


@guard(_("The end must come after the beginning."), instead=_("Give other hours."))
def begins_before_it_ends(check: Check) -> bool:
    return all(begins < ends for _day, _spot, begins, ends in wanted(check))


@guard(
    _("Somebody of the team stands at %(spot)s then already (%(day)s)."),
    instead=_("Choose another spot: several of a team at one spot cost the leader."),
)
def leaves_the_spot_to_others(check: Check) -> bool | dict[str, Any]:
    """S20 罚4: not several of a team at one spot."""
    own = check.people["person"].id
    for entry in wanted(check):
        others = [each for person, each in entries_of(check.case) if person != own and meets(each, entry)]
        if len(others) >= check.policy.spot_people_max:
            return {"spot": entry[1], "day": entry[0]}
    return True


def meets(one: Entry, other: Entry) -> bool:
    """Whether two entries are at one spot at one time."""
    return one[:2] == other[:2] and one[2] < other[3] and other[2] < one[3]


@guard(_("Nobody stands on this roster yet."), instead=_("Put the team's days in first."))
def has_somebody(check: Check) -> bool:
    return bool(check.case.plan)


@guard(
    _("This day is not of the roster's week, or has begun."), instead=_("Choose a day that is still to come.")
)
def is_still_to_come(check: Check) -> bool:
    zone, week = policies.zone(check.session), check.case.week
    return all(
        week <= date.fromisoformat(day) < week + WEEK
        and instant_of(date.fromisoformat(day), begins, zone) > check.at
        for day, _spot, begins, _ends in wanted(check)
    )


@guard(_("%(name)s is rostered on this day already."), instead=_("Change that day."), code="conflict")
def is_free_that_day(check: Check) -> bool | dict[str, Any]:
    person, facts = check.people["person"], check.facts
    assert isinstance(facts, OneDay)
    there = select(Presence.id).where(
        Presence.person_id == person.id, Presence.day == facts.day, Presence.state != "cancelled"
    )
    return {"name": person.name} if check.session.scalar(there) else True


@guard(
    _("Somebody of the team stands at %(spot)s then already."),
    instead=_("Choose another spot: several of a team at one spot cost the leader."),
)
def finds_the_spot_free(check: Check) -> bool | dict[str, Any]:
    """The same once the roster is published, when the days are cases of their own."""
    zone = policies.zone(check.session)
    ((written, spot, begins, ends),) = wanted(check)
    day = date.fromisoformat(written)
    hours = instant_of(day, begins, zone), instant_of(day, ends, zone)
    return True if spot_is_free(check, check.case.team_id, spot, hours) else {"spot": spot}


def spot_is_free(
    check: Check, team_id: int, spot: str, hours: tuple[Any, Any], but: int | None = None
) -> bool:
    """Whether fewer of the team than may be stand at a spot between two instants; one presence may be left out."""
    there = select(Presence.id).where(
        Presence.team_id == team_id,
        Presence.spot == spot,
        Presence.begins_at < hours[1],
        Presence.ends_at > hours[0],
        Presence.state.not_in(("cancelled", "excused")),
        Presence.id != (but or 0),
    )
    return len(list(check.session.scalars(there))) < check.policy.spot_people_max


def today(check: Check) -> date:
    return check.at.astimezone(policies.zone(check.session)).date()


def people_are_expected(check: Check) -> list[Ask]:
    """Every day of the plan that has not begun becomes a presence to come."""
    zone, case = policies.zone(check.session), check.case
    people = {p.id: p for p in staff_list.of_team(check.session, case.team_id)}
    to_come = [
        (people[person_id], entry)
        for person_id, entry in entries_of(case)
        if person_id in people and staff_list.works(people[person_id], date.fromisoformat(entry[0]))
    ]
    return [
        expectation(check, person, entry)
        for person, entry in to_come
        if instant_of(date.fromisoformat(entry[0]), entry[2], zone) > check.at
    ]


def one_more_is_expected(check: Check) -> list[Ask]:
    return [expectation(check, check.people["person"], entry) for entry in wanted(check)]


def expectation(check: Check, person: Person, entry: Entry) -> Ask:
    from workflows.office.presence import PresenceFlow

    zone, (day, spot, begins, ends) = policies.zone(check.session), entry
    on = date.fromisoformat(day)
    facts = {
        "person": person.name,
        "roster": check.case.code,
        "day": day,
        "spot": spot,
        "begins_at": instant_of(on, begins, zone),
        "ends_at": instant_of(on, ends, zone),
    }
    project = check.session.get_one(Project, check.case.project_id).code
    return Ask(PresenceFlow, "expect", check.by, check.at, facts=facts, project=project, house=True)


def the_team(session: Session, fact: Outbox, at: Any) -> list[int]:
    """Everybody of the team that the fact names."""
    team = fact.body.get("team_id")
    return [person.id for person in having(session, "member", "leader") if person.team_id == team]


class RosterFlow(Flow):
    """排班表: nobody changes it by themselves."""

    flow_name, noun, prefix, table = "roster", "case", "O", Roster
    label = _("Roster")
    about = _("Where each of a team is on which day of a week. Changed only by request and approval.")
    room, topic, rests = "office", "office", ("published",)
    labels = {"week": _("Week from"), "plan": _("Days of each")}
    remembers = ("team_id", "week", "plan")
    names_people = ("plan",)
    news = (
        News(".drafted", _("A roster was drafted."), those_with("manager")),
        News(".published", _("Your team's roster is published: see your days."), the_team),
        News(".added", _("A day was added to your team's roster."), the_team),
    )

    drafted = State(_("Drafted"), initial=True)
    published = State(_("Published"))

    @opening(
        label=_("Draft a roster"),
        by=Leader | Manager,
        guards=(names_a_team, is_of_their_own_team, is_not_over, is_the_first),
        announces=".drafted",
    )
    def draft(self, case: Roster, facts: Week, check: Check) -> None:
        """The week of a team, empty or as in its last roster."""
        team = team_of(check)
        assert team is not None  # a guard sees to it
        case.team_id, case.week = team, monday_of(facts.week)
        case.plan = as_before(check, case) if facts.as_before else []

    @step(
        drafted.to.itself(internal=True),
        label=_("Put in"),
        by=LeaderOfTheTeam | Manager,
        guards=(is_of_the_team, begins_before_it_ends, leaves_the_spot_to_others),
    )
    def plan(self, case: Roster, facts: Days, check: Check) -> None:
        """Where somebody is on these days; what stood there of them for these days gives way."""
        put(case, check.people["person"].id, wanted(check))

    @step(drafted.to.itself(internal=True), label=_("Leave out"), by=LeaderOfTheTeam | Manager)
    def leave_out(self, case: Roster, facts: Whom, people: dict[str, Person]) -> None:
        """Somebody does not stand on this roster."""
        case.plan = [each for each in case.plan if each[0] != people["person"].id]

    @step(
        drafted.to(published),
        label=_("Publish"),
        by=LeaderOfTheTeam | Manager,
        approved_by=Manager | SalesManager,
        guards=has_somebody,
        announces=".published",
        then=people_are_expected,
    )
    def publish(self, case: Roster, facts: Nothing) -> None:
        """From now on everybody is expected where it says; days that have begun already are passed over."""

    @step(
        published.to.itself(internal=True),
        label=_("Add a day"),
        by=LeaderOfTheTeam | Manager,
        approved_by=Manager | SalesManager,
        guards=(
            is_of_the_team,
            begins_before_it_ends,
            is_still_to_come,
            finds_the_spot_free,
            is_free_that_day,
        ),
        announces=".added",
        then=one_more_is_expected,
    )
    def add(self, case: Roster, facts: OneDay, check: Check) -> None:
        """More hands for a holiday or an important moment (S20 (三)4)."""
        put(case, check.people["person"].id, wanted(check))

    @classmethod
    def seen_by(cls, actor: Actor) -> ColumnElement[bool]:
        """The team's own; who leads sees it before it is published; the desks see all."""
        if actor is CLOCK or actor.has(*DESKS):
            return true()
        if actor.team_id is None:
            return ~true()
        team = Roster.team_id == actor.team_id
        return team if actor.has("leader") else team & (Roster.state == "published")

    @classmethod
    def tells(cls, case: Roster) -> dict[str, Any]:
        return {"team_id": case.team_id, "week": case.week.isoformat()}


def put(case: Roster, person_id: int, entries: list[Entry]) -> None:
    """Put these days of a person into the plan, in place of what stood there for them."""
    rows: dict[int, dict[str, Entry]] = {who: {each[0]: each for each in theirs} for who, theirs in case.plan}
    theirs = rows.setdefault(person_id, {})
    theirs |= {each[0]: each for each in entries}
    case.plan = [[who, [days[day] for day in sorted(days)]] for who, days in rows.items()]


def as_before(check: Check, case: Roster) -> list[list[Any]]:
    """The plan of the team's last roster, moved to this week; with the hours that its days have now."""
    last = select(Roster).where(
        Roster.project_id == case.project_id, Roster.team_id == case.team_id, Roster.week < case.week
    )
    found = check.session.scalar(last.order_by(Roster.week.desc()).limit(1))
    if found is None:
        return []
    there = {
        person.id
        for person in staff_list.of_team(check.session, case.team_id)
        if staff_list.works(person, case.week)
    }
    return [
        [who, [_moved(check, each, case.week - found.week) for each in entries]]
        for who, entries in found.plan
        if who in there
    ]


def _moved(check: Check, entry: Entry, by: timedelta) -> Entry:
    """An entry some weeks later. Usual hours become those of the new day; others stay as they were."""
    before = date.fromisoformat(entry[0])
    usual = list(hours_of(check.session, check.policy, before))
    hours = list(hours_of(check.session, check.policy, before + by)) if entry[2:] == usual else entry[2:]
    return [(before + by).isoformat(), entry[1], *hours]
