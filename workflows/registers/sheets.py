"""Opening a table that somebody sends us: csv or xlsx, untrusted, read as cells and nothing else.

No formula is ever evaluated: a cell that holds one comes out as `Formula`. What is too large, broken or something
other than a table is refused with one sentence (`NotATable`) before it can take memory.
"""

from __future__ import annotations

import csv
import warnings
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from io import BytesIO
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

import openpyxl

from workflows.words import Text, _

MAX_BYTES = 20 * 1024 * 1024
MAX_UNPACKED = 200 * 1024 * 1024
MAX_MEMBERS = 2_000
MAX_ROWS = 50_000
MAX_COLUMNS = 64
SHEET_LENGTH = 1_048_576
ENCODINGS = ("utf-8-sig", "gb18030")
OLE = b"\xd0\xcf\x11\xe0"


class NotATable(Exception):
    """The file cannot be read as a table; `reason` is one sentence for people."""

    def __init__(self, msgid: str, **values: Any) -> None:
        self.reason = Text(msgid, values)
        super().__init__(str(self.reason))


class Formula(str):
    """What stands in a cell instead of a value; kept as harmless text, never evaluated."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Sent:
    """A file that somebody sent: its name without the ending, and what is in it."""

    stem: str
    raw: bytes


@dataclass(frozen=True, slots=True)
class Sheet:
    """One sheet: its name and its rows that are not blank, each with its number as the spreadsheet shows it."""

    name: str
    rows: list[tuple[int, list[Any]]]


def opened(path: Path, most: int = MAX_BYTES) -> Sent:
    """A file of this machine. Raises NotATable where it cannot be opened or is too large to be read."""
    try:
        too_large, raw = path.stat().st_size > most, b""
        if not too_large:
            raw = path.read_bytes()
    except OSError as error:
        raise NotATable(_("The file cannot be opened: %(why)s."), why=error.strerror or "?") from error
    if too_large:
        raise NotATable(_("The file is larger than %(most)s MB."), most=most // 2**20)
    return Sent(path.stem, raw)


def sheets(sent: Sent) -> list[Sheet]:
    """All sheets of the file; what it is, its contents say and not its name. Raises NotATable."""
    if sent.raw.startswith(OLE):
        raise NotATable(
            _("This is an old .xls file or one with a password: save it as .xlsx without a password.")
        )
    return _read_workbook(sent.raw) if sent.raw.startswith(b"PK") else _within_limits(_csv(sent))


def _within_limits(found: Iterable[tuple[str, Iterator[list[Any]]]]) -> list[Sheet]:
    """Keep what is not blank; stop at the limits, whatever the file says about its own size."""
    read, left = [], MAX_ROWS
    for name, rows in found:
        kept = []
        for number, cells in enumerate(islice(rows, SHEET_LENGTH), start=1):
            if all(_blank(cell) for cell in cells):
                continue
            left -= 1
            if left < 0:
                raise NotATable(_("The file has more than %(most)s rows: split it."), most=MAX_ROWS)
            kept.append((number, cells))
        read.append(Sheet(name, kept))
    return read


def _blank(cell: Any) -> bool:
    return cell is None or (isinstance(cell, str) and not cell.strip())


def _read_workbook(raw: bytes) -> list[Sheet]:
    if not openpyxl.DEFUSEDXML:
        raise RuntimeError("defusedxml is missing: workbooks cannot be read safely")
    _measure(raw)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return _within_limits(_workbook(BytesIO(raw)))
    except NotATable:
        raise
    except Exception as error:
        raise NotATable(_("The workbook is damaged and cannot be read.")) from error


def _workbook(file: BinaryIO) -> Iterator[tuple[str, Iterator[list[Any]]]]:
    book = openpyxl.load_workbook(file, read_only=True, data_only=False, keep_links=False)
    try:
        for sheet in book.worksheets:
            sheet.reset_dimensions()  # what the file says about its size is often wrong
            yield (
                sheet.title,
                ([_value(cell) for cell in row] for row in sheet.iter_rows(max_col=MAX_COLUMNS)),
            )
    finally:
        book.close()


def _measure(raw: bytes) -> None:
    """See what the archive would unpack to, before anything is unpacked."""
    try:
        with zipfile.ZipFile(BytesIO(raw)) as archive:
            members = archive.infolist()
    except (zipfile.BadZipFile, OSError) as error:
        raise NotATable(_("The workbook is damaged and cannot be read.")) from error
    if len(members) > MAX_MEMBERS or sum(member.file_size for member in members) > MAX_UNPACKED:
        raise NotATable(_("The workbook is too large when unpacked."))
    if not any(member.filename == "xl/workbook.xml" for member in members):
        raise NotATable(_("This is neither a csv file nor an xlsx workbook."))


def _value(cell: Any) -> Any:
    if cell.data_type == "f":
        return _formula(str(getattr(cell.value, "text", None) or cell.value))
    if cell.data_type == "e":
        return None
    return cell.value


def _formula(text: str) -> str:
    """A formula, unless it only quotes a text (`="13800000001"` is how some programs keep a number from being cut)."""
    quoted = text.strip()
    if len(quoted) > 2 and quoted.startswith('="') and quoted.endswith('"') and '"' not in quoted[2:-1]:
        return quoted[2:-1]
    return Formula(text)


def _csv(sent: Sent) -> Iterator[tuple[str, Iterator[list[Any]]]]:
    text = _decoded(sent.raw)
    lines = text.splitlines(keepends=True)
    if "\x00" in text or not lines:
        raise NotATable(_("This is neither a csv file nor an xlsx workbook."))
    head = "".join(lines[:20])
    delimiter = max(",;\t|", key=head.count)
    yield sent.stem, _csv_rows(lines, delimiter)


def _csv_rows(lines: list[str], delimiter: str) -> Iterator[list[Any]]:
    try:
        for row in csv.reader(lines, delimiter=delimiter):
            yield [_formula(cell) if cell.lstrip().startswith("=") else cell for cell in row[:MAX_COLUMNS]]
    except csv.Error as error:
        raise NotATable(_("The csv file is damaged and cannot be read.")) from error


def _decoded(raw: bytes) -> str:
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        encodings: tuple[str, ...] = ("utf-16",)
    else:
        encodings = ENCODINGS
    for encoding in encodings:
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise NotATable(_("The text of the file is neither UTF-8 nor GB18030."))
