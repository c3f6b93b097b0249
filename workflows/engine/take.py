"""`take`: the one path. Lock the case, check the step, change it, remember it, announce it; all in the caller's
transaction. A refusal is raised before anything is written.

The checks come in the order of `refusal.CODES`: is there such a case for this actor, does the event leave its state, may
this actor take it, are the facts well-formed, do the guards hold, did somebody else come first.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from sqlalchemy import Select, Table, bindparam, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import instance_dict

from models.base import Base
from models.books import books
from models.people import Person
from models.remembered import Approval
from models.writing import next_number
from workflows import policy as policies
from workflows.engine import chain
from workflows.engine.actor import Actor
from workflows.engine.facts import well_formed
from workflows.engine.flow import Facts, Flow, Step
from workflows.engine.locking import lock_project, locked
from workflows.engine.refusal import Refused
from workflows.engine.timing import CaseTimers
from workflows.words import Text, _

ALPHABET = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
HISTORY, OUTBOX = Base.metadata.tables["history"], Base.metadata.tables["outbox"]
_UNKNOWN = object()
PROJECT = Base.metadata.tables["project"]


@dataclass(frozen=True, slots=True)
class Ask:
    """Somebody asks for an event. `at` is the present instant, `due_at` the one at which a timer was due.

    `house` marks what follows from another step: the house takes it itself, so nobody's permission is asked.
    """

    flow: type[Flow]
    event: str
    by: Actor
    at: datetime
    code: str | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)
    version: int | None = None
    project: str | None = None
    due_at: datetime | None = None
    timer_id: int | None = None
    approval: Approval | None = None
    approved_by: Actor | None = None
    house: bool = False


@dataclass(slots=True)
class Check:
    """An ask that has been looked at: the case, its step, its well-formed facts. Guards and rules read it; `seen` is what one
    of them read and another needs too."""

    session: Session
    ask: Ask
    step: Step
    case: Any
    facts: Facts
    people: dict[str, Person]
    policy: policies.Policy
    seen: dict[str, Any] = field(default_factory=dict)

    @property
    def by(self) -> Actor:
        return self.ask.by

    @property
    def at(self) -> datetime:
        return self.ask.at


@dataclass(slots=True)
class Taken:
    """What came of it: the case with its new line of history, or the approval that was opened instead."""

    case: Any
    row: chain.Line | None = None
    approval: Approval | None = None


def take(session: Session, ask: Ask) -> Taken:
    """Take one step, or open the approval it needs. Raises `Refused`; the caller commits or rolls back.

    What is written is gathered by the session (`Books`) and written when it is next flushed: at the latest before the
    commit. So one step costs one statement per table, and hundreds in one transaction cost the same."""
    check = consider(session, ask)
    if check.step.approved_by and ask.approval is None and not ask.house:
        from workflows.approval import request

        return Taken(check.case, approval=request(check))
    if check.step.first and (overtaken := _refusal_of_first(check)):
        return take(session, overtaken)
    return _carry_out(check)


def consider(session: Session, ask: Ask) -> Check:
    """Lock and check without changing anything. Raises `Refused`."""
    steps = ask.flow.by_event().get(ask.event)
    if not steps:
        raise Refused(
            "not_found", Text(_("There is no event %(event)s in this workflow."), {"event": ask.event})
        )
    opens = ask.code is None and steps[0].opens
    case = _blank(session, ask) if opens else locked(session, ask)
    step = _step(ask, case, opens)
    _permit(ask, step, case)
    check = Check(session, ask, step, case, Facts(), {}, policies.in_force(session, ask.at))
    check.facts, check.people = well_formed(check)
    _hold_guards(check)
    if ask.version is not None and ask.version != case.version:
        raise _overtaken()
    return check


def _blank(session: Session, ask: Ask) -> Any:
    """A case that does not exist yet, with its number, in the project named or the company's first."""
    connection = session.connection()
    wanted = _beginning(ask.flow.table.__table__, connection.dialect.name, bool(ask.project))
    found = connection.execute(wanted, {"at": ask.at, "code": ask.project}).first()
    if found is None:
        raise Refused(
            "invalid_data",
            Text(_("There is no such project.")),
            errors={"project": _("There is no such project.")},
        )
    project, number, version = found
    policies.learn(session, ask.at, version)
    if any(s.serial for s in ask.flow.by_event()[ask.event]):
        lock_project(session, project)
    return ask.flow.table(id=number, project_id=project, version=0, head="")


@cache
def _beginning(table: Table, dialect: str, named: bool) -> Select[int, int, int]:
    """What a new case of this table must know first, in one look: its project, its number, and the policy in force. Its number
    stands in its first line of history, so it must be known before the case is written down."""
    wanted = select(PROJECT.c.id, next_number(table, dialect), policies.IN_FORCE.scalar_subquery())
    if named:
        return wanted.where(PROJECT.c.code == bindparam("code"))
    return wanted.order_by(PROJECT.c.id).limit(1)


def _step(ask: Ask, case: Any, opens: bool) -> Step:
    step = ask.flow.steps.get((ask.event, None if opens else case.state))
    if step is None or (step.when and not step.when(case)):
        allowed = [s for each in ask.flow.by_event()[ask.event] for s in each.sources]
        raise Refused(
            "not_allowed_from_state",
            Text(
                _("“%(event)s” is not possible now: the state is “%(state)s”."),
                {
                    "event": Text(ask.flow.by_event()[ask.event][0].label),
                    "state": ask.flow.state_label(case.state),
                },
            ),
            rule=f"{ask.event} from {', '.join(allowed)}",
            values={"state": case.state, "allowed_from": allowed},
        )
    return step


def _permit(ask: Ask, step: Step, case: Any) -> None:
    if ask.house or (not step.automatic and step.by.allows(ask.by, case)):
        return
    raise Refused(
        "not_permitted",
        Text(_("You may not do “%(event)s” here."), {"event": Text(step.label)}),
        rule=step.by.key,
        who=[part.label for part in step.by.parts],
        values={"roles": sorted(ask.by.roles)},
    )


def _hold_guards(check: Check) -> None:
    """See that every guard holds, those that name a conflict last."""
    for guard in sorted(check.step.guards, key=lambda g: g.code == "conflict"):
        held = guard.test(check)
        if held is not True:
            values = held if isinstance(held, dict) else {}
            raise Refused(
                guard.code, Text(guard.reason, values), rule=guard.name, instead=guard.instead, values=values
            )


def _overtaken() -> Refused:
    return Refused(
        "conflict",
        Text(_("Somebody else changed this in the meantime.")),
        instead=_("Look at it as it stands now, then decide again."),
    )


def _refusal_of_first(check: Check) -> Ask | None:
    """Take what must come first; the ask for what happens instead where that no longer fits."""
    assert check.step.first
    try:
        with check.session.begin_nested():  # what it did before it was refused, if anything, is undone
            take(check.session, check.step.first(check))
    except Refused as refusal:
        reason = {"reason": refusal.detail("zh"), "code": refusal.code}
        ask = check.ask
        return Ask(ask.flow, check.step.otherwise, ask.by, ask.at, code=ask.code, facts=reason, house=True)
    return None


def _carry_out(check: Check) -> Taken:
    ask, case, flow, step = check.ask, check.case, check.ask.flow, check.step
    source = None if step.opens else case.state
    before = dict(instance_dict(case)) if source else {}
    timers = CaseTimers(
        check.session, flow.flow_name, case, ask.at, check.policy, policies.zone(check.session)
    )
    injected = {"facts": check.facts, "people": check.people, "ask": ask, "timers": timers, "check": check}
    if step.opens:
        _draw_up(check, injected)
    else:
        flow.fire(case, ask.event, **injected)
    row = _line(check, source, before)
    if step.opens:
        _begin(check)
    books(check.session).writing.add(HISTORY, row.row)
    for timer in step.starts:
        if timer.when is None or timer.when(case):
            timers.start(timer)
    for fact in step.announces:
        announce(
            check.session, flow, case, fact, ask.at, cause=f"{flow.flow_name}:{case.code}:{row.seq}", row=row
        )
    books(check.session).note(case)
    for following in step.then:
        for each in following(check):
            take(check.session, each)
    return Taken(case, row)


def _draw_up(check: Check, injected: dict[str, Any]) -> None:
    """A new case as its first step makes it, with its code."""
    case, flow = check.case, check.ask.flow
    case.code = flow.prefix + "".join(secrets.choice(ALPHABET) for _unused in range(8))
    flow.initiate(case, check.ask.event, **injected)
    case.policy_version = check.policy.version


def _begin(check: Check) -> None:
    """Write a new case down; a unique constraint that says no means that somebody else began it first."""
    session, case = books(check.session), check.case
    try:
        session.begin_case(case)
    except IntegrityError as error:
        raise _overtaken() from error
    session.held[check.ask.flow.flow_name, case.code] = case


def _line(check: Check, source: str | None, before: dict[str, Any]) -> chain.Line:
    """The line of history: who, what, when, which columns took which values."""
    ask, case, flow = check.ask, check.case, check.ask.flow
    now, unknown = instance_dict(case), None if source is None else _UNKNOWN
    changes = {
        name: chain.plain(value)
        for name in flow.remembers
        if (value := now.get(name, unknown)) != before.get(name, unknown)
    }
    open_facts, private = _split(check.facts)
    says = {
        "flow": flow.flow_name,
        "case_id": case.id,
        "case_code": case.code,
        "project_id": case.project_id,
        "event": ask.event,
        "source": source,
        "target": case.state,
        "by_id": ask.by.id,
        "by_role": ask.by.kind,
        "approved_by_id": ask.approved_by.id if ask.approved_by else None,
        "approval_code": ask.approval.code if ask.approval else None,
        "timer_id": ask.timer_id,
        "at": ask.at,
        "due_at": ask.due_at,
        "facts": open_facts,
        "changes": changes,
        "policy_version": check.policy.version,
    }
    return chain.link(case, says, private)


def _split(facts: Facts) -> tuple[dict[str, Any], dict[str, Any]]:
    """The facts that may stand in the open, and those about the customer that are sealed."""
    given = facts.model_dump(mode="json", exclude_none=True)
    sealed = {name: given.pop(name) for name in facts.marked("private") & given.keys()}
    return given, sealed


def announce(
    session: Session,
    flow: type[Flow],
    case: Any,
    fact: str,
    at: datetime,
    *,
    cause: str,
    row: chain.Line | None = None,
    **more: Any,
) -> None:
    """Put a fact into the outbox, under a unique id made of its cause."""
    body = {"code": case.code, "state": case.state, "project_id": case.project_id, **flow.tells(case), **more}
    if row is not None:
        body |= {"event": row.event, "seq": row.seq, "by_id": row.by_id, "by_role": row.by_role}
        body |= {"due_at": chain.plain(row.due_at)} if row.due_at else {}
    books(session).writing.add(
        OUTBOX,
        {
            "uid": str(uuid5(NAMESPACE_URL, f"tuoke:{cause}:{fact}")),
            "fact": fact,
            "cause": cause,
            "flow": flow.flow_name,
            "case_code": case.code,
            "at": at,
            "body": body,
            "next_at": at,
        },
    )
