"""Approvals: an event that needs somebody's consent is asked for here, with its data frozen, and happens when that
somebody agrees, in the same transaction. Four eyes: nobody decides what they asked for or gain from (S19 十四)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, False_, True_, and_, exists, or_, select, true
from sqlalchemy.orm import Session

from models.people import Person, StandIn
from models.remembered import Approval, Outbox
from workflows import staff
from workflows.engine.actor import CLOCK, Actor
from workflows.engine.flow import Facts, Flow, NoFacts, State, Step, guard, opening, step
from workflows.engine.news import News, having, named, those_with
from workflows.engine.take import Ask, Check, take
from workflows.engine.timing import Timer, hours
from workflows.engine.who import Clock, relation
from workflows.faults import NotThisVersion
from workflows.lead_facts import Clean, maybe, text
from workflows.words import Text, _

REMINDER = Timer(
    "approval_reminder",
    _("Reminder to decide"),
    hours("approval_reminder_hours"),
    fact="approval.reminder",
    then=_("those who decide are reminded"),
    unless=_("decided before"),
)
ESCALATION = Timer(
    "approval_escalation",
    _("Escalation"),
    hours("approval_escalation_hours"),
    fact="approval.escalated",
    then=_("everybody with the role and the auditor are told"),
    unless=_("decided before"),
)


def subject_flow(name: str) -> type[Flow]:
    """The workflow that an approval is about. Raises `NotThisVersion`."""
    from workflows.flows import flow_of

    return flow_of(name)


def steps_of(approval: Approval) -> list[Step]:
    """The steps of the event that an approval is about. Raises `NotThisVersion`."""
    steps = subject_flow(approval.flow).by_event().get(approval.event)
    if not steps:
        raise NotThisVersion(approval.event)
    return steps


def known() -> ColumnElement[bool]:
    """The requests about events that this code knows; those of newer code are left to it."""
    from workflows.flows import FLOWS

    return or_(
        *(
            and_(Approval.flow == name, Approval.event.in_(list(flow.by_event())))
            for name, flow in FLOWS.items()
        )
    )


def subject_of(session: Session, approval: Approval) -> Any:
    """The case that an approval is about."""
    return session.get(subject_flow(approval.flow).table, approval.case_id)


def _is_approver(actor: Actor, approval: Approval) -> bool:
    from sqlalchemy.orm import object_session

    session = object_session(approval)
    assert session
    case = subject_of(session, approval)
    askers = (s.approved_by for s in steps_of(approval) if s.approved_by is not None)
    return any(who.allows(actor, case) for who in askers if who.key == approval.approver)


Approver = relation(
    "approver",
    _("those whose approval it needs"),
    {"leader", "manager", "sales_manager", "finance"},
    _is_approver,
)
Requester = relation(
    "requester",
    _("who asked for it"),
    {"member", "leader", "manager", "sales_manager", "consultant", "finance", "admin", "auditor"},
    lambda a, approval: a.id == approval.requested_by_id,
)


class Request(Facts):
    """What an approval is opened with; written by the house."""

    flow: str
    case: str
    event: str


class Decision(Facts):
    note: Clean | None = maybe(_("Note"), input="area")


class Rejection(Facts):
    note: Clean | None = maybe(_("Why not"), input="area")


class Overtaken(Facts):
    reason: Clean = text(_("Reason"), limit=1000)
    code: str = ""


@guard(
    _("There is an open request for this already."),
    instead=_("Wait for its decision, or withdraw it."),
    code="conflict",
)
def is_the_only_one(check: Check) -> bool:
    asked = check.facts
    assert isinstance(asked, Request)
    wanted = (Approval.flow == asked.flow, Approval.case_code == asked.case, Approval.event == asked.event)
    open_one = select(Approval.id).where(*wanted, Approval.state == "pending")
    return check.session.scalar(open_one) is None


@guard(
    _("You asked for this yourself, or gain from it: somebody else must decide."),
    instead=_("Ask another holder of the role."),
)
def has_four_eyes(check: Check) -> bool:
    """Nobody approves what they asked for or gain from."""
    approval, by = check.case, check.by.id
    return by != approval.requested_by_id and by not in beneficiaries(check.session, approval)


def beneficiaries(session: Session, approval: Approval) -> set[int]:
    """Who gains: those the case benefits, those whom the event pays, and the staff whom the frozen data name."""
    flow, case = subject_flow(approval.flow), subject_of(session, approval)
    paid = (step.pays(case) for step in steps_of(approval) if step.pays)
    gains = flow.gains(case, Facts()).union(*paid)
    return gains | staff.ids_named(session, people_named(approval))


def seen_about(actor: Actor, name: str) -> ColumnElement[bool]:
    """The requests about cases of this workflow that one may see. The cases are only looked at where one does not see all."""
    flow = subject_flow(name)
    sees, mine = flow.seen_by(actor), Approval.flow == name
    if isinstance(sees, True_ | False_):
        return and_(mine, sees)
    return exists().where(mine, flow.table.id == Approval.case_id, sees).correlate(Approval)


def people_named(approval: Approval) -> list[str]:
    """The staff whom the frozen data name."""
    facts = steps_of(approval)[0].facts
    return [approval.frozen[name] for name in facts.marked("person") if approval.frozen.get(name)]


def asks_of(actor: Actor) -> list[tuple[str, str, str]]:
    """What this actor's roles may make them decide: kinds of approver (`Approval.approver`), each with workflow and event."""
    from workflows.flows import FLOWS

    steps = ((name, event, s) for name, flow in FLOWS.items() for event, s in _steps(flow))
    asked = ((s.approved_by, name, event) for name, event, s in steps)
    return sorted({(who.key, name, event) for who, name, event in asked if who and actor.has(*who.roles)})


def _steps(flow: type[Flow]) -> Iterator[tuple[str, Step]]:
    return ((event, each) for event, steps in flow.by_event().items() for each in steps)


def request(check: Check) -> Approval:
    """Open the approval that this step needs; raises `Refused` (conflict) when one is open already."""
    ask, facts = (
        check.ask,
        {"flow": check.ask.flow.flow_name, "case": check.case.code, "event": check.ask.event},
    )
    check.session.info["requested"] = check
    try:
        taken = take(check.session, Ask(ApprovalFlow, "request", ask.by, ask.at, facts=facts, house=True))
    finally:
        check.session.info.pop("requested")
    found: Approval = taken.case
    return found


def frozen_event(check: Check) -> Ask:
    """The event as it was asked for, by the requester, now approved."""
    approval: Approval = check.case
    requester = Actor.of(check.session.get_one(Person, approval.requested_by_id))
    return Ask(
        subject_flow(approval.flow),
        approval.event,
        requester,
        check.at,
        code=approval.case_code,
        facts=approval.frozen,
        approval=approval,
        approved_by=check.by,
    )


def ends_requests(check: Check) -> list[Ask]:
    """What follows where a case has come to its end: nobody is asked any more to decide about it."""
    flow, reason = check.ask.flow, Text(_("The case is closed: nothing is left to decide."))
    about = (Approval.flow == flow.flow_name, Approval.case_code == check.case.code)
    open_ones = select(Approval.code).where(*about, Approval.state == "pending").order_by(Approval.id)
    said = {"reason": reason.say("zh"), "code": "not_allowed_from_state"}
    return [
        Ask(ApprovalFlow, "overtake", check.by, check.at, code=code, facts=said, house=True)
        for code in check.session.scalars(open_ones)
    ]


def approvers(session: Session, fact: Outbox, at: datetime) -> Iterable[int | None]:
    """Those who may decide it, and who stands in for those of them who are away."""
    approval = session.scalar(select(Approval).where(Approval.code == fact.case_code))
    if approval is None or approval.state != "pending":
        return []
    staff = having(session, *Approver.roles)
    may = [
        person.id
        for person in staff
        if Approver.allows(Actor.of(person), approval) and person.id != approval.requested_by_id
    ]
    standing_in = select(StandIn.stand_in_id).where(
        StandIn.person_id.in_(may), StandIn.starts_at <= at, StandIn.ends_at > at
    )
    return [*may, *session.scalars(standing_in)]


class ApprovalFlow(Flow):
    """审批: asked for, decided by others, or overtaken by what happened meanwhile."""

    flow_name, noun, prefix, table = "approval", "approval", "A", Approval
    label = _("Approval")
    topic = "approval"
    news = (
        News(".requested", _("Your approval is asked for."), approvers),
        News(".approved", _("Your request was approved."), named("requested_by_id")),
        News(".rejected", _("Your request was rejected."), named("requested_by_id")),
        News(
            ".expired", _("Your request was overtaken by what happened meanwhile."), named("requested_by_id")
        ),
        News(".reminder", _("A request still waits for your approval."), approvers),
        News(
            ".escalated",
            _("A request has waited too long for its approval."),
            approvers,
            those_with("auditor"),
            named("requested_by_id"),
        ),
    )
    timers = (REMINDER, ESCALATION)
    remembers = (
        "flow",
        "case_id",
        "event",
        "approver",
        "requested_by_id",
        "requested_at",
        "decided_by_id",
        "decided_at",
        "reason",
    )

    pending = State(_("Pending"), initial=True)
    approved = State(_("Approved"), final=True)
    rejected = State(_("Rejected"), final=True)
    expired = State(_("Expired"), final=True)
    withdrawn = State(_("Withdrawn"), final=True)

    @opening(
        label=_("Request"),
        by=Clock,
        automatic=True,
        guards=is_the_only_one,
        starts=(REMINDER, ESCALATION),
        announces="approval.requested",
    )
    def request(self, approval: Approval, facts: Request, ask: Ask, check: Check) -> None:
        """Somebody asked for an event that needs consent; its data are frozen."""
        asked: Check = check.session.info["requested"]
        approval.project_id = asked.case.project_id
        approval.flow, approval.case_id, approval.case_code = facts.flow, asked.case.id, facts.case
        approval.event, approval.frozen = facts.event, asked.facts.model_dump(mode="json", exclude_none=True)
        assert asked.step.approved_by
        approval.approver = asked.step.approved_by.key
        approval.requested_by_id, approval.requested_at = ask.by.id, ask.at  # type: ignore[assignment]

    @step(
        pending.to(approved),
        label=_("Approve"),
        by=Approver,
        guards=has_four_eyes,
        first=frozen_event,
        otherwise="overtake",
        announces="approval.approved",
    )
    def approve(self, approval: Approval, facts: Decision, ask: Ask, timers: Any) -> None:
        """Agree: the event happens now, with both people in its history."""
        _decided(approval, ask, facts.note, timers)

    @step(
        pending.to(rejected),
        label=_("Reject"),
        by=Approver,
        guards=has_four_eyes,
        announces="approval.rejected",
    )
    def reject(self, approval: Approval, facts: Rejection, ask: Ask, timers: Any) -> None:
        """Disagree: nothing happens to the case."""
        _decided(approval, ask, facts.note, timers)

    @step(pending.to(withdrawn), label=_("Withdraw"), by=Requester, announces="approval.withdrawn")
    def withdraw(self, approval: Approval, facts: Decision, ask: Ask, timers: Any) -> None:
        """The requester takes it back."""
        _decided(approval, ask, facts.note, timers)

    @step(pending.to(expired), label=_("Overtaken"), by=Clock, automatic=True, announces="approval.expired")
    def overtake(self, approval: Approval, facts: Overtaken, ask: Ask, timers: Any) -> None:
        """The case has moved meanwhile so that the event no longer fits."""
        approval.reason = facts.reason
        _decided(approval, ask, None, timers)

    @classmethod
    def seen_by(cls, actor: Actor) -> ColumnElement[bool]:
        """One's own requests, and those about cases one may see."""
        from workflows.flows import FLOWS

        if actor is CLOCK:
            return true()
        about = [seen_about(actor, name) for name, flow in FLOWS.items() if flow is not cls]
        return and_(known(), or_(Approval.requested_by_id == actor.id, *about))

    @classmethod
    def tells(cls, case: Approval) -> dict[str, Any]:
        return {
            "about": case.case_code,
            "flow": case.flow,
            "event": case.event,
            "requested_by_id": case.requested_by_id,
        }


def _decided(approval: Approval, ask: Ask, note: str | None, timers: Any) -> None:
    approval.decided_by_id, approval.decided_at, approval.note = ask.by.id, ask.at, note
    timers.cancel()


__all__ = ["ApprovalFlow", "NoFacts", "beneficiaries", "subject_of"]
