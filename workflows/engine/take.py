"""`take`: the one path. Lock the case, check the step, change it, remember it, announce it; all in the caller's
transaction. A refusal is raised before anything is written.

The checks come in the order of `refusal.CODES`: is there such a case for this actor, does the event leave its state, may
this actor take it, are the facts well-formed, do the guards hold, did somebody else come first.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache, lru_cache
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from pydantic import ValidationError
from sqlalchemy import Select, bindparam, select, true
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import instance_dict

from models.base import Base
from models.books import books
from models.people import Person, Project
from models.remembered import Approval
from models.sealed import Sealed
from workflows import policy as policies
from workflows.engine import chain
from workflows.engine.actor import CLOCK, Actor
from workflows.engine.flow import Facts, Flow, Step
from workflows.engine.refusal import Refused, not_found
from workflows.engine.timing import CaseTimers
from workflows.words import Text, _

ALPHABET = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
HISTORY, OUTBOX = Base.metadata.tables["history"], Base.metadata.tables["outbox"]
_UNKNOWN = object()
PROJECT = Base.metadata.tables["project"]
FIRST_PROJECT = select(PROJECT.c.id).order_by(PROJECT.c.id).limit(1)
PROJECT_NAMED = select(PROJECT.c.id).where(PROJECT.c.code == bindparam("code"))
PERSON_NAMED = select(Person).where(Person.name == bindparam("name"))


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
    check.facts, check.people = _well_formed(check)
    _hold_guards(check)
    if ask.version is not None and ask.version != case.version:
        raise _overtaken()
    return check


def _blank(session: Session, ask: Ask) -> Any:
    """A case that does not exist yet, in the project named or the company's first."""
    connection = session.connection()
    project = (
        connection.scalar(PROJECT_NAMED, {"code": ask.project})
        if ask.project
        else connection.scalar(FIRST_PROJECT)
    )
    if project is None:
        raise Refused(
            "invalid_data",
            Text(_("There is no such project.")),
            errors={"project": _("There is no such project.")},
        )
    if any(s.serial for s in ask.flow.by_event()[ask.event]):
        lock_project(session, project)
    return ask.flow.table(project_id=project, version=0, head="")


def locked(session: Session, ask: Ask, patient: bool = True) -> Any:
    """The case under lock, if this actor may see it. The project first where the step concerns the whole rotation.

    The impatient do not wait for a case that somebody else holds: to them it is not there. Locks leave keys alone
    (`FOR NO KEY UPDATE`): a row of history that only names the project or the case need not wait for them.
    """
    everything = ask.house or ask.by is CLOCK
    held, key = books(session).held, (ask.flow.flow_name, ask.code or "")
    case = held.get(key) if everything else None
    if case is not None:
        return case
    if ask.flow.serial(ask.event):
        table = ask.flow.table
        project_id = session.scalar(select(table.project_id).where(table.code == ask.code))
        if project_id is not None:
            lock_project(session, project_id)
    wanted = _under_lock(ask.flow, None if everything else ask.by, patient)
    session.flush()
    row = session.connection().execute(wanted, {"code": ask.code, "at": ask.at}).first()
    if row is None:
        raise not_found(ask.flow.label)
    policies.learn(session, ask.at, row[-1])
    held[key] = case = books(session).seat(ask.flow.table, _columns(ask.flow), [row])[0]
    return case


@lru_cache(maxsize=4096)
def _under_lock(flow: type[Flow], by: Actor | None, patient: bool) -> Select[Any]:
    """The statement that locks one case of this flow, as far as this actor sees it, and says which policy is in force; kept,
    for building it costs as much as running it."""
    table, version = flow.table.__table__, policies.IN_FORCE.scalar_subquery()
    wanted = select(*(table.c[name] for name in _columns(flow)), version)
    wanted = wanted.where(table.c.code == bindparam("code"))
    sight = true() if by is None else flow.seen_by(by)
    if by is not None and sight.compare(true()):
        return _under_lock(flow, None, patient)
    wanted = wanted.where(sight)
    return wanted.with_for_update(of=table, key_share=True, skip_locked=not patient)


@cache
def _columns(flow: type[Flow], sealed: bool = True) -> tuple[str, ...]:
    """The columns of a case, its id first; without those that are sealed, if they are to be read later."""
    columns = flow.table.__table__.columns
    shown = [c.name for c in columns if c.name != "id" and (sealed or not isinstance(c.type, Sealed))]
    return ("id", *shown)


def hold(session: Session, flow: type[Flow], ids: Sequence[int], patient: bool = True) -> list[Any]:
    """Lock many cases of a flow by one statement, for steps of the clock that follow in this transaction; the impatient pass
    over those that somebody else holds. What is sealed in them is read only if a step asks for it."""
    table, names = flow.table.__table__, _columns(flow, sealed=False)
    wanted = select(*(table.c[name] for name in names)).where(table.c.id.in_(ids)).order_by(table.c.id)
    lock = wanted.with_for_update(of=table, key_share=True, skip_locked=not patient)
    cases = books(session).seat(flow.table, names, session.connection().execute(lock))
    books(session).held.update({(flow.flow_name, case.code): case for case in cases})
    return cases


def lock_project(session: Session, project_id: int) -> None:
    """Lock a project, once a transaction."""
    held, key = books(session).held, ("project", str(project_id))
    if key not in held:
        session.execute(select(Project.id).where(Project.id == project_id).with_for_update(key_share=True))
        held[key] = project_id


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


def _well_formed(check: Check) -> tuple[Facts, dict[str, Person]]:
    """The facts as their model reads them, with the people they name."""
    zone = policies.zone(check.session)
    try:
        context = {"policy": check.policy, "zone": zone}
        facts = check.step.facts.model_validate(dict(check.ask.facts), context=context)
    except ValidationError as error:
        raise _invalid(
            {".".join(str(p) for p in e["loc"]) or "facts": _said(e) for e in error.errors()}
        ) from error
    people: dict[str, Person] = {}
    missing: dict[str, str | Text] = {}
    if not facts.marked("person"):
        return facts, people
    today = check.at.astimezone(zone).date()
    for name in sorted(facts.marked("person")):
        wanted = getattr(facts, name)
        if wanted is not None:
            found = check.session.scalar(PERSON_NAMED, {"name": wanted})
            gone = found is not None and found.left_on is not None and found.left_on <= today
            if found is None or (gone and name not in facts.marked("left")):
                missing[name] = _("There is nobody of this name on the staff.")
            else:
                people[name] = found
    if missing:
        raise _invalid(missing)
    return facts, people


SAID = {
    "missing": _("This is needed."),
    "extra_forbidden": _("There is no such field."),
    "string_too_short": _("This is needed."),
    "string_too_long": _("At most %(max_length)s characters."),
    "string_type": _("A text is expected."),
    "string_unicode": _("A text is expected."),
    "string_pattern_mismatch": _("This text has characters that cannot be kept."),
    "literal_error": _("Choose one of the given values."),
    "enum": _("Choose one of the given values."),
    "int_type": _("A whole number is expected."),
    "int_from_float": _("A whole number is expected."),
    "int_parsing": _("A whole number is expected."),
    "int_parsing_size": _("This number is too large."),
    "greater_than_equal": _("At least %(ge)s."),
    "less_than_equal": _("At most %(le)s."),
    "bool_type": _("Yes or no is expected."),
    "date_type": _("A date is expected, such as 2026-03-01."),
    "date_parsing": _("A date is expected, such as 2026-03-01."),
    "date_from_datetime_parsing": _("A date is expected, such as 2026-03-01."),
    "date_from_datetime_inexact": _("A date is expected, such as 2026-03-01."),
    "datetime_type": _("A date and time is expected, such as 2026-03-01T09:00+08:00."),
    "datetime_parsing": _("A date and time is expected, such as 2026-03-01T09:00+08:00."),
    "datetime_from_date_parsing": _("A date and time is expected, such as 2026-03-01T09:00+08:00."),
}


def _said(error: Any) -> str | Text:
    """A validation error as a person would put it."""
    known = SAID.get(error["type"])
    if known:
        limits = {k: v for k, v in error.get("ctx", {}).items() if k in ("max_length", "ge", "le")}
        return Text(known, limits) if limits and "%(" in known else known
    return str(error["msg"]).removeprefix("Value error, ").removeprefix("Assertion failed, ")


def _invalid(errors: Mapping[str, str | Text]) -> Refused:
    reason = Text(_("The data are not complete or not right: %(fields)s."), {"fields": ", ".join(errors)})
    return Refused("invalid_data", reason, errors=errors)


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
        _open(check, injected)
    else:
        flow.fire(case, ask.event, **injected)
    row = _remember(check, source, before)
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


def _open(check: Check, injected: dict[str, Any]) -> None:
    """Begin a case; a unique constraint that says no means that somebody else began it first."""
    case, flow = check.case, check.ask.flow
    case.code = flow.prefix + "".join(secrets.choice(ALPHABET) for _unused in range(8))
    flow.initiate(case, check.ask.event, **injected)
    case.policy_version = check.policy.version
    session = books(check.session)
    try:
        session.begin_case(case)
    except IntegrityError as error:
        raise _overtaken() from error
    session.held[flow.flow_name, case.code] = case


def _remember(check: Check, source: str | None, before: dict[str, Any]) -> chain.Line:
    """Write the line of history: who, what, when, which columns took which values."""
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
    line = chain.link(case, says, private)
    books(check.session).writing.add(HISTORY, line.row)
    return line


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
