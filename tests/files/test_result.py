"""What people typed stays text in everything we write for spreadsheets."""

from __future__ import annotations

import csv
from datetime import UTC, date, datetime

import pytest

from tests.files import registers
from workflows.registers.reading import GoodRow, read_register
from workflows.registers.result import Outcome, write_result
from workflows.spreadsheet import neutral, write_csv, write_xlsx
from workflows.words import Text

DANGEROUS = [
    "=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "\x00=1", "＝1", "＋1", "－1", "＠1", " =1", "　=1",
    '=HYPERLINK("http://x")', "=cmd|'/C calc'!A0",
]  # fmt: skip


@pytest.mark.parametrize("text", DANGEROUS)
def test_no_text_becomes_a_formula(tmp_path, timezone, text):
    assert neutral(text).startswith("'")
    write_xlsx(tmp_path / "t.xlsx", "t", ["h"], [[text]], timezone)
    cell = registers.first_sheet(tmp_path / "t.xlsx")["A2"]
    assert (cell.data_type, cell.value[0]) == ("s", "'")
    write_csv(tmp_path / "t.csv", ["h"], [[text]], timezone)
    with (tmp_path / "t.csv").open(newline="", encoding="utf-8") as file:
        assert list(csv.reader(file))[1][0].startswith("'")


@pytest.mark.parametrize("text", ["王先生", "a=b", "3-5", "", "看学区+两房"])
def test_harmless_texts_stay_as_they_are(text):
    assert neutral(text) == text


def test_instants_are_company_time_and_files_are_private(tmp_path, timezone):
    path = tmp_path / "t.csv"
    write_csv(path, ["a"], [[datetime(2026, 3, 1, 16, tzinfo=UTC), date(2026, 3, 1), -5]], timezone, bom=True)
    assert path.read_bytes() == b"\xef\xbb\xbfa\r\n2026-03-02 00:00:00,2026-03-01,-5\r\n"
    assert path.stat().st_mode & 0o077 == 0


def test_the_result_names_codes_and_reasons_and_masks_customers(tmp_path, timezone):
    rows = list(read_register(registers.messy_workbook(tmp_path / "r.xlsx", 20)))
    good = [row for row in rows if isinstance(row, GoodRow)]
    outcomes = {(row.sheet, row.row): Outcome("good", f"L{i}") for i, row in enumerate(good)}
    outcomes[good[3].sheet, good[3].row] = Outcome("bad", reason=Text("=taken"))
    write_result(tmp_path / "deep" / "out.xlsx", rows, outcomes, timezone, "en")
    lines = list(registers.first_sheet(tmp_path / "deep" / "out.xlsx").iter_rows(values_only=True))
    assert len(lines) == 1 + len(rows)
    by_row = {line[1]: line for line in lines[1:]}
    assert by_row[good[0].row][2:4] == ("Imported", "L0")
    assert by_row[good[3].row][2:5] == ("Not imported", None, "'=taken")
    assert by_row[good[0].row][5:7] == ("王**", "138****0001")
    bad = [line for line in lines[1:] if line[2] == "Not imported"]
    assert len(bad) == 1 + registers.bad_among(20)
    assert all(line[4] for line in bad)
    assert registers.phone(1) not in str(lines)
