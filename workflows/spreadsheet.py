"""Writing tables that people open in a spreadsheet: every text stays a text, whatever it begins with."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
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


@dataclass(frozen=True, slots=True)
class Sheet:
    """One table of a workbook; its rows are read once, as they are written. `widths` are those of columns."""

    title: str
    header: Sequence[str]
    rows: Iterable[Sequence[Any]]
    widths: Sequence[int] = ()


def neutral(text: str) -> str:
    """The text with an apostrophe before it where a spreadsheet would take it for a formula (CWE-1236)."""
    dangerous = text.startswith(DANGEROUS) or text.lstrip(" \u3000").startswith(DANGEROUS)
    kept = ILLEGAL_CHARACTERS_RE.sub("", text)[:CELL_LENGTH]
    return f"'{kept}" if dangerous else kept


def yuan(fen: int) -> Decimal:
    """An amount as a cell holds it: a number in yuan with its two decimals, exactly."""
    return Decimal(fen).scaleb(-2)


def harmless(value: Any, zone: ZoneInfo) -> Any:
    """A value as a cell may hold it: texts neutral, instants in company time, numbers as they are."""
    if isinstance(value, datetime):
        return f"{value.astimezone(zone):%Y-%m-%d %H:%M:%S}"
    if isinstance(value, date):
        return value.isoformat()
    if value is None or isinstance(value, bool | int | float | Decimal):
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
        csv_into(file, header, rows, zone, bom=bom)


def csv_into(
    file: Any, header: Sequence[str], rows: Iterable[Sequence[Any]], zone: ZoneInfo, *, bom: bool = False
) -> None:
    """The same into an open text file, which must leave line ends alone."""
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
    write_workbook(path, [Sheet(title, header, rows, widths)], zone)


def write_workbook(path: Path, sheets: Iterable[Sheet], zone: ZoneInfo) -> None:
    """A workbook of several sheets that only its owner can read."""
    with os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600), "w+b") as file:
        xlsx_into(file, sheets, zone)


def xlsx_into(file: Any, sheets: Iterable[Sheet], zone: ZoneInfo) -> None:
    """The same into an open binary file that can be searched."""
    book = Workbook(write_only=True)
    for each in sheets:
        _fill(book.create_sheet(each.title[:31]), each, zone)
    book.save(file)


def _fill(sheet: Any, table: Sheet, zone: ZoneInfo) -> None:
    sheet.freeze_panes = "A2"
    sheet.auto_filter.ref = f"A1:{get_column_letter(len(table.header))}1"
    for column, width in enumerate(table.widths, start=1):
        sheet.column_dimensions[get_column_letter(column)].width = width
    sheet.append([_heading(sheet, text) for text in table.header])
    for row in table.rows:
        sheet.append([_cell(sheet, harmless(value, zone)) for value in row])


def _heading(sheet: Any, text: str) -> Any:
    cell = WriteOnlyCell(sheet, text)
    cell.font, cell.alignment = Font(bold=True), Alignment(vertical="center")
    cell.fill = PatternFill("solid", fgColor="E8EEF4")
    return cell


def _cell(sheet: Any, value: Any) -> Any:
    """Texts are set down as strings, so that not even a later change to the neutral form makes one a formula. Amounts show
    their two decimals."""
    if not isinstance(value, str | Decimal):
        return value
    cell: Any = WriteOnlyCell(sheet)
    cell.value = value
    if isinstance(value, str):
        cell.data_type = "s"
    else:
        cell.number_format = "0.00"
    return cell
