"""Taking data out: leads, history, the ledger and a month's payout as csv, xlsx or XES. Masked, except what the named
person may read in clear; every export stands on the access log before its file is there.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Engine, Select, func, select, true
from sqlalchemy.orm import Session

from models import database
from models.leads import Lead
from models.money import Entry, Month
from models.notices import AccessLog
from models.people import Project
from models.remembered import History
from workers.xes import Trace, write_xes
from workflows import staff, views
from workflows.engine import CLOCK, Actor, Refused
from workflows.lead import LeadFlow, entitled
from workflows.money import files, payout
from workflows.money.entries import entries, entry_views, seen
from workflows.phones import mask, mask_name
from workflows.spreadsheet import private_file, write_csv, write_workbook, write_xlsx, yuan
from workflows.words import Text, _

CHUNK = 500
FORMATS = {
    "leads": ("csv", "xlsx"),
    "history": ("csv", "xlsx", "xes"),
    "ledger": ("csv", "xlsx"),
    "payout": ("csv", "xlsx"),
}
OF_MONTHS = ("ledger", "payout")
LEADS = (
    "code", "project", "state", "outcome", "name", "phone", "channel", "spot", "campaign", "intent", "demand", "note",
    "promoter", "holder", "offered_to", "registered_on", "captured_at", "screened_at", "visited_at", "assigned_at",
    "unconverted_at", "reclaimed_at", "closed_at", "close_reason", "units", "amount_fen", "version",
)  # fmt: skip
HISTORY = (
    "lead",
    "seq",
    "event",
    "from",
    "to",
    "by",
    "by_role",
    "approved_by",
    "at",
    "due_at",
    "facts",
    "hash",
)
LEDGER = (
    "id", "journal", "at", "month", "earned_month", "account", "person", "team", "kind", "amount_yuan", "amount_fen", "cause",
    "clause", "policy_version", "workflow", "code", "reverses",
)  # fmt: skip
OPEN_TO_PURPOSE = ("finance", "auditor")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be exported, for whom and why. Without a person everything is masked; `month` narrows the ledger, and says
    which payout is meant. `locale` is the language of a payout, which is read by people."""

    what: str
    path: Path
    at: datetime
    zone: ZoneInfo
    person: str | None = None
    purpose: str = ""
    bom: bool = False
    month: str | None = None
    locale: str = "zh"


@dataclass(frozen=True, slots=True)
class Reader:
    """With whose eyes the data are read."""

    actor: Actor | None
    purpose: str

    @property
    def sees(self) -> ColumnElement[bool]:
        return LeadFlow.seen_by(self.actor) if self.actor else true()

    def reads(self, lead: Lead) -> bool:
        """In clear: who is entitled by role or by holding the lead; finance and auditor on a stated purpose."""
        if self.actor is None:
            return False
        return entitled(self.actor, lead) or (bool(self.purpose) and self.actor.has(*OPEN_TO_PURPOSE))


def export(engine: Engine, wanted: Wanted) -> int:
    """Write the file and the access log's row; returns how many rows were written. Raises Refused.

    The file appears whole or not at all, readable by its owner only.
    """
    reader = _log(engine, wanted)
    unfinished = wanted.path.with_name(f".{wanted.path.name}.{os.getpid()}.part")
    try:
        with database.read(engine) as session:
            count = _WRITERS[wanted.what](session, reader, wanted, unfinished)
        unfinished.replace(wanted.path)
    finally:
        unfinished.unlink(missing_ok=True)
    return count


def _log(engine: Engine, wanted: Wanted) -> Reader:
    """See who asks, and put the export on the access log, before anything leaves the house."""
    with database.begin(engine) as session:
        actor = None
        if wanted.person:
            person = staff.person_named(session, wanted.person)
            actor = Actor.of(person)
            if not staff.works(person, wanted.at.astimezone(wanted.zone).date()) or actor.roles <= {"admin"}:
                why = (
                    _("%(name)s may not see what people earn.")
                    if wanted.what in OF_MONTHS
                    else _("%(name)s may not see customers' data.")
                )
                raise Refused("not_permitted", Text(why, {"name": person.name}))
        reader = Reader(actor, wanted.purpose)
        rows = _COUNTS[wanted.what](session, reader, wanted)
        what = f"{wanted.what} {wanted.month}" if wanted.month else wanted.what
        told = f"export {what}: {wanted.purpose or '—'}"[:200]
        person_id = actor.id if actor else None
        session.add(
            AccessLog(
                person_id=person_id, kind="export", case_code=None, purpose=told, rows=rows, at=wanted.at
            )
        )
    return reader


def _count_leads(session: Session, reader: Reader, wanted: Wanted) -> int:
    return session.scalar(select(func.count()).select_from(Lead).where(reader.sees)) or 0


def _count_history(session: Session, reader: Reader, wanted: Wanted) -> int:
    return session.scalar(_of_leads(select(func.count()).select_from(History), reader)) or 0


def _count_entries(session: Session, reader: Reader, wanted: Wanted) -> int:
    of_them = seen(reader.actor or CLOCK, wanted.month)
    return session.scalar(select(func.count()).select_from(Entry).where(*of_them)) or 0


def _count_accounts(session: Session, reader: Reader, wanted: Wanted) -> int:
    return len(payout.accounts(session, _month(session, reader, wanted)))


def _of_leads(query: Select[Any], reader: Reader) -> Select[Any]:
    return query.join(Lead, Lead.id == History.case_id).where(History.flow == LeadFlow.flow_name, reader.sees)


def _chunks(session: Session, reader: Reader) -> Iterator[list[Lead]]:
    """The leads in the order of their ids, a chunk at a time; what was written is forgotten."""
    after = 0
    while True:
        query = select(Lead).where(reader.sees, Lead.id > after).order_by(Lead.id).limit(CHUNK)
        leads = list(session.scalars(query))
        if not leads:
            return
        yield leads
        after = leads[-1].id
        session.expunge_all()


def _leads(session: Session, reader: Reader, wanted: Wanted, out: Path) -> int:
    written = 0
    projects = {row.id: row.code for row in session.execute(select(Project.id, Project.code))}

    def rows() -> Iterator[list[Any]]:
        nonlocal written
        for chunk in _chunks(session, reader):
            for lead in chunk:
                written += 1
                yield lead_row(session, lead, projects, clear=reader.reads(lead))

    _table(out, wanted, LEADS, rows())
    return written


def lead_row(session: Session, lead: Lead, projects: dict[int, str], *, clear: bool) -> list[Any]:
    """One lead in the order of LEADS; free texts only in clear. Phones as they are dialled here: a leading + is no text."""
    who = views.names(session)
    shown = {
        "project": projects.get(lead.project_id),
        "name": lead.name if clear else mask_name(lead.name or ""),
        "phone": (lead.phone or "").removeprefix("+86") if clear else mask(lead.phone or ""),
        "demand": lead.demand if clear else None,
        "note": lead.note if clear else None,
        "promoter": who.get(lead.promoter_id),
        "holder": who.get(lead.holder_id),
        "offered_to": who.get(lead.offered_to_id),
    }
    return [shown[name] if name in shown else getattr(lead, name) for name in LEADS]


def _happened(session: Session, reader: Reader) -> Iterator[tuple[Lead, list[History]]]:
    """Every lead with what happened to it, in order."""
    for chunk in _chunks(session, reader):
        ids = [lead.id for lead in chunk]
        query = select(History).where(History.flow == LeadFlow.flow_name, History.case_id.in_(ids))
        rows = session.scalars(query.order_by(History.case_id, History.seq))
        of = {case: list(each) for case, each in groupby(rows, key=lambda row: row.case_id)}
        yield from ((lead, of.get(lead.id, [])) for lead in chunk)


def _history(session: Session, reader: Reader, wanted: Wanted, out: Path) -> int:
    if wanted.path.suffix.lower() == ".xes":
        with private_file(out) as file:
            return write_xes(file, "leads", _traces(session, reader, wanted.zone))
    written = 0

    def rows() -> Iterator[list[Any]]:
        nonlocal written
        for lead, happened in _happened(session, reader):
            clear = reader.reads(lead)
            for row in happened:
                written += 1
                view = {
                    **views.history_view(session, row, clear=clear),
                    "lead": lead.code,
                    "by_role": row.by_role,
                }
                view["facts"] = json.dumps(view["facts"], ensure_ascii=False) if view["facts"] else None
                yield [view[name] for name in HISTORY]

    _table(out, wanted, HISTORY, rows())
    return written


def _traces(session: Session, reader: Reader, zone: ZoneInfo) -> Iterator[Trace]:
    """Leads as traces. No customer stands in them: the code is the case's name, whoever reads."""
    who = views.names(session)
    for lead, happened in _happened(session, reader):
        attributes = {
            "concept:name": lead.code,
            "tuoke:channel": lead.channel,
            "tuoke:intent": lead.intent,
            "tuoke:outcome": lead.outcome,
            "tuoke:promoter": who.get(lead.promoter_id),
        }
        yield Trace(attributes, [_event(row, who, zone) for row in happened])


def _event(row: History, who: dict[int | None, str], zone: ZoneInfo) -> dict[str, Any]:
    """When a timer fired late, its time is when it really was; when it was due stands beside it."""
    return {
        "concept:name": row.event,
        "time:timestamp": row.at.astimezone(zone),
        "org:resource": who.get(row.by_id) or row.by_role,
        "lifecycle:transition": "complete",
        "tuoke:seq": row.seq,
        "tuoke:from": row.source,
        "tuoke:to": row.target,
        "tuoke:due": row.due_at.astimezone(zone) if row.due_at else None,
        "tuoke:approved_by": who.get(row.approved_by_id),
    }


def _table(out: Path, wanted: Wanted, header: Sequence[str], rows: Iterator[list[Any]]) -> None:
    if wanted.path.suffix.lower() == ".xlsx":
        write_xlsx(out, wanted.what, header, rows, wanted.zone)
    else:
        write_csv(out, header, rows, wanted.zone, bom=wanted.bom)


def _ledger(session: Session, reader: Reader, wanted: Wanted, out: Path) -> int:
    """The entries as they were posted, in their order; an amount stands in yuan and in fen."""
    written = 0

    def rows() -> Iterator[list[Any]]:
        nonlocal written
        for chunk in _entries(session, reader, wanted):
            for view in entry_views(session, chunk):
                written += 1
                view["amount_yuan"] = yuan(view["amount_fen"])
                yield [view[name] for name in LEDGER]

    _table(out, wanted, LEDGER, rows())
    return written


def _entries(session: Session, reader: Reader, wanted: Wanted) -> Iterator[list[Entry]]:
    """The entries in the order of their ids, a chunk at a time; what was written is forgotten."""
    after = 0
    while True:
        query = entries(reader.actor or CLOCK, wanted.month).where(Entry.id > after)
        found = list(session.scalars(query.order_by(Entry.id).limit(CHUNK)))
        if not found:
            return
        yield found
        after = found[-1].id
        session.expunge_all()


def _payout(session: Session, reader: Reader, wanted: Wanted, out: Path) -> int:
    """The file that finance pays by; a csv file has only the accounts."""
    sheets = files.payout_sheets(session, _month(session, reader, wanted), wanted.locale)
    if wanted.path.suffix.lower() == ".xlsx":
        write_workbook(out, sheets, wanted.zone)
    else:
        write_csv(out, sheets[0].header, sheets[0].rows, wanted.zone, bom=wanted.bom)
    return len(list(sheets[0].rows))


def _month(session: Session, reader: Reader, wanted: Wanted) -> Month:
    return payout.month_named(session, reader.actor or CLOCK, wanted.month or "")


_COUNTS: dict[str, Callable[[Session, Reader, Wanted], int]] = {
    "leads": _count_leads,
    "history": _count_history,
    "ledger": _count_entries,
    "payout": _count_accounts,
}
_WRITERS: dict[str, Callable[[Session, Reader, Wanted, Path], int]] = {
    "leads": _leads,
    "history": _history,
    "ledger": _ledger,
    "payout": _payout,
}
