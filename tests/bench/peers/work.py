"""The work that all do, and what they do it on: leads, their history and their outbox in a fresh database."""

from __future__ import annotations

import json
import re
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any, TypeVar

import psycopg
import sqlalchemy
from sqlalchemy import Column, Float, Integer, MetaData, String, Table, Text, UniqueConstraint, make_url

T = TypeVar("T")
WHO, DEMAND = "mei", "三房，近地铁"
WARM = 50  # transitions before any is counted
NUMBERS = count(1)
PARAMETER = re.compile(r":([a-z_]+)")

BOOKS = MetaData()
LEAD = Table(
    "lead",
    BOOKS,
    Column("id", Integer, primary_key=True),
    Column("code", String(12), nullable=False, unique=True),
    Column("state", String(20), nullable=False),
    Column("version", Integer, nullable=False),
    Column("promoter", String(40), nullable=False),
    Column("demand", Text, nullable=False),
)
HISTORY = Table(
    "history",
    BOOKS,
    Column("id", Integer, primary_key=True),
    Column("lead_id", Integer, nullable=False),
    Column("seq", Integer, nullable=False),
    Column("event", String(20), nullable=False),
    Column("who", String(40), nullable=False),
    Column("at", Float, nullable=False),
    Column("source", String(20), nullable=False),
    Column("target", String(20), nullable=False),
    Column("facts", Text, nullable=False),
    UniqueConstraint("lead_id", "seq"),
)
OUTBOX = Table(
    "outbox",
    BOOKS,
    Column("id", Integer, primary_key=True),
    Column("lead_id", Integer, nullable=False),
    Column("fact", String(40), nullable=False),
    Column("body", Text, nullable=False),
    Column("at", Float, nullable=False),
    Column("told_at", Float),
)

READ = "SELECT code, state, version, promoter FROM lead WHERE id = :id"
WRITE = "UPDATE lead SET state = :target, version = :seq, demand = :demand WHERE id = :id"
REMEMBER = """INSERT INTO history (lead_id, seq, event, who, at, source, target, facts)
    VALUES (:id, :seq, :event, :who, :at, :source, :target, :facts)"""
ANNOUNCE = "INSERT INTO outbox (lead_id, fact, body, at) VALUES (:id, :fact, :body, :at)"


class Refused(Exception):
    """The lead is elsewhere, this person may not, or a fact is missing."""


@dataclass(frozen=True)
class Move:
    """One event of a lead."""

    event: str
    source: str
    target: str

    def checked(self, lead_id: int, row: Any, who: str, demand: str) -> dict[str, Any]:
        """What is to be written. Raises `Refused`."""
        code, state, version, promoter = row
        if state != self.source or who not in (promoter, "clock") or not demand:
            raise Refused(f"{who} may not {self.event} {code}")
        facts = json.dumps({"demand": demand})
        body = json.dumps({"lead": code, "seq": version + 1})
        return {
            "id": lead_id, "seq": version + 1, "event": self.event, "who": who, "at": time.time(), "source": self.source,
            "target": self.target, "demand": demand, "facts": facts, "fact": f"lead.{self.target}", "body": body,
        }  # fmt: skip


SCREEN = Move("screen", "captured", "screened")
LAPSE = Move("lapse", "assigned", "unconverted")


def is_sqlite(url: str) -> bool:
    return url.startswith("sqlite")


def bare(url: str) -> str:
    """The address as `psycopg` takes it."""
    return url.replace("+psycopg", "")


def spelled(url: str, sql: str) -> str:
    """A statement as the driver of this database takes it."""
    return sql if is_sqlite(url) else PARAMETER.sub(r"%(\1)s", sql)


def locking(url: str, sql: str) -> str:
    return sql if is_sqlite(url) else f"{sql} FOR NO KEY UPDATE"


@contextmanager
def fresh(url: str) -> Iterator[str]:
    """An empty database beside this one, gone afterwards."""
    made = make_url(url)
    if is_sqlite(url):
        with tempfile.TemporaryDirectory(dir=Path(str(made.database)).parent) as folder:
            file = f"{folder}/peer.sqlite3"
            logged_ahead(file)
            yield f"sqlite:///{file}"
        return
    name = f"peer_{next(NUMBERS)}"
    with psycopg.connect(bare(url), autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)".encode())
        connection.execute(f"CREATE DATABASE {name}".encode())
        try:
            yield made.set(database=name).render_as_string(hide_password=False)
        finally:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


def logged_ahead(file: str) -> None:
    """Make this SQLite file one with a write-ahead log, which it then stays; FULL is how SQLite syncs unless told otherwise."""
    connection = sqlite3.connect(file)
    assert connection.execute("PRAGMA journal_mode=WAL").fetchone() == ("wal",)
    assert connection.execute("PRAGMA synchronous").fetchone() == (2,)
    connection.close()


def lay(url: str, number: int, state: str) -> list[int]:
    """Lay the tables with so many leads in this state; their numbers."""
    engine = sqlalchemy.create_engine(url)
    BOOKS.create_all(engine)
    with engine.begin() as connection:
        row = {
            "state": state,
            "version": 1,
            "promoter": WHO,
            "demand": "" if state == SCREEN.source else DEMAND,
        }
        rows = [{"id": n, "code": f"L{n:08}", **row} for n in range(1, number + 1)]
        connection.execute(LEAD.insert(), rows)
    engine.dispose()
    return list(range(1, number + 1))


def settle(url: str) -> None:
    """What PostgreSQL does by itself after a while, when many rows were written: forget the dead, count the living."""
    if not is_sqlite(url):
        with psycopg.connect(bare(url), autocommit=True) as connection:
            connection.execute("VACUUM ANALYZE")


def paced(act: Callable[[T], object], leads: list[T]) -> float:
    """How many of these acts a second, one after the other, once some have warmed up."""
    warm, counted = leads[:WARM], leads[WARM:]
    for lead in warm:
        act(lead)
    started = time.perf_counter()
    for lead in counted:
        act(lead)
    return len(counted) / (time.perf_counter() - started)


def prove(url: str, move: Move, number: int, outbox: bool = True) -> None:
    """See that all was done, once each."""
    engine = sqlalchemy.create_engine(url)
    with engine.connect() as connection:
        counted = [
            f"SELECT count(*) FROM lead WHERE state = '{move.target}' AND version = 2",
            f"SELECT count(DISTINCT lead_id) FROM history WHERE event = '{move.event}'",
            f"SELECT count(*) FROM history WHERE event = '{move.event}'",
            *(["SELECT count(*) FROM outbox"] if outbox else []),
        ]
        for sql in counted:
            found = connection.exec_driver_sql(sql).scalar()
            assert found == number, f"{found} instead of {number}: {sql}"
    engine.dispose()


def crew(peer: str, url: str, many: int) -> tuple[float, float]:
    """Let so many worker processes begin together on what was laid; when the first began and the last had nothing left to do."""
    settle(url)
    words = [sys.executable, "-m", "tests.bench.peers.one", peer, "work", url]
    workers = [
        subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _unused in range(many)
    ]
    try:
        for worker in workers:
            assert worker.stdout
            assert worker.stdout.readline() == "ready\n", "a worker did not start"
        for worker in workers:
            assert worker.stdin
            worker.stdin.write("go\n")
            worker.stdin.flush()
        spans = [json.loads(worker.communicate()[0].splitlines()[-1]) for worker in workers]
    finally:
        for worker in workers:
            worker.kill()
            worker.wait()
    return min(begun for begun, _unused in spans), max(ended for _unused, ended in spans)


def await_start() -> None:
    """In a worker: say that it is ready and wait for the others."""
    print("ready", flush=True)
    sys.stdin.readline()


def say(begun: float, ended: float) -> None:
    """In a worker: say when it began and when it had nothing left to do."""
    print(json.dumps([begun, ended]), flush=True)
