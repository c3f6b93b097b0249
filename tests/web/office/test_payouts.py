"""Payouts and statements to take along: what they say, who gets them, and that every one is on the access log."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import openpyxl
import pytest
from sqlalchemy import Engine, select

from models import database as databases
from models.money import Entry
from models.notices import AccessLog
from models.people import Person
from models.settings import Settings
from tests.money.books import Opened, books_at, postgres_books, sqlite_books
from tests.money.march import FORMULA, MONTH, PEOPLE, PHONES
from tests.web.applications import application
from tests.web.office.conftest import Seat

__all__ = ["books_at", "postgres_books", "sqlite_books"]
PAYOUT = f"/months/{MONTH}/payout"
DESKS = ("fei", "guo", "sun", "zhi")


class Desks:
    """The people of March at their pages."""

    def __init__(self, settings: Settings, engine: Engine) -> None:
        self.engine = engine
        url = engine.url.render_as_string(hide_password=False)
        self.app = application(replace(settings, database_url=url), engine)
        with databases.read(engine) as session:
            self.ids = {p.name: p.id for p in session.scalars(select(Person))}

    def seat(self, name: str) -> Seat:
        return Seat(self.app.test_client(), name)

    def log(self) -> list[tuple[int | None, str, str, int]]:
        with databases.read(self.engine) as session:
            rows = session.scalars(select(AccessLog).order_by(AccessLog.id))
            return [(row.person_id, row.kind, row.purpose, row.rows) for row in rows if row.kind == "export"]

    def sum(self, *, paid: bool = False, person: str | None = None) -> int:
        """What the ledger says of the month, in fen."""
        wanted = select(Entry).where(Entry.month == MONTH, Entry.account != "company")
        if person:
            wanted = wanted.where(Entry.person_id == self.ids[person])
        with databases.read(self.engine) as session:
            return sum(e.amount_fen for e in session.scalars(wanted) if (e.kind == "payout") == paid)


@pytest.fixture
def desks_at(books_at: Opened, settings: Settings) -> Callable[[str], Desks]:
    return lambda stage: Desks(settings, books_at(stage))


@pytest.fixture
def desks(desks_at: Callable[[str], Desks]) -> Desks:
    return desks_at("paid")


def table(text: str) -> list[dict[str, str]]:
    assert text.startswith("\ufeff"), "marked as UTF-8"
    return list(csv.DictReader(io.StringIO(text[1:], newline="")))


def workbook(seat: Seat, path: str) -> dict[str, list[list[Any]]]:
    said = seat.client.get(path)
    assert said.status_code == 200
    book = openpyxl.load_workbook(io.BytesIO(said.data))
    cells = [c for sheet in book for row in sheet.iter_rows() for c in row]
    assert not any(c.data_type == "f" or str(c.value or "").startswith(("=", "+", "@")) for c in cells)
    return {sheet.title: [[c.value for c in row] for row in sheet.iter_rows()] for sheet in book}


def test_finance_takes_the_payout_along(desks: Desks) -> None:
    fei = desks.seat("fei")
    said = fei.client.get(f"{PAYOUT}.csv")
    assert (said.mimetype, said.headers["Cache-Control"]) == ("text/csv", "no-store")
    assert said.headers["Content-Disposition"] == f"attachment; filename=payout-{MONTH}.csv"
    rows = table(said.get_data(as_text=True))
    assert [row["Name"] for row in rows] == ["lin", "mei", "hua", "A", "B"]
    assert sum(round(float(row["Total"]) * 100) for row in rows) == desks.sum()
    assert sum(round(float(row["Already paid"]) * 100) for row in rows) == -desks.sum(paid=True)
    assert {row["To pay, in fen"] for row in rows} == {"0"}
    assert {row["Reference of the payment"] for row in rows} == {f"'{FORMULA}"}
    sheets = workbook(fei, f"{PAYOUT}.xlsx")
    assert list(sheets) == ["Payout", "Lines", "Summary"]
    column = sheets["Lines"][0].index("Amount in fen")
    assert sum(row[column] for row in sheets["Lines"][1:]) == desks.sum() + desks.sum(paid=True) == 0
    assert desks.log() == [
        (desks.ids["fei"], "export", f"download payout-{MONTH}.csv", 5),
        (desks.ids["fei"], "export", f"download payout-{MONTH}.xlsx", 5),
    ]


def test_before_it_is_paid_it_says_what_is_to_be_paid(desks_at: Callable[[str], Desks]) -> None:
    desks = desks_at("submitted")
    rows = table(desks.seat("fei").get(f"{PAYOUT}.csv").html)
    assert sum(int(row["To pay, in fen"]) for row in rows) == desks.sum() > 0
    assert {row["Standing"] for row in rows} == {"Submitted"}


def test_a_payout_is_for_the_desks_alone(desks: Desks) -> None:
    for form in ("csv", "xlsx"):
        found = {
            name for name in PEOPLE if desks.seat(name).client.get(f"{PAYOUT}.{form}").status_code == 200
        }
        assert found == set(DESKS)
    assert desks.seat("mei").get(f"{PAYOUT}.csv").status == 403
    assert len(desks.log()) == 2 * len(DESKS), "who got nothing is not on the log"
    assert desks.app.test_client().get(f"{PAYOUT}.csv").status_code == 302


def test_months_that_are_not_in_the_books_have_no_payout(desks: Desks) -> None:
    fei = desks.seat("fei")
    for month in ("2031-01", "2026-13", "x", "２０２６-03"):
        assert fei.get(f"/months/{month}/payout.csv").status == 404, month
    assert fei.get(f"{PAYOUT}.csv?project=elsewhere").status == 404
    assert fei.get(f"{PAYOUT}.csv?project=main").status == 200
    assert fei.get(f"{PAYOUT}.ods").status == 404


def test_a_member_takes_their_own_statement_along(desks: Desks) -> None:
    mei = desks.seat("mei")
    rows = table(mei.get(f"/statement/mei/{MONTH}.csv").html)
    sums = {
        part: sum(int(row["Amount in fen"]) for row in rows if row["Part"] == part)
        for part in ("Earned", "Paid out")
    }
    assert sums == {"Earned": desks.sum(person="mei"), "Paid out": desks.sum(paid=True, person="mei")}
    assert "A walk-in: nobody brought the customer." in {
        row["Why"] for row in rows if row["Part"] == "Earned nothing"
    }
    sheets = workbook(mei, f"/statement/mei/{MONTH}.xlsx")
    assert list(sheets) == ["Statement", "Summary"]
    assert len(sheets["Statement"]) == 1 + len(rows)
    assert desks.log()[0] == (desks.ids["mei"], "export", f"download statement-{MONTH}-mei.csv", len(rows))


def test_each_takes_along_what_they_may_see(desks: Desks) -> None:
    found = {
        (who, whose)
        for who in PEOPLE
        for whose in ("mei", "hua")
        if desks.seat(who).client.get(f"/statement/{whose}/{MONTH}.csv").status_code == 200
    }
    own = {("mei", "mei"), ("hua", "hua")}
    assert found == own | {(who, whose) for who in DESKS for whose in ("mei", "hua")}
    mei = desks.seat("mei")
    for path in (
        "/statement/hua/2026-03.xlsx",
        "/statement/nobody/2026-03.csv",
        "/statement/mei/2026-13.csv",
    ):
        assert mei.get(path).status == 404, path


def test_no_customers_name_or_phone_stands_in_them(desks: Desks) -> None:
    fei = desks.seat("fei")
    for path in (PAYOUT, f"/statement/mei/{MONTH}"):
        told = fei.get(f"{path}.csv").html + str(workbook(fei, f"{path}.xlsx"))
        assert not any(phone in told for phone in PHONES)
        assert "王先生" not in told


def test_they_speak_the_readers_language(desks: Desks) -> None:
    fei = desks.seat("fei")
    fei.client.set_cookie("tuoke_lang", "zh")
    assert list(workbook(fei, f"{PAYOUT}.xlsx")) == ["发放表", "明细", "汇总"]
