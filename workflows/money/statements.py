"""A person's statement of a month: every line with its customer (masked), event, clause, version of the policy and
arithmetic; what earned nothing and why; and, while the month is open, what its end would add."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, false, or_, select, true
from sqlalchemy.orm import Session

from models.leads import Lead
from models.money import Deduction, Entry, Journal, Month, Sale
from models.people import Person, Project, Team
from workflows import policy as policies
from workflows.engine.actor import CLOCK, Actor
from workflows.engine.refusal import Refused
from workflows.money import reckoning
from workflows.money.agreed import DESKS
from workflows.money.deduction import KINDS as DEDUCTIONS
from workflows.money.months import ends, month_of
from workflows.money.reading import chunks
from workflows.money.reckoning import Scope
from workflows.money.rules import WHY, Line, Source
from workflows.phones import mask_name
from workflows.words import Text, _

KINDS = {
    "call_visit_bonus": _("Bonus for a call-in visit"),
    "visit_bonus": _("Bonus for a visit"),
    "deal_bonus": _("Bonus for a deal"),
    "leader_bonus": _("Leader's bonus for a deal"),
    "call_visit_award": _("Award: most call-in visits"),
    "visit_award": _("Award: most visits"),
    "deal_award": _("Award: most units sold"),
    "award_share": _("Share of a team award"),
    "wage": _("Wage, fixed part"),
    "performance_pay": _("Performance pay"),
    "adjustment": _("Adjustment"),
    "expense": _("Expenses of a field trip"),
    "payout": _("Paid out"),
    **{code: kind.label for code, kind in DEDUCTIONS.items()},
}
AMOUNTS = ("fen", "each", "day", "base", "full")
BEHIND: dict[str, tuple[Any, Any]] = {
    "lead": (Lead.code, Lead.code),
    "sale": (Sale.code, Sale.lead_code),
    "deduction": (Deduction.code, Deduction.lead_code),
}


@dataclass(frozen=True, slots=True)
class Item:
    """A line of a statement as people read it. `late` says that it was earned in an earlier month, closed since; `key` is
    that of its journal and `row` the row of history that caused it (0 for what is not posted)."""

    cause: str
    kind: str
    amount_fen: int
    month: str
    earned_month: str
    clause: str
    version: int
    flow: str
    code: str
    at: datetime
    why: Text
    lead: str | None = None
    customer: str | None = None
    reverses: str | None = None
    posted_at: datetime | None = None
    key: str = ""
    row: int = 0

    @property
    def late(self) -> bool:
        return self.month != self.earned_month

    @property
    def label(self) -> str:
        return KINDS[self.kind]


@dataclass(slots=True)
class Statement:
    """One account and month. `to_come` is what the month's end would post; it is not earned yet."""

    name: str
    month: str
    state: str
    items: list[Item] = field(default_factory=list)
    nothing: list[Item] = field(default_factory=list)
    to_come: list[Item] = field(default_factory=list)

    @property
    def total_fen(self) -> int:
        return sum(item.amount_fen for item in self.items if item.kind != "payout")

    @property
    def paid_fen(self) -> int:
        return -sum(item.amount_fen for item in self.items if item.kind == "payout")

    @property
    def by_kind(self) -> dict[str, int]:
        sums: Counter[str] = Counter()
        for item in self.items:
            sums[item.kind] += item.amount_fen
        return {kind: sums[kind] for kind in KINDS if sums[kind]}


def entries_seen_by(actor: Actor) -> ColumnElement[bool]:
    """Whose entries somebody may see: their own; a leader their team's account; the desks all."""
    if actor is CLOCK or actor.has(*DESKS):
        return true()
    if actor.id is None or actor.roles <= {"admin"}:
        return false()
    seen = [Entry.person_id == actor.id]
    if actor.team_id is not None and actor.has("member", "leader"):
        seen.append(Entry.team_id == actor.team_id)
    return or_(*seen)


def may_see(actor: Actor, person: Person) -> bool:
    """A member sees their own statement; the desks that pay and prove see everybody's."""
    return actor is CLOCK or actor.has(*DESKS) or (actor.id is not None and actor.id == person.id)


def person_seen(session: Session, actor: Actor, name: str) -> Person:
    """The person of this name, if this actor may see their statement. Raises `Refused` (not_found)."""
    person = session.scalar(select(Person).where(Person.name == name)) if "\x00" not in name else None
    if person is None or not may_see(actor, person):
        raise _no_statement()
    return person


def team_seen(session: Session, actor: Actor, name: str) -> Team:
    """The team of this name, for who leads it and the desks. Raises `Refused` (not_found)."""
    team = session.scalar(select(Team).where(Team.name == name)) if "\x00" not in name else None
    leads = team is not None and actor.has("leader") and actor.team_id == team.id
    if team is None or not (actor is CLOCK or actor.has(*DESKS) or leads):
        raise _no_statement()
    return team


def _no_statement() -> Refused:
    return Refused("not_found", Text(_("There is no statement that you may see under this name.")))


def statement(session: Session, person: Person, month: str) -> Statement:
    """The statement of a person and month over all projects; what is shown as earned is what the ledger says."""
    entries = select(Entry).join(Journal).where(Entry.person_id == person.id, Entry.month == month)
    made = Statement(person.name, month, state_of(session, month))
    made.items = explained(session, session.scalars(entries.order_by(Entry.id)).unique())
    for project in session.scalars(select(Project).order_by(Project.id)):
        lines = reckoning.visits_at(session, Scope("visits", project.id, month, str(person.id)))
        made.nothing += [_item(session, line, month) for line in lines if not line.amount_fen]
        if reckoning.closing_row(session, project.id, month) is None:
            made.to_come += [
                _item(session, line, month)
                for line in preview(session, project.id, month)
                if line.person_id == person.id
            ]
    return made


def unpaid_visit(session: Session, lead: Lead) -> Item | None:
    """Why the confirmed visit of this lead earned its promoter nothing; None where it earned, or there is none."""
    if lead.promoter_id is None or lead.assigned_at is None:
        return None
    month = month_of(lead.assigned_at, policies.zone(session))
    lines = reckoning.visits_at(session, Scope("visits", lead.project_id, month, str(lead.promoter_id)))
    own = (line for line in lines if line.source.code == lead.code and not line.amount_fen)
    return next((_item(session, line, month) for line in own), None)


def team_statement(session: Session, team: Team, month: str) -> Statement:
    """The account of a team: its awards, and how the leader divided them."""
    entries = select(Entry).join(Journal).where(Entry.team_id == team.id, Entry.month == month)
    made = Statement(team.name, month, state_of(session, month))
    made.items = explained(session, session.scalars(entries.order_by(Entry.id)).unique())
    for project in session.scalars(select(Project).order_by(Project.id)):
        if reckoning.closing_row(session, project.id, month) is None:
            lines = preview(session, project.id, month)
            made.to_come += [_item(session, line, month) for line in lines if line.team_id == team.id]
    return made


def state_of(session: Session, month: str) -> str:
    """Where the month stands; open where the books do not know it yet. Of several projects the least far one."""
    order = ("open", "submitted", "approved", "paid", "locked")
    found = list(session.scalars(select(Month.state).where(Month.month == month)))
    return min(found, key=order.index, default="open")


def preview(session: Session, project_id: int, month: str) -> list[Line]:
    """What the end of an open month would post, as things stand."""
    closing = Source("month", month, 0, ends(month, policies.zone(session)), 0)
    return reckoning.closing_lines(session, project_id, month, closing)


def explained(session: Session, entries: Iterable[Entry]) -> list[Item]:
    """Entries, in their order, with what history says of them."""
    entries = list(entries)
    _bring_in_leads(session, {(entry.journal.flow, entry.journal.case_code) for entry in entries})
    undone = _undone(session, {e.journal.reverses_id for e in entries if e.journal.reverses_id})
    reckoned = _of_sales(session, {entry.journal.scope for entry in entries})
    found = []
    for entry in entries:
        journal = entry.journal
        lines = reckoned.get(journal.scope)
        if lines is None:
            lines = reckoned[journal.scope] = _lines(session, Scope.of(journal.scope))
        found.append(_of_entry(session, entry, lines.get(journal.cause), undone.get(journal.reverses_id)))
    return found


def _lines(session: Session, scope: Scope) -> dict[str, Line]:
    """The lines of a scope by cause, also those that are worth nothing any more."""
    lines = {posting.line.cause: posting.line for posting in reckoning.expected(session, scope)}
    if scope.kind == "visits":
        lines |= {line.cause: line for line in reckoning.visits_at(session, scope)}
    return lines


def _of_sales(session: Session, scopes: Iterable[str]) -> dict[str, dict[str, Line]]:
    """The lines of every sale among these scopes, read together."""
    sales = [scope for scope in map(Scope.of, sorted(scopes)) if scope.kind == "sale"]
    found: dict[str, dict[str, Line]] = {scope.key: {} for scope in sales}
    for project in {scope.project_id for scope in sales}:
        mine = {scope.about: scope.key for scope in sales if scope.project_id == project}
        for codes in chunks(sorted(mine)):
            for line in reckoning.sales_at(session, project, codes):
                found[mine[line.source.code]][line.cause] = line
    return found


def _undone(session: Session, ids: Iterable[int]) -> dict[int | None, Journal]:
    """The journals under these ids, which others took back."""
    found = (session.scalars(select(Journal).where(Journal.id.in_(part))) for part in chunks(sorted(ids)))
    return {journal.id: journal for part in found for journal in part}


def _of_entry(session: Session, entry: Entry, line: Line | None, undone: Journal | None) -> Item:
    journal = entry.journal
    lead = _lead_of(session, journal.flow, journal.case_code)
    at = line.source.at if line else journal.at
    return Item(
        journal.cause,
        entry.kind,
        entry.amount_fen,
        entry.month,
        journal.earned_month,
        journal.clause,
        journal.policy_version,
        journal.flow,
        journal.case_code,
        at,
        said(line) if line else Text(_("It no longer counts.")),
        lead=lead.code if lead else None,
        customer=mask_name(lead.name or "") if lead else None,
        reverses=undone.key if undone else None,
        posted_at=journal.at,
        key=journal.key,
        row=journal.history_id,
    )


def _item(session: Session, line: Line, month: str) -> Item:
    lead = _lead_of(session, line.source.flow, line.source.code)
    return Item(
        line.cause,
        line.kind,
        line.amount_fen,
        month,
        line.month,
        line.clause,
        line.source.version,
        line.source.flow,
        line.source.code,
        line.source.at,
        said(line),
        lead=lead.code if lead else None,
        customer=mask_name(lead.name or "") if lead else None,
        row=line.source.row,
    )


def said(line: Line) -> Text:
    """The arithmetic of a line as a sentence."""
    values = {name: yuan(value) if name in AMOUNTS else value for name, value in line.values.items()}
    return Text(WHY[line.why], values)


def yuan(fen: int) -> str:
    """Fen as people write yuan: ¥1,234.50."""
    sign, rest = "-" if fen < 0 else "", abs(fen)
    return f"{sign}¥{rest // 100:,}.{rest % 100:02}"


def _lead_of(session: Session, flow: str, code: str) -> Lead | None:
    """The customer behind a line: of a visit, a sale, or a deduction for a fake lead."""
    known = _leads_behind(session)
    if (flow, code) not in known:
        _bring_in_leads(session, {(flow, code)})
    return known[flow, code]


def _leads_behind(session: Session) -> dict[tuple[str, str], Lead | None]:
    found: dict[tuple[str, str], Lead | None] = session.info.setdefault("lead_behind", {})
    return found


def _bring_in_leads(session: Session, places: set[tuple[str, str]]) -> None:
    """Read the customers behind these cases, in a number of queries that hardly grows with them."""
    known = _leads_behind(session)
    known.update({place: None for place in places if place not in known})
    for flow, (own, leads) in BEHIND.items():
        codes = sorted(code for each, code in places if each == flow and known[each, code] is None)
        for part in chunks(codes):
            found = select(own, Lead).where(leads == Lead.code, own.in_(part))
            known.update({(flow, code): lead for code, lead in session.execute(found)})


def as_json(made: Statement, locale: str) -> dict[str, Any]:
    """A statement as the API gives it."""
    return {
        "name": made.name,
        "month": made.month,
        "state": made.state,
        "total_fen": made.total_fen,
        "paid_fen": made.paid_fen,
        "by_kind": made.by_kind,
        "lines": [item_json(item, locale) for item in made.items],
        "nothing": [item_json(item, locale) for item in made.nothing],
        "to_come": [item_json(item, locale) for item in made.to_come],
    }


def item_json(item: Item, locale: str) -> dict[str, Any]:
    return {
        "cause": item.cause,
        "kind": item.kind,
        "label": Text(item.label).say(locale),
        "amount_fen": item.amount_fen,
        "month": item.month,
        "earned_month": item.earned_month,
        "late": item.late,
        "clause": item.clause,
        "policy_version": item.version,
        "workflow": item.flow,
        "code": item.code,
        "lead": item.lead,
        "customer": item.customer,
        "at": item.at,
        "posted_at": item.posted_at,
        "reverses": item.reverses,
        "why": item.why.say(locale),
    }


__all__ = [
    "Item",
    "Statement",
    "as_json",
    "explained",
    "may_see",
    "person_seen",
    "statement",
    "team_seen",
    "team_statement",
]
