"""Texts for people, in Chinese and English: English msgids in the rules, one gettext catalog for all rooms.

Rules only mark their texts with `_`; the edges render them in the reader's language with `say`. The catalog is read
from the `.po` file itself, so there is nothing to compile and nothing stale.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cache
from gettext import GNUTranslations, NullTranslations
from pathlib import Path
from typing import Any

from babel.dates import format_date, format_datetime
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

CATALOGS = Path(__file__).parent
LOCALES = ("zh", "en")


def _(msgid: str) -> str:
    """Mark a text for translation; it is rendered later, in the reader's language."""
    return msgid


@dataclass(frozen=True, slots=True)
class Text:
    """A text with its values, not yet in any language. Days and instants are values as they are; instants bear the zone in
    which they are told."""

    msgid: str
    values: Mapping[str, Any] = field(default_factory=dict)

    def say(self, locale: str) -> str:
        """In this language; values that are texts themselves are said in it too."""
        values = {k: _said(v, locale) for k, v in self.values.items()}
        said = translations(locale).gettext(self.msgid)
        return said % values if values else said

    def __str__(self) -> str:
        return self.say("en")


def _said(value: Any, locale: str) -> Any:
    if isinstance(value, Text):
        return value.say(locale)
    chinese = locale.startswith("zh")
    babel = "zh_CN" if chinese else "en"
    if isinstance(value, datetime):
        pattern = "y年M月d日 HH:mm" if chinese else "d MMM y, HH:mm"
        return format_datetime(value, pattern, tzinfo=value.tzinfo, locale=babel)
    if isinstance(value, date):
        return format_date(value, "y年M月d日" if chinese else "d MMM y", locale=babel)
    return value


def say(text: str | Text, locale: str = "zh", **values: Any) -> str:
    """Render a marked text in the reader's language."""
    return (text if isinstance(text, Text) else Text(text, values)).say(locale) if text else ""


@cache
def translations(locale: str) -> NullTranslations:
    """The catalog of one language; English is what the msgids themselves say."""
    path = CATALOGS / "zh_CN" / "LC_MESSAGES" / "messages.po"
    if not locale.startswith("zh") or not path.exists():
        return NullTranslations()
    with path.open("rb") as file:
        catalog = read_po(file, locale="zh_CN")
    compiled = io.BytesIO()
    write_mo(compiled, catalog)
    compiled.seek(0)
    return GNUTranslations(compiled)
