"""How cost grows with the books: the same work at several sizes, and what there is more of."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass

from tests.bench.hand import Hand
from tests.bench.measured import Result

# What each row goes through: the tables and columns of the indexes, and what else it depends on.
THROUGH: dict[str, tuple[list[tuple[str, str]], str]] = {
    "transition": (
        [("lead", "code"), ("history", "flow, case_id, seq")],
        "one lead is looked up and one row is added to each index: a page more for each level",
    ),
    "sweep": (
        [("timer", "state, due_at, id"), ("history", "timer_id")],
        "a batch is read off the front of the index by due time, however many are pending behind it",
    ),
    "deliver": (
        [("outbox", "state, next_at, id"), ("delivery", "uid, consumer")],
        "waiting facts are read off an index; their fences fall on random pages of one that holds every fact ever told",
    ),
    "verify": (
        [("history", "flow, case_id, seq")],
        "every row is read once in the order of the chains, cases beside it: the cost of a row stays",
    ),
}


@dataclass
class Grown:
    """One row of the table on one database: what it did at each size."""

    name: str
    db: str
    sizes: list[int]
    ours: list[float | None]
    ratios: list[float | None]
    depths: dict[str, list[int]]

    @property
    def why(self) -> str:
        deep = ", ".join(f"{index} {_steps(levels)}" for index, levels in self.depths.items())
        return f"{THROUGH[self.name][1]} (levels of {deep})"

    def as_json(self) -> dict[str, object]:
        return {
            "name": f"growth of {self.name}",
            "db": self.db,
            "ours_per_s": None,
            "floor_per_s": None,
            "ratio": None,
            "peers": {},
            "sizes": self.sizes,
            "ours_at_size": self.ours,
            "ratio_at_size": self.ratios,
            "why": self.why,
        }


def depths(hand: Hand, name: str) -> dict[str, int]:
    """How many pages lie between the root and a row in each index that this row goes through, both counted."""
    return {f"{table} ({columns})": depth(hand, table, columns) for table, columns in THROUGH[name][0]}


def depth(hand: Hand, table: str, columns: str) -> int:
    """The levels of the B-tree over these columns, as the database's own pages say; 0 where there is no such index."""
    return (_of_sqlite if hand.kind == "sqlite" else _of_postgresql)(hand, table, columns)


def _of_postgresql(hand: Hand, table: str, columns: str) -> int:
    """`btm_level` in the first page of the index counts the levels above the leaves."""
    found = hand.run(
        "SELECT indexrelid FROM pg_index WHERE indrelid = CAST(:table AS regclass)"
        " AND pg_get_indexdef(indexrelid) LIKE :columns LIMIT 1",
        {"table": table, "columns": f"% USING btree ({columns})"},
    ).fetchone()
    if found is None:
        return 0
    hand.run("CHECKPOINT")
    page = hand.one(
        "SELECT pg_read_binary_file(pg_relation_filepath(CAST(:index AS regclass)), 0, 64)",
        {"index": found[0]},
    )
    return 1 + int.from_bytes(page[36:40], "little")


def _of_sqlite(hand: Hand, table: str, columns: str) -> int:
    """The path to the first leaf, as `dbstat` tells it where SQLite was built with it. (Never open the file beside SQLite: closing
    it again would take away the locks of this process.)"""
    found = [row[1] for row in hand.run(f"PRAGMA index_list({table})").fetchall()]
    over = {
        ", ".join(c[2] for c in hand.run(f"PRAGMA index_info({index})").fetchall()): index for index in found
    }
    try:
        sql = "SELECT path FROM dbstat WHERE name = :index AND pagetype = 'leaf' LIMIT 1"
        path = hand.run(sql, {"index": over.get(columns)}).fetchone()
    except sqlite3.OperationalError:
        return 0
    return str(path[0]).count("/") if path else 0


def gathered(results: list[tuple[Result, dict[str, int]]]) -> list[Grown]:
    """The measured rows, each with the depths at its size, put together by row and database."""
    found: dict[tuple[str, str], Grown] = {}
    for result, deep in results:
        grown = found.setdefault((result.name, result.db), Grown(result.name, result.db, [], [], [], {}))
        grown.sizes.append(result.more["size"])
        grown.ours.append(result.as_json()["ours_per_s"])
        grown.ratios.append(result.as_json()["ratio"])
        for index, levels in deep.items():
            grown.depths.setdefault(index, []).append(levels)
    return list(found.values())


def show(rows: list[Grown], say: Callable[[str], None] = print) -> None:
    """The second table: one line for each row and database, and below it why."""
    for grown in rows:
        sizes = " → ".join(f"{size:,}" for size in grown.sizes)
        ours = " → ".join(f"{each:,.0f}" for each in grown.ours if each is not None)
        ratios = " → ".join(f"{each:.3f}" for each in grown.ratios if each is not None)
        say(f"{grown.name:<11} {grown.db:<11} leads {sizes}: {ours} /s, ratio {ratios}")
        say(f"{'':<24}{grown.why}")


def _steps(levels: list[int]) -> str:
    return " → ".join(map(str, levels))
