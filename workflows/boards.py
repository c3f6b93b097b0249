"""What people look at to do the day's work together: the requests that wait, the rotation, the pool. Read only; whoever
acts on what they saw is checked again by `take`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, func, or_, select, union_all
from sqlalchemy.orm import Session

from models.base import Instant
from models.figures import Figure, counted, fixed
from models.keyset import Place, beyond
from models.leads import Duty, Lead
from models.people import Person
from models.remembered import Approval, History, Timer
from workflows import policy as policies
from workflows import rotation, staff
from workflows.approval import (
    ApprovalFlow,
    Approver,
    asks_of,
    beneficiaries,
    known,
    seen_about,
    steps_of,
    subject_flow,
    subject_of,
)
from workflows.engine.actor import Actor
from workflows.engine.flow import Facts, Step
from workflows.engine.take import Ask, Check
from workflows.lead import LeadFlow, in_pool
from workflows.views import bring_in, names, subjects_of
from workflows.words import Text, _

PAGE = 100


# -- requests ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Waiting:
    """A request that waits for a decision, as one of those concerned sees it. `why_not` says why this one may not decide;
    `overtaken` why agreeing would only expire it."""

    approval: Approval
    case: Any
    step: Step
    gains: tuple[str, ...]
    why_not: Text | None
    overtaken: Text | None
    remind_at: datetime
    escalate_at: datetime

    @property
    def mine(self) -> bool:
        return self.why_not is None


def to_decide(
    session: Session,
    actor: Actor,
    after: Place | None = None,
    kind: tuple[str, str] | None = None,
    limit: int = PAGE,
) -> tuple[list[Waiting], Place | None]:
    """What waits for this actor's role, the oldest first, also what only four eyes keep from them; and the place from which it
    goes on. `kind` is the workflow and event asked for."""
    found, place = waiting_for(session, actor, after, kind, limit)
    return [_waiting(session, actor, each) for each in found], place


def waiting_for(
    session: Session,
    actor: Actor,
    after: Place | None = None,
    kind: tuple[str, str] | None = None,
    limit: int = PAGE,
) -> tuple[list[Approval], Place | None]:
    """The requests of `to_decide`."""
    place = beyond(Approval.requested_at, Approval.id, after)
    order = Approval.requested_at, Approval.id
    asked = [each for each in asks_of(actor) if kind in (None, each[1:])]
    firsts = [
        select(Approval.id).where(*_asked(actor, each), place).order_by(*order).limit(limit + 1)
        for each in asked
    ]
    if not firsts:
        return [], None
    ids = union_all(*(select(each.subquery().c.id) for each in firsts)).subquery()
    wanted = select(Approval).where(Approval.id.in_(select(ids.c.id))).order_by(*order)
    found = _read(session, wanted, limit + 1)
    page, following = found[:limit], found[limit:]
    on = (page[-1].requested_at, page[-1].id) if following else None
    return [each for each in page if Approver.allows(actor, each)], on


def _asked(actor: Actor, kind: tuple[str, str, str]) -> tuple[ColumnElement[bool], ...]:
    """The conditions for what waits of one kind, that this actor sees."""
    approver, flow, event = kind
    seen = or_(Approval.requested_by_id == actor.id, seen_about(actor, flow))
    return (_PENDING, Approval.approver == approver, Approval.flow == flow, Approval.event == event, seen)


_PENDING = Approval.state == fixed("pending")


def kinds_to_decide(session: Session, actor: Actor) -> list[tuple[str, str, Figure]]:
    """Workflow, event and how many of them wait for this actor's role; that whose oldest waits the longest first."""
    asked = asks_of(actor)
    if not asked:
        return []
    found: dict[tuple[str, str], list[Select[int]]] = {}
    for each in asked:
        found.setdefault(each[1:], []).append(select(Approval.id).where(*_asked(actor, each)))
    numbers = counted(session, found)
    first = [
        select(
            fixed(place).label("place"), func.min(Approval.requested_at, type_=Instant()).label("at")
        ).where(*_asked(actor, each))
        for place, each in enumerate(asked)
        if numbers[each[1:]]
    ]
    since: dict[tuple[str, str], datetime] = {}
    for place, at in session.execute(union_all(*first)) if first else ():
        kind = asked[place][1:]
        since[kind] = min(at, since.get(kind, at)) if at else since[kind]
    return [(*kind, numbers[kind]) for kind in sorted(since, key=lambda kind: since[kind])]


def asked_by(session: Session, actor: Actor) -> list[Waiting]:
    """What this actor asked for and nobody has decided yet, the oldest first."""
    mine = select(Approval).where(_PENDING, Approval.requested_by_id == actor.id)
    found = _read(session, mine.order_by(Approval.requested_at, Approval.id), PAGE)
    return [_waiting(session, actor, each) for each in found]


def escalated(session: Session, actor: Actor, at: datetime) -> list[Waiting]:
    """What has waited so long that others are told, the oldest first: for the auditor to look at."""
    found = [_waiting(session, actor, each) for each in _read(session, _pending(actor), PAGE)]
    return [each for each in found if each.escalate_at <= at]


def decided_lately(
    session: Session, actor: Actor, after: Place | None = None, limit: int = 60
) -> tuple[list[Approval], Place | None]:
    """The requests last settled, of those this actor may see; and the place from which the list goes on."""
    wanted = select(Approval).where(Approval.decided_at.is_not(None), ApprovalFlow.seen_by(actor))
    wanted = wanted.where(beyond(Approval.decided_at, Approval.id, after, newest=True))
    latest = wanted.order_by(Approval.decided_at.desc(), Approval.id.desc()).limit(limit + 1)
    found = list(session.scalars(latest))
    page = found[:limit]
    subjects_of(session, page)
    last = page[-1] if found[limit:] else None
    return page, (last.decided_at, last.id) if last is not None and last.decided_at else None


def request_of(session: Session, actor: Actor, code: str) -> Approval | None:
    """The request under this code, if this actor may see it."""
    return next(iter(requests_of(session, actor, [code])), None)


def requests_of(session: Session, actor: Actor, codes: Sequence[str]) -> list[Approval]:
    """The requests under these codes that this actor may see."""
    return list(
        session.scalars(select(Approval).where(Approval.code.in_(codes), ApprovalFlow.seen_by(actor)))
    )


def _pending(actor: Actor) -> Select[Approval]:
    wanted = select(Approval).where(_PENDING, ApprovalFlow.seen_by(actor))
    return wanted.order_by(Approval.requested_at, Approval.id)


def _read(session: Session, wanted: Select[Approval], limit: int) -> list[Approval]:
    """Requests with all that is asked of each: what they are about, who is concerned, what was in force."""
    found = list(session.scalars(wanted.where(known()).limit(limit)))
    if found:
        staff.bring_in(session)
        policies.bring_in(session)
        bring_in(session, subjects_of(session, found))
    return found


def _waiting(session: Session, actor: Actor, approval: Approval) -> Waiting:
    case = subject_of(session, approval)
    numbers = policies.in_force(session, approval.requested_at)
    gain = beneficiaries(session, approval)
    steps = steps_of(approval)
    step = next((s for s in steps if s.approved_by and s.approved_by.key == approval.approver), steps[0])
    return Waiting(
        approval,
        case,
        step,
        tuple(names(session).get(person, "") for person in sorted(gain)),
        _four_eyes(actor, approval, gain),
        overtaken(session, approval, case),
        approval.requested_at + timedelta(hours=numbers.approval_reminder_hours),
        approval.requested_at + timedelta(hours=numbers.approval_escalation_hours),
    )


def _four_eyes(actor: Actor, approval: Approval, gain: set[int]) -> Text | None:
    if actor.id == approval.requested_by_id:
        return Text(_("You asked for this yourself: somebody else must decide."))
    if actor.id in gain:
        if approval.flow != LeadFlow.flow_name:
            return Text(_("You gain from this: somebody else must decide."))
        return Text(_("You gain from this as promoter or holder: somebody else must decide."))
    return None


def overtaken(session: Session, approval: Approval, case: Any) -> Text | None:
    """Why the event no longer fits the case as it stands now; nothing where it still does."""
    flow = subject_flow(approval.flow)
    step = flow.steps.get((approval.event, case.state))
    if step is None or (step.when and not step.when(case)):
        state = {"state": flow.state_label(case.state)}
        if flow is not LeadFlow:
            return Text(_("It is “%(state)s” by now: approving would let the request expire."), state)
        return Text(_("The lead is “%(state)s” by now: approving would let the request expire."), state)
    requester = session.get_one(Person, approval.requested_by_id)
    if not step.by.allows(Actor.of(requester), case):
        return Text(
            _("%(name)s could not ask for this any more: approving would let the request expire."),
            {"name": requester.name},
        )
    return None


# -- the rotation ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Stand:
    """A consultant's place in the queue: `offer` is the customer they are asked about now."""

    duty: Duty
    offer: Lead | None
    next: bool


@dataclass(frozen=True, slots=True)
class AtDesk:
    """A customer at the desk, and what happens to them now: the open offer and its end, or who will be asked."""

    lead: Lead
    offered_to: str | None
    answer_by: datetime | None
    declined: tuple[str, ...]
    unattended: bool


@dataclass(frozen=True, slots=True)
class Declined:
    at: datetime
    code: str
    who: str
    reason: str


@dataclass(frozen=True, slots=True)
class Board:
    """The rotation of one project at an instant."""

    queue: list[Stand]
    absent: list[Duty]
    at_desk: list[AtDesk]
    declined: list[Declined]
    received: dict[int, int] = field(default_factory=dict)
    unseated: list[Person] = field(default_factory=list)


def board(session: Session, project_id: int, at: datetime) -> Board:
    """Who stands where, who is asked what, who waits, who declined today."""
    queue = rotation.queue_of(session, project_id)
    desk = _at_desk(session, project_id, queue)
    offers = {each.lead.offered_to_id: each.lead for each in desk if each.lead.offered_to_id}
    free = next((duty.person_id for duty in queue if duty.person_id not in offers), None)
    off = select(Duty).where(Duty.project_id == project_id, Duty.state == "off_duty").order_by(Duty.id)
    stands = [Stand(duty, offers.get(duty.person_id), duty.person_id == free) for duty in queue]
    since = midnight(session, at)
    return Board(
        stands,
        list(session.scalars(off)),
        desk,
        _declined(session, project_id, since),
        _received(session, project_id, since),
        _unseated(session, project_id, at),
    )


def _unseated(session: Session, project_id: int, at: datetime) -> list[Person]:
    """Consultants who never took a place in this rotation."""
    seated = set(session.scalars(select(Duty.person_id).where(Duty.project_id == project_id)))
    today = at.astimezone(policies.zone(session)).date()
    everybody = session.scalars(select(Person).order_by(Person.name))
    return [p for p in everybody if "consultant" in p.roles and p.id not in seated and staff.works(p, today)]


def midnight(session: Session, at: datetime) -> datetime:
    """The beginning of the company's day."""
    return at.astimezone(policies.zone(session)).replace(hour=0, minute=0, second=0, microsecond=0)


def _at_desk(session: Session, project_id: int, queue: list[Duty]) -> list[AtDesk]:
    visited = (
        select(Lead)
        .where(Lead.project_id == project_id, Lead.state == "visited")
        .order_by(Lead.visited_at, Lead.id)
    )
    leads, on_duty = list(session.scalars(visited)), {duty.person_id for duty in queue}
    ends = _offer_ends(session, [lead.id for lead in leads])
    return [
        AtDesk(
            lead,
            names(session).get(lead.offered_to_id) if lead.offered_to_id else None,
            ends.get(lead.id),
            tuple(names(session).get(person, "") for person in lead.declined_by),
            lead.offered_to_id is None and on_duty <= set(lead.declined_by),
        )
        for lead in leads
    ]


def _offer_ends(session: Session, ids: list[int]) -> dict[int, datetime]:
    wanted = select(Timer.case_id, Timer.due_at).where(
        Timer.flow == "lead", Timer.name == "offer", Timer.state == "pending", Timer.case_id.in_(ids)
    )
    return {row.case_id: row.due_at for row in session.execute(wanted)} if ids else {}


def _today(project_id: int, event: str, since: datetime) -> Any:
    mine = (
        History.flow == "lead",
        History.project_id == project_id,
        History.event == event,
        History.at >= since,
    )
    return select(History).where(*mine).order_by(History.at.desc(), History.id.desc())


def _declined(session: Session, project_id: int, since: datetime) -> list[Declined]:
    who = names(session)
    return [
        Declined(
            row.at,
            row.case_code,
            who.get((row.changes.get("declined_by") or [0])[-1], ""),
            row.facts.get("reason", ""),
        )
        for row in session.scalars(_today(project_id, "decline", since))
    ]


def _received(session: Session, project_id: int, since: datetime) -> dict[int, int]:
    """How many customers each consultant received today."""
    counted: dict[int, int] = {}
    for row in session.scalars(_today(project_id, "accept", since)):
        counted[row.by_id] = counted.get(row.by_id, 0) + 1
    return counted


# -- the pool ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Limits:
    """What the policy's numbers leave an actor today; 0 as a limit means that there is none."""

    claimed: int
    claims_most: int
    held: int
    held_most: int
    return_days: int


@dataclass(frozen=True, slots=True)
class InPool:
    lead: Lead
    since: datetime
    lost_by: str | None
    why_not: Text | None


@dataclass(frozen=True, slots=True)
class Falling:
    """A lead whose protection ends soon."""

    lead: Lead
    due: datetime
    held_back: bool


def pool(
    session: Session, actor: Actor, at: datetime, after: Place | None = None, limit: int = PAGE
) -> tuple[list[InPool], Place | None]:
    """What lies in the pool, the longest first, with why this actor may not claim it where they may not; and the place from
    which the list goes on."""
    wanted = select(Lead).where(Lead.state == "reclaimed", Lead.holder_id.is_(None), LeadFlow.seen_by(actor))
    wanted = wanted.where(beyond(Lead.lost_at, Lead.id, after))
    found = list(session.scalars(wanted.order_by(Lead.lost_at, Lead.id).limit(limit + 1)))
    page, why_not = found[:limit], _claims(session, actor, at)
    bring_in(session, page)
    lying = [
        InPool(
            lead,
            lead.lost_at or lead.reclaimed_at or at,
            names(session).get(lead.lost_holder_id),
            why_not(lead),
        )
        for lead in page
    ]
    return lying, (lying[-1].since, page[-1].id) if found[limit:] else None


def _claims(session: Session, actor: Actor, at: datetime) -> Callable[[Lead], Text | None]:
    """What keeps this actor from claiming a lead; what is said of the actor alone is asked once."""
    step = LeadFlow.steps["claim", "reclaimed"]
    numbers, said = policies.in_force(session, at), dict[str, Any]()

    def why_not(lead: Lead) -> Text | None:
        if not in_pool(lead) or not step.by.allows(actor, lead):
            return Text(_("Members and leaders of the teams claim from the pool."))
        ask = Ask(LeadFlow, "claim", actor, at, code=lead.code)
        check = Check(session, ask, step, lead, Facts(), {}, numbers)
        for guard in step.guards:
            held = said[guard.name] if guard.name in said else guard.test(check)
            if guard.of_asker:
                said[guard.name] = held
            if held is not True:
                return Text(guard.reason, held if isinstance(held, dict) else {})
        return None

    return why_not


def limits(session: Session, actor: Actor, at: datetime) -> Limits:
    numbers = policies.in_force(session, at)
    claimed = select(func.count()).where(
        History.flow == "lead",
        History.event == "claim",
        History.by_id == actor.id,
        History.at >= midnight(session, at),
    )
    held = select(func.count()).where(Lead.holder_id == actor.id, Lead.state == "reclaimed")
    return Limits(
        session.scalar(claimed) or 0,
        numbers.pool_claims_per_day,
        session.scalar(held) or 0,
        numbers.pool_held_max,
        numbers.pool_return_days,
    )


def falling(
    session: Session, actor: Actor, at: datetime, after: Place | None = None, days: int = 7, limit: int = PAGE
) -> tuple[list[Falling], Place | None]:
    """The leads this actor may see whose protection ends within some days, the next first; and the place from which the list
    goes on."""
    waits = select(Approval.id).where(
        Approval.flow == "lead",
        Approval.case_id == Lead.id,
        Approval.event == Timer.waits_for,
        Approval.state == "pending",
    )
    wanted = (
        select(Lead, Timer.due_at, waits.correlate(Lead, Timer).exists())
        .join(Timer, (Timer.case_id == Lead.id) & (Timer.flow == "lead"))
        .where(Timer.name == "expire", Timer.state == "pending", Timer.due_at <= at + timedelta(days=days))
        .where(LeadFlow.seen_by(actor), beyond(Timer.due_at, Lead.id, after))
        .order_by(Timer.due_at, Lead.id)
        .limit(limit + 1)
    )
    found = [Falling(lead, due, bool(held)) for lead, due, held in session.execute(wanted)]
    page = found[:limit]
    return page, (page[-1].due, page[-1].lead.id) if found[limit:] else None
