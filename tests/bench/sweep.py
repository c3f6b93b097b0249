"""Overdue leads among very many pending timers, fired by the real clock, Redis and workers; and `fire_due` alone, in process.

The floor is the same rows by set-based SQL, in batches of the same size. What the workers do besides, telling the facts of the
sweep while it goes on, is not in the floor: it is in the figure, because people wait for it too.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from statistics import median

from models import database
from tests.bench.books import Books, apart
from tests.bench.grounds import House, until
from tests.bench.hand import Hand, Row, Wrote, watched
from tests.bench.measured import Result, compared
from workflows import timers

OVERDUE = timedelta(days=1)
PATIENCE = 3600.0  # seconds


def measure(books: Books, overdue: int, rounds: int) -> Result:
    """In each round so many are overdue at once for ours, and as many for the floor, half of them before it, half after."""
    hand, batch = Hand.on(books.engine), database.batch(books.engine)
    leads = iter(_leads(books))
    by_hand = ByHand(hand, books, next(leads), batch)
    pending = hand.one("SELECT count(*) FROM timer WHERE state = 'pending'")
    ours: list[float] = []
    alone: list[float] = []
    floor: list[float] = []
    with House(books.engine).staffed() as house:
        for _number in range(rounds):
            floor.append(by_hand.sweep(list(islice(leads, overdue // 2))))
            ours.append(by_workers(house, hand, list(islice(leads, overdue))))
            floor.append(by_hand.sweep(list(islice(leads, overdue - overdue // 2))))
    for _number in range(rounds):
        alone.append(by_itself(books, hand, list(islice(leads, overdue // 2)), batch))
        floor.append(by_hand.sweep(list(islice(leads, overdue // 2))))
    hand.quiet()
    hand.close()
    result = Result("sweep", books.engine.dialect.name, median(ours), median(floor))
    result.more = {
        "size": pending,
        "overdue": overdue,
        "batch": batch,
        "in_process": compared(median(alone), median(floor)),
    }
    return result


def needed(overdue: int, rounds: int) -> int:
    """How many assigned leads are swept in all."""
    return rounds * (2 * overdue + 2 * (overdue // 2)) + 1


def _leads(books: Books) -> Iterator[str]:
    codes = books.codes["assigned"]
    return apart(codes, len(codes))


def bring_due(hand: Hand, codes: list[str]) -> int:
    """Let the ten days of these leads have ended a day ago, one a millisecond after the other; how many they are."""
    hand.run(hand.begin)
    first = datetime.now(UTC) - OVERDUE
    sql = "UPDATE timer SET due_at = :due_at WHERE flow = 'lead' AND case_id = (SELECT id FROM lead WHERE code = :code) AND name = 'lapse'"
    for number, code in enumerate(codes):
        due_at = hand.instant(first + timedelta(milliseconds=number))
        hand.run(sql, {"due_at": due_at, "code": code})
    hand.run("COMMIT")
    hand.settle("timer")
    return len(codes)


def left(hand: Hand) -> int:
    """How many are still overdue."""
    sql = "SELECT count(*) FROM timer WHERE state = 'pending' AND due_at <= :at"
    return int(hand.one(sql, {"at": hand.instant()}))


def is_left(hand: Hand) -> bool:
    """Whether any is, without counting them."""
    sql = "SELECT id FROM timer WHERE state = 'pending' AND due_at <= :at LIMIT 1"
    return hand.run(sql, {"at": hand.instant()}).fetchone() is not None


def by_workers(house: House, hand: Hand, codes: list[str]) -> float:
    """How many a second, from when the first were seen to have fired until the last have."""
    hand.quiet()
    many = bring_due(hand, codes)
    clock = house.start("clock")
    until(lambda: _fired(hand, codes[0]), "the first timer fires")
    begun, rest = time.perf_counter(), left(hand)
    if not 0 < rest < many:
        raise RuntimeError(f"{rest} of {many} are left when the first has fired: take more of them")
    ended = until(lambda: not is_left(hand), "all timers have fired", PATIENCE)
    clock.end()
    return rest / (ended - begun)


def _fired(hand: Hand, code: str) -> bool:
    sql = "SELECT state FROM lead WHERE code = :code"
    return bool(hand.one(sql, {"code": code}) != "assigned")


def by_itself(books: Books, hand: Hand, codes: list[str], batch: int) -> float:
    """How many a second by `fire_due`, in this process. Its facts are left to be told."""
    many = bring_due(hand, codes)
    at, started = datetime.now(UTC), time.perf_counter()
    while timers.fire_due(books.engine, at, batch):
        pass
    seconds = time.perf_counter() - started
    assert left(hand) == 0
    return many / seconds


@dataclass
class ByHand:
    """The sweep by hand. What it writes is seen on one lead that the engine sweeps."""

    hand: Hand
    books: Books
    code: str
    batch: int

    def __post_init__(self) -> None:
        bring_due(self.hand, [self.code])
        wrote = watched(self.hand, self._by_engine, self.code)
        assert set(wrote.rows) == {"history", "outbox"}, f"a sweep writes {sorted(wrote.rows)}"
        self.hand.quiet()
        among = f"t.id {self.hand.among}"
        both = f"FROM timer t JOIN lead l ON l.id = t.case_id WHERE {among}"
        self.find = (
            "SELECT id FROM timer WHERE state = 'pending' AND due_at <= :now ORDER BY due_at, id LIMIT :batch"
            + (" FOR UPDATE SKIP LOCKED" if self.hand.kind == "postgresql" else "")
        )
        self.inserts = [
            self._insert(wrote, table, row, both)
            for table in ("history", "outbox")
            for row in wrote.rows[table]
        ]
        self.updates = [self._lead(wrote), self._timer(wrote)]

    def _by_engine(self) -> str:
        assert timers.fire_due(self.books.engine, datetime.now(UTC), 1) == 1
        return self.code

    def _insert(self, wrote: Wrote, table: str, row: Row, source: str) -> tuple[str, Row]:
        made = {
            "case_id": "l.id", "case_code": "l.code", "project_id": "l.project_id", "seq": "l.version + 1", "timer_id": "t.id", "due_at": "t.due_at",
            "previous": "l.head", "hash": self.hand.chance, "uid": self.hand.uuid, "at": ":now", "next_at": ":now",
        }  # fmt: skip
        if table == "outbox":
            cause = str(row["cause"])
            made["cause"] = (
                "'timer:' || t.id"
                if cause.startswith("timer:")
                else "'lead:' || l.code || ':' || (l.version + 1)"
            )
            made["body"] = self.hand.json("replace(:body, :other, l.code)")
        names = [name for name in row if name != "id"]
        given = {name: "NULL" if row[name] is None else f":{name}" for name in names}
        given |= {name: self.hand.json(f":{name}") for name in ("facts", "changes") if name in row}
        values = [made.get(name, given[name]) for name in names]
        sql = f"INSERT INTO {table} ({', '.join(names)}) SELECT {', '.join(values)} {source}"
        return sql, {**row, "other": wrote.code}

    def _lead(self, wrote: Wrote) -> tuple[str, Row]:
        made = {"version": "h.seq", "head": "h.hash"}
        written = ", ".join(
            f"{name} = {made.get(name, 'h.at' if name.endswith('_at') else f':{name}')}"
            for name in wrote.lead
        )
        sql = f"UPDATE lead SET {written} FROM history h WHERE h.timer_id {self.hand.among} AND lead.id = h.case_id"
        return sql, wrote.lead

    def _timer(self, wrote: Wrote) -> tuple[str, Row]:
        written = ", ".join(
            f"{name} = {':now' if name.endswith('_at') else f':{name}'}" for name in wrote.timer
        )
        return f"UPDATE timer SET {written} WHERE id {self.hand.among}", wrote.timer

    def sweep(self, codes: list[str]) -> float:
        """How many a second, in batches of the same size, one transaction each. Its facts are left to be told."""
        many = bring_due(self.hand, codes)
        started = time.perf_counter()
        while self._one_batch():
            pass
        seconds = time.perf_counter() - started
        assert left(self.hand) == 0
        return many / seconds

    def _one_batch(self) -> int:
        run, now = self.hand.run, self.hand.instant()
        run(self.hand.begin)
        ids = [row[0] for row in run(self.find, {"now": now, "batch": self.batch}).fetchall()]
        if ids:
            own = {"ids": self.hand.listed(ids), "now": now}
            for sql, values in (*self.inserts, *self.updates):
                run(sql, {**values, **own})
        run("COMMIT")
        return len(ids)
