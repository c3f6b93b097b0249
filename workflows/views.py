"""How a case looks to somebody: fields in clear for those entitled, masked for the others; what they may do, and why not
the rest. Pages and the API show the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import Pool, bindparam, select
from sqlalchemy.orm import Session

from models.leads import Lead
from models.people import Person, Project, Team
from models.remembered import Approval, History, Timer
from workflows.approval import Approver, beneficiaries, steps_of, subject_flow, subject_of
from workflows.engine.actor import Actor
from workflows.engine.flow import Flow, Step
from workflows.lead import entitled
from workflows.phones import mask, mask_name
from workflows.words import Text, _

INSTANTS = (
    "captured_at", "screened_at", "visited_at", "offered_at", "assigned_at", "unconverted_at", "reclaimed_at", "closed_at", "next_at",
)  # fmt: skip
PLAIN = (
    "code", "state", "outcome", "channel", "intent", "budget_fen", "area_m2", "spot", "campaign", "party_size", "units",
    "amount_fen", "close_reason", "version",
)  # fmt: skip


def names(session: Session) -> dict[int | None, str]:
    """Everybody's name by id, read once per session."""
    found: dict[int | None, str] | None = session.info.get("names")
    if found is None:
        found = session.info["names"] = {
            row.id: row.name for row in session.execute(select(Person.id, Person.name))
        }
    return found


NAMED = select(Person.id, Person.name).where(Person.id.in_(bindparam("ids", expanding=True)))


def named(session: Session, who: Actor, *ids: int | None) -> dict[int | None, str]:
    """The names of these few people, for a look at one case: only those are read that are not known yet."""
    everybody: dict[int | None, str] | None = session.info.get("names")
    if everybody is not None:
        return everybody
    some: dict[int | None, str] = session.info.setdefault("some_names", {})
    if who.id is not None:
        some[who.id] = who.name
    if missing := sorted({each for each in ids if each is not None} - some.keys()):
        some |= {row.id: row.name for row in session.execute(NAMED, {"ids": missing})}
    return some


def project_code(session: Session, project_id: int) -> str:
    """The code of a project, read once per process and database: it never changes."""
    known = CODES.setdefault(session.get_bind().engine.pool, {})
    if project_id not in known:
        known[project_id] = session.scalars(select(Project.code).where(Project.id == project_id)).one()
    return known[project_id]


CODES: WeakKeyDictionary[Pool, dict[int, str]] = WeakKeyDictionary()


def team_names(session: Session) -> dict[int | None, str]:
    """Every team's name by id, read once per session."""
    found: dict[int | None, str] | None = session.info.get("team_names")
    if found is None:
        found = session.info["team_names"] = {
            row.id: row.name for row in session.execute(select(Team.id, Team.name))
        }
    return found


def lead_codes(session: Session, leads: Sequence[Lead]) -> dict[int | None, str]:
    """The codes of the earlier leads that these point to; read for all of them at once."""
    known: dict[int | None, str] = session.info.setdefault("lead_codes", {})
    if missing := {lead.previous_id for lead in leads if lead.previous_id} - known.keys():
        known |= {
            row.id: row.code
            for row in session.execute(select(Lead.id, Lead.code).where(Lead.id.in_(missing)))
        }
    return known


def name_seen(actor: Actor, lead: Lead, *, clear: bool | None = None) -> str | None:
    """The customer's name as this actor reads it: in clear, or its first sign. Reception calls customers by their names."""
    clear = entitled(actor, lead) if clear is None else clear
    return lead.name if clear or actor.has("reception") else mask_name(lead.name or "")


def lead_view(session: Session, actor: Actor, lead: Lead, *, clear: bool | None = None) -> dict[str, Any]:
    """A lead as this actor sees it. `clear` is set by an unmasking that has been logged."""
    clear = entitled(actor, lead) if clear is None else clear
    who = named(session, actor, lead.promoter_id, lead.holder_id, lead.offered_to_id)
    view: dict[str, Any] = {name: getattr(lead, name) for name in PLAIN}
    view |= {name: getattr(lead, name) for name in INSTANTS}
    view |= {
        "project": project_code(session, lead.project_id),
        "promoter": who.get(lead.promoter_id),
        "holder": who.get(lead.holder_id),
        "offered_to": who.get(lead.offered_to_id),
        "previous": lead_codes(session, [lead]).get(lead.previous_id),
        "masked": not clear,
        "name": name_seen(actor, lead, clear=clear),
        "phone": (lead.phone or "").removeprefix("+86") if clear else mask(lead.phone or ""),
        "demand": lead.demand if clear else None,
        "note": lead.note if clear else None,
        "contract_no": lead.contract_no if clear else None,
    }
    return view


@dataclass(frozen=True, slots=True)
class Choice:
    """An event of the workflow as somebody meets it on a page: a button that works, or one that says why it does not."""

    event: str
    step: Step
    allowed: bool
    needs_approval: bool
    why_not: Text | None


def choices(flow: type[Flow], actor: Actor, case: Any) -> list[Choice]:
    """The events of this flow for this actor now, those that are possible first; automatic ones and openings left out."""
    found = [_choice(flow, event, steps, actor, case) for event, steps in flow.by_event().items()]
    return sorted((c for c in found if c), key=lambda c: not c.allowed)


def _choice(flow: type[Flow], event: str, steps: list[Step], actor: Actor, case: Any) -> Choice | None:
    offered = [s for s in steps if not s.opens and not s.automatic and s.by.roles != {"clock"}]
    if not offered:
        return None
    here = next((s for s in offered if case.state in s.sources and (not s.when or s.when(case))), None)
    if here is None:
        sources = dict.fromkeys(source for each in offered for source in each.sources)
        states = _listed([flow.states_map[source].name for source in sources])
        return Choice(
            event,
            offered[0],
            False,
            bool(offered[0].approved_by),
            Text(_("Not in this state; only when: %(states)s."), {"states": states}),
        )
    if not here.by.allows(actor, case):
        who = Text(_("Only: %(who)s."), {"who": _listed([part.label for part in here.by.parts])})
        return Choice(event, here, False, bool(here.approved_by), who)
    return Choice(event, here, True, bool(here.approved_by), None)


def _listed(labels: list[str]) -> Text:
    """Marked texts one after the other, each said in the reader's language."""
    keys = {f"w{i}": Text(label) for i, label in enumerate(labels)}
    return Text(" / ".join(f"%({key})s" for key in keys), keys)


def history_of(session: Session, flow: str, code: str) -> list[History]:
    """Everything that happened to a case, in order."""
    return list(
        session.scalars(
            select(History).where(History.flow == flow, History.case_code == code).order_by(History.seq)
        )
    )


def history_view(session: Session, row: History, *, clear: bool) -> dict[str, Any]:
    """One thing that happened. Sealed facts are shown only to those who read the case in clear."""
    who, flow = names(session), subject_flow(row.flow)
    return {
        "seq": row.seq,
        "event": row.event,
        "from": row.source,
        "to": row.target,
        "by": who.get(row.by_id) or row.by_role,
        "approved_by": who.get(row.approved_by_id),
        "at": row.at,
        "due_at": row.due_at,
        "facts": {**row.facts, **((row.private or {}) if clear else {})},
        "changes": dict(spoken(session, flow, k, v) for k, v in row.changes.items()),
        "hash": row.hash,
    }


def spoken(session: Session, flow: type[Flow], column: str, value: Any) -> tuple[str, Any]:
    """A column of a case as it is told: people and teams by their names, and no `_id` at the end of its own.

    Where a list bears people's ids (`names_people`), it becomes their names; with a value beside each, values by name.
    """
    who, known = names(session), flow.table.__table__.columns
    tables = {key.column.table for key in known[column].foreign_keys} if column in known else set()
    if Person.__table__ in tables:
        value = who.get(value)
    elif Team.__table__ in tables:
        value = team_names(session).get(value)
    elif column in flow.names_people and value:
        paired = isinstance(value[0], list | tuple)
        value = {who.get(i): each for i, each in value} if paired else [who.get(i) for i in value]
    return column.removesuffix("_id"), value


def timers_of(session: Session, flow: str, code: str) -> list[Timer]:
    """A case's timers, those that still run first."""
    mine = select(Timer).where(Timer.flow == flow, Timer.case_code == code)
    return sorted(session.scalars(mine), key=lambda t: (t.state != "pending", t.due_at, t.id))


def timer_view(timer: Timer) -> dict[str, Any]:
    late = (
        (timer.ended_at - timer.due_at).total_seconds() if timer.state == "fired" and timer.ended_at else None
    )
    return {
        "name": timer.name,
        "state": timer.state,
        "started_at": timer.started_at,
        "due_at": timer.due_at,
        "ended_at": timer.ended_at,
        "waits_for": timer.waits_for,
        "result": timer.result,
        "late_seconds": late,
    }


def approval_view(session: Session, approval: Approval, *, clear: bool) -> dict[str, Any]:
    """An approval; its frozen data in clear only for those who read the case in clear."""
    who = names(session)
    private = steps_of(approval)[0].facts.marked("private")
    return {
        "id": approval.code,
        "status": approval.state,
        "flow": approval.flow,
        "code": approval.case_code,
        "event": approval.event,
        "data": {k: v for k, v in approval.frozen.items() if clear or k not in private},
        "approver": approval.approver,
        "requested_by": who.get(approval.requested_by_id),
        "requested_at": approval.requested_at,
        "decided_by": who.get(approval.decided_by_id),
        "decided_at": approval.decided_at,
        "note": approval.note,
        "reason": approval.reason,
        "version": approval.version,
    }


def lead_views(session: Session, actor: Actor, leads: Sequence[Lead]) -> dict[str, dict[str, Any]]:
    """Many leads as this actor sees them, by code, in a number of queries that does not grow with them."""
    bring_in(session, leads)
    if leads:
        names(session)
    return {lead.code: lead_view(session, actor, lead) for lead in leads}


def case_view(session: Session, actor: Actor, flow: type[Flow], case: Any) -> dict[str, Any]:
    """A case of any workflow as this actor sees it."""
    if isinstance(case, Lead):
        return lead_view(session, actor, case)
    if isinstance(case, Approval):
        return approval_view(session, case, clear=reads_clear(session, actor, flow, case))
    view = {"code": case.code, "state": case.state, "version": case.version}
    return view | dict(spoken(session, flow, column, getattr(case, column)) for column in flow.remembers)


def case_views(
    session: Session, actor: Actor, flow: type[Flow], cases: Sequence[Any]
) -> list[dict[str, Any]]:
    """Many at once, in a number of queries that does not grow with them."""
    subjects = [case for case in cases if isinstance(case, Approval)]
    bring_in(session, [case for case in cases if isinstance(case, Lead)] + subjects_of(session, subjects))
    if cases:
        names(session)
    return [case_view(session, actor, flow, case) for case in cases]


def subjects_of(session: Session, approvals: Sequence[Approval]) -> list[Any]:
    """The cases these approvals are about, read at once, one query per workflow; later looks find them in the session."""
    found: list[Any] = []
    for flow in {approval.flow for approval in approvals}:
        table = subject_flow(flow).table
        found += session.scalars(
            select(table).where(table.id.in_([a.case_id for a in approvals if a.flow == flow]))
        )
    session.info.setdefault("held", []).append(found)
    return found


def bring_in(session: Session, cases: Sequence[Any]) -> None:
    """Read what the views of leads look at beside the lead: its people, project and earlier lead."""
    leads = [case for case in cases if isinstance(case, Lead)]
    told = ((lead.promoter_id, lead.holder_id, lead.offered_to_id) for lead in leads)
    ids = {person for people in told for person in people if person}
    people = list(session.scalars(select(Person).where(Person.id.in_(ids)))) if ids else []
    session.info.setdefault("held", []).append(people)
    session.info.setdefault("some_names", {}).update({person.id: person.name for person in people})
    lead_codes(session, leads)


def may_decide(session: Session, actor: Actor, approval: Approval) -> bool:
    """Whether this approval waits for this actor: they are its approver, and neither asked for it nor gain from it."""
    if (
        approval.state != "pending"
        or not Approver.allows(actor, approval)
        or actor.id == approval.requested_by_id
    ):
        return False
    return actor.id not in beneficiaries(session, approval)


def reads_clear(session: Session, actor: Actor, flow: type[Flow], case: Any) -> bool:
    """Whether this actor reads what is personal in a case, or in what an approval is about."""
    if isinstance(case, Approval):
        flow, case = subject_flow(case.flow), subject_of(session, case)
    return entitled(actor, case) if isinstance(case, Lead) else flow.reads_clear(actor, case)


def visible(session: Session, flow: type[Flow], actor: Actor, code: str) -> Any:
    """The case under this code if this actor may see it, else None."""
    return session.scalar(select(flow.table).where(flow.table.code == code, flow.seen_by(actor)))
