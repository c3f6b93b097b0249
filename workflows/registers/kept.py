"""How rows of a register are kept between its upload and its end: as plain values that a sealed column can hold."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import date
from typing import Any

from workflows.registers.reading import GoodRow
from workflows.registers.result import Line
from workflows.words import Text


def given(row: GoodRow) -> dict[str, Any]:
    """A row in full, without the remarks of its reader."""
    return _plain(replace(row, remarks=()))


def row_of(kept: dict[str, Any]) -> GoodRow:
    return GoodRow(**_again(kept))


def shown(line: Line) -> dict[str, Any]:
    """A row's masked image."""
    return _plain(replace(line, remarks=())) | {"remarks": [words(remark) for remark in line.remarks]}


def line_of(kept: dict[str, Any]) -> Line:
    return Line(**_again(kept) | {"remarks": tuple(text_of(each) for each in kept["remarks"])})


def words(text: Text) -> dict[str, Any]:
    """A text that is not yet in any language, with the texts in it."""
    values = {k: {"text": words(v)} if isinstance(v, Text) else v for k, v in text.values.items()}
    return {"msgid": text.msgid, "values": values}


def text_of(kept: dict[str, Any]) -> Text:
    values = {k: text_of(v["text"]) if isinstance(v, dict) else v for k, v in kept["values"].items()}
    return Text(kept["msgid"], values)


def _plain(found: GoodRow | Line) -> dict[str, Any]:
    on = found.registered_on
    told = {each.name: getattr(found, each.name) for each in fields(found)}
    return told | {"registered_on": on.isoformat() if on else None}


def _again(kept: dict[str, Any]) -> dict[str, Any]:
    on = kept["registered_on"]
    return kept | {"registered_on": date.fromisoformat(on) if on else None, "remarks": ()}
