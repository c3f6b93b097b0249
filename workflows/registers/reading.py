"""An office register, read as people keep it: titles above the header, blank lines, totals at the bottom, dates and
channels in many spellings. Every row of customers comes out as good or as bad with one reason; nothing is lost silently.

Nothing here touches the database or a clock, and no evidence shows a whole telephone number.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from workflows.phones import NotAMobile, mask, normalise
from workflows.registers import spellings
from workflows.registers.columns import Understood, understood
from workflows.registers.sheets import Formula, NotATable, Sent, Sheet, opened, sheets
from workflows.registers.spellings import MonthDay, picked, plain
from workflows.words import Text, _

HEADER_WITHIN = 20
NAME_LENGTH, SPOT_LENGTH, NOTE_LENGTH = 60, 80, 1900


@dataclass(frozen=True, slots=True)
class GoodRow:
    """A customer who can be captured. `phone` is E.164; `remarks` tell what was left out or not understood."""

    sheet: str
    row: int
    name: str
    phone: str
    channel: str
    spot: str | None = None
    intent: str | None = None
    note: str | None = None
    registered_on: date | None = None
    registrar_team: str | None = None
    registrar_name: str | None = None
    remarks: tuple[Text, ...] = ()


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that cannot become a lead, with the one reason; `evidence` is what stood there, digits masked."""

    sheet: str
    row: int
    reason: Text
    evidence: str = ""
    code: str = ""


class _Bad(Exception):
    def __init__(self, reason: Text, code: str, evidence: str = "") -> None:
        self.reason, self.code, self.evidence = reason, code, evidence


class Register:
    """A register that somebody sent. Raises NotATable (`reason` is one sentence)."""

    def __init__(self, sent: Sent) -> None:
        self.stem, self.sheets = sent.stem, sheets(sent)
        self.starts = [_header(sheet) for sheet in self.sheets]
        if not any(self.starts):
            raise NotATable(
                _("No header row with a phone column was found in the first 20 rows of any sheet.")
            )

    def rows(self) -> Iterator[GoodRow | BadRow]:
        """Every row of customers of every sheet that has a header."""
        seen: dict[str, tuple[str, int]] = {}
        for sheet, start in zip(self.sheets, self.starts, strict=True):
            if start:
                yield from _Reading(sheet, *start, self.stem, seen).rows()

    def understood(self) -> list[Understood]:
        """Which column of which sheet was taken for what."""
        return [understood(sheet, start) for sheet, start in zip(self.sheets, self.starts, strict=True)]


def read_register(path: Path) -> Iterator[GoodRow | BadRow]:
    """Every row of customers of a file. Raises NotATable."""
    return Register(opened(path)).rows()


def _header(sheet: Sheet) -> tuple[int, dict[str, list[int]]] | None:
    for index, (number, cells) in enumerate(sheet.rows):
        if number > HEADER_WITHIN:
            return None
        if columns := spellings.header(cells):
            return index, columns
    return None


class _Reading:
    """One sheet below its header. `seen` holds the phones of good rows of the whole file."""

    def __init__(
        self,
        sheet: Sheet,
        at: int,
        columns: dict[str, list[int]],
        stem: str,
        seen: dict[str, tuple[str, int]],
    ) -> None:
        self.sheet, self.columns, self.seen = sheet, columns, seen
        self.body = [row for row in sheet.rows[at + 1 :] if self._is_data(row[1])]
        titles = " ".join(plain(cell) for _unused, cells in sheet.rows[:at] for cell in cells)
        self.year = spellings.year_in(titles, sheet.name, stem)
        self.dates = [
            spellings.when(next(iter(picked(cells, columns, "date")), None)) for _unused, cells in self.body
        ]
        self.neighbours = neighbours(self.dates)

    def rows(self) -> Iterator[GoodRow | BadRow]:
        for index, (number, cells) in enumerate(self.body):
            try:
                row = self._good(index, number, cells)
            except _Bad as bad:
                yield BadRow(self.sheet.name, number, bad.reason, bad.evidence, bad.code)
            else:
                self.seen[row.phone] = (row.sheet, row.row)
                yield row

    def _is_data(self, cells: list[Any]) -> bool:
        """Whether a row is about a customer: no repeated header, no total, and something in the columns that matter."""
        if self._is_header_again(cells):
            return False
        if spellings.closes_the_table(cells) and not self._has_mobile(cells):
            return False
        return any(
            picked(cells, self.columns, field) for field in ("phone", "name", "channel", "date", "registrar")
        )

    def _is_header_again(self, cells: list[Any]) -> bool:
        phone = self.columns["phone"][0]
        again = phone < len(cells) and isinstance(cells[phone], str) and not cells[phone][:1].isdigit()
        return again and spellings.header(cells) == self.columns

    def _has_mobile(self, cells: list[Any]) -> bool:
        try:
            self._phone(cells)
        except _Bad:
            return False
        return True

    def _good(self, index: int, number: int, cells: list[Any]) -> GoodRow:
        remarks: list[Text] = []
        phone = self._phone(cells)
        if phone in self.seen:
            raise self._duplicate(phone)
        name, (channel, spot) = self._name(cells), self._channel(cells)
        team, registrar = spellings.registrar(self._one(cells, "registrar"), self._one(cells, "team"))
        return GoodRow(
            sheet=self.sheet.name,
            row=number,
            name=name,
            phone=phone,
            channel=channel,
            spot=spot,
            intent=self._intent(cells, remarks),
            note=self._note(cells, remarks),
            registered_on=self._date(index, cells, remarks),
            registrar_team=team,
            registrar_name=registrar,
            remarks=tuple(remarks),
        )

    def _one(self, cells: list[Any], field: str) -> Any:
        """The first value of a field that is no formula."""
        return next((v for v in picked(cells, self.columns, field) if not isinstance(v, Formula)), None)

    def _phone(self, cells: list[Any]) -> str:
        """The first mobile number in the phone columns."""
        given = picked(cells, self.columns, "phone")
        if not given:
            raise _Bad(Text(_("There is no phone number.")), "empty")
        failed: _Bad | None = None
        for value in given:
            if isinstance(value, Formula):
                failed = failed or _Bad(
                    Text(_("The phone cell holds a formula, which is not read.")), "formula"
                )
                continue
            try:
                return normalise(value)
            except NotAMobile as error:
                failed = failed or _Bad(Text(error.reason), error.code, masked(value))
        assert failed
        raise failed

    def _duplicate(self, phone: str) -> _Bad:
        sheet, row = self.seen[phone]
        if sheet == self.sheet.name:
            return _Bad(Text(_("The same phone as in row %(row)s."), {"row": row}), "duplicate", mask(phone))
        where = {"row": row, "sheet": sheet}
        return _Bad(
            Text(_("The same phone as in row %(row)s of sheet “%(sheet)s”."), where), "duplicate", mask(phone)
        )

    def _name(self, cells: list[Any]) -> str:
        given = picked(cells, self.columns, "name")
        name = plain(self._one(cells, "name"))
        if not name:
            formula = _("The name cell holds a formula, which is not read.")
            raise _Bad(Text(formula if given else _("There is no name.")), "name")
        if len(name) > NAME_LENGTH:
            raise _Bad(Text(_("The name is longer than %(most)s characters."), {"most": NAME_LENGTH}), "name")
        return name

    def _channel(self, cells: list[Any]) -> tuple[str, str | None]:
        given = self._one(cells, "channel")
        if given is None:
            raise _Bad(Text(_("There is no channel.")), "channel")
        channel, spot = spellings.channel(given)
        if channel is None:
            raise _Bad(
                Text(_("There is no such channel as “%(channel)s”."), {"channel": masked(given)}),
                "channel",
                masked(given),
            )
        spot = plain(self._one(cells, "spot")) or spot
        return channel, spot[:SPOT_LENGTH] if spot else None

    def _intent(self, cells: list[Any], remarks: list[Text]) -> str | None:
        given = self._one(cells, "intent")
        found = spellings.intent(given)
        if given is not None and found is None:
            remarks.append(Text(_("The intent “%(intent)s” was not understood."), {"intent": masked(given)}))
        return found

    def _note(self, cells: list[Any], remarks: list[Text]) -> str | None:
        """The notes as one text. A formula is left out: it could be a link or worse, and a note is not worth it."""
        given = picked(cells, self.columns, "note")
        kept = [text for value in given if not isinstance(value, Formula) and (text := plain(value))]
        if len(kept) < len(given):
            remarks.append(Text(_("The note was a formula and was left out.")))
        return "；".join(kept)[:NOTE_LENGTH] or None

    def _date(self, index: int, cells: list[Any], remarks: list[Text]) -> date | None:
        found = self.dates[index]
        if isinstance(found, MonthDay):
            neighbour = self.neighbours[index]
            year = self.year
            found = found.near(neighbour) if neighbour else found.of(year) if year else None
        if found is None and picked(cells, self.columns, "date"):
            remarks.append(Text(_("The date was not understood.")))
        return found


def neighbours(dates: Sequence[date | MonthDay | None]) -> list[date | None]:
    """For every row the nearest full date in the same sheet, the one above before the one below."""
    above: list[tuple[int, date] | None] = []
    last = None
    for index, found in enumerate(dates):
        above.append(last)
        last = (index, found) if isinstance(found, date) else last
    nearest: list[date | None] = []
    last = None
    for index in range(len(dates) - 1, -1, -1):
        sides = [(abs(side[0] - index), side[1]) for side in (above[index], last) if side]
        nearest.append(min(sides, key=lambda side: side[0])[1] if sides else None)
        last = (index, found) if isinstance(found := dates[index], date) else last
    return nearest[::-1]


def masked(value: Any) -> str:
    """What stood in a cell, so that its owner finds it, without a number one could call."""
    text = plain(value)[:24]
    digits = [i for i, c in enumerate(text) if c.isdigit()]
    hidden = set(digits[3:-2]) if len(digits) > 5 else set()
    return "".join("*" if i in hidden else c for i, c in enumerate(text))
