"""The rotation (轮排): consultants on duty stand in one queue per project, and customers go to them in turn (S20 (三)6).

A consultant's place is a case of its own (`DutyFlow`), so that the queue at any past moment can be recomputed from
history. Offers are steps of the lead. Everything here runs under the project's lock.
"""

from __future__ import annotations

from typing import Any

from pydantic import Field
from sqlalchemy import ColumnElement, func, or_, select, true
from sqlalchemy.orm import Session

from models.leads import Duty, Lead
from models.people import Person
from models.remembered import Outbox
from workflows import policy
from workflows.engine.actor import CLOCK, Actor
from workflows.engine.flow import Facts, Flow, NoFacts, State, guard, opening, step
from workflows.engine.take import Ask, Check, announce
from workflows.engine.who import Clock, SalesManager, relation
from workflows.lead_facts import Clean
from workflows.staff import works
from workflows.words import _

Oneself = relation(
    "consultant",
    _("the consultant"),
    {"consultant"},
    lambda a, duty: a.has("consultant") and duty.person_id in (None, a.id),
)


class Place(Facts):
    """Joining for the first time: one's own place, or that of a consultant whom the sales manager names."""

    consultant: Clean | None = Field(
        None, max_length=40, title=_("Consultant"), json_schema_extra={"person": "consultant", "hidden": True}
    )


def _whose(check: Check) -> int | None:
    """Whose place it will be."""
    named = check.people.get("consultant")
    return named.id if named else check.by.id


@guard(
    _("A place is taken by a consultant, or for one whom the sales manager names."),
    instead=_("Name one of the consultants."),
)
def is_a_consultants_place(check: Check) -> bool:
    named = check.people.get("consultant")
    if named is None or named.id == check.by.id:
        return check.by.has("consultant")
    return check.by.has("sales_manager") and "consultant" in named.roles


@guard(_("There is a place in this rotation already."), code="conflict")
def has_no_place_yet(check: Check) -> bool:
    return duty_of(check.session, check.case.project_id, _whose(check)) is None


def turn(check: Check) -> list[Ask]:
    """Who is offered what now: waiting leads, the longest-waiting first, each to the free consultant whose turn it is.

    Whoever has left the company is passed over, also where nobody took them off the queue on their last day."""
    from workflows.lead import LeadFlow

    today = check.at.astimezone(policy.zone(check.session)).date()
    queue = [duty for duty in queue_of(check.session, check.case.project_id) if works(duty.person, today)]
    free = [
        duty.person for duty in queue if duty.person_id not in _busy(check.session, check.case.project_id)
    ]
    asks = []
    for lead in _waiting(check.session, check.case.project_id):
        chosen = whose_turn(free, set(lead.declined_by))
        if chosen is None:
            _tell_if_unattended(check, lead, queue)
            continue
        free.remove(chosen)
        facts = {"consultant": chosen.name}
        asks.append(Ask(LeadFlow, "offer", CLOCK, check.at, code=lead.code, facts=facts, house=True))
    return asks


def whose_turn(free: list[Person], declined: set[int]) -> Person | None:
    """The head of the queue; once somebody has declined, the last of it, then the next from the end. Nobody is offered
    again what they declined."""
    willing = [person for person in free if person.id not in declined]
    if not willing:
        return None
    return willing[-1] if declined else willing[0]


def _tell_if_unattended(check: Check, lead: Lead, queue: list[Duty]) -> None:
    """When nobody on duty is left to offer this lead to, the sales managers are told, once: they appoint one."""
    from workflows.lead import LeadFlow

    cause = f"unattended:{lead.code}:{lead.version}"
    told = select(Outbox.id).where(Outbox.cause == cause)
    if {duty.person_id for duty in queue} <= set(lead.declined_by) and check.session.scalar(told) is None:
        announce(check.session, LeadFlow, lead, "lead.unattended", check.at, cause=cause)


def serve(check: Check) -> list[Ask]:
    """Who accepted goes to the tail."""
    duty = duty_of(check.session, check.case.project_id, check.by.id)
    return [Ask(DutyFlow, "serve", check.by, check.at, code=duty.code, house=True)] if duty else []


def queue_of(session: Session, project_id: int) -> list[Duty]:
    """The consultants on duty, the head first."""
    wanted = (
        select(Duty).where(Duty.project_id == project_id, Duty.state == "on_duty").order_by(Duty.position)
    )
    return list(session.scalars(wanted))


def duty_of(session: Session, project_id: int, person_id: int | None) -> Duty | None:
    return session.scalar(select(Duty).where(Duty.project_id == project_id, Duty.person_id == person_id))


def _busy(session: Session, project_id: int) -> set[int]:
    """Consultants with an open offer."""
    offered = select(Lead.offered_to_id).where(
        Lead.project_id == project_id, Lead.state == "visited", Lead.offered_to_id.is_not(None)
    )
    return {person for person in session.scalars(offered) if person is not None}


def _waiting(session: Session, project_id: int) -> list[Lead]:
    """Customers at the desk without an open offer, the one who came first first."""
    wanted = select(Lead).where(
        Lead.project_id == project_id, Lead.state == "visited", Lead.offered_to_id.is_(None)
    )
    return list(session.scalars(wanted.order_by(Lead.visited_at, Lead.id)))


def _to_the_tail(duty: Duty, check: Check) -> None:
    last = select(func.max(Duty.position)).where(Duty.project_id == duty.project_id)
    duty.position = (check.session.scalar(last) or 0) + 1


class DutyFlow(Flow):
    """A consultant's place in the rotation."""

    flow_name, noun, prefix, table = "duty", "duty", "R", Duty
    label = _("Place in the rotation")
    topic = "lead"
    remembers = ("person_id", "position")

    on_duty = State(_("On duty"), initial=True)
    off_duty = State(_("Off duty"))

    @opening(
        label=_("Join"),
        by=Oneself | SalesManager,
        guards=(is_a_consultants_place, has_no_place_yet),
        serial=True,
        announces="duty.joined",
        then=turn,
    )
    def join(self, duty: Duty, facts: Place, check: Check) -> None:
        """Take a place at the tail of the queue."""
        duty.person_id = _whose(check)  # type: ignore[assignment]
        _to_the_tail(duty, check)

    @step(
        off_duty.to(on_duty),
        event="join",
        label=_("Join"),
        by=Oneself | SalesManager,
        serial=True,
        announces="duty.joined",
        then=turn,
    )
    def join_again(self, duty: Duty, facts: NoFacts, check: Check) -> None:
        """Come back on duty, at the tail of the queue."""
        _to_the_tail(duty, check)

    @step(
        on_duty.to(off_duty), label=_("Leave"), by=Oneself | SalesManager, serial=True, announces="duty.left"
    )
    def leave(self, duty: Duty, facts: NoFacts) -> None:
        """Go off duty. An offer that stands still waits for its answer."""

    @step(
        on_duty.to.itself(internal=True) | off_duty.to.itself(internal=True),
        label=_("Served"),
        by=Clock,
        automatic=True,
        serial=True,
    )
    def serve(self, duty: Duty, facts: NoFacts, check: Check) -> None:
        """A customer was accepted: to the tail (S20 (三)6)."""
        _to_the_tail(duty, check)

    @classmethod
    def seen_by(cls, actor: Actor) -> ColumnElement[bool]:
        """The rotation is on the board for all who work at the sales office."""
        if actor is CLOCK or actor.has(
            "reception", "manager", "sales_manager", "finance", "auditor", "consultant"
        ):
            return true()
        return or_(Duty.person_id == actor.id) if actor.id else ~true()

    @classmethod
    def tells(cls, case: Duty) -> dict[str, Any]:
        return {"person_id": case.person_id, "position": case.position}
