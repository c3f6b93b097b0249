"""History told once more to the small independent office of `office.py`, step by step as it was written: it must find every step
of a lead permitted, and come to the same states, holders, offers, timers and requests."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.leads import Duty
from models.leads import Lead as LeadRow
from models.people import Person
from models.remembered import Approval, History, Timer
from tests.simulation.office import PUBLIC, Human, Lead, No, Office, Request
from workflows import policy

FOLLOWS = {("lead", "offer"), ("duty", "serve")}  # what the model does by itself
DECISIONS = {"approve": "approve", "overtake": "approve", "reject": "reject", "withdraw": "withdraw"}
Story = list[tuple[str, datetime]]


class Retelling:
    """The model, and the codes under which the program knows its leads and requests."""

    def __init__(self, session: Session, at: datetime) -> None:
        people = session.scalars(select(Person)).unique().all()
        self.names: dict[int | None, str] = {person.id: person.name for person in people}
        humans = [Human(p.name, set(p.roles), p.team.name if p.team else None) for p in people]
        rules = policy.in_force(session, at)
        self.office = Office(
            humans, at, rules.pool_claims_per_day, rules.pool_held_max, rules.pool_return_days
        )
        self.leads: dict[str, Lead] = {}
        self.requests: dict[str, Request] = {}
        fired = select(Timer.id, Timer.name).where(Timer.state == "fired", Timer.result == "taken")
        self.fired: dict[int | None, str] = dict(session.execute(fired).all())
        self.places: dict[str, int] = dict(session.execute(select(Duty.code, Duty.person_id)).all())
        self.approvals = {approval.code: approval for approval in session.scalars(select(Approval))}

    def tell(self, row: History) -> None:
        """One row; what follows from another is not told, the model must come to it by itself."""
        office, who = self.office, self.names.get(row.by_id) or row.by_role
        office.now = row.at
        if (row.flow, row.event) in FOLLOWS or (row.flow == "lead" and self._duplicate(row)):
            return
        if row.flow == "duty":
            (office.join if row.event == "join" else office.leave)(self.names[self.places[row.case_code]])
        elif row.flow == "approval" and row.event == "request":
            self._asked(row, who)
        elif row.flow == "approval" and row.case_code in self.requests:
            decided = office.decide(who, DECISIONS[row.event], self.requests[row.case_code])
            assert decided == row.target, f"the model says {decided}"
        elif row.flow == "lead" and row.approval_code is None:
            self._step(row, who)

    def _duplicate(self, row: History) -> bool:
        return row.event == "invalidate" and row.facts.get("reason") == "duplicate"

    def _asked(self, row: History, who: str) -> None:
        approval = self.approvals[row.case_code]
        if approval.flow == "lead":
            said = self.office.ask(who, approval.event, self.leads[approval.case_code], approval.frozen)
            assert said == "requested"
            self.requests[row.case_code] = self.office.requests[-1]

    def _step(self, row: History, who: str) -> None:
        facts: dict[str, Any] = {**row.facts, **(row.private or {})}
        if row.timer_id is not None:
            self.office.fire(self.leads[row.case_code], self.fired[row.timer_id])
        elif row.event == "capture":
            self.leads[row.case_code] = self.office.capture(PUBLIC if row.by_id is None else who, facts)
        else:
            said = self.office.ask(who, row.event, self.leads[row.case_code], facts)
            assert said == "taken"


def compare(session: Session, rows: list[History]) -> None:
    """Tell all of it, and compare."""
    told = Retelling(session, rows[-1].at)
    for row in rows:
        try:
            told.tell(row)
        except (No, AssertionError) as no:
            raise AssertionError(
                f"the specification does not know row {row.id}, {row.flow} {row.case_code} {row.event} by {row.by_id}: {no!r}"
            ) from no
    running: dict[tuple[str, str], dict[str, datetime]] = {}
    reminded: set[tuple[str, str, str]] = set()
    columns = (Timer.flow, Timer.case_code, Timer.name, Timer.state, Timer.due_at, Timer.result)
    for timer in session.execute(select(*columns)):
        if timer.state in ("pending", "parked"):
            running.setdefault((timer.flow, timer.case_code), {})[timer.name] = timer.due_at
        elif timer.state == "fired" and timer.result != "taken":
            reminded.add((timer.flow, timer.case_code, timer.name))
    for lead in session.scalars(select(LeadRow)):
        known = told.leads[lead.code]
        got = (
            lead.state,
            lead.outcome,
            *(told.names.get(p) for p in (lead.holder_id, lead.promoter_id, lead.offered_to_id)),
        )
        assert got == (known.state, known.outcome, known.holder, known.promoter, known.offered_to), (
            f"{lead.code}: {got}, {known}"
        )
        events = [row.event for row in rows if row.flow == "lead" and row.case_id == lead.id]
        assert events == known.events, f"{lead.code}: {events}, {known.events}"
        same_timers("lead", lead.code, known, running, reminded)
    for code, request in told.requests.items():
        same_timers("approval", code, request, running, reminded)
    queue = select(Duty.person_id).where(Duty.state == "on_duty").order_by(Duty.position)
    assert [told.names[person] for person in session.scalars(queue)] == told.office.queue


def same_timers(
    flow: str,
    code: str,
    known: Lead | Request,
    running: dict[Any, dict[str, datetime]],
    reminded: set[tuple[str, str, str]],
) -> None:
    """The timers that run are the model's with its due instants; what the model still has but for those was a reminder."""
    runs = running.get((flow, code), {})
    expected = {
        name: t.due for name, t in known.timers.items() if name in runs or (flow, code, name) not in reminded
    }
    assert runs == expected, f"timers of {code}: {runs}, {expected}"
