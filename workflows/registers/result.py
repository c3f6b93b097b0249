"""The answer to an imported register, as a workbook: one line per row, its code or the one reason why it is none.

Names and phones are masked: sheet and row lead back to the office's own register, where they stand in full.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo

from workflows.lead_facts import CHANNELS
from workflows.phones import mask, mask_name
from workflows.registers.reading import BadRow, GoodRow
from workflows.spreadsheet import write_xlsx
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


def write_result(
    path: Path,
    rows: Iterable[GoodRow | BadRow],
    outcomes: Mapping[Place, Outcome],
    zone: ZoneInfo,
    locale: str = "zh",
) -> None:
    """Write the result workbook; texts that people typed cannot become formulas in it."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    header = [say(text, locale) for text in HEADER]
    write_xlsx(path, say(_("Result"), locale), header, _lines(rows, outcomes, locale), zone, WIDTHS)


def _lines(
    rows: Iterable[GoodRow | BadRow], outcomes: Mapping[Place, Outcome], locale: str
) -> Iterator[list[object]]:
    for row in rows:
        if isinstance(row, BadRow):
            told = [row.sheet, row.row, say(RESULTS["bad"], locale), None, row.reason.say(locale)]
            yield [*told, None, row.evidence, None, None, None]
            continue
        outcome = outcomes.get(
            (row.sheet, row.row), Outcome("bad", reason=Text(_("The import stopped before this row.")))
        )
        reasons = [outcome.reason] if outcome.reason else list(row.remarks)
        told = [
            row.sheet,
            row.row,
            say(RESULTS[outcome.result], locale),
            outcome.code,
            " ".join(r.say(locale) for r in reasons),
        ]
        registrar = "-".join(part for part in (row.registrar_team, row.registrar_name) if part)
        channel = " ".join(part for part in (say(CHANNELS[row.channel], locale), row.spot) if part)
        yield [*told, mask_name(row.name), mask(row.phone), channel, row.registered_on, registrar]
