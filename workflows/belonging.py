"""What belongs to a lead: the cases of other workflows that name it. Any workflow whose table has a `lead_code` is one of them."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.leads import Lead
from workflows.engine.actor import Actor
from workflows.engine.flow import Flow, guard
from workflows.engine.take import Check
from workflows.lead import LeadFlow, entitled
from workflows.words import _

Belonging = tuple[type[Flow], Any]  # a case with its workflow


def lead_named(check: Check) -> Lead | None:
    """The lead that the facts name by its code, if the asker may see it."""
    if "lead" not in check.seen:
        code = check.facts.lead.upper()  # type: ignore[attr-defined]
        wanted = select(Lead).where(Lead.code == code, LeadFlow.seen_by(check.by))
        check.seen["lead"] = check.session.scalar(wanted)
    found: Lead | None = check.seen["lead"]
    return found


@guard(_("There is no such lead among those you may see."), instead=_("Begin from the page of the lead."))
def is_of_a_lead_one_sees(check: Check) -> bool:
    return lead_named(check) is not None


@guard(
    _("This is not your customer."),
    instead=_("Ask who brought or holds the customer, or claim the lead from the pool."),
)
def has_the_customer(check: Check) -> bool:
    """Who brought or holds the customer, their leader, the desk and the managers."""
    lead = lead_named(check)
    assert lead is not None  # is_of_a_lead_one_sees
    return check.by.has("reception") or entitled(check.by, lead)


def belonging(session: Session, actor: Actor, lead: str) -> list[Belonging]:
    """The cases that name this lead and that the actor may see, of each workflow the newest first."""
    from workflows.flows import FLOWS

    found: list[Belonging] = []
    for flow in FLOWS.values():
        table: Any = flow.table
        if hasattr(table, "lead_code"):
            mine = select(table).where(table.lead_code == lead, flow.seen_by(actor))
            found += [(flow, case) for case in session.scalars(mine.order_by(table.id.desc())).unique()]
    return found
