"""Very many rows into a database at once: by COPY from several processes into PostgreSQL, by one writer into SQLite. What grows
large loses its indexes meanwhile and gets them back at the end, when they are made in one go."""

from __future__ import annotations

import gc
import multiprocessing
import os
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import datetime
from typing import Any

import psycopg
from sqlalchemy import Date, DateTime, Engine

from models.base import Base, Instant
from tests.crowd.again import COLUMNS, Rows

Tell = Callable[[Any], Rows]
PROCESSES = max(2, min(4, os.cpu_count() or 1))
# The largest, to which no other table points: they stand without keys while they are filled.
LARGEST = ("history", "outbox", "timer", "notification")
# Where the order of numbers says what came first: the columns that hold the numbers of these tables. No hash is made of them.
BEFORE = {
    "history": ("history.id", "journal.history_id"),
    "journal": ("journal.id", "journal.reverses_id", "entry.journal_id"),
    "entry": ("entry.id",),
}
# Below so many parts everything is written where it stands.
FEW = 20


def load(engine: Engine, parts: Sequence[Any], tell: Tell, room: dict[str, int]) -> None:
    """Write the rows of all parts; `tell` makes those of one, in any process. `room` says how many numbers they need before
    those that are taken, by table of `BEFORE`."""
    (_into_sqlite if engine.dialect.name == "sqlite" else _into_postgresql)(engine, parts, tell, room)


def _making_room(room: dict[str, int]) -> Iterator[str]:
    """The statements that move what is there up."""
    for name, places in BEFORE.items():
        for table, column in (place.split(".") for place in places):
            yield f"UPDATE {table} SET {column} = -({column} + {room[name]})"
            yield f"UPDATE {table} SET {column} = -{column}"


class _Work:
    """What the processes that make rows inherit from this one."""

    tell: Tell
    url: str
    connection: psycopg.Connection[Any] | None = None


def _spread(work: Callable[[Any], Any], parts: Sequence[Any]) -> Iterator[Any]:
    """What comes of each part, made beside each other where there are many."""
    if len(parts) < FEW:
        yield from map(work, parts)
        return
    gc.freeze()  # what is made here has no cycles, and there is very much of it
    with multiprocessing.get_context("fork").Pool(PROCESSES, gc.disable) as pool:
        yield from pool.imap(work, parts)
    gc.unfreeze()


# -- PostgreSQL -----------------------------------------------------------------------------------------------------


def _into_postgresql(engine: Engine, parts: Sequence[Any], tell: Tell, room: dict[str, int]) -> None:
    _Work.tell, _Work.url = tell, engine.url.render_as_string(hide_password=False).replace("+psycopg", "")
    with psycopg.connect(_Work.url, autocommit=True) as connection:
        connection.execute(
            "SET session_replication_role = replica"
        )  # what keys and triggers check is so by the making
        for statement in _making_room(room):
            connection.execute(statement)
        if len(parts) < FEW:
            _Work.connection = None
            for part in parts:
                _copy(part)
        else:
            with _bare_postgresql(connection):
                for _part in _spread(_copy, parts):
                    pass
        for table in COLUMNS:
            if "id" in COLUMNS[table]:
                connection.execute(
                    f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), greatest(1, (SELECT max(id) FROM {table})))"
                )
        connection.execute("VACUUM (ANALYZE)")
    if _Work.connection is not None:
        _Work.connection.close()
        _Work.connection = None


def _copy(part: Any) -> None:
    """Make the rows of a part and send them, in whichever process this is."""
    if _Work.connection is None:
        _Work.connection = psycopg.connect(_Work.url)
        _Work.connection.execute("SET session_replication_role = replica")
        _Work.connection.execute("SET synchronous_commit = off")
    with _Work.connection.cursor() as cursor:
        for table, rows in _Work.tell(part).items():
            names = ", ".join(f'"{name}"' for name in COLUMNS[table])
            with cursor.copy(f"COPY {table} ({names}) FROM STDIN") as copy:
                for row in rows:
                    copy.write_row(row)
    _Work.connection.commit()


@contextmanager
def _bare_postgresql(connection: psycopg.Connection[Any]) -> Iterator[None]:
    """Without the indexes of the tables that are filled, and for the largest without their keys and their log."""
    keys = connection.execute(
        "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint"
        " WHERE contype IN ('p', 'u') AND conrelid::regclass::text = ANY(%s)",
        [list(LARGEST)],
    ).fetchall()
    indexes = connection.execute(
        "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = ANY(%s) AND indexname NOT IN (SELECT conname FROM pg_constraint)",
        [list(COLUMNS)],
    ).fetchall()
    for table, name, _definition in keys:
        connection.execute(f'ALTER TABLE {table} DROP CONSTRAINT "{name}"')
    for name, _definition in indexes:
        connection.execute(f'DROP INDEX "{name}"')
    for table in LARGEST:
        connection.execute(f"ALTER TABLE {table} SET UNLOGGED")
    yield
    connection.execute("SET maintenance_work_mem = '1GB'")
    for table, name, definition in keys:
        connection.execute(f'ALTER TABLE {table} ADD CONSTRAINT "{name}" {definition}')
    for _name, definition in indexes:
        connection.execute(definition)


# -- SQLite ---------------------------------------------------------------------------------------------------------

INSTANTS = {
    name: [
        place
        for place, column in enumerate(Base.metadata.tables[name].columns)
        if isinstance(column.type, Instant | DateTime | Date)
    ]
    for name in COLUMNS
}


def _into_sqlite(engine: Engine, parts: Sequence[Any], tell: Tell, room: dict[str, int]) -> None:
    _Work.tell = tell
    engine.dispose()  # the journal cannot be put aside while anybody else looks
    with closing(sqlite3.connect(str(engine.url.database), isolation_level=None)) as connection:
        connection.execute("PRAGMA foreign_keys=OFF")
        for statement in _making_room(room):
            connection.execute(statement)
        if len(parts) < FEW:
            _insert(connection, parts)
        else:
            with _bare_sqlite(connection):
                _insert(connection, parts)


def _insert(connection: sqlite3.Connection, parts: Sequence[Any]) -> None:
    connection.execute("BEGIN IMMEDIATE")
    for rows in _spread(_for_sqlite, parts):
        for table, each in rows.items():
            names = ", ".join(f'"{name}"' for name in COLUMNS[table])
            marks = ", ".join("?" * len(COLUMNS[table]))
            connection.executemany(f"INSERT INTO {table} ({names}) VALUES ({marks})", each)
    connection.execute("COMMIT")


def _for_sqlite(part: Any) -> Rows:
    """The rows of a part with their instants as SQLAlchemy writes them for SQLite."""
    rows = _Work.tell(part)
    for table, places in INSTANTS.items():
        for row in rows[table]:
            for place in places:
                if (at := row[place]) is not None:
                    row[place] = (
                        at.isoformat(" ", "microseconds")[:26] if isinstance(at, datetime) else at.isoformat()
                    )
    return rows


@contextmanager
def _bare_sqlite(connection: sqlite3.Connection) -> Iterator[None]:
    """Without a journal, and without the indexes that are no keys."""
    for pragma in ("journal_mode=OFF", "synchronous=OFF", "cache_size=-1000000", "threads=4"):
        connection.execute(f"PRAGMA {pragma}")
    wanted = "SELECT name, tbl_name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"
    indexes = [each for each in connection.execute(wanted).fetchall() if each[1] in COLUMNS]
    for name, _table, _sql in indexes:
        connection.execute(f'DROP INDEX "{name}"')
    yield
    for _name, _table, sql in indexes:
        connection.execute(sql)
    connection.execute("PRAGMA journal_mode=WAL")
