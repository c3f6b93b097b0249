"""The pool as those see it who may claim from it: what lies there, what will fall into it, how much one may hold. Read only;
whoever claims is checked again by `take`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.keyset import Place, beyond
from models.leads import Lead
from models.remembered import Approval, History, Timer
from workflows import policy as policies
from workflows.engine.actor import Actor
from workflows.engine.flow import Facts
from workflows.engine.take import Ask, Check
from workflows.lead import LeadFlow, in_pool
from workflows.views import bring_in, names
from workflows.words import Text, _

PAGE = 100


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


def lying(
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
        History.at >= policies.midnight(session, at),
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
