"""The answer to an imported register, as a workbook: one line per row, its code or the one reason why it is none.

Names and phones are masked: sheet and row lead back to the office's own register, where they stand in full.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo

from workflows.lead_facts import CHANNELS
from workflows.phones import mask, mask_name
from workflows.registers.reading import BadRow, GoodRow
from workflows.spreadsheet import Sheet, write_workbook
from workflows.words import Text, _, say

HEADER = (_("Sheet"), _("Row"), _("Result"), _("Code"), _("Reason"), _("Customer's name"), _("Mobile phone"),
          _("Channel"), _("Date in the register"), _("Registrar"))  # fmt: skip
WIDTHS = (14, 7, 10, 16, 46, 10, 16, 16, 14, 18)
RESULTS = {
    "good": _("Imported"),
    "would": _("Would be imported"),
    "already": _("Imported before"),
    "bad": _("Not imported"),
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a row: one of RESULTS, with the lead's code or the reason."""

    result: str
    code: str | None = None
    reason: Text | None = None


Place = tuple[str, int]
STOPPED = Text(_("The import stopped before this row."))


@dataclass(frozen=True, slots=True)
class Line:
    """A row as its answer shows it: names and phones masked, texts not yet in any language."""

    sheet: str
    row: int
    name: str | None = None
    phone: str | None = None
    channel: str | None = None
    spot: str | None = None
    registered_on: date | None = None
    registrar: str = ""
    remarks: tuple[Text, ...] = ()

    @classmethod
    def of(cls, row: GoodRow | BadRow) -> Line:
        """The line of a row of a register; of one that could not be read, what stood where it failed."""
        if isinstance(row, BadRow):
            return cls(row.sheet, row.row, phone=row.evidence or None)
        registrar = "-".join(part for part in (row.registrar_team, row.registrar_name) if part)
        masked = mask_name(row.name), mask(row.phone)
        return cls(
            row.sheet, row.row, *masked, row.channel, row.spot, row.registered_on, registrar, row.remarks
        )

    def told(self, outcome: Outcome, locale: str) -> str:
        """The one reason, or what was left out of a row that is good."""
        reasons = [outcome.reason] if outcome.reason else self.remarks
        return " ".join(reason.say(locale) for reason in reasons)

    def cells(self, outcome: Outcome, locale: str) -> list[object]:
        """The cells of a workbook, under HEADER."""
        channel = say(CHANNELS[self.channel], locale) if self.channel else None
        where = " ".join(part for part in (channel, self.spot) if part) or None
        result = say(RESULTS[outcome.result], locale)
        who = [self.name, self.phone, where, self.registered_on, self.registrar or None]
        return [self.sheet, self.row, result, outcome.code, self.told(outcome, locale), *who]


def write_result(
    path: Path,
    rows: Iterable[GoodRow | BadRow],
    outcomes: Mapping[Place, Outcome],
    zone: ZoneInfo,
    locale: str = "zh",
) -> None:
    """Write the result workbook; texts that people typed cannot become formulas in it."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    write_workbook(path, [table(_lines(rows, outcomes), locale)], zone)


def table(lines: Iterable[tuple[Line, Outcome]], locale: str) -> Sheet:
    """The sheet of an answer."""
    header = [say(text, locale) for text in HEADER]
    return Sheet(say(_("Result"), locale), header, (line.cells(out, locale) for line, out in lines), WIDTHS)


def _lines(
    rows: Iterable[GoodRow | BadRow], outcomes: Mapping[Place, Outcome]
) -> Iterator[tuple[Line, Outcome]]:
    for row in rows:
        unread = Outcome("bad", reason=row.reason if isinstance(row, BadRow) else STOPPED)
        found = None if isinstance(row, BadRow) else outcomes.get((row.sheet, row.row))
        yield Line.of(row), found or unread
