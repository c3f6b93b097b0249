"""What came of a scenario, and whether it is what the scenario expects."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from models import database
from models.leads import Lead
from models.money import Deduction, Entry, Sale
from models.people import Person, Team
from models.remembered import Approval
from workflows import views
from workflows.engine import CLOCK, Flow
from workflows.flows import FLOWS


@dataclass(slots=True)
class Played:
    """What came of a scenario."""

    leads: dict[str, dict[str, Any]] = field(default_factory=dict)
    cases: dict[str, dict[str, Any]] = field(default_factory=dict)
    ledger: list[dict[str, Any]] = field(default_factory=list)
    approvals: list[dict[str, Any]] = field(default_factory=list)
    refusals: list[dict[str, Any]] = field(default_factory=list)
    failures: list[dict[str, Any]] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        names = ("leads", "cases", "ledger", "approvals", "refusals", "failures")
        return {name: getattr(self, name) for name in names}


class Outcome:
    """Collects what stands in the books of a rehearsal, under the scenario's own names, and compares."""

    def __init__(self, engine: Engine) -> None:
        self.engine, self.played = engine, Played()
        self.called: dict[str, str] = {}

    def collect(self, codes: dict[str, str]) -> None:
        with database.begin(self.engine) as session:
            names = {person.id: person.name for person in session.scalars(select(Person))}
            called = self.called = _called(session, codes)
            self.played.leads = {
                called[lead.code]: _seen(lead, names)
                for lead in session.scalars(select(Lead).where(Lead.code.in_(called)).order_by(Lead.id))
            }
            self.played.cases = dict(_cases(session, called))
            self.played.approvals = [_approval(a, names, called) for a in _approvals(session)]
            self.played.ledger = list(_ledger(session, names))

    def expect(self, where: str, wanted: dict[str, Any]) -> None:
        for kind in ("leads", "cases"):
            found: dict[str, dict[str, Any]] = getattr(self.played, kind)
            for name, fields in (wanted.get(kind) or {}).items():
                self._fields(where, str(name), fields, found.get(str(name)))
        if "approvals" in wanted:
            self._approvals(where, wanted["approvals"] or [])
        if "ledger" in wanted:
            self._ledger(where, wanted["ledger"] or [])

    def _fields(self, where: str, name: str, fields: dict[str, Any], got: dict[str, Any] | None) -> None:
        for key, value in fields.items():
            if got is None or got.get(key) != value:
                there = got and got.get(key)
                self.fail({"at": where, "lead": name, "field": key, "expected": value, "got": there})

    def _approvals(self, where: str, wanted: list[dict[str, Any]]) -> None:
        """Each expected approval must be found, in order, among those that match its lead and event."""
        rest = list(self.played.approvals)
        for each in wanted:
            found = next((a for a in rest if all(a.get(k) == v for k, v in each.items())), None)
            if found is None:
                alike = [a for a in rest if a["lead"] == each.get("lead")]
                self.fail({"at": where, "expected": each, "got": alike})
            else:
                rest.remove(found)

    def _ledger(self, where: str, wanted: list[dict[str, Any]]) -> None:
        """The sums by account, month and kind, those of nothing left out, must be exactly these."""
        expected, got = _sums(wanted), _sums(self.played.ledger)
        for key in sorted(expected.keys() | got.keys(), key=str):
            if expected.get(key) != got.get(key):
                account, month, kind = key
                place = {"at": where, "ledger": f"{account} {month} {kind}"}
                self.fail({**place, "expected": expected.get(key, 0), "got": got.get(key, 0)})

    def fail(self, failure: dict[str, Any]) -> None:
        self.played.failures.append(failure)


def _sums(entries: list[dict[str, Any]]) -> dict[tuple[str, str, str], int]:
    """Fen by (person or team, month, kind)."""
    sums: Counter[tuple[str, str, str]] = Counter()
    for entry in entries:
        account = entry.get("person") or f"team {entry.get('team')}"
        sums[str(account), str(entry.get("month")), str(entry.get("kind"))] += int(entry.get("amount", 0))
    return {key: fen for key, fen in sums.items() if fen}


def _approvals(session: Session) -> list[Approval]:
    return list(session.scalars(select(Approval).order_by(Approval.id)))


def _approval(approval: Approval, names: dict[int, str], called: dict[str, str]) -> dict[str, Any]:
    return {
        "lead": called.get(approval.case_code),
        "event": approval.event,
        "status": approval.state,
        "requested_by": names.get(approval.requested_by_id),
        "decided_by": names.get(approval.decided_by_id or 0),
        "reason": approval.reason,
    }


def _called(session: Session, codes: dict[str, str]) -> dict[str, str]:
    """The scenario's name of each case by its code: the one it gave, or that of the lead that brought it about, or of the round
    with its kind; without one, what it is known by."""
    called = {code: name for name, code in codes.items()}
    tables: tuple[Any, ...] = (Sale, Deduction)
    for table in tables:
        for case in session.scalars(select(table).where(table.lead_code.in_(called))):
            called.setdefault(case.code, called[case.lead_code])
    for found in session.scalars(select(Deduction).where(Deduction.round_code.in_(called))):
        called.setdefault(found.code, f"{called[str(found.round_code)]} {found.kind}")
    return {code: name for flow in FLOWS.values() for code, name in _known(session, flow)} | called


def _known(session: Session, flow: type[Flow]) -> Iterator[tuple[str, str]]:
    """The cases of a workflow by the columns they are known by: `梅晓琳@2026-03-02`, a month by itself."""
    if flow.known_by:
        for case in session.scalars(select(flow.table).order_by(flow.table.id)):
            parts = (getattr(case, column) for column in flow.known_by)
            named = views.names(session)
            told = zip(flow.known_by, parts, strict=True)
            yield case.code, "@".join(named[v] if c.endswith("_id") else str(v) for c, v in told)


def called_so(session: Session, flow: type[Flow], name: str) -> str | None:
    """The code of the latest case that is known by this name, if any is."""
    return {called: code for code, called in _known(session, flow)}.get(name)


def _cases(session: Session, called: dict[str, str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The cases of other workflows that the scenario gave a name."""
    for flow in FLOWS.values():
        if flow.flow_name not in ("lead", "approval"):
            for case in session.scalars(select(flow.table).where(flow.table.code.in_(called))):
                yield called[case.code], views.case_view(session, CLOCK, flow, case)


def _ledger(session: Session, names: dict[int, str]) -> Iterator[dict[str, Any]]:
    """The entries of people and teams as they were posted; the company's own side is left out."""
    teams = {team.id: team.name for team in session.scalars(select(Team))}
    for entry in session.scalars(select(Entry).where(Entry.account != "company").order_by(Entry.id)):
        yield {
            "person": names.get(entry.person_id or 0),
            **({"team": teams.get(entry.team_id)} if entry.team_id else {}),
            "month": entry.month,
            "kind": entry.kind,
            "amount": entry.amount_fen,
        }


def _seen(lead: Lead, names: dict[int, str]) -> dict[str, Any]:
    """A lead as scenarios speak of it."""

    def name(person: int | None) -> str | None:
        return names.get(person or 0)

    return {
        "state": lead.state,
        "outcome": lead.outcome,
        "holder": name(lead.holder_id),
        "promoter": name(lead.promoter_id),
        "offered_to": name(lead.offered_to_id),
    }


def failures_said(played: Played) -> Iterator[str]:
    """The failures as lines that a person reads."""
    for failure in played.failures:
        place = ", ".join(
            f"{k} {v}" for k, v in failure.items() if k not in ("expected", "got") and v is not None
        )
        yield f"{place}\n  - expected: {failure['expected']}\n  + got:      {failure['got']}"
