"""What people earn: statements with every line explained, the entries of the ledger, and what stands between a month and its
end."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response
from sqlalchemy.orm import Session

from models.money import Entry
from web.api.answers import look
from web.api.asking import actor, cursor, cursor_of, invalid, one_of, page_size, query
from web.api.problems import locale
from web.app import now
from workflows.engine.refusal import not_found
from workflows.money import checklist, overview, payout, statements
from workflows.money.entries import entries, entry_views
from workflows.money.month import MonthFlow
from workflows.money.months import WRITTEN, month_of
from workflows.policy import zone
from workflows.words import _, say


def month_asked() -> str | None:
    """The month of the query, where there is one; raises `Refused` (invalid_data)."""
    value = query("month", 20)
    if value is not None and not WRITTEN.fullmatch(value):
        raise invalid("month", _("A month is expected, such as 2026-03."))
    return value


def statement(person: str) -> Response:
    """A person's statement of a month: the company's present one unless another is named."""
    month = month_asked()

    def work(session: Session) -> dict[str, Any]:
        whose = statements.person_seen(session, actor(), person)
        made = statements.statement(session, whose, month or _present(session))
        return statements.as_json(made, locale())

    return look(work)


def team_statement(team: str) -> Response:
    """The account of a team, for who leads it and the desks."""
    month = month_asked()

    def work(session: Session) -> dict[str, Any]:
        whose = statements.team_seen(session, actor(), team)
        made = statements.team_statement(session, whose, month or _present(session))
        return statements.as_json(made, locale())

    return look(work)


def _present(session: Session) -> str:
    return month_of(now(session), zone(session))


def ledger() -> Response:
    """The entries the caller may see, newest first, by keyset: `next` continues them, however much is posted."""
    month, person, kind = month_asked(), query("person"), one_of("kind", set(statements.KINDS))
    size, after = page_size(), cursor()

    def work(session: Session) -> dict[str, Any]:
        wanted = entries(actor(), month, person, kind).order_by(Entry.id.desc()).limit(size + 1)
        rows = list(session.scalars(wanted.where(Entry.id < after) if after is not None else wanted))
        items = entry_views(session, rows[:size])
        return {"items": items, "next": cursor_of(rows[size - 1].id) if len(rows) > size else None}

    return look(work)


def month_checklist(month: str) -> Response:
    """What blocks a month and what is missing from it, for the desks; of the company's first project unless told."""
    project = query("project", 40)

    def work(session: Session) -> dict[str, Any]:
        if not WRITTEN.fullmatch(month):
            raise not_found(MonthFlow.label)
        found = payout.month_named(session, actor(), month, project)
        return {
            "month": found.month,
            "code": found.code,
            "state": found.state,
            "blockers": [_item(item) for item in checklist.blockers(session, found)],
            "warnings": [_item(item) for item in checklist.warnings(session, found)],
            "changes": _changes(overview.difference(session, found)),
        }

    return look(work)


def _item(item: checklist.Item) -> dict[str, Any]:
    return {
        "kind": item.kind,
        "says": say(item.says, locale()),
        "count": item.count,
        "about": list(item.about),
    }


def _changes(found: list[overview.Change] | None) -> list[dict[str, Any]] | None:
    """What differs from the calculation that was sent back; None where none was."""
    if found is None:
        return None
    return [{"name": c.name, "kind": c.kind, "before_fen": c.before, "now_fen": c.now} for c in found]


def attach(api: Blueprint) -> None:
    api.add_url_rule("/statements/<person>", "statement", statement, methods=["GET"])
    api.add_url_rule("/teams/<team>/statement", "team_statement", team_statement, methods=["GET"])
    api.add_url_rule("/ledger", "ledger", ledger, methods=["GET"])
    api.add_url_rule("/months/<month>/checklist", "month_checklist", month_checklist, methods=["GET"])
