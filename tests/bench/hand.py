"""The floor: the same rows over a bare `sqlite3` or `psycopg` connection, without any check, with the same durability.

What rows a step writes is seen on one that the engine takes (`watched`); by hand they are then written for other leads. So
the floor cannot fall behind: it writes the same tables and columns, with values of the same length.
"""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import psycopg
from sqlalchemy import Engine, make_url

from models.base import Base
from tests.bench.pour import kept_by

PARAMETER = re.compile(r":([a-z_][a-z_0-9]*)")
Row = dict[str, Any]
# Tables that have no number of their own: by what their new rows are found.
LINKED = {
    "name_print": "lead_id > (SELECT max(lead_id) FROM name_print) - 1",
    "answer": "at = (SELECT max(at) FROM answer)",
}
NUMBERED = ("lead", "history", "timer", "outbox", "notification", "message", "journal", "entry")


class Hand:
    """A bare connection to one database, and how its statements are spelled. Statements have `:named` parameters."""

    listed: Callable[[list[int]], Any]

    def __init__(self, url: str) -> None:
        made = make_url(url)
        self.kind, self.path = made.get_backend_name(), str(made.database)
        self.spelled: dict[str, str] = {}
        if self.kind == "sqlite":
            self.connection: Any = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False)
            for pragma in ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=20000", "foreign_keys=ON"):
                self.connection.execute(f"PRAGMA {pragma}")
            self.begin, self.lock, self.skip_locked = "BEGIN IMMEDIATE", "", ""
            self.among, self.listed = "IN (SELECT value FROM json_each(:ids))", json.dumps
            self.chance = "lower(hex(randomblob(32)))"
            self.uuid = "lower(hex(randomblob(18)))"
        else:
            self.connection = psycopg.connect(url.replace("+psycopg", ""), autocommit=True)
            self.begin, self.lock = "BEGIN", " FOR NO KEY UPDATE"
            self.skip_locked = " FOR UPDATE SKIP LOCKED"
            self.among, self.listed = "= ANY(:ids)", list
            self.chance = "md5(random()::text) || md5(random()::text)"
            self.uuid = "gen_random_uuid()::text"

    @classmethod
    def on(cls, engine: Engine) -> Hand:
        return cls(engine.url.render_as_string(hide_password=False))

    def run(self, sql: str, values: Row | None = None) -> Any:
        if self.kind == "sqlite":
            return self.connection.execute(sql, values or {})
        spelled = self.spelled.get(sql)
        if spelled is None:
            text = sql.replace("::", "\0")
            spelled = self.spelled[sql] = PARAMETER.sub(r"%(\1)s", text).replace("\0", "::")
        return self.connection.execute(spelled, values)

    def all(self, sql: str, values: Row | None = None) -> list[Row]:
        """The rows of a look, by column; JSON as the text it is kept as."""
        found = self.run(sql, values)
        names = [column[0] for column in found.description]
        return [dict(zip(names, map(_raw, row), strict=True)) for row in found.fetchall()]

    def one(self, sql: str, values: Row | None = None) -> Any:
        return self.run(sql, values).fetchone()[0]

    def stream(self, sql: str) -> Iterator[tuple[Any, ...]]:
        """The rows of a long look, one after the other, without holding them all."""
        if self.kind == "sqlite":
            yield from self.connection.execute(sql)
            return
        with self.connection.transaction(), self.connection.cursor(name="long_look") as cursor:
            cursor.itersize = 2000
            yield from cursor.execute(sql)

    def moment(self, value: Any) -> datetime:
        """An instant that was read."""
        return datetime.fromisoformat(value).replace(tzinfo=UTC) if isinstance(value, str) else value

    def instant(self, value: datetime | None = None) -> Any:
        """A moment (now) as this database keeps it."""
        return kept_by(self.kind, value or datetime.now(UTC))

    def json(self, text: str) -> str:
        """This text as a JSON column takes it."""
        return text if self.kind == "sqlite" else f"CAST({text} AS json)"

    def settle(self, table: str) -> None:
        """What PostgreSQL does by itself after a while, when many rows of a table were changed."""
        if self.kind == "postgresql":
            self.run(f"VACUUM ANALYZE {table}")

    def counts(self) -> dict[str, int]:
        """How many rows each table has."""
        return {table: self.one(f"SELECT count(*) FROM {table}") for table in Base.metadata.tables}

    def quiet(self) -> None:
        """Let no fact wait: what one measurement left is not told in the next. Those that are kept back stay so."""
        sql = (
            "UPDATE outbox SET state = 'done', delivered_at = at WHERE state = 'pending' AND next_at <= :now"
        )
        self.run(sql, {"now": self.instant()})

    def batch(self, find: str, limit: int, statements: list[tuple[str, Row]]) -> int:
        """Find the numbers of so many pieces of work and run these statements on all of them together, in one transaction; how
        many were found."""
        now = self.instant()
        self.run(self.begin)
        ids = [row[0] for row in self.run(find, {"now": now, "batch": limit}).fetchall()]
        if ids:
            own = {"ids": self.listed(ids), "now": now}
            for sql, values in statements:
                self.run(sql, {**values, **own})
        self.run("COMMIT")
        return len(ids)

    def close(self) -> None:
        self.connection.close()


def _raw(value: Any) -> Any:
    return json.dumps(value) if isinstance(value, dict | list) else value


@dataclass
class Wrote:
    """What one step of one lead wrote: its new rows by table, and the columns of the lead and of its timers that it changed."""

    code: str
    rows: dict[str, list[Row]]
    lead: Row
    timer: Row


def watched(hand: Hand, act: Callable[[], str], code: str | None = None) -> Wrote:
    """Let the engine take a step (of the lead with this code, or of the new one whose code it says) and see what it wrote."""
    last = {table: hand.one(f"SELECT coalesce(max(id), 0) FROM {table}") for table in NUMBERED}
    before = hand.all("SELECT * FROM lead WHERE code = :code", {"code": code})
    ran = hand.all("SELECT * FROM timer WHERE case_code = :code", {"code": code})
    code = act()
    rows = {
        table: hand.all(f"SELECT * FROM {table} WHERE id > {last[table]} ORDER BY id") for table in NUMBERED
    }
    if rows["lead"]:
        rows |= {table: hand.all(f"SELECT * FROM {table} WHERE {new}") for table, new in LINKED.items()}
    after = hand.all("SELECT * FROM lead WHERE code = :code", {"code": code})
    ended = hand.all("SELECT * FROM timer WHERE case_code = :code", {"code": code})
    return Wrote(
        code,
        {table: found for table, found in rows.items() if found},
        changes(before, after),
        changes(ran, ended),
    )


def changes(before: list[Row], after: list[Row]) -> Row:
    """The columns in which rows that were there before are different now."""
    now = {row["id"]: row for row in after}
    return {name: value for row in before for name, value in now[row["id"]].items() if value != row[name]}


def insert(table: str, names: Iterable[str]) -> str:
    names = list(names)
    marks = ", ".join(f":{name}" for name in names)
    return f"INSERT INTO {table} ({', '.join(names)}) VALUES ({marks})"


class Steps:
    """One event of a lead by hand: lock and read the lead, write its columns and the rows beside it, in one transaction."""

    def __init__(self, hand: Hand, wrote: Wrote) -> None:
        assert not wrote.timer, "this event settles timers, which is not written by hand here"
        self.hand, self.wrote = hand, wrote
        written = ", ".join(f"{name} = :{name}" for name in wrote.lead)
        self.update = f"UPDATE lead SET {written} WHERE id = :id"
        self.read = f"SELECT * FROM lead WHERE code = :code{hand.lock}"
        self.inserts = [
            (insert(table, [name for name in row if name != "id"]), row)
            for table, rows in wrote.rows.items()
            for row in rows
        ]

    def take(self, code: str) -> None:
        run, now = self.hand.run, self.hand.instant()
        run(self.hand.begin)
        found = run(self.read, {"code": code})
        lead = dict(zip([column[0] for column in found.description], found.fetchone(), strict=True))
        seq, head = lead["version"] + 1, uuid4().hex * 2
        fresh = {
            "case_id": lead["id"], "case_code": code, "seq": seq, "previous": lead["head"], "hash": head, "at": now,
        }  # fmt: skip
        run(self.update, {**self.wrote.lead, "version": seq, "head": head, "id": lead["id"]})
        for sql, row in self.inserts:
            values = {**row, **{name: value for name, value in fresh.items() if name in row}}
            if "uid" in row:
                values["uid"], values["cause"] = str(uuid4()), f"lead:{code}:{seq}"
                values["body"] = row["body"].replace(self.wrote.code, code)
            run(sql, values)
        run("COMMIT")
