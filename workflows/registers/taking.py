"""Bringing an office register into the books: every good row is one capture, taken by the same engine as any other.

Rows go in batches, each batch in one transaction together with the digests of its rows: a run that is killed half-way
and started again brings in exactly the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from models import database
from models.machinery import ImportedRow
from models.people import Person
from models.sealed import sealer
from workflows import staff
from workflows.engine import Actor, Ask, Refused, take
from workflows.lead import LeadFlow
from workflows.registers.reading import BadRow, GoodRow
from workflows.registers.result import Outcome, Place
from workflows.words import Text, _, say

BATCH = 100


@dataclass(frozen=True, slots=True)
class Terms:
    """Under what the rows are taken: the instant, the basis of consent, and who captures what nobody on staff did."""

    at: datetime
    zone: ZoneInfo
    consent: str
    stand_in: str | None = None
    dry: bool = False


@dataclass(slots=True)
class Brought:
    """What came of a register."""

    outcomes: dict[Place, Outcome] = field(default_factory=dict)
    hired: dict[str, str | None] = field(default_factory=dict)

    def count(self, *results: str) -> int:
        return sum(outcome.result in results for outcome in self.outcomes.values())


def bring(
    engine: Engine,
    rows: Sequence[GoodRow | BadRow],
    terms: Terms,
    told: Callable[[int], None] = lambda _n: None,
) -> Brought:
    """Take every good row, batch by batch; `told` hears how many rows each batch had."""
    brought = Brought(
        {(row.sheet, row.row): Outcome("bad", reason=row.reason) for row in rows if isinstance(row, BadRow)}
    )
    good = [row for row in rows if isinstance(row, GoodRow)]
    for start in range(0, len(good), BATCH):
        batch = good[start : start + BATCH]
        outcomes, hired = _batch(engine, batch, terms)
        brought.outcomes |= outcomes
        brought.hired |= hired
        told(len(batch))
    return brought


class _Undo(Exception):
    """Leaves a transaction without keeping anything."""


def _batch(
    engine: Engine, batch: Sequence[GoodRow], terms: Terms
) -> tuple[dict[Place, Outcome], dict[str, str | None]]:
    done: tuple[dict[Place, Outcome], dict[str, str | None]] = ({}, {})

    def work(session: Session) -> None:
        nonlocal done
        desk = Desk(session, terms)
        known = desk.already(batch)
        done = {(row.sheet, row.row): desk.take(row, known) for row in batch}, desk.hired
        if terms.dry:
            raise _Undo

    try:
        database.in_transaction(engine, work)
    except _Undo:
        outcomes, hired = done
        would = {
            p: replace(o, result="would", code=None) if o.result == "good" else o for p, o in outcomes.items()
        }
        return would, hired
    return done


class Desk:
    """One transaction of an import: knows the staff, and whom it had to add."""

    def __init__(self, session: Session, terms: Terms) -> None:
        self.session, self.terms = session, terms
        self.today = terms.at.astimezone(terms.zone).date()
        self.hired: dict[str, str | None] = {}
        self._known: dict[tuple[str | None, str | None], Person | Text] = {}

    def already(self, batch: Sequence[GoodRow]) -> dict[str, str]:
        """The codes of leads that rows of this batch have become in an earlier run."""
        found = select(ImportedRow).where(ImportedRow.digest.in_([digest(row) for row in batch]))
        return {row.digest: row.lead_code for row in self.session.scalars(found)}

    def take(self, row: GoodRow, known: dict[str, str]) -> Outcome:
        mark = digest(row)
        if mark in known:
            return Outcome("already", known[mark])
        promoter = self._promoter(row)
        if isinstance(promoter, Text):
            return Outcome("bad", reason=promoter)
        ask = Ask(
            LeadFlow, "capture", Actor.of(promoter), self.terms.at, facts=facts(row, self.terms.consent)
        )
        try:
            with self.session.begin_nested():
                lead = take(self.session, ask).case
        except Refused as refusal:
            if mark in (meanwhile := self.already([row])):  # another run brought it in since we looked
                return Outcome("already", meanwhile[mark])
            return Outcome("bad", reason=refused(refusal))
        self.session.add(ImportedRow(digest=mark, lead_code=lead.code, at=self.terms.at))
        return Outcome("good", lead.code)

    def _promoter(self, row: GoodRow) -> Person | Text:
        who = row.registrar_team, row.registrar_name
        if who not in self._known:
            self._known[who] = self._on_staff(*who) or self._otherwise(*who)
        return self._known[who]

    def _on_staff(self, team: str | None, name: str | None) -> Person | None:
        """The person of this name, in the team that the register names if it names one."""
        if not name:
            return None
        names = [name, *([f"{name}（{team}）", f"{team}-{name}"] if team else [])]
        for person in self.session.scalars(select(Person).where(Person.name.in_(names)).order_by(Person.id)):
            same_team = (
                not team or person.name != name or (person.team is not None and person.team.name == team)
            )
            if same_team and staff.works(person, self.today):
                return person
        return None

    def _otherwise(self, team: str | None, name: str | None) -> Person | Text:
        """Who captures instead: the person named on the command line, else the registrar, who joins the staff without a
        log-in."""
        if self.terms.stand_in:
            return staff.person_named(self.session, self.terms.stand_in)
        if not name:
            return Text(_("The row names no registrar: say with --as who captures it."))
        taken = self.session.scalar(select(Person.id).where(Person.name == name)) is not None
        called = f"{name}（{team}）" if taken and team else name
        try:
            with self.session.begin_nested():
                person = staff.add_person(self.session, called, ["member"], team)
        except Refused as refusal:
            return refused(refusal)
        self.hired[called] = team
        return person


def digest(row: GoodRow) -> str:
    """A keyed digest of what the row says, wherever in a file it stands: by it a second import knows the row again."""
    said = (
        row.phone,
        row.name,
        row.channel,
        row.spot,
        row.intent,
        row.note,
        row.registered_on,
        row.registrar_team,
        row.registrar_name,
    )
    return sealer().blind("import", "\x1f".join("" if value is None else str(value) for value in said))


def facts(row: GoodRow, consent: str) -> dict[str, object]:
    """The row as the data of a capture. The register's intent has no field there: it goes with the note, for whoever
    screens the lead."""
    intent = f"{say(_('Intent'))} {row.intent}" if row.intent else ""
    given = {
        "name": row.name,
        "phone": row.phone,
        "channel": row.channel,
        "consent": True,
        "consent_text": consent,
        "spot": row.spot,
        "note": "；".join(part for part in (row.note, intent) if part) or None,
        "registered_on": row.registered_on,
    }
    return {name: value for name, value in given.items() if value is not None}


def refused(refusal: Refused) -> Text:
    """A refusal as the one reason of a bad row."""
    if refusal.errors:
        fields = {
            f"e{i}": said if isinstance(said, Text) else Text(said)
            for i, said in enumerate(refusal.errors.values())
        }
        return Text(" ".join(f"%({key})s" for key in fields), fields)
    return refusal.reason
