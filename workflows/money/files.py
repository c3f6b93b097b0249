"""Payouts and statements as tables for a spreadsheet, in the reader's language. Customers are masked, phones stand nowhere.

Every amount is a number in yuan with its two decimals; where sums are made, the same in fen stands beside it. The first
sheet is the one that a csv file has, and its rows are a list.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.money import Entry, Journal, Month
from models.people import Person
from workflows import views
from workflows.flows import FLOWS
from workflows.money import payout
from workflows.money.month import MonthFlow
from workflows.money.statements import Item, Statement, explained, statement
from workflows.spreadsheet import Sheet, yuan
from workflows.words import _, say

ACCOUNTS = {"person": _("Person"), "team": _("Team")}
PAYOUT = (
    _("Month"), _("Standing"), _("Name"), _("Team"), _("Account"), _("Wage"), _("Bonuses"), _("Awards"), _("Deductions"),
    _("Adjustments"), _("Expenses"), _("Total"), _("Carried over"), _("Already paid"), _("To pay"), _("To pay, in fen"),
    _("Reference of the payment"),
)  # fmt: skip
LINES = (
    _("Line"), _("Amount"), _("Amount in fen"), _("Month"), _("Month earned"), _("Clause"), _("Policy version"), _("Workflow"),
    _("Code"), _("Customer"), _("When"), _("Posted"), _("Reverses"), _("Why"),
)  # fmt: skip
SUMMARY = (_("What"), _("Value"))
PARTS = {
    "earned": _("Earned"),
    "paid": _("Paid out"),
    "nothing": _("Earned nothing"),
    "to_come": _("To come at the end of the month"),
}
PAYOUT_WIDTHS = (9, 10, 14, 10, 8, 11, 11, 11, 11, 11, 11, 12, 12, 12, 12, 14, 22)
LINES_WIDTHS = (24, 11, 13, 9, 12, 16, 9, 14, 12, 10, 20, 20, 24, 60)
Row = list[Any]


def payout_sheets(session: Session, month: Month, locale: str) -> list[Sheet]:
    """What finance pays out for a month: a row for every account, every line behind them, and the sums."""
    found = payout.accounts(session, month)
    return [
        Sheet(
            say(_("Payout"), locale),
            _header(PAYOUT, locale),
            [_account(each, month, locale) for each in found],
            PAYOUT_WIDTHS,
        ),
        Sheet(
            say(_("Lines"), locale),
            _header((_("Name"), _("Account"), *LINES), locale),
            _lines_of_month(session, month, locale),
            (14, 8, *LINES_WIDTHS),
        ),
        Sheet(say(_("Summary"), locale), _header(SUMMARY, locale), _sums(found, month, locale), (24, 24)),
    ]


def statement_sheets(session: Session, person: Person, month: str, locale: str) -> list[Sheet]:
    """A person's statement: every line with its part, and the sums."""
    made = statement(session, person, month)
    header = (_("Part"), *LINES)
    return [
        Sheet(
            say(_("Statement"), locale),
            _header(header, locale),
            list(_parts(made, locale)),
            (16, *LINES_WIDTHS),
        ),
        Sheet(say(_("Summary"), locale), _header(SUMMARY, locale), _about(made, locale), (24, 24)),
    ]


def _header(names: Sequence[str], locale: str) -> list[str]:
    return [say(name, locale) for name in names]


def _account(each: payout.Account, month: Month, locale: str) -> Row:
    amounts = [*each.sums.values(), each.total_fen, each.carried_fen, each.paid_fen, each.to_pay_fen]
    return [
        month.month,
        say(MonthFlow.states_map[month.state].name, locale),
        each.person or each.team,
        each.team,
        say(ACCOUNTS[each.kind], locale),
        *(yuan(fen) for fen in amounts),
        each.to_pay_fen,
        month.reference,
    ]


def _lines_of_month(session: Session, month: Month, locale: str) -> Iterator[Row]:
    """Every line posted into the month, what was paid out too; the company's own side is left out."""
    wanted = (
        select(Entry)
        .join(Journal, Journal.id == Entry.journal_id)
        .where(Journal.project_id == month.project_id, Entry.month == month.month, Entry.account != "company")
        .order_by(Entry.id)
    )
    entries = list(session.scalars(wanted))
    who, teams = views.names(session), views.team_names(session)
    for entry, item in zip(entries, explained(session, entries), strict=True):
        name = who.get(entry.person_id) if entry.account == "person" else teams.get(entry.team_id)
        yield [name, say(ACCOUNTS[entry.account], locale), *_line(item, locale)]


def _line(item: Item, locale: str) -> Row:
    return [
        say(item.label, locale),
        yuan(item.amount_fen),
        item.amount_fen,
        item.month,
        item.earned_month,
        item.clause,
        item.version,
        say(FLOWS[item.flow].label, locale),
        item.code,
        item.customer,
        item.at,
        item.posted_at,
        item.reverses,
        item.why.say(locale),
    ]


def _sums(found: list[payout.Account], month: Month, locale: str) -> Iterator[Row]:
    yield [say(_("Month"), locale), month.month]
    yield [say(_("Standing"), locale), say(MonthFlow.states_map[month.state].name, locale)]
    yield [say(_("Reference of the payment"), locale), month.reference]
    yield [say(_("Accounts"), locale), len(found)]
    for label, fen in (
        (_("Total"), sum(each.total_fen for each in found)),
        (_("Carried over"), sum(each.carried_fen for each in found)),
        (_("Already paid"), sum(each.paid_fen for each in found)),
        (_("To pay"), sum(each.to_pay_fen for each in found)),
    ):
        yield [say(label, locale), yuan(fen)]


def _parts(made: Statement, locale: str) -> Iterator[Row]:
    for item in made.items:
        yield [say(PARTS["paid" if item.kind == "payout" else "earned"], locale), *_line(item, locale)]
    for part, items in (("nothing", made.nothing), ("to_come", made.to_come)):
        yield from ([say(PARTS[part], locale), *_line(item, locale)] for item in items)


def _about(made: Statement, locale: str) -> Iterator[Row]:
    yield [say(_("Name"), locale), made.name]
    yield [say(_("Month"), locale), made.month]
    yield [say(_("Standing"), locale), say(MonthFlow.states_map[made.state].name, locale)]
    yield [say(_("Total"), locale), yuan(made.total_fen)]
    yield [say(_("Already paid"), locale), yuan(made.paid_fen)]


__all__ = ["payout_sheets", "statement_sheets"]
