"""Our workbooks in LibreOffice: it opens them, and what it shows adds up to what the ledger says, to the fen."""

from __future__ import annotations

import csv
import shutil
import subprocess
from collections import Counter
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import Engine, select

from models import database as databases
from models.money import Entry
from models.people import Person, Team
from tests.files.test_money import wanted
from tests.money.books import Opened
from tests.money.march import FORMULA, MONTH, PHONES, ZONE
from workers.exporting import export
from workflows.money import files
from workflows.spreadsheet import write_workbook

# Comma, quotes, UTF-8, from the first line on, texts quoted as they are, numbers as they are shown, every sheet.
EVERY_SHEET = "csv:Text - txt - csv (StarCalc):44,34,76,1,,0,false,true,true,false,false,-1"
SECONDS = 120
Rows = list[dict[str, str]]
pytestmark = pytest.mark.office


def opened(path: Path) -> dict[str, Rows]:
    """The sheets of a workbook as LibreOffice shows them, by their titles."""
    program = shutil.which("soffice")
    if program is None:
        pytest.skip("there is no LibreOffice (Debian: apt-get install libreoffice-calc-nogui)")
    profile, out = path.parent / "profile", path.parent / "shown"
    words = [program, f"-env:UserInstallation={profile.as_uri()}", "--headless", "--convert-to", EVERY_SHEET]
    done = subprocess.run(
        [*words, "--outdir", str(out), str(path)],
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = {}
    for sheet in out.glob(f"{path.stem}-*.csv"):
        with sheet.open(newline="", encoding="utf-8-sig") as file:
            found[sheet.stem.removeprefix(f"{path.stem}-")] = list(csv.DictReader(file))
    assert found, done.stdout
    return found


def fen(shown: str) -> int:
    """The fen of an amount that is shown in yuan with two decimals."""
    assert shown[-3] == ".", shown
    return int(Decimal(shown) * 100)


def accounts(engine: Engine, *, paid: bool) -> Counter[str]:
    """What the ledger says of the month by account, in fen: what was earned, or what was paid out."""
    found: Counter[str] = Counter()
    with databases.read(engine) as session:
        names = {("person", p.id): p.name for p in session.scalars(select(Person))}
        names |= {("team", t.id): t.name for t in session.scalars(select(Team))}
        for e in session.scalars(select(Entry).where(Entry.account != "company", Entry.month == MONTH)):
            if (e.kind == "payout") == paid:
                name = names[e.account, e.person_id or e.team_id or 0]
                found[name] += -e.amount_fen if paid else e.amount_fen
    return found


@pytest.mark.parametrize("stage", ["submitted", "paid"])
def test_the_payout_has_the_totals_of_the_ledger(books_at: Opened, tmp_path: Path, stage: str) -> None:
    books = books_at(stage)
    export(books, wanted(tmp_path / "payout.xlsx", "payout", month=MONTH, locale="en"))
    shown = opened(tmp_path / "payout.xlsx")
    earned, paid = accounts(books, paid=False), accounts(books, paid=True)
    rows = {row["Name"]: row for row in shown["Payout"]}
    assert {name: fen(row["Total"]) for name, row in rows.items()} == dict(earned)
    assert {name: fen(row["Already paid"]) for name, row in rows.items()} == {
        name: paid[name] for name in earned
    }
    assert {name: int(row["To pay, in fen"]) for name, row in rows.items()} == {
        name: earned[name] - paid[name] for name in earned
    }
    parts = ("Wage", "Bonuses", "Awards", "Deductions", "Adjustments", "Expenses")
    assert all(sum(fen(row[part]) for part in parts) == fen(row["Total"]) for row in rows.values())
    lines: Counter[str] = Counter()
    for row in shown["Lines"]:
        assert fen(row["Amount"]) == int(row["Amount in fen"])
        lines[row["Name"]] += fen(row["Amount"])
    assert {name: lines[name] for name in earned} == {name: earned[name] - paid[name] for name in earned}
    told = {row["What"]: row["Value"] for row in shown["Summary"]}
    assert fen(told["Total"]) == sum(earned.values()) > 0
    assert fen(told["To pay"]) == sum(earned.values()) - sum(paid.values())


def test_the_ledger_has_every_entry(books_at: Opened, tmp_path: Path) -> None:
    books = books_at("later")
    export(books, wanted(tmp_path / "ledger.xlsx"))
    shown = opened(tmp_path / "ledger.xlsx")["ledger"]
    with databases.read(books) as session:
        amounts = list(session.scalars(select(Entry.amount_fen).order_by(Entry.id)))
    assert [int(row["amount_fen"]) for row in shown] == amounts
    assert [fen(row["amount_yuan"]) for row in shown] == amounts


def test_a_statement_has_the_total_of_the_ledger(books_at: Opened, tmp_path: Path) -> None:
    books = books_at("paid")
    with databases.read(books) as session:
        mei = session.scalars(select(Person).where(Person.name == "mei")).one()
        write_workbook(tmp_path / "s.xlsx", files.statement_sheets(session, mei, MONTH, "en"), ZONE)
    shown = opened(tmp_path / "s.xlsx")
    sums: Counter[str] = Counter()
    for row in shown["Statement"]:
        sums[row["Part"]] += fen(row["Amount"])
    assert sums["Earned"] == accounts(books, paid=False)["mei"] == -sums["Paid out"]
    assert {row["Amount"] for row in shown["Statement"] if row["Part"] == "Earned nothing"} == {"0.00"}


def test_what_people_typed_is_shown_and_not_reckoned(books_at: Opened, tmp_path: Path) -> None:
    export(books_at("paid"), wanted(tmp_path / "payout.xlsx", "payout", month=MONTH, locale="en"))
    shown = opened(tmp_path / "payout.xlsx")
    assert {row["Reference of the payment"] for row in shown["Payout"]} == {f"'{FORMULA}"}
    assert {row["Customer"] for row in shown["Lines"]} == {"", "'=**"}
    told = str(shown)
    assert not any(sign in told for sign in ("#NAME", "#REF", "#VALUE", "Err:", *PHONES))
