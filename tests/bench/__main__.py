"""`make bench`: how fast it is, on SQLite and PostgreSQL, each figure beside its floor and, where they are installed, its peers.

make bench ARGS="--quick --only transition,sweep --db sqlite"
"""

from __future__ import annotations

import argparse
import importlib
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib.util import find_spec
from time import perf_counter

from sqlalchemy import Engine

from tests.bench import books, capture, grounds, sweep, table, transition
from tests.bench.books import Books
from tests.bench.measured import Result
from tests.bench.sizes import FULL, MODERATE, QUICK, Sizes


@dataclass(frozen=True)
class Row:
    """A row of the table: how it is measured on the books, and how many leads in which state it uses up."""

    measure: Callable[[Books, Sizes], Result]
    captured: Callable[[Sizes], int] = lambda sizes: 0
    assigned: Callable[[Sizes], int] = lambda sizes: 0


ROWS = {
    "transition": Row(
        lambda b, s: transition.measure(b, s.transitions, s.transition_rounds),
        captured=lambda s: transition.needed(s.transitions, s.transition_rounds),
    ),
    "capture_http": Row(lambda b, s: capture.measure(b, s.captures, s.capture_rounds)),
    "sweep": Row(
        lambda b, s: sweep.measure(b, s.overdue, s.sweep_rounds),
        assigned=lambda s: sweep.needed(s.overdue, s.sweep_rounds),
    ),
}


def main() -> None:
    asked = _asked()
    results: list[Result] = []
    for kind in asked.db:
        with grounds.server(kind) as place:
            results += _measure(kind, place, asked.only, asked.sizes)
            table.write_down(results)
    table.show(results)
    print()
    for result in results:
        print(table.more(result))
    print(f"\nwritten to {table.BENCH}")


def _measure(kind: str, place: str, names: list[str], sizes: Sizes) -> list[Result]:
    results = []
    with grounds.fresh(kind, place) as engine:
        written = _books(engine, [ROWS[name] for name in names], sizes)
        for name in names:
            started = perf_counter()
            results.append(ROWS[name].measure(written, sizes))
            _say(f"{kind}: {name} measured in {perf_counter() - started:.0f} s")
        for row, speeds in _peers(kind, engine).items():
            for result in results:
                if result.name == row:
                    result.peers = speeds
    return results


def _books(engine: Engine, rows: list[Row], sizes: Sizes) -> Books:
    started = perf_counter()
    leads = max(sizes.leads, 2 * sum(row.assigned(sizes) for row in rows))
    written = books.write(engine, leads, sum(row.captured(sizes) for row in rows))
    _say(
        f"{engine.dialect.name}: books of {written.size:,} leads written in {perf_counter() - started:.0f} s"
    )
    return written


def _peers(kind: str, engine: Engine) -> dict[str, dict[str, float]]:
    """What others do a second, by row, where they are installed to be compared with."""
    if find_spec("tests.bench.peers") is None:
        return {}
    peers = importlib.import_module("tests.bench.peers")
    found: dict[str, dict[str, float]] = peers.measure(kind, engine.url.render_as_string(hide_password=False))
    return found


def _say(what: str) -> None:
    print(what, flush=True)


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--quick", dest="sizes", action="store_const", const=QUICK, help="about two minutes")
    size.add_argument("--full", dest="sizes", action="store_const", const=FULL, help="a million leads: hours")
    parser.add_argument(
        "--only", type=lambda text: text.split(","), default=list(ROWS), help="rows, with commas between"
    )
    parser.add_argument(
        "--db", type=lambda text: text.split(","), default=list(grounds.KINDS), help="sqlite or postgresql"
    )
    for name in ("leads", "overdue"):
        parser.add_argument(f"--{name}", type=int, help=f"another number of {name}")
    parser.set_defaults(sizes=MODERATE)
    asked = parser.parse_args()
    for chosen, known in ((asked.only, ROWS), (asked.db, grounds.KINDS)):
        if unknown := [name for name in chosen if name not in known]:
            parser.error(f"{unknown[0]} is none of {', '.join(known)}")
    given = {name: getattr(asked, name) for name in ("leads", "overdue") if getattr(asked, name)}
    asked.sizes = replace(asked.sizes, **given)
    return asked


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main()
