"""What `tuoke up` prints: every line under the name of the process that said it, in its colour."""

from __future__ import annotations

import os
import sys
import unicodedata
from threading import Lock

COLOURS = {"up": 37, "redis": 31, "web": 36, "clock": 33, "worker-1": 32, "worker-2": 35, "sender": 34}
_turn = Lock()


def say(name: str, text: str) -> None:
    """Print one line; a terminal that is gone, or a disk that has no room for it, is no reason to stop."""
    with _turn:
        try:
            print(f"{_coloured(name, f'{name:<9}')} {text}", flush=True)
        except (BrokenPipeError, ValueError):
            sys.stdout = open(os.devnull, "w")  # noqa: PTH123, SIM115
        except OSError:
            return


def banner(address: str, logins: list[tuple[str, str, str]]) -> None:
    """Print where to go and, for the demo company, who one can be."""
    say("up", "")
    say("up", f"Tuoke is open: {address}")
    if logins:
        widths = [max(_width(row[column]) for row in logins) for column in range(3)]
        say("up", "One log-in per role (role, name, password):")
        for row in logins:
            cells = (text + " " * (wide - _width(text)) for text, wide in zip(row, widths, strict=True))
            say("up", "  " + "  ".join(cells).rstrip())
    say("up", "Ctrl-C stops everything.")
    say("up", "")


def _width(text: str) -> int:
    """How many columns a terminal gives to it: two for a Chinese character."""
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)


def _coloured(name: str, text: str) -> str:
    if not sys.stdout.isatty() or os.environ.get("NO_COLOR"):
        return text
    return f"\033[{COLOURS.get(name, 34)}m{text}\033[0m"
