"""Writing tables that people open in a spreadsheet: every text stays a text, whatever it begins with."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.utils import get_column_letter

DANGEROUS = ("=", "+", "-", "@", "\t", "\r", "\n", "\x00", "＝", "＋", "－", "＠")
CELL_LENGTH = 32_000
BOM = "\ufeff"


def neutral(text: str) -> str:
    """The text with an apostrophe before it where a spreadsheet would take it for a formula (CWE-1236)."""
    dangerous = text.startswith(DANGEROUS) or text.lstrip(" \u3000").startswith(DANGEROUS)
    kept = ILLEGAL_CHARACTERS_RE.sub("", text)[:CELL_LENGTH]
    return f"'{kept}" if dangerous else kept


def harmless(value: Any, zone: ZoneInfo) -> Any:
    """A value as a cell may hold it: texts neutral, instants in company time, numbers as they are."""
    if isinstance(value, datetime):
        return f"{value.astimezone(zone):%Y-%m-%d %H:%M:%S}"
    if isinstance(value, date):
        return value.isoformat()
    if value is None or isinstance(value, bool | int | float):
        return value
    return neutral(str(value))


def private_file(path: Path) -> Any:
    """A new text file that only its owner can read."""
    return os.fdopen(
        os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8", newline=""
    )


def write_csv(
    path: Path, header: Sequence[str], rows: Iterable[Sequence[Any]], zone: ZoneInfo, *, bom: bool = False
) -> None:
    """`bom` marks the file as UTF-8 for spreadsheets that would otherwise guess."""
    with private_file(path) as file:
        file.write(BOM if bom else "")
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows([harmless(value, zone) for value in row] for row in rows)


def write_xlsx(
    path: Path,
    title: str,
    header: Sequence[str],
    rows: Iterable[Sequence[Any]],
    zone: ZoneInfo,
    widths: Sequence[int] = (),
) -> None:
    """One sheet with a frozen, filterable header; rows are written as they come."""
    book = Workbook(write_only=True)
    sheet = book.create_sheet(title[:31])
    sheet.freeze_panes = "A2"
    sheet.auto_filter.ref = f"A1:{get_column_letter(len(header))}1"
    for column, width in enumerate(widths, start=1):
        sheet.column_dimensions[get_column_letter(column)].width = width
    sheet.append([_heading(sheet, text) for text in header])
    for row in rows:
        sheet.append([_cell(sheet, harmless(value, zone)) for value in row])
    with os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600), "w+b") as file:
        book.save(file)


def _heading(sheet: Any, text: str) -> Any:
    cell = WriteOnlyCell(sheet, text)
    cell.font, cell.alignment = Font(bold=True), Alignment(vertical="center")
    cell.fill = PatternFill("solid", fgColor="E8EEF4")
    return cell


def _cell(sheet: Any, value: Any) -> Any:
    """Texts are set down as strings, so that not even a later change to the neutral form makes one a formula."""
    if not isinstance(value, str):
        return value
    cell = WriteOnlyCell(sheet, value)
    cell.data_type = "s"
    return cell
