"""What a transition costs above its floor: the same rows written by hand, with the same durability, in the same run.

One transition per transaction, one thread: `take` through `in_transaction`, against `sqlite3` or `psycopg` that reads
the lead under lock, updates it, and inserts the same history and outbox rows, without any check.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
from sqlalchemy import Engine

from tests.races.office import Office

BENCH = Path("var/bench.json")


def measure(engine: Engine, transitions: int = 300, rounds: int = 3) -> dict[str, Any]:
    """Follow-ups of one lead: ours per second, the floor per second, and the ratio; the best of each of some rounds."""
    office = Office(engine)
    code = office.assigned()
    ours = floor = 0.0
    by_hand = ByHand(engine, code)
    office.lead("follow_up", "guo", code, note="电话")
    for _unused in range(rounds):
        ours = max(ours, speed(transitions, lambda: office.lead("follow_up", "guo", code, note="电话")))
        floor = max(floor, speed(transitions, by_hand.follow_up))
        by_hand.take_back()
    by_hand.connection.close()
    name = engine.dialect.name
    print(
        f"  follow_up by take {ours:8.0f} /s, by hand {floor:8.0f} /s, ratio {floor / ours:.1f}", flush=True
    )
    return {
        "name": "follow_up",
        "db": name,
        "ours_per_s": round(ours, 1),
        "floor_per_s": round(floor, 1),
        "ratio": round(floor / ours, 2),
        "peers": [],
    }


def write_down(results: list[dict[str, Any]]) -> None:
    """Leave the figures where programs find them."""
    BENCH.parent.mkdir(exist_ok=True)
    BENCH.write_text(json.dumps(results, indent=1) + "\n")
    print(f"written to {BENCH}")


def speed(times: int, act: Callable[[], Any]) -> float:
    started = time.perf_counter()
    for _unused in range(times):
        act()
    return times / (time.perf_counter() - started)


class ByHand:
    """The statements of one follow-up over a bare connection."""

    def __init__(self, engine: Engine, code: str) -> None:
        self.code, self.added = code, 0
        url = engine.url.render_as_string(hide_password=False).replace("+psycopg", "")
        if engine.dialect.name == "sqlite":
            self.connection: Any = sqlite3.connect(str(engine.url.database), isolation_level=None)
            for pragma in ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=20000", "foreign_keys=ON"):
                self.connection.execute(f"PRAGMA {pragma}")
            self.mark, self.begin, self.lock = "?", "BEGIN IMMEDIATE", ""
        else:
            self.connection = psycopg.connect(url, autocommit=True)
            self.mark, self.begin, self.lock = "%s", "BEGIN", " FOR NO KEY UPDATE"
        self.history, self.outbox = self.pattern("history"), self.pattern("outbox")

    def pattern(self, table: str) -> tuple[str, list[str], list[Any]]:
        """An insert into this table with the columns and values of its newest row, to be varied."""
        found = self.connection.execute(f"SELECT * FROM {table} ORDER BY id DESC LIMIT 1")
        names, values = [column[0] for column in found.description], list(found.fetchone())
        values = [json.dumps(v) if isinstance(v, dict | list) else v for v in values]
        names, values = names[1:], values[1:]
        marks = ", ".join([self.mark] * len(names))
        return f"INSERT INTO {table} ({', '.join(names)}) VALUES ({marks})", names, values

    def insert(self, pattern: tuple[str, list[str], list[Any]], **given: Any) -> None:
        sql, names, values = pattern
        self.connection.execute(
            sql, [given.get(name, value) for name, value in zip(names, values, strict=True)]
        )

    def follow_up(self) -> None:
        run, mark = self.connection.execute, self.mark
        run(self.begin)
        lead = run(f"SELECT * FROM lead WHERE code = {mark}{self.lock}", [self.code])
        row = dict(zip([column[0] for column in lead.description], lead.fetchone(), strict=True))
        seq = row["version"] + 1
        run(
            f"UPDATE lead SET version = {mark}, head = {mark} WHERE id = {mark}",
            [seq, uuid4().hex * 2, row["id"]],
        )
        self.insert(
            self.history,
            case_id=row["id"],
            case_code=self.code,
            seq=seq,
            previous=row["head"],
            hash="by hand",
            timer_id=None,
        )
        self.insert(self.outbox, uid=str(uuid4()), cause=f"by hand:{uuid4()}")
        run("COMMIT")
        self.added += 1

    def take_back(self) -> None:
        """Leave the books as `take` wrote them."""
        run, mark = self.connection.execute, self.mark
        run("DELETE FROM history WHERE hash = 'by hand'")
        run("DELETE FROM outbox WHERE cause LIKE 'by hand:%'")
        last = (
            "SELECT {} FROM history WHERE flow = 'lead' AND case_code = lead.code ORDER BY seq DESC LIMIT 1"
        )
        columns = f"version = ({last.format('seq')}), head = ({last.format('hash')})"
        run(f"UPDATE lead SET {columns} WHERE code = {mark}", [self.code])
