"""`make bench`: how fast it is, on SQLite and PostgreSQL, each figure beside its floor and, where they are installed, its peers.

make bench ARGS="--quick --only transition,sweep --db sqlite"
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from time import perf_counter
from typing import Any

from sqlalchemy import Engine

from tests.bench import (
    books,
    capture,
    deliver,
    grounds,
    growth,
    lateness,
    pages,
    peers,
    proof,
    sweep,
    table,
    transition,
)
from tests.bench.books import Books
from tests.bench.grounds import House
from tests.bench.hand import Hand
from tests.bench.measured import Result
from tests.bench.sizes import FULL, MODERATE, QUICK, Sizes

Used = Callable[[Sizes], int]


def nobody(_sizes: Sizes) -> int:
    return 0


@dataclass(frozen=True)
class Row:
    """A row of the table: how it is measured, and how many leads of the books in which state it uses up.

    A row that is not about these books has a fresh database of its `own`.
    """

    measure: Callable[[Books, House, Sizes], Result] | None = None
    assigned: Used = nobody
    captured: Used = nobody
    untold: Used = nobody
    own: Callable[[Engine, Sizes], list[Result]] | None = None


# In the order in which they are measured: proved are books in which nobody has written by hand.
ROWS = {
    "verify": Row(lambda b, h, s: proof.measure(b, s.proof_rounds)),
    "transition": Row(
        lambda b, h, s: transition.measure(b, s.transitions, s.transition_rounds),
        captured=lambda s: transition.needed(s.transitions, s.transition_rounds),
        assigned=lambda s: 2 * transition.needed(s.transitions, s.transition_rounds),
    ),
    "capture_http": Row(lambda b, h, s: capture.measure(b, h, s.captures, s.capture_rounds)),
    "sweep": Row(
        lambda b, h, s: sweep.measure(b, h, s.overdue, s.work_rounds),
        assigned=lambda s: sweep.needed(s.overdue, s.work_rounds),
    ),
    "deliver": Row(
        lambda b, h, s: deliver.measure(b, h, s.untold, s.work_rounds),
        untold=lambda s: deliver.needed(s.untold, s.work_rounds),
    ),
    "lateness": Row(
        lambda b, h, s: lateness.measure(b, h, s.late_per_second, s.late_seconds),
        assigned=lambda s: lateness.needed(s.late_per_second, s.late_seconds),
    ),
    "pages": Row(own=lambda e, s: [of_page(row) for row in pages.rows(e, s.paged, s.paged_history)]),
}


def of_page(row: dict[str, Any]) -> Result:
    """What is said of a page, as a row of the table."""
    told = Result(row["name"], row["db"])
    told.more = {name: value for name, value in row.items() if name not in told.as_json()}
    return told


@dataclass
class Bench:
    """One run: what is asked for, and what was found so far."""

    sizes: Sizes
    rows: dict[str, Row]

    def __post_init__(self) -> None:
        self.results: list[Result] = []
        self.grown: list[tuple[Result, dict[str, int]]] = []

    def on(self, kind: str) -> None:
        """Measure everything on this kind of database."""
        with grounds.server(kind) as place:
            of_books = {name: row for name, row in self.rows.items() if row.measure}
            for leads in (self.sizes.grown or (self.sizes.leads,)) if of_books else ():
                with grounds.fresh(kind, place) as engine, House(engine) as house:
                    self.at(leads, engine, house, of_books)
            for name, row in self.rows.items():
                if row.own:
                    with grounds.fresh(kind, place) as engine:
                        self.results += timed(name, kind, row.own, engine, self.sizes)
            with grounds.fresh(kind, place) as engine:
                self.compare(kind, engine)

    def at(self, leads: int, engine: Engine, house: House, rows: dict[str, Row]) -> None:
        """Measure on books of this size: what grows at every size, everything at the last."""
        kind, last = engine.dialect.name, leads == self.sizes.leads
        growing = {name: row for name, row in rows.items() if self.sizes.grown and name in growth.THROUGH}
        written = self.books(engine, leads, rows if last else {}, growing)
        if last and "verify" in rows:
            self.results.append(timed("verify", kind, rows["verify"].measure, written, house, self.sizes))
        for name, row in growing.items():
            what = f"{name} at {leads:,}"
            result = self.results[-1] if last and name == "verify" else None
            result = result or timed(what, kind, row.measure, written, house, self.sizes.small)
            hand = Hand.on(engine)
            self.grown.append((result, growth.depths(hand, name)))
            hand.close()
        for name, row in rows.items():
            if last and name != "verify":
                self.results.append(timed(name, kind, row.measure, written, house, self.sizes))

    def books(self, engine: Engine, leads: int, rows: dict[str, Row], growing: dict[str, Row]) -> Books:
        def used(state: str) -> int:
            small: int = sum(getattr(row, state)(self.sizes.small) for row in growing.values())
            large: int = sum(getattr(row, state)(self.sizes) for row in rows.values())
            return small + large

        started = perf_counter()
        written = books.write(engine, max(leads, 2 * used("assigned")), used("captured"), used("untold"))
        _say(f"{engine.dialect.name}: {written.size:,} leads written in {perf_counter() - started:.0f} s")
        return written

    def compare(self, kind: str, engine: Engine) -> None:
        """What others do a second, by row, where they are installed to be compared with."""
        compared = [result for result in self.results if result.db == kind and result.name in peers.ROWS]
        if compared:
            found = peers.measure(kind, engine.url.render_as_string(hide_password=False))
            for result in compared:
                result.peers = found[result.name]

    def tell(self) -> None:
        """The tables, and the file for programs."""
        grown = growth.gathered(self.grown)
        print()
        table.show(self.results)
        print()
        for result in self.results:
            print(table.more(result))
        if grown:
            print("\nHow cost grows:")
            growth.show(grown)
        table.write_down(
            [*(result.as_json() for result in self.results), *(each.as_json() for each in grown)]
        )
        print(f"\nwritten to {table.BENCH}")


def timed(what: str, kind: str, measure: Any, *about: Any) -> Any:
    started = perf_counter()
    result = measure(*about)
    _say(f"{kind}: {what} measured in {perf_counter() - started:.0f} s")
    for found in result if isinstance(result, list) else [result]:
        _say(f"  {table.brief(found)}")
    return result


def _say(what: str) -> None:
    print(what, flush=True)


def main() -> None:
    asked = _asked()
    bench = Bench(asked.sizes, {name: row for name, row in ROWS.items() if name in asked.only})
    for kind in asked.db:
        bench.on(kind)
    bench.tell()


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench", description=(__doc__ or "").splitlines()[0])
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--quick", dest="sizes", action="store_const", const=QUICK, help="about two minutes")
    size.add_argument("--full", dest="sizes", action="store_const", const=FULL, help="a million leads: hours")
    parser.add_argument("--only", type=_words, default=list(ROWS), help=f"some of {','.join(ROWS)}")
    parser.add_argument(
        "--db", type=_words, default=list(grounds.KINDS), help=f"one of {','.join(grounds.KINDS)}"
    )
    for name in ("leads", "overdue", "untold"):
        parser.add_argument(f"--{name}", type=int, help=f"another number of {name}")
    parser.set_defaults(sizes=MODERATE)
    asked = parser.parse_args()
    for chosen, known in ((asked.only, ROWS), (asked.db, grounds.KINDS)):
        if unknown := [name for name in chosen if name not in known]:
            parser.error(f"{unknown[0]} is none of {', '.join(known)}")
    given: dict[str, Any] = {
        name: getattr(asked, name) for name in ("leads", "overdue", "untold") if getattr(asked, name)
    }
    if asked.leads and asked.sizes.grown:
        given["grown"] = (*(size for size in asked.sizes.grown if size < asked.leads), asked.leads)
    asked.sizes = replace(asked.sizes, **given)
    return asked


def _words(text: str) -> list[str]:
    return text.split(",")


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main()
