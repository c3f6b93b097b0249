"""The requests that wait for a decision: whose they are, what they mean, and what became of them. Read only; whoever decides is
checked again by `take`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, func, or_, select, union_all
from sqlalchemy.orm import Session

from models.base import Instant
from models.figures import Figure, counted, fixed
from models.keyset import Place, beyond
from models.people import Person
from models.remembered import Approval
from workflows import policy as policies
from workflows import staff
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
from workflows.engine.flow import Step
from workflows.lead import LeadFlow
from workflows.views import bring_in, names, subjects_of
from workflows.words import Text, _

PAGE = 100


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
