"""How a register was understood: what each column of each sheet was taken for, so that its sender can see a mistake before
anything is written."""

from __future__ import annotations

from dataclasses import dataclass

from openpyxl.utils import get_column_letter

from workflows.registers.sheets import Sheet
from workflows.registers.spellings import plain

WORD_LENGTH = 40


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a register: its letter, the word above it, and the field it was understood as, if any."""

    letter: str
    word: str
    field: str | None


@dataclass(frozen=True, slots=True)
class Understood:
    """How a sheet was read: the row its header stands in and its columns; no header, no columns: it was left out."""

    sheet: str
    header: int | None
    columns: tuple[Column, ...] = ()


def understood(sheet: Sheet, start: tuple[int, dict[str, list[int]]] | None) -> Understood:
    """A sheet whose header stands at `start`: its index among the rows, and the columns of each field."""
    if start is None:
        return Understood(sheet.name, None)
    number, cells = sheet.rows[start[0]]
    field_of = {at: field for field, found in start[1].items() for at in found}
    words = [plain(cell)[:WORD_LENGTH] for cell in cells]
    columns = [Column(get_column_letter(at + 1), word, field_of.get(at)) for at, word in enumerate(words)]
    return Understood(sheet.name, number, tuple(each for each in columns if each.word))
