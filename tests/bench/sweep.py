"""Overdue leads among very many pending timers, fired by the workers; and by `fire_due` in this process.

The floor is the same rows by set-based SQL. What the workers do besides, telling the facts of the sweep while it goes on, is
not in the floor: it is in the figure, because people wait for it too.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from models import database
from tests.bench import worked
from tests.bench.books import Books
from tests.bench.grounds import House
from tests.bench.hand import Hand, Row, Wrote, watched
from tests.bench.measured import Result
from workflows import timers

OVERDUE = timedelta(days=1)


def measure(books: Books, house: House, overdue: int, rounds: int) -> Result:
    """So many are overdue at once."""
    hand, leads = Hand.on(books.engine), iter(books.take("assigned", needed(overdue, rounds)))
    work = Sweep(hand, books, next(leads), database.batch(books.engine))
    pending = hand.one("SELECT count(*) FROM timer WHERE state = 'pending'")
    result = worked.measure("sweep", house, work, leads, overdue, rounds)
    hand.close()
    result.more = {"size": books.size, "pending": pending, **result.more}
    return result


def needed(overdue: int, rounds: int) -> int:
    """How many assigned leads are swept in all."""
    return 1 + worked.needed(overdue, rounds)


def set_due(hand: Hand, codes: list[str], first: datetime, apart: timedelta) -> None:
    """Let the ten days of these leads end at `first` and one after the other from then on."""
    hand.run(hand.begin)
    sql = "UPDATE timer SET due_at = :due_at WHERE flow = 'lead' AND case_id = (SELECT id FROM lead WHERE code = :code) AND name = 'lapse'"
    for number, code in enumerate(codes):
        hand.run(sql, {"due_at": hand.instant(first + number * apart), "code": code})
    hand.run("COMMIT")


@dataclass
class Sweep(worked.Work):
    """The sweep as work. What it writes is seen on one lead that the engine sweeps."""

    table, waits, order = "timer", "state = 'pending' AND due_at <= :now", "due_at, id"

    def __post_init__(self) -> None:
        self.bring_due([self.code])
        wrote = watched(self.hand, self.by_engine, self.code)
        assert set(wrote.rows) == {"history", "outbox"}, f"a sweep writes {sorted(wrote.rows)}"
        self.hand.quiet()
        self.statements = [
            self._insert(wrote, table, row) for table in ("history", "outbox") for row in wrote.rows[table]
        ]
        self.statements += [self._lead(wrote), self._timer(wrote)]

    def once(self, at: datetime, limit: int) -> int:
        return timers.fire_due(self.books.engine, at, limit)

    def bring_due(self, codes: list[str]) -> int:
        set_due(self.hand, codes, datetime.now(UTC) - OVERDUE, timedelta(milliseconds=1))
        self.hand.settle("timer")
        return len(codes)

    def _insert(self, wrote: Wrote, table: str, row: Row) -> tuple[str, Row]:
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
        source = f"FROM timer t JOIN lead l ON l.id = t.case_id WHERE t.id {self.hand.among}"
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
