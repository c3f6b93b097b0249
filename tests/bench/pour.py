"""Writing very many rows at once: COPY on PostgreSQL, prepared inserts into a closed file on SQLite."""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from typing import Any

import psycopg
from sqlalchemy import Engine, Table
from sqlalchemy.schema import CreateIndex

MANY = 20_000  # rows in hand before they are written
LARGE = 20_000  # cases from which on it pays to make the indexes afterwards


class Pour:
    """Rows by table, as tuples in the order of `columns`, handed to the database in large portions."""

    def __init__(self, engine: Engine, columns: dict[Table, list[str]]) -> None:
        self.engine, self.columns = engine, columns
        self.rows: dict[Table, list[tuple[Any, ...]]] = defaultdict(list)
        self.connection: Any = None

    def add(self, table: Table, row: tuple[Any, ...]) -> None:
        held = self.rows[table]
        held.append(row)
        if len(held) >= MANY:
            self.write(table)

    def write(self, table: Table) -> None:
        names, rows = ", ".join(self.columns[table]), self.rows.pop(table, [])
        if self.engine.dialect.name == "sqlite":
            marks = ", ".join("?" * len(self.columns[table]))
            self.connection.executemany(f"INSERT INTO {table.name} ({names}) VALUES ({marks})", rows)
            return
        with self.connection.cursor().copy(f"COPY {table.name} ({names}) FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)

    def finish(self) -> None:
        for table in list(self.rows):
            self.write(table)


@contextmanager
def pouring(engine: Engine, columns: dict[Table, list[str]], cases: int) -> Iterator[Pour]:
    """A pour into this database, which nobody else uses meanwhile; afterwards it is as durable and as indexed as before."""
    pour = Pour(engine, columns)
    indexes = [i for t in columns for i in t.indexes if not i.unique] if cases >= LARGE else []
    engine.dispose()
    opened = _closed_file(engine) if engine.dialect.name == "sqlite" else _superuser(engine)
    with opened as pour.connection:
        for index in indexes:
            pour.connection.execute(f"DROP INDEX {index.name}")
        yield pour
        pour.finish()
        for index in indexes:
            pour.connection.execute(str(CreateIndex(index).compile(dialect=engine.dialect)))
        if engine.dialect.name == "postgresql":
            for table in columns:
                if "id" in table.columns:
                    last = f"SELECT coalesce(max(id), 1) FROM {table.name}"
                    pour.connection.execute(
                        f"SELECT setval(pg_get_serial_sequence('{table.name}', 'id'), ({last}))"
                    )
    if engine.dialect.name == "postgresql":  # what it does by itself after a while
        with psycopg.connect(_plain(engine), autocommit=True) as connection:
            connection.execute("VACUUM ANALYZE")


@contextmanager
def _closed_file(engine: Engine) -> Iterator[sqlite3.Connection]:
    """Without journal and without waiting for the disk; the journal is back afterwards."""
    connection = sqlite3.connect(str(engine.url.database), isolation_level=None)
    try:
        for pragma in ("journal_mode=OFF", "synchronous=OFF", "cache_size=-400000", "locking_mode=EXCLUSIVE"):
            connection.execute(f"PRAGMA {pragma}").fetchall()
        connection.execute("BEGIN")
        yield connection
        connection.execute("COMMIT")
        connection.execute("PRAGMA locking_mode=NORMAL").fetchall()
        connection.execute("PRAGMA journal_mode=WAL").fetchall()
    finally:
        connection.close()


@contextmanager
def _superuser(engine: Engine) -> Iterator[psycopg.Connection]:
    """In one transaction, without looking up again what each row refers to."""
    with psycopg.connect(_plain(engine)) as connection:
        connection.execute("SET LOCAL session_replication_role = replica")
        connection.execute("SET LOCAL maintenance_work_mem = '1GB'")
        connection.execute("SET LOCAL synchronous_commit = off")
        yield connection


def _plain(engine: Engine) -> str:
    return engine.url.render_as_string(hide_password=False).replace("+psycopg", "")


def kept_by(kind: str, value: Any) -> Any:
    """An instant or a day as a database of this kind keeps it (a bare driver does not know how SQLAlchemy writes them)."""
    if kind != "sqlite":
        return value
    if isinstance(value, datetime):
        return value.astimezone(UTC).replace(tzinfo=None).isoformat(" ", "microseconds")
    return value.isoformat() if isinstance(value, date) else value
