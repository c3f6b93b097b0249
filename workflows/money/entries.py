"""The entries of the ledger as they are given out, with the journal each belongs to. No customer stands in them: a case is
named by its code."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, select
from sqlalchemy.orm import Session

from models.money import Entry, Journal
from models.people import Person
from workflows import views
from workflows.engine.actor import Actor
from workflows.money.statements import entries_seen_by


def entries(
    actor: Actor, month: str | None = None, person: str | None = None, kind: str | None = None
) -> Select[Any]:
    """The entries this actor may see; of one month, person (by name) or kind where these are given."""
    return select(Entry).where(*seen(actor, month, person, kind))


def seen(
    actor: Actor, month: str | None = None, person: str | None = None, kind: str | None = None
) -> list[ColumnElement[bool]]:
    found = [entries_seen_by(actor)]
    if month is not None:
        found.append(Entry.month == month)
    if person is not None:
        found.append(Entry.person_id == select(Person.id).where(Person.name == person).scalar_subquery())
    if kind is not None:
        found.append(Entry.kind == kind)
    return found


def entry_views(session: Session, found: Sequence[Entry]) -> list[dict[str, Any]]:
    """These entries by the names of people, teams and journals, in a number of queries that does not grow with them."""
    who, teams = views.names(session), views.team_names(session)
    undone = {entry.journal.reverses_id for entry in found} - {None}
    keys = {
        row.id: row.key
        for row in session.execute(select(Journal.id, Journal.key).where(Journal.id.in_(undone)))
    }
    return [_view(entry, who, teams, keys) for entry in found]


def _view(
    entry: Entry, who: dict[int | None, str], teams: dict[int | None, str], keys: dict[int, str]
) -> dict[str, Any]:
    journal = entry.journal
    return {
        "id": entry.id,
        "journal": journal.key,
        "at": journal.at,
        "month": entry.month,
        "earned_month": journal.earned_month,
        "account": entry.account,
        "person": who.get(entry.person_id),
        "team": teams.get(entry.team_id),
        "kind": entry.kind,
        "amount_fen": entry.amount_fen,
        "cause": journal.cause,
        "clause": journal.clause,
        "policy_version": journal.policy_version,
        "workflow": journal.flow,
        "code": journal.case_code,
        "reverses": keys.get(journal.reverses_id) if journal.reverses_id else None,
    }
