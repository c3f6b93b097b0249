"""The ledger and the payout as files: to the fen what the ledger says, nobody's phone in them, and no formula."""

from __future__ import annotations

import csv
import tracemalloc
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from click.testing import CliRunner
from sqlalchemy import Engine, insert, select

from models import database as databases
from models.money import Entry, Journal
from models.notices import AccessLog
from models.people import Person
from tests.money.books import Opened
from tests.money.march import FORMULA, MONTH, NEXT, PHONES, ZONE
from workers.command.export import export as command
from workers.exporting import LEDGER, Wanted, export
from workflows import staff
from workflows.engine import CLOCK, Refused
from workflows.money import payout
from workflows.spreadsheet import yuan

AT = datetime(2026, 5, 1, 2, tzinfo=UTC)
Rows = list[dict[str, str]]


@pytest.fixture
def books(books_at: Opened) -> Engine:
    """March is paid; April has a rescission and what a dispute brought."""
    return books_at("later")


def wanted(path: Path, what: str = "ledger", **more: Any) -> Wanted:
    return Wanted(what, path, AT, ZONE, **more)


def ledger(engine: Engine, tmp_path: Path, **more: Any) -> Rows:
    count = export(engine, wanted(tmp_path / "ledger.csv", **more))
    with (tmp_path / "ledger.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert count == len(rows)
    return rows


def sheets(path: Path) -> dict[str, list[list[Any]]]:
    book = openpyxl.load_workbook(path)
    return {sheet.title: [[cell.value for cell in row] for row in sheet.iter_rows()] for sheet in book}


def formulas(path: Path) -> list[Any]:
    book = openpyxl.load_workbook(path)
    cells = (cell for sheet in book for row in sheet.iter_rows() for cell in row)
    return [c.value for c in cells if c.data_type == "f" or str(c.value or "").startswith(("=", "+", "@"))]


# -- the ledger ----------------------------------------------------------------------------------------------------


def test_every_entry_is_there_in_yuan_and_in_fen(books: Engine, tmp_path: Path) -> None:
    rows = ledger(books, tmp_path)
    assert list(rows[0]) == list(LEDGER)
    with databases.read(books) as session:
        entries = list(session.scalars(select(Entry).order_by(Entry.id)))
        assert [int(row["amount_fen"]) for row in rows] == [e.amount_fen for e in entries]
        assert [row["journal"] for row in rows] == [e.journal.key for e in entries]
        assert [row["month"] for row in rows] == [e.month for e in entries]
    for row in rows:
        assert Decimal(row["amount_yuan"]) * 100 == int(row["amount_fen"])
        assert row["amount_yuan"][-3] == ".", "two decimals"
    balanced: Counter[str] = Counter()
    for row in rows:
        balanced[row["journal"]] += int(row["amount_fen"])
    assert not any(balanced.values())


def test_a_reversal_names_what_it_reverses(books: Engine, tmp_path: Path) -> None:
    rows = ledger(books, tmp_path)
    (taken_back,) = (row for row in rows if row["person"] == "mei" and row["amount_fen"] == "-100000")
    (deal,) = (
        row
        for row in rows
        if row["person"] == "mei" and row["kind"] == "deal_bonus" and row["month"] == MONTH
    )
    assert (taken_back["reverses"], taken_back["month"], deal["amount_fen"]) == (
        deal["journal"],
        NEXT,
        "100000",
    )


def test_a_month_alone_is_that_month(books: Engine, tmp_path: Path) -> None:
    every, april = ledger(books, tmp_path), ledger(books, tmp_path, month=NEXT)
    assert april == [row for row in every if row["month"] == NEXT] != []
    assert ledger(books, tmp_path, month="2026-09") == []


OWN = {
    "mei": {"mei", "team A"},
    "lin": {"lin", "team A"},
    "hua": {"hua", "team B"},
    "desk": set(),
    "c1": set(),
}  # fmt: skip
ALL = {"mei", "hua", "lin", "team A", "team B", "company"}


@pytest.mark.parametrize("who", [*OWN, "guo", "sun", "fei", "zhi"])
def test_each_takes_out_what_they_may_see_and_it_is_on_the_log(
    books: Engine, tmp_path: Path, who: str
) -> None:
    rows = ledger(books, tmp_path, person=who, purpose="核对")
    found = {row["person"] or (f"team {row['team']}" if row["team"] else "company") for row in rows}
    assert found == OWN.get(who, ALL)
    with databases.read(books) as session:
        log = session.scalars(select(AccessLog)).one()
        assert (log.kind, log.rows, log.at, log.purpose) == ("export", len(rows), AT, "export ledger: 核对")
        assert log.person_id == staff.person_named(session, who).id


@pytest.mark.parametrize("what", ["ledger", "payout"])
@pytest.mark.parametrize("who", ["root", "nobody"])
def test_who_may_not_gets_nothing_and_no_file(books: Engine, tmp_path: Path, what: str, who: str) -> None:
    with pytest.raises(Refused):
        export(books, wanted(tmp_path / "x.csv", what, person=who, month=MONTH))
    assert list(tmp_path.glob("*.csv*")) == []
    with databases.read(books) as session:
        assert session.scalars(select(AccessLog)).all() == []


@pytest.mark.parametrize("form", ["csv", "xlsx"])
@pytest.mark.parametrize("what", ["ledger", "payout"])
def test_no_customer_and_no_phone_stands_in_them(books: Engine, tmp_path: Path, what: str, form: str) -> None:
    path = tmp_path / f"{what}.{form}"
    export(books, wanted(path, what, month=MONTH))
    told = str(sheets(path)) if form == "xlsx" else path.read_text()
    assert not any(phone in told for phone in PHONES)
    assert "王先生" not in told
    assert "私事" not in told


def test_nothing_that_people_typed_becomes_a_formula(books: Engine, tmp_path: Path) -> None:
    for what in ("ledger", "payout"):
        export(books, wanted(tmp_path / f"{what}.xlsx", what, month=MONTH))
        assert formulas(tmp_path / f"{what}.xlsx") == []
    export(books, wanted(tmp_path / "payout.csv", "payout", month=MONTH))
    assert f"'{FORMULA}" in (tmp_path / "payout.csv").read_text()


def test_a_large_ledger_is_a_stream(sqlite_url: str, tmp_path: Path) -> None:
    engine = databases.open_engine(sqlite_url)
    with databases.begin(engine) as session:
        project = staff.ensure_company(session)
        mei = staff.add_person(session, "mei", ["member"])
        mei_id, same = mei.id, {
            "scope": "x", "cause": "x", "project_id": project.id, "month": MONTH, "earned_month": MONTH, "at": AT, "history_id": 1,
            "flow": "lead", "case_code": "L1", "policy_version": 1, "clause": "S20",
        }  # fmt: skip
        session.execute(insert(Journal), [{"id": n, "key": f"x#{n}", **same} for n in range(1, 3_001)])
        sides = [
            {
                "journal_id": n,
                "account": account,
                "person_id": person,
                "kind": "wage",
                "month": MONTH,
                "amount_fen": fen,
            }
            for n in range(1, 3_001)
            for account, person, fen in (("person", mei_id, 1), ("company", None, -1))
        ]
        session.execute(insert(Entry), sides)
    del sides
    tracemalloc.start()
    assert export(engine, wanted(tmp_path / "big.csv")) == 6_000
    _now, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    engine.dispose()
    assert peak < 4_000_000


# -- the payout ----------------------------------------------------------------------------------------------------


def held(engine: Engine, upto: str) -> Counter[str]:
    """What the ledger says each account holds of this and earlier months, by name, in fen; nothing paid for it yet."""
    found: Counter[str] = Counter()
    with databases.read(engine) as session:
        names = {p.id: p.name for p in session.scalars(select(Person))}
        for e in session.scalars(select(Entry).where(Entry.account != "company", Entry.month <= upto)):
            if (e.kind, e.month) != ("payout", upto):
                found[names[e.person_id] if e.person_id else f"team {e.team_id}"] += e.amount_fen
    return found


def accounts(engine: Engine, month: str) -> list[payout.Account]:
    with databases.read(engine) as session:
        return payout.accounts(session, payout.month_named(session, CLOCK, month))


def owed(found: list[payout.Account]) -> dict[str, int]:
    return {str(each.person): each.to_pay_fen for each in found if each.person}


@pytest.mark.parametrize("stage", ["open", "submitted"])
def test_what_is_to_be_paid_is_what_each_account_holds(books_at: Opened, stage: str) -> None:
    database = books_at(stage)
    found, holds = accounts(database, MONTH), held(database, MONTH)
    assert sorted(each.to_pay_fen for each in found) == sorted(holds.values())
    assert owed(found) == {name: fen for name, fen in holds.items() if not name.startswith("team ")}
    assert all(each.paid_fen == 0 for each in found)


def test_the_parts_of_a_row_are_those_of_the_ledger(books_at: Opened) -> None:
    database = books_at("submitted")
    (mei,) = (each for each in accounts(database, MONTH) if each.person == "mei")
    wage = 2188_51 + 547_13
    assert mei.sums == {
        "wage": wage, "bonuses": 5000 + 1000 + 100_000, "awards": 0, "deductions": -6437, "adjustments": 0, "expenses": 0,
    }  # fmt: skip
    assert (mei.total_fen, mei.to_pay_fen) == (wage + 106_000 - 6437, wage + 106_000 - 6437)


def test_once_paid_nothing_is_left_to_pay_also_before_the_payment_is_posted(books_at: Opened) -> None:
    database = books_at("paid")
    before = {str(each.person or each.team): each.paid_fen for each in accounts(database, MONTH)}
    with databases.read(database) as session:
        paid = -sum(
            session.scalars(
                select(Entry.amount_fen).where(Entry.kind == "payout", Entry.account != "company")
            )
        )
    assert sum(before.values()) == paid > 0
    assert all(each.to_pay_fen == 0 for each in accounts(database, MONTH))
    with databases.begin(database) as session:  # as if the worker had not come yet
        for entry in session.scalars(select(Entry).where(Entry.kind == "payout")):
            session.delete(entry)
    assert {str(each.person or each.team): each.paid_fen for each in accounts(database, MONTH)} == before
    assert all(each.to_pay_fen == 0 for each in accounts(database, MONTH))


def test_who_owes_is_paid_nothing_and_the_debt_goes_on(books: Engine) -> None:
    (mei,) = (each for each in accounts(books, NEXT) if each.person == "mei")
    assert (mei.total_fen, mei.to_pay_fen) == (-100_000 + 1234, 0)


def test_a_month_not_in_the_books_has_no_payout(books: Engine, tmp_path: Path) -> None:
    with pytest.raises(Refused):
        export(books, wanted(tmp_path / "x.csv", "payout", month="2026-09"))


@pytest.mark.parametrize("who", ["mei", "lin", "desk", "c1"])
def test_a_payout_is_for_the_desks(books: Engine, tmp_path: Path, who: str) -> None:
    with pytest.raises(Refused):
        export(books, wanted(tmp_path / "x.csv", "payout", month=MONTH, person=who))


# -- the command ---------------------------------------------------------------------------------------------------


@pytest.fixture
def tuoke(books: Engine, monkeypatch: pytest.MonkeyPatch) -> Iterator[CliRunner]:
    from workers import ground

    monkeypatch.setenv("DATABASE_URL", books.url.render_as_string(hide_password=False))
    for each in (ground.settings, ground.engine):
        each.cache_clear()
    yield CliRunner()
    ground.engine().dispose()
    for each in (ground.settings, ground.engine):
        each.cache_clear()


def test_the_command_writes_both(tuoke: CliRunner, tmp_path: Path) -> None:
    said = tuoke.invoke(
        command, ["ledger", str(tmp_path / "l.xlsx"), "--month", MONTH, "--as", "fei", "--lang", "en"]
    )
    assert said.exit_code == 0, said.output
    rows = sheets(tmp_path / "l.xlsx")["ledger"]
    assert f"{len(rows) - 1} rows written" in said.output
    said = tuoke.invoke(
        command, ["payout", str(tmp_path / "p.csv"), "--month", MONTH, "--bom", "--lang", "en"]
    )
    assert said.exit_code == 0, said.output
    with (tmp_path / "p.csv").open(newline="", encoding="utf-8-sig") as file:
        (mei,) = (row for row in csv.DictReader(file) if row["Name"] == "mei")
    assert (mei["Total"], mei["To pay"], mei["Team"]) == ("3731.27", "0.00", "A")


@pytest.mark.parametrize(
    "words",
    [
        ["payout", "p.csv"],
        ["leads", "l.csv", "--month", MONTH],
        ["ledger", "l.csv", "--month", "2026-13"],
        ["ledger", "l.csv", "--month", "２０２６-03"],
        ["ledger", "l.xes"],
        ["payout", "p.csv", "--month", "2031-01"],
        ["ledger", "l.csv", "--as", "root"],
    ],
)
def test_a_users_mistake_is_one_line_and_no_file(tuoke: CliRunner, tmp_path: Path, words: list[str]) -> None:
    said = tuoke.invoke(command, [words[0], str(tmp_path / words[1]), *words[2:]])
    assert said.exit_code == 2, said.output
    assert len(said.output.strip().splitlines()) == 1
    assert list(tmp_path.glob("*.csv")) == []


def test_yuan_are_exact() -> None:
    assert [str(yuan(fen)) for fen in (0, 1, -1, 10, 123_456_789_012_345)] == [
        "0.00", "0.01", "-0.01", "0.10", "1234567890123.45",
    ]  # fmt: skip
