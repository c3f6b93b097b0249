"""Registers are read as people keep them; every row of a customer is good or bad for one reason."""

from __future__ import annotations

import re
import zipfile
from collections import Counter
from datetime import date
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from tests.files import registers
from workflows.registers import sheets
from workflows.registers.reading import BadRow, GoodRow, neighbours, read_register
from workflows.registers.sheets import NotATable
from workflows.registers.spellings import MonthDay
from workflows.words import say

SHARED = Path(__file__).parents[3] / "shared" / "data" / "register.xlsx"


def read(path: Path) -> tuple[list[GoodRow], list[BadRow]]:
    rows = list(read_register(path))
    return [r for r in rows if isinstance(r, GoodRow)], [r for r in rows if isinstance(r, BadRow)]


def one_sheet(tmp_path: Path, *rows: Any, title: str = "登记") -> Path:
    return registers.workbook(tmp_path / "r.xlsx", {title: rows})


def test_a_messy_register_is_read_whole(tmp_path):
    good, bad = read(registers.messy_workbook(tmp_path / "r.xlsx", 140))
    assert [row.phone for row in good] == [f"+86{registers.phone(i)}" for i in range(1, 141)]
    assert Counter(row.code for row in bad) == {
        "duplicate": 14,
        "letters": 5,
        "short": 5,
        "landline": 5,
        "empty": 5,
    }
    assert len(bad) == registers.bad_among(140)


def test_fields_are_understood(tmp_path):
    good, _bad = read(registers.messy_workbook(tmp_path / "r.xlsx", 10))
    assert [row.channel for row in good] == [
        "flyer", "flyer", "exhibition", "exhibition", "group_purchase", "call_in", "call_in", "walk_in", "online", "referral",
    ]  # fmt: skip
    assert [row.spot for row in good if row.spot] == ["万达"]
    assert [row.intent for row in good[:5]] == ["A", "B", "C", "A", None]
    assert [row.registered_on for row in good[:5]] == [date(2026, 3, d) for d in (25, 24, 15, 6, 28)]
    assert (good[0].registrar_team, good[0].registrar_name) == ("拓客一组", "阿强")


def test_a_formula_in_a_note_is_left_out_and_the_row_stays_good(tmp_path):
    row = read(registers.messy_workbook(tmp_path / "r.xlsx", 1))[0][0]
    assert row.note is None
    assert [str(remark) for remark in row.remarks] == ["The note was a formula and was left out."]


def test_formulas_are_never_customers(tmp_path):
    header = ["姓名", "手机", "渠道"]
    rows = [["=1+1", "13800000001", "来电"], ["王", "=CMD()", "来电"], ["李", '="13800000002"', "来电"]]
    good, bad = read(one_sheet(tmp_path, header, *rows))
    assert [row.phone for row in good] == ["+8613800000002"]
    assert [row.code for row in bad] == ["name", "formula"]


@pytest.mark.skipif(not SHARED.exists(), reason="the shared register is not here")
def test_the_shared_register():
    good, bad = read(SHARED)
    codes = Counter(row.code for row in bad)
    assert len(good) == 207
    assert (codes.pop("empty"), codes.pop("duplicate"), codes.total()) == (9, 12, 32)


def test_a_duplicate_names_the_first_row_also_on_another_sheet(tmp_path):
    rows = [["姓名", "手机", "渠道"], ["王", "13800000001", "来电"], ["李", "138-0000-0001", "线上"]]
    path = registers.workbook(tmp_path / "r.xlsx", {"一月": rows, "二月": rows[:2]})
    _good, bad = read(path)
    assert [say(row.reason, "en") for row in bad] == [
        "The same phone as in row 2.",
        "The same phone as in row 2 of sheet “一月”.",
    ]
    assert all(row.evidence == "138****0001" for row in bad)


def test_a_phone_whose_first_row_was_bad_is_no_duplicate(tmp_path):
    good, bad = read(
        one_sheet(
            tmp_path, ["姓名", "手机", "渠道"], ["王", "13800000001", "飞鸽"], ["王", "13800000001", "来电"]
        )
    )
    assert [row.row for row in good] == [3]
    assert [row.code for row in bad] == ["channel"]


def test_evidence_never_shows_a_whole_number(tmp_path):
    _good, bad = read(registers.messy_workbook(tmp_path / "r.xlsx", 140))
    for row in bad:
        assert sum(c.isdigit() for c in row.evidence) <= 7
        assert not any(part.isdigit() and len(part) > 4 for part in row.evidence.replace("*", " ").split())


def test_totals_footers_blank_lines_and_repeated_headers_are_nobody(tmp_path):
    header = ["姓名", "手机", "渠道", "备注"]
    rows = [
        ["王", "13800000001", "来电"],
        [None],
        header,
        ["小计", 1],
        ["总计：1"],
        ["Total", 1],
        ["制表人：内勤"],
        [None, None, None, "完"],
    ]
    good, bad = read(one_sheet(tmp_path, header, *rows))
    assert (len(good), len(bad)) == (1, 0)


def test_a_customer_called_like_a_total_is_a_customer(tmp_path):
    good, _bad = read(one_sheet(tmp_path, ["姓名", "手机", "渠道"], ["总计先生", "13800000001", "来电"]))
    assert [row.name for row in good] == ["总计先生"]


def test_english_headers_far_down(tmp_path):
    rows = [["Garden Project"]] * 18 + [
        ["Date", "Customer Name", "Mobile", "Channel", "Promoter", "Intent", "Note"]
    ]
    good, _bad = read(
        one_sheet(tmp_path, *rows, ["2026-03-01", "Wang", "13800000001", "Walk-in", "Team A-Mei", "b", "hi"])
    )
    row = good[0]
    assert (row.row, row.name, row.channel, row.intent, row.note) == (20, "Wang", "walk_in", "B", "hi")
    assert (row.registrar_team, row.registrar_name) == ("Team A", "Mei")


def test_the_registrars_phone_is_not_the_customers(tmp_path):
    rows = [["登记人电话", "姓名", "电话", "渠道"], ["13900000009", "王", "13800000001", "来电"]]
    assert [row.phone for row in read(one_sheet(tmp_path, *rows))[0]] == ["+8613800000001"]


def test_a_second_phone_column_helps_out(tmp_path):
    rows = [["姓名", "电话", "手机", "渠道"], ["王", "0512-66585123", "13800000001", "来电"]]
    assert [row.phone for row in read(one_sheet(tmp_path, *rows))[0]] == ["+8613800000001"]


@pytest.mark.parametrize(
    ("dates", "title", "expected"),
    [
        (["2026-01-03", "12月30日"], "登记", date(2025, 12, 30)),
        (["12月30日", "2025-12-31"], "登记", date(2025, 12, 30)),
        (["12月30日"], "2024年登记", date(2024, 12, 30)),
        (["12月30日"], "登记", None),
        (["2月30日"], "2024年", None),
    ],
)
def test_the_year_of_a_date_without_one(tmp_path, dates, title, expected):
    rows = [[f"王{i}", f"1380000000{i}", "来电", d] for i, d in enumerate(dates)]
    good, _bad = read(one_sheet(tmp_path, ["姓名", "手机", "渠道", "日期"], *rows, title=title))
    row = next(r for r, d in zip(good, dates, strict=True) if "月" in d)
    assert row.registered_on == expected
    assert bool(row.remarks) == (expected is None)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_csv_in_the_encodings_met(tmp_path, encoding, delimiter):
    rows = [
        ["拓客登记"],
        ["姓名", "手机", "渠道", "备注"],
        ["王先生", "13800000001", "派单", '"看,房;好"'],
        ["李", "=1+1", "来电", ""],
    ]
    path = tmp_path / "r.csv"
    path.write_text("\r\n".join(delimiter.join(row) for row in rows), encoding=encoding)
    good, bad = read(path)
    assert [(r.name, r.phone, r.note, r.row) for r in good] == [("王先生", "+8613800000001", "看,房;好", 3)]
    assert [r.code for r in bad] == ["formula"]


def _zip(path: Path, name: str, size: int) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, b"0" * size)
    return path


def test_what_is_no_table_is_one_sentence(tmp_path, monkeypatch):
    def refused(path: Path) -> str:
        with pytest.raises(NotATable) as error:
            list(read_register(path))
        assert "\n" not in str(error.value)
        return str(error.value)

    (tmp_path / "old.xls").write_bytes(b"\xd0\xcf\x11\xe0rest")
    (tmp_path / "noise.csv").write_bytes(b"\x00\xff\xfe\x81\x82\x00")
    (tmp_path / "empty.csv").write_bytes(b"")
    (tmp_path / "broken.xlsx").write_bytes(b"PK\x03\x04 not a zip")
    (tmp_path / "letter.csv").write_text("Dear Sir,\nno phones here\n")
    assert "old .xls" in refused(tmp_path / "old.xls")
    assert "neither" in refused(tmp_path / "noise.csv")
    assert "neither" in refused(tmp_path / "empty.csv")
    assert "damaged" in refused(tmp_path / "broken.xlsx")
    assert "damaged" in refused(_zip(tmp_path / "torn.xlsx", "xl/workbook.xml", 10))
    assert "neither" in refused(_zip(tmp_path / "other.zip", "readme.txt", 10))
    assert "No header" in refused(tmp_path / "letter.csv")
    assert "cannot be opened" in refused(tmp_path / "missing.csv")
    monkeypatch.setattr(sheets, "MAX_UNPACKED", 1000)
    assert "unpacked" in refused(_zip(tmp_path / "bomb.xlsx", "xl/workbook.xml", 2000))


def test_more_rows_than_allowed_are_refused(tmp_path, monkeypatch):
    path = registers.messy_workbook(tmp_path / "r.xlsx", 30)
    monkeypatch.setattr(sheets, "MAX_ROWS", 20)
    with pytest.raises(NotATable, match="more than 20 rows"):
        list(read_register(path))


def test_a_workbook_with_an_entity_in_its_xml_is_refused(tmp_path):
    clean = registers.messy_workbook(tmp_path / "clean.xlsx", 3)
    evil = tmp_path / "evil.xlsx"
    with zipfile.ZipFile(clean) as source, zipfile.ZipFile(evil, "w") as target:
        for member in source.namelist():
            text = source.read(member)
            if member == "xl/worksheets/sheet1.xml":
                assert text.startswith(b"<worksheet")
                text = b'<!DOCTYPE a [<!ENTITY e "boom">]>' + text
            target.writestr(member, text)
    with pytest.raises(NotATable, match="damaged"):
        list(read_register(evil))


def test_a_wrong_dimension_hides_no_rows(tmp_path):
    clean = registers.messy_workbook(tmp_path / "clean.xlsx", 20)
    wrong = tmp_path / "wrong.xlsx"
    with zipfile.ZipFile(clean) as source, zipfile.ZipFile(wrong, "w") as target:
        for member in source.namelist():
            text = source.read(member)
            if member == "xl/worksheets/sheet1.xml":
                text, changed = re.subn(rb'<dimension ref="[^"]+"', b'<dimension ref="A1"', text)
                assert changed == 1
            target.writestr(member, text)
    assert len(read(wrong)[0]) == 20


def test_the_reader_leaves_the_file_as_it_was(tmp_path):
    path = registers.messy_workbook(tmp_path / "r.xlsx", 5)
    before = path.read_bytes()
    read(path)
    assert path.read_bytes() == before
    assert openpyxl.DEFUSEDXML is True


def test_neighbours_are_found_in_one_pass():
    march, may = date(2026, 3, 1), date(2026, 5, 1)
    unknown = MonthDay(4, 1)
    assert neighbours([unknown, march, unknown, None, unknown, may]) == [march, may, march, march, may, march]
    assert neighbours([unknown] * 100_000) == [None] * 100_000
