"""The README tells the truth: the picture is the machine's, the commands and the rooms exist.

`python -m tests.test_readme` writes the picture anew.
"""

from __future__ import annotations

import re
from pathlib import Path

from workers.command import COMMANDS
from workflows.drawing import mermaid
from workflows.lead import LeadFlow

README = Path(__file__).parent.parent / "README.md"
PICTURE = re.compile(r"(?<=<!-- machine:lead -->\n).*?(?=<!-- /machine -->)", re.DOTALL)


def picture() -> str:
    return f"```mermaid\n{mermaid(LeadFlow, locale='en').strip()}\n```\n"


def test_the_picture_is_the_machines() -> None:
    found = PICTURE.search(README.read_text(encoding="utf-8"))
    assert found
    assert found[0] == picture(), "write it anew with: python -m tests.test_readme"


def test_every_command_it_names_exists() -> None:
    named = set(re.findall(r"`tuoke (\w+)", README.read_text(encoding="utf-8")))
    assert named
    assert named <= set(COMMANDS)


def test_every_file_it_points_at_exists() -> None:
    rows = re.findall(r"^\| `(\w+)/` \| (.+?) \|", README.read_text(encoding="utf-8"), re.MULTILINE)
    files = [
        README.parent / room / name for room, cell in rows for name in re.findall(r"`([\w/]+\.py)`", cell)
    ]
    assert files
    assert [file for file in files if not file.exists()] == []


if __name__ == "__main__":
    text = README.read_text(encoding="utf-8")
    README.write_text(PICTURE.sub(lambda _found: picture(), text), encoding="utf-8")
