"""What one transaction writes, gathered and then written in few statements, be it one row or five hundred.

A session (`books.Books`) carries one `Writing`. Rows of history, outbox and timers are added to it as plain values, and a case
that was changed is noted with the columns that changed. It is written when somebody asks the database something, as a
flush is, and before the commit; so one step costs one statement per table, and a sweep of hundreds costs the same number.

On SQLite the rows go as parameters of one prepared statement. On PostgreSQL they go as one JSON array, which the server
unfolds: one round trip, however many rows.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cache
from operator import itemgetter
from typing import Any

import sqlalchemy
from sqlalchemy import Column, ColumnElement, Connection, CursorResult, Dialect, Table, func, select

Row = dict[str, Any]
Pack = Callable[[Any], Any]


@dataclass(slots=True)
class Writing:
    """`rows` to add by table; `cases` that were changed, each with its table and new values (`id` among them); `before` what
    must be done first."""

    rows: dict[Table, list[Row]] = field(default_factory=dict)
    cases: dict[Any, tuple[Table, Row]] = field(default_factory=dict)
    before: list[tuple[Any, Row]] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.rows or self.cases or self.before)

    def add(self, table: Table, row: Row) -> None:
        """A new row; columns that are left out take their default, or nothing."""
        self.rows.setdefault(table, []).append(row)

    def first(self, statement: Any, values: Row) -> None:
        """A statement that must run before the rows are added, such as ending the timer that a new one replaces."""
        self.before.append((statement, values))

    def write(self, connection: Connection) -> None:
        """Write all of it, in the order in which nothing gets in another's way, and begin with an empty sheet."""
        before, cases, rows = self.before, self.cases, self.rows
        self.before, self.cases, self.rows = [], {}, {}
        for statement, values in _together(before):
            connection.execute(statement, values if len(values) > 1 else values[0])
        by_columns: dict[tuple[Table, tuple[str, ...]], list[Row]] = {}
        for table, changed in cases.values():
            by_columns.setdefault((table, tuple(sorted(changed))), []).append(changed)
        for (table, columns), changes in by_columns.items():
            update(connection, table, columns, changes)
        for table, added in rows.items():
            insert(connection, table, added)

    def forget(self) -> None:
        """Nothing of this was written after all."""
        self.before, self.cases, self.rows = [], {}, {}


def _together(statements: Sequence[tuple[Any, Row]]) -> list[tuple[Any, list[Row]]]:
    """Statements with their values, those that follow each other and are the same as one."""
    found: list[tuple[Any, list[Row]]] = []
    for statement, values in statements:
        if found and found[-1][0] is statement:
            found[-1][1].append(values)
        else:
            found.append((statement, [values]))
    return found


# --- the statements -----------------------------------------------------------------------------------------------


def insert(connection: Connection, table: Table, rows: Sequence[Row]) -> None:
    """Add rows. Columns that are left out take their default, or nothing; a key that counts by itself is left to do so."""
    sql, columns = _insertion(table, connection.dialect.name)
    _run(connection, sql, table, columns, rows)


def insert_one(connection: Connection, table: Table, row: Row) -> None:
    """Add one row whose key is known already (`next_number`)."""
    sql, columns = _insertion(table, connection.dialect.name, numbered=True)
    _run(connection, sql, table, columns, [row])


def next_number(table: Table, dialect: str) -> ColumnElement[int]:
    """The next number of a table that counts its rows, for a statement of a transaction that will add the row. SQLite has one
    writer at a time; PostgreSQL gives each number once, to whomever."""
    if dialect == "sqlite":
        return select(func.coalesce(func.max(table.c.id), 0) + 1).scalar_subquery()
    return func.nextval(func.pg_get_serial_sequence(table.name, "id"), type_=table.c.id.type)


def update(connection: Connection, table: Table, columns: tuple[str, ...], rows: Sequence[Row]) -> None:
    """Give these columns of the rows with these ids (`id` is one of them) these values."""
    given = tuple(name for name in columns if name != "id")
    sql = _alteration(table, given, connection.dialect.name)
    _run(connection, sql, table, (*given, "id"), rows)


def _run(
    connection: Connection, sql: str, table: Table, columns: tuple[str, ...], rows: Sequence[Row]
) -> CursorResult[Any]:
    unsaid, packs, picked = _packing(table, columns, connection.dialect)
    told = [unsaid | row for row in rows]
    for row in told:
        for name, pack in packs:
            row[name] = pack(row[name])
    if connection.dialect.name == "sqlite":
        values = [picked(row) for row in told]
        return connection.exec_driver_sql(sql, values if len(values) > 1 else values[0])
    said = [dict(zip(columns, picked(row), strict=True)) for row in told]
    return connection.exec_driver_sql(sql, (json.dumps(said, ensure_ascii=False, separators=(",", ":")),))


@cache
def _insertion(table: Table, dialect: str, numbered: bool = False) -> tuple[str, tuple[str, ...]]:
    counted = None if numbered else table.autoincrement_column
    columns = tuple(column.name for column in table.columns if column is not counted)
    names = ", ".join(columns)
    if dialect == "sqlite":
        return f"INSERT INTO {table.name} ({names}) VALUES ({', '.join('?' * len(columns))})", columns  # noqa: S608
    unfolded = f"json_populate_recordset(NULL::{table.name}, %s::json)"
    return f"INSERT INTO {table.name} ({names}) SELECT {names} FROM {unfolded}", columns  # noqa: S608


@cache
def _alteration(table: Table, columns: tuple[str, ...], dialect: str) -> str:
    if dialect == "sqlite":
        given = ", ".join(f"{name} = ?" for name in columns)
        return f"UPDATE {table.name} SET {given} WHERE id = ?"  # noqa: S608
    given = ", ".join(f"{name} = told.{name}" for name in columns)
    unfolded = f"json_populate_recordset(NULL::{table.name}, %s::json) AS told"
    return f"UPDATE {table.name} SET {given} FROM {unfolded} WHERE {table.name}.id = told.id"  # noqa: S608


@cache
def _packing(
    table: Table, columns: tuple[str, ...], dialect: Dialect
) -> tuple[Row, tuple[tuple[str, Pack], ...], Callable[[Row], tuple[Any, ...]]]:
    """What a row says of these columns where it says nothing; how those are handed over that need it: as parameters to SQLite,
    as JSON to PostgreSQL; and what picks the columns out of a row, at least two."""
    packs = ((name, _pack(table.c[name], dialect)) for name in columns)
    unsaid = blank(table)
    return (
        {name: unsaid[name] for name in columns},
        tuple((name, pack) for name, pack in packs if pack is not None),
        itemgetter(*columns),
    )


@cache
def blank(table: Table) -> Row:
    """What a row says where nothing was said: the default of each column, or nothing."""
    return {column.name: _default(column) for column in table.columns}


def _default(column: Column[Any]) -> Any:
    default = column.default
    return getattr(default, "arg", None) if default is not None and default.is_scalar else None


def _pack(column: Column[Any], dialect: Dialect) -> Pack | None:
    if dialect.name == "sqlite":
        bound: Pack | None = column.type.dialect_impl(dialect).bind_processor(dialect)
        return bound
    if isinstance(column.type, sqlalchemy.types.TypeDecorator):
        decorated = column.type
        return lambda value: _told(decorated.process_bind_param(value, dialect))
    return _told if isinstance(column.type, sqlalchemy.Date | sqlalchemy.DateTime) else None


def _told(value: Any) -> Any:
    """A value as PostgreSQL reads it out of JSON."""
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, bytes):
        return "\\x" + value.hex()
    return value


__all__ = ["Row", "Writing", "insert", "insert_one", "next_number", "update"]
