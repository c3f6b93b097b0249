"""Deductions (处罚, S14 一–三, S20 罚1–7): reported, judged by somebody else, three days to appeal, then settled in a month.
What is taken in the end is limited by law, see `rules.most_deductible`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

from pydantic import Field
from sqlalchemy import ColumnElement, or_, select, true

from models.money import Deduction, Pay
from models.people import Person
from workflows import policy as policies
from workflows import staff as staff_list
from workflows.engine.actor import CLOCK, Actor
from workflows.engine.flow import Facts, Flow, NoFacts, State, guard, opening, step
from workflows.engine.news import News, named, those_with
from workflows.engine.take import Ask, Check
from workflows.engine.timing import Timer, days
from workflows.engine.who import Auditor, Clock, Leader, Manager, SalesManager, relation
from workflows.lead_facts import Clean, Fen, choice, maybe, staff, text
from workflows.money.agreed import DESKS, month_to_post_in
from workflows.money.months import Day, month_of_day
from workflows.money.rules import Terms, day_wage
from workflows.policy import Policy
from workflows.words import _


@dataclass(frozen=True, slots=True)
class Kind:
    """A reason to deduct: its clause, and the names of the policy numbers of the member's and the leader's part."""

    label: str
    clause: str
    half_days: str = ""
    member: str = ""
    leader: str = ""
    dismissal: bool = False


KINDS = {
    "left_post": Kind(_("Left the post"), "S20 罚1", "left_post_half_days", leader="left_post_leader_fen"),
    "absent_unnoticed": Kind(
        _("Absent unnoticed"), "S20 罚2", "absent_half_days", leader="absent_leader_fen"
    ),
    "wandering": Kind(_("Wandering"), "S20 罚3", "wandering_half_days", leader="wandering_leader_fen"),
    "crowding": Kind(_("Several of a team at one spot"), "S20 罚4", leader="crowding_leader_fen"),
    "bad_mood": Kind(_("Bad mood towards a customer"), "S20 罚5", "bad_mood_half_days"),
    "destroyed_material": Kind(
        _("Threw away or destroyed material"), "S20 罚6", "destroyed_half_days", leader="destroyed_leader_fen"
    ),
    "fake_lead": Kind(_("Fake lead"), "S20 罚7", "fake_lead_half_days", dismissal=True),
    "attendance": Kind(_("Late, early, signed for another"), "S14 一", member="attendance_fen"),
    "appearance": Kind(_("Appearance"), "S14 二", member="appearance_fen"),
    "conduct": Kind(_("Conduct"), "S14 三", member="conduct_fen"),
}
WAIVED = {"weather": _("Weather"), "not_so": _("It was not so"), "excused": _("Excused")}
APPEAL = Timer(
    "appeal",
    _("Time to appeal ends"),
    days("appeal_days"),
    event="settle",
    then=_("it is settled and taken from the wage"),
    unless=_("an appeal comes before"),
)
THE_CHARGED = named("person_id", "also_id", "leader_id")
THOSE_WHO_JUDGE = those_with("manager", "sales_manager")

Charged = relation(
    "charged",
    _("who is charged"),
    {"member", "leader", "manager"},
    lambda a, case: a.id is not None and a.id in (case.person_id, case.also_id, case.leader_id),
)


class Report(Facts):
    kind: Literal[
        "left_post", "absent_unnoticed", "wandering", "crowding", "bad_mood", "destroyed_material", "fake_lead",
        "attendance", "appearance", "conduct",
    ] = choice(_("What"), {code: kind.label for code, kind in KINDS.items()})  # fmt: skip
    person: Clean = staff(_("Who"), "member", left=True)
    also: Clean | None = Field(
        None,
        max_length=40,
        title=_("The other party of a proxy signing"),
        json_schema_extra={"person": "member", "left": True},
    )
    day: Day = Field(title=_("Day"))
    serious: bool = Field(False, title=_("Serious"))
    reason: Clean = text(_("What was seen"), limit=2000, input="area")
    lead: Clean | None = maybe(_("Lead"), limit=24, hidden=True)
    round: Clean | None = maybe(_("Inspection round"), limit=24, hidden=True)


class Judgement(Facts):
    note: Clean | None = maybe(_("Note"), limit=2000, input="area")


class Reduction(Facts):
    """The amounts that take the place of the usual ones; what is left out stays as it is."""

    member_fen: Fen | None = Field(None, title=_("Member's part"), json_schema_extra={"input": "money"})
    leader_fen: Fen | None = Field(None, title=_("Leader's part"), json_schema_extra={"input": "money"})
    reason: Clean = text(_("Reason"), limit=2000, input="area")


class Waiver(Facts):
    why: Literal["weather", "not_so", "excused"] = choice(_("Why"), WAIVED)
    note: Clean | None = maybe(_("Note"), limit=2000, input="area")


class Appeal(Facts):
    reason: Clean = text(_("What you say to it"), limit=2000, input="area")


@guard(_("This day lies in the future."), instead=_("Give the day on which it was seen."))
def has_happened(check: Check) -> bool:
    today = check.at.astimezone(policies.zone(check.session)).date()
    return check.facts.day <= today  # type: ignore[attr-defined, no-any-return]


@guard(_("%(name)s was not on the staff any more on this day."))
def was_on_the_staff(check: Check) -> bool | dict[str, Any]:
    day: date = check.facts.day  # type: ignore[attr-defined]
    gone = [person.name for person in check.people.values() if not staff_list.works(person, day)]
    return {"name": gone[0]} if gone else True


@guard(
    _("Only the proxy signing of attendance has another party, and it is somebody else."),
    instead=_("Leave the other party out, or name who it was."),
)
def names_two_people(check: Check) -> bool:
    facts: Any = check.facts
    return facts.also is None or (facts.kind == "attendance" and facts.also != facts.person)


@guard(
    _("Who reported it or is charged cannot judge it."),
    instead=_("Ask the other of manager and sales manager."),
)
def is_judged_by_another(check: Check) -> bool:
    """The house itself may waive what it reported itself, once it is known not to be so."""
    case, by = check.case, check.by.id
    return by is None or by not in (case.reported_by_id, case.person_id, case.also_id, case.leader_id)


@guard(
    _("Who judged it first cannot decide the appeal."), instead=_("Ask another sales manager or the manager.")
)
def is_another_judge(check: Check) -> bool:
    return bool(check.by.id != check.case.judged_by_id)


@guard(_("A deduction can be made smaller, not larger."), instead=_("Give at most the amount that stands."))
def is_smaller(check: Check) -> bool:
    facts, case = check.facts, check.case
    assert isinstance(facts, Reduction)
    usual = case.member_fen
    if case.half_days:
        agreed = select(Pay).where(Pay.person_id == case.person_id, Pay.state == "in_force")
        pay = check.session.scalar(agreed)
        usual = day_wage(Terms(pay.kind, pay.amount_fen), check.policy, case.half_days) if pay else 0
    member = facts.member_fen is None or facts.member_fen <= usual
    return member and (facts.leader_fen is None or facts.leader_fen <= case.leader_fen)


def charge_by(case: Deduction, kind: Kind, policy: Policy, serious: bool) -> None:
    """Fill in what this kind costs under the policy of the report."""
    case.half_days = getattr(policy, kind.half_days) if kind.half_days else 0
    case.member_fen = getattr(policy, kind.member) if kind.member else 0
    case.also_fen = case.member_fen if case.also_id else 0
    case.leader_fen = getattr(policy, kind.leader) if kind.leader and case.leader_id else 0
    case.half_wage = serious and case.kind == "bad_mood"
    case.dismissal = kind.dismissal or case.half_wage


class DeductionFlow(Flow):
    """处罚: nobody loses wage unheard."""

    known_by = ("kind", "person_id", "day")
    flow_name, noun, prefix, table = "deduction", "case", "D", Deduction
    label = _("Deduction")
    about = _("Reported, judged by somebody else, three days to appeal, then settled.")
    room, topic = "money", "deduction"
    labels = {"month": _("Settled in")}
    news = (
        News(".reported", _("A deduction was reported: somebody must judge it."), THOSE_WHO_JUDGE),
        News(".confirmed", _("A deduction against you was confirmed: you may appeal."), THE_CHARGED),
        News(".reduced", _("A deduction against you was reduced: you may appeal."), THE_CHARGED),
        News(".appealed", _("An appeal waits for a decision."), THOSE_WHO_JUDGE),
        News(".settled", _("A deduction is settled."), THE_CHARGED),
        News(".waived", _("A deduction was waived."), THE_CHARGED),
    )
    timers = (APPEAL,)
    remembers = (
        "kind", "person_id", "also_id", "leader_id", "day", "serious", "half_days", "member_fen", "also_fen", "leader_fen",
        "half_wage", "dismissal", "lead_code", "round_code", "reported_by_id", "judged_by_id", "month",
    )  # fmt: skip

    reported = State(_("Reported"), initial=True)
    confirmed = State(_("Confirmed"))
    reduced = State(_("Reduced"))
    appealed = State(_("Appealed"))
    waived = State(_("Waived"), final=True)
    settled = State(_("Settled"), final=True)

    @opening(
        label=_("Report"),
        by=Leader | Manager | SalesManager | Auditor,
        guards=(has_happened, was_on_the_staff, names_two_people),
        announces=".reported",
    )
    def report(self, case: Deduction, facts: Report, people: dict[str, Person], check: Check) -> None:
        """Somebody saw it; nothing is taken yet. The leader of the member's team answers for their part."""
        person, kind = people["person"], KINDS[facts.kind]
        leader = staff_list.leader_of(check.session, person.team_id, facts.day)
        case.kind, case.person_id, case.day, case.serious = facts.kind, person.id, facts.day, facts.serious
        case.also_id = people["also"].id if "also" in people else None
        leader_only = not kind.half_days and not kind.member
        case.leader_id = leader.id if leader and (leader.id != person.id or leader_only) else None
        case.lead_code, case.round_code, case.reported_by_id = facts.lead, facts.round, check.by.id
        charge_by(case, kind, check.policy, facts.serious)

    @step(
        reported.to(confirmed),
        label=_("Confirm"),
        by=Manager | SalesManager,
        guards=is_judged_by_another,
        starts=APPEAL,
        announces=".confirmed",
    )
    def confirm(self, case: Deduction, facts: Judgement, ask: Ask) -> None:
        """It was so. Who is charged has three days to appeal."""
        case.judged_by_id = ask.by.id

    @step(
        reported.to(reduced),
        label=_("Reduce"),
        by=Manager | SalesManager,
        guards=(is_judged_by_another, is_smaller),
        starts=APPEAL,
        announces=".reduced",
    )
    def reduce(self, case: Deduction, facts: Reduction, ask: Ask) -> None:
        """It was so, and costs less (S20 备注). Who is charged has three days to appeal."""
        case.judged_by_id = ask.by.id
        _reduce(case, facts)

    @step(
        reported.to(waived),
        label=_("Waive"),
        by=Manager | SalesManager,
        guards=is_judged_by_another,
        announces=".waived",
    )
    def waive(self, case: Deduction, facts: Waiver, ask: Ask) -> None:
        """Weather and the like (S20 备注), or it was not so: nothing is taken."""
        case.judged_by_id = ask.by.id

    @step(
        appealed.from_(confirmed, reduced),
        label=_("Appeal"),
        by=Charged,
        announces=".appealed",
    )
    def appeal(self, case: Deduction, facts: Appeal, timers: Any) -> None:
        """Who is charged disagrees; another decides."""
        timers.cancel(APPEAL.name)

    @step(
        appealed.to(settled),
        label=_("Uphold"),
        by=Manager | SalesManager,
        guards=(is_judged_by_another, is_another_judge),
        announces=".settled",
        serial=True,
    )
    def uphold(self, case: Deduction, facts: Judgement, check: Check) -> None:
        """The appeal was heard; the deduction stands."""
        case.month = month_to_post_in(check.session, case.project_id, month_of_day(case.day))

    @step(
        appealed.to(settled),
        event="reduce",
        label=_("Reduce"),
        by=Manager | SalesManager,
        guards=(is_judged_by_another, is_another_judge, is_smaller),
        announces=".settled",
        serial=True,
    )
    def reduce_on_appeal(self, case: Deduction, facts: Reduction, check: Check) -> None:
        """The appeal was heard; less is taken."""
        _reduce(case, facts)
        case.month = month_to_post_in(check.session, case.project_id, month_of_day(case.day))

    @step(
        appealed.to(waived),
        event="waive",
        label=_("Waive"),
        by=Manager | SalesManager,
        guards=(is_judged_by_another, is_another_judge),
        announces=".waived",
    )
    def waive_on_appeal(self, case: Deduction, facts: Waiver) -> None:
        """The appeal was heard; nothing is taken."""

    @step(settled.from_(confirmed, reduced), label=_("Settle"), by=Clock, announces=".settled", serial=True)
    def settle(self, case: Deduction, facts: NoFacts, check: Check) -> None:
        """Nobody appealed in time."""
        case.month = month_to_post_in(check.session, case.project_id, month_of_day(case.day))

    @classmethod
    def seen_by(cls, actor: Actor) -> ColumnElement[bool]:
        """Who is charged, who reported it, the leader of the team, and the desks."""
        if actor is CLOCK or actor.has(*DESKS):
            return true()
        mine = actor.id or 0
        columns = (Deduction.person_id, Deduction.also_id, Deduction.leader_id, Deduction.reported_by_id)
        seen = [column == mine for column in columns]
        if actor.has("leader") and actor.team_id is not None:
            seen.append(Deduction.person_id.in_(select(Person.id).where(Person.team_id == actor.team_id)))
        return or_(*seen)

    @classmethod
    def tells(cls, case: Deduction) -> dict[str, Any]:
        names = ("kind", "person_id", "also_id", "leader_id", "dismissal", "month")
        return {name: getattr(case, name) for name in names}


def _reduce(case: Deduction, facts: Reduction) -> None:
    if facts.member_fen is not None:
        case.half_days, case.half_wage = 0, False
        case.member_fen = facts.member_fen
        case.also_fen = facts.member_fen if case.also_id else 0
    if facts.leader_fen is not None:
        case.leader_fen = facts.leader_fen
