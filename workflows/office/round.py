"""Rounds of inspection (巡检): a supervisor goes to a spot, sees who is there and what is wrong. A finding that is a violation is
reported as a deduction in the same transaction, to be judged by somebody else (S14 一–三, S20 罚). Where the weather at a spot is
bad on a day, what is found there no longer becomes a deduction, unless the manager says so (S20 备注)."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field
from sqlalchemy import ColumnElement, select, true

from models.conduct import Round
from models.people import Person, Project
from workflows import policy as policies
from workflows import staff as staff_list
from workflows.engine.actor import CLOCK, Actor
from workflows.engine.flow import Facts, Flow, State, guard, opening, step
from workflows.engine.news import News, named, those_with
from workflows.engine.take import Ask, Check
from workflows.engine.timing import Timer, hours
from workflows.engine.who import Auditor, Leader, Manager, SalesManager, relation
from workflows.lead_facts import Clean, choice, several, text
from workflows.money.deduction import KINDS, DeductionFlow
from workflows.words import _

REMARK = "remark"
FINDINGS = {REMARK: _("A remark, no violation")} | {
    code: kind.label for code, kind in KINDS.items() if code != "fake_lead"
}
REMINDER = Timer(
    "round_reminder",
    _("Reminder to close the round"),
    hours("round_hours"),
    fact="round.waiting",
    still=lambda case: case.state == "under_way",
    then=_("who makes the round is reminded"),
    unless=_("closed before"),
)
Inspector = relation(
    "inspector",
    _("who makes the round"),
    {"leader", "manager", "sales_manager", "auditor"},
    lambda a, case: a.id is not None and a.id == case.person_id,
)


class Start(Facts):
    spot: Clean = text(_("Spot"), limit=80)
    there: list[Clean] = several(_("Who is there"), "member")


class Finding(Facts):
    kind: Literal[
        "remark", "left_post", "absent_unnoticed", "wandering", "crowding", "bad_mood", "destroyed_material", "attendance",
        "appearance", "conduct",
    ] = choice(_("What"), FINDINGS)  # fmt: skip
    person: Clean | None = Field(None, max_length=40, title=_("Who"), json_schema_extra={"person": "member"})
    serious: bool = Field(False, title=_("Serious"))
    seen: Clean = text(_("What was seen"), limit=1500, input="area")
    in_spite: bool = Field(False, title=_("A deduction in spite of the weather (manager)"))


class Weather(Facts):
    weather: Clean = text(_("What the weather is like"), limit=200)


class Summary(Facts):
    summary: Clean = text(_("Summary"), limit=4000, input="area")


def spared(check: Check) -> bool:
    """Whether the weather of this day at this spot keeps a finding from becoming a deduction."""
    case, facts = check.case, check.facts
    assert isinstance(facts, Finding)
    if "spared" not in check.seen:
        bad = select(Round.id).where(
            Round.day == case.day, Round.spot == case.spot, Round.weather.is_not(None)
        )
        check.seen["spared"] = not facts.in_spite and check.session.scalar(bad.limit(1)) is not None
    return bool(check.seen["spared"])


@guard(_("A violation is somebody's."), instead=_("Say who, or make it a remark."))
def names_somebody(check: Check) -> bool:
    return check.facts.kind == REMARK or check.facts.person is not None  # type: ignore[attr-defined]


@guard(
    _("Nobody inspects themselves or their own team."),
    instead=_("Let the leader of another team, or the manager, look."),
)
def is_of_another_team(check: Check) -> bool:
    person, by = check.people.get("person"), check.by
    if person is None:
        return True
    above = by.has("manager", "sales_manager", "auditor")
    return person.id != by.id and (above or by.team_id is None or person.team_id != by.team_id)


@guard(_("Only the manager sets the weather aside."), instead=_("Leave it out; the finding stays on record."))
def is_the_managers_word(check: Check) -> bool:
    return not check.facts.in_spite or check.by.has("manager")  # type: ignore[attr-defined]


@guard(_("The weather of this round is on record already."), code="conflict")
def is_not_waived_yet(check: Check) -> bool:
    return check.case.weather is None


def violation_is_reported(check: Check) -> list[Ask]:
    """A violation becomes a deduction: reported by who makes the round, for others to judge."""
    facts, case = check.facts, check.case
    assert isinstance(facts, Finding)
    if facts.kind == REMARK or spared(check):
        return []
    told = {
        "kind": facts.kind,
        "person": facts.person,
        "day": case.day,
        "serious": facts.serious,
        "reason": f"{case.spot}：{facts.seen}",
        "round": case.code,
    }
    project = check.session.get_one(Project, case.project_id).code
    return [Ask(DeductionFlow, "report", check.by, check.at, facts=told, project=project, house=True)]


class RoundFlow(Flow):
    """巡检: who is where, and what is wrong there."""

    flow_name, noun, prefix, table = "round", "case", "K", Round
    label = _("Inspection round")
    about = _(
        "Who is at a spot and what is wrong there; a violation is reported at once, and judged by somebody else."
    )
    room, topic = "office", "office"
    searched = ("spot", "summary", "weather")
    names_people = ("there",)
    timers = (REMINDER,)
    remembers = (
        "person_id", "day", "spot", "there", "findings", "violations", "spared", "weather", "summary",
    )  # fmt: skip
    labels = {
        "person": _("Made by"),
        "day": _("Day"),
        "findings": _("Findings"),
        "violations": _("Reported as deductions"),
        "spared": _("Spared for the weather"),
        "weather": _("Weather"),
    }
    news = (
        News(".waiting", _("Your round of inspection is still open: close it."), named("person_id")),
        News(
            ".waived", _("Bad weather at a spot: findings there become no deductions."), those_with("manager")
        ),
        News(".closed", _("A round of inspection was closed."), those_with("manager")),
    )

    under_way = State(_("Under way"), initial=True)
    closed = State(_("Closed"), final=True)

    @opening(label=_("Begin a round"), by=Leader | Manager | SalesManager | Auditor, starts=REMINDER)
    def begin(self, case: Round, facts: Start, check: Check) -> None:
        """At a spot, now; who of the outreach staff is there."""
        assert check.by.id  # nobody else than the staff may
        case.person_id, case.spot = check.by.id, facts.spot
        case.day = check.at.astimezone(policies.zone(check.session)).date()
        case.there = sorted(staff_list.ids_named(check.session, facts.there))
        case.findings = case.violations = case.spared = 0

    @step(
        under_way.to.itself(),
        label=_("Note a finding"),
        by=Inspector,
        guards=(names_somebody, is_of_another_team, is_the_managers_word),
        announces=".found",
        then=violation_is_reported,
    )
    def find(self, case: Round, facts: Finding, people: dict[str, Person], check: Check) -> None:
        """What is wrong, and with whom. A violation is a deduction from here on: reported, not judged."""
        case.findings += 1
        if facts.kind != REMARK:
            case.spared += spared(check)
            case.violations += not spared(check)

    @step(
        under_way.to.itself(),
        label=_("Weather waiver"),
        by=Manager | SalesManager,
        guards=is_not_waived_yet,
        announces=".waived",
    )
    def waive(self, case: Round, facts: Weather) -> None:
        """Bad weather here today: what is found at this spot from now on becomes no deduction, in whichever round (S20 备注)."""
        case.weather = facts.weather

    @step(under_way.to(closed), label=_("Close the round"), by=Inspector, announces=".closed")
    def close(self, case: Round, facts: Summary, timers: Any) -> None:
        """What the round came to."""
        case.summary = facts.summary
        timers.cancel()

    @classmethod
    def seen_by(cls, actor: Actor) -> ColumnElement[bool]:
        """Those who make rounds see them all; whoever is charged sees the deduction."""
        if actor is CLOCK or actor.has("leader", "manager", "sales_manager", "auditor"):
            return true()
        return Round.person_id == (actor.id or 0)

    @classmethod
    def tells(cls, case: Round) -> dict[str, Any]:
        names = ("person_id", "findings", "violations", "spared")
        return {name: getattr(case, name) for name in names} | {"day": case.day.isoformat()}
