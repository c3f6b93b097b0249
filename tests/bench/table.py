"""What was measured, for people to read and for programs (`var/bench.json`)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from tests.bench.measured import Result

BENCH = Path("var/bench.json")
# What is asked for, by row and database: the least ratio.
RATIOS = {
    ("transition", "sqlite"): 0.35,
    ("transition", "postgresql"): 0.35,
    ("sweep", "sqlite"): 0.10,
    ("sweep", "postgresql"): 0.25,
    ("capture_http", "sqlite"): 0.4,
    ("capture_http", "postgresql"): 0.4,
}
# And where a row says milliseconds: which of them, and how many at most.
LATENCIES = {"lateness": ("p99_ms", 1000.0), "pages": ("p95_ms", 200.0)}
HEAD = ("row", "database", "ours /s", "floor /s", "ratio", "goal", "")


def goal(result: Result) -> tuple[str, bool | None]:
    """What is asked of this row, and whether it is so; nothing where nothing is asked."""
    if result.name.partition(" ")[0] in LATENCIES:
        name, most = LATENCIES[result.name.partition(" ")[0]]
        return f"{name} ≤ {most:.0f}", float(result.more[name]) <= most
    least = RATIOS.get((result.name, result.db))
    if least is None or result.ratio is None:
        return "", None
    return f"≥ {least:.2f}", result.ratio >= least


def show(results: Iterable[Result], say: Callable[[str], None] = print) -> None:
    """One line for each row and database, and below it what else is known."""
    lines = [HEAD]
    for result in results:
        asked, met = goal(result)
        verdict = {True: "met", False: "MISSED", None: ""}[met]
        ratio = "" if result.ratio is None else f"{result.ratio:.3f}"
        lines.append(
            (result.name, result.db, _number(result.ours), _number(result.floor), ratio, asked, verdict)
        )
    widths = [max(len(line[n]) for line in lines) for n in range(len(HEAD))]
    for line in lines:
        left = (
            f"{line[n]:<{widths[n]}}" if n in (0, 1, 5, 6) else f"{line[n]:>{widths[n]}}"
            for n in range(len(HEAD))
        )
        say("  ".join(left).rstrip())


def more(result: Result) -> str:
    """What else is known of a row, in one line."""
    peers = "".join(f", {name} {_number(speed)} /s" for name, speed in result.peers.items())
    said = ", ".join(f"{name} {_said(value)}" for name, value in result.more.items())
    return f"{result.name} on {result.db}: {said}{peers}"


def brief(result: Result) -> str:
    """A row in one line, for who watches: a run of hours may be cut short."""
    speeds = f"{_number(result.ours)} /s of {_number(result.floor)}, " if result.floor else ""
    return speeds + more(result)


def _said(value: object) -> str:
    if isinstance(value, dict):
        return "(" + ", ".join(f"{name} {_said(each)}" for name, each in value.items()) + ")"
    return f"{value:,}" if isinstance(value, int) else str(value)


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:,.0f}" if value >= 10 else f"{value:.2f}"


def write_down(rows: list[dict[str, Any]]) -> None:
    """Leave the figures where programs find them."""
    BENCH.parent.mkdir(exist_ok=True)
    BENCH.write_text(json.dumps(rows, indent=1, ensure_ascii=False) + "\n")
