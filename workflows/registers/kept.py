"""How rows of a register are kept between its upload and its end: as plain values that a sealed column can hold."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import date, datetime
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
    """A text that is not yet in any language, with the texts, days and instants in it."""
    return {"msgid": text.msgid, "values": {name: _value(each) for name, each in text.values.items()}}


def text_of(kept: dict[str, Any]) -> Text:
    values = {k: _value_of(v) if isinstance(v, dict) else v for k, v in kept["values"].items()}
    return Text(kept["msgid"], values)


def _value(value: Any) -> Any:
    if isinstance(value, Text):
        return {"text": words(value)}
    if isinstance(value, datetime):
        return {"instant": value.isoformat()}
    return {"day": value.isoformat()} if isinstance(value, date) else value


def _value_of(kept: dict[str, Any]) -> Any:
    if "text" in kept:
        return text_of(kept["text"])
    return datetime.fromisoformat(kept["instant"]) if "instant" in kept else date.fromisoformat(kept["day"])


def _plain(found: GoodRow | Line) -> dict[str, Any]:
    on = found.registered_on
    told = {each.name: getattr(found, each.name) for each in fields(found)}
    return told | {"registered_on": on.isoformat() if on else None}


def _again(kept: dict[str, Any]) -> dict[str, Any]:
    on = kept["registered_on"]
    return kept | {"registered_on": date.fromisoformat(on) if on else None, "remarks": ()}
