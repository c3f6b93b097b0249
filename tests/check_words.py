"""Says whether every text for people is in the catalog in Chinese; exit 1 with each one that is not.

`python -m tests.check_words --update` writes new texts into the catalog (without a translation, so that the check names
them) and takes out those that nobody says any more.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

ROOT = Path(__file__).parent.parent
PO = ROOT / "workflows" / "words" / "zh_CN" / "LC_MESSAGES" / "messages.po"
METHODS = [("**/migrations/**", "ignore"), ("**.py", "python"), ("**/templates/**.html", "jinja2")]
KEYWORDS = {"_": None, "gettext": None, "ngettext": (1, 2)}
VALUES = re.compile(r"%\((\w+)\)")


def said() -> Catalog:
    """All texts that the four rooms say."""
    catalog = Catalog(locale="zh_CN", project="tuoke", charset="utf-8")
    for room in ("workflows", "web", "workers", "models"):
        found = extract_from_dir(
            ROOT / room, METHODS, keywords=KEYWORDS, options_map={"**.html": {"silent": "false"}}
        )
        for filename, _line, message, _comments, context in found:
            catalog.add(message, locations=[(f"{room}/{filename}", 0)], context=context)
    return catalog


def kept() -> Catalog:
    """The catalog as it stands."""
    if not PO.exists():
        return Catalog(locale="zh_CN")
    with PO.open("rb") as file:
        return read_po(file, locale="zh_CN")


def faults() -> list[str]:
    """Each text that is missing, not translated, doubtful, or loses a value in translation."""
    catalog, found = kept(), []
    for message in said():
        if not message.id:
            continue
        known = catalog.get(message.id)
        texts = message.id if isinstance(message.id, tuple) else (message.id,)
        string = known.string if known else ""
        strings = string if isinstance(string, tuple) else (string,)
        if not all(strings) or (known and known.fuzzy):
            found.append(f"not in Chinese: {texts[0]!r} ({message.locations[0][0]})")
        elif set(VALUES.findall(str(texts[-1]))) != set(VALUES.findall(str(strings[-1]))):
            found.append(f"values differ: {texts[0]!r} / {strings[0]!r}")
    return found


def update() -> None:
    """Write what is said into the catalog, keeping the translations that stand."""
    new, old = said(), kept()
    for message in new:
        known = old.get(message.id) if message.id else None
        if known and not known.fuzzy:
            message.string = known.string
    PO.parent.mkdir(parents=True, exist_ok=True)
    with PO.open("wb") as file:
        write_po(file, new, omit_header=False, sort_output=True, include_lineno=False, width=110)


def main() -> int:
    if "--update" in sys.argv:
        update()
    found = faults()
    for fault in found:
        print(fault, file=sys.stderr)
    print("every text is in both languages" if not found else f"{len(found)} texts are not in both languages")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
