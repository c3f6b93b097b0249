"""What one transaction writes, gathered and then written in few statements, be it one row or five hundred.

A session (`books.Books`) carries one `Writing`. Rows of history, outbox and timers are added to it as plain values, and a case
that was changed is noted with the columns that changed. It is written when somebody asks the database something, as a
flush is, and before the commit; so one step costs one statement per table, and a sweep of hundreds costs the same number.

On SQLite the rows go as parameters of one prepared statement per table. On PostgreSQL each table's go as one JSON array, which
the server unfolds, and all tables' in one statement where that keeps their order: one round trip, however many rows of
however many tables.
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
from sqlalchemy import Column, ColumnElement, Connection, Dialect, Table, func, select

Row = dict[str, Any]
Pack = Callable[[Any], Any]
Written = tuple[str, Any]  # a statement, and what it is handed


@dataclass(slots=True)
class Writing:
    """`rows` to add by table; `changed` ones that stand already, each with its table, its key and its new values; `before` what
    must be done first."""

    rows: dict[Table, list[Row]] = field(default_factory=dict)
    changed: dict[Any, tuple[Table, Row]] = field(default_factory=dict)
    before: list[tuple[Any, Row]] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.rows or self.changed or self.before)

    def add(self, table: Table, row: Row) -> None:
        """A new row; columns that are left out take their default, or nothing."""
        self.rows.setdefault(table, []).append(row)

    def first(self, statement: Any, values: Row) -> None:
        """A statement that must run before the rows are added, such as ending the timer that a new one replaces."""
        self.before.append((statement, values))

    def change(self, row: Any, table: Table, values: Row) -> None:
        """New values of the row that is known as `row` (its key is among them), beside those it was given before."""
        self.changed.setdefault(row, (table, {}))[1].update(values)

    def write(self, connection: Connection) -> None:
        """Write all of it, in the order in which nothing gets in another's way, and begin with an empty sheet."""
        before, changed, rows = self.before, self.changed, self.rows
        self.forget()
        for statement, values in _together(before):
            connection.execute(statement, values if len(values) > 1 else values[0])
        by_columns: dict[tuple[Table, tuple[str, ...]], list[Row]] = {}
        for table, change in changed.values():
            by_columns.setdefault((table, tuple(sorted(change))), []).append(change)
        dialect = connection.dialect
        written = [
            _altered(table, columns, changes, dialect) for (table, columns), changes in by_columns.items()
        ]
        written += [_inserted(table, added, dialect) for table, added in rows.items()]
        tables = [table for table, _columns in by_columns] + list(rows)
        if dialect.name == "postgresql" and 1 < len(tables) == len(set(tables)):
            written = [_at_once(written)]
        for sql, told in written:
            connection.exec_driver_sql(sql, told)

    def forget(self) -> None:
        """Nothing of this was written after all."""
        self.before, self.changed, self.rows = [], {}, {}


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


def insert_one(connection: Connection, table: Table, row: Row) -> None:
    """Add one row whose key is known already (`next_number`)."""
    sql, told = _inserted(table, [row], connection.dialect, numbered=True)
    connection.exec_driver_sql(sql, told)


def next_number(table: Table, dialect: str) -> ColumnElement[int]:
    """The next number of a table that counts its rows, for a statement of a transaction that will add the row. SQLite has one
    writer at a time; PostgreSQL gives each number once, to whomever."""
    if dialect == "sqlite":
        return select(func.coalesce(func.max(table.c.id), 0) + 1).scalar_subquery()
    return func.nextval(func.pg_get_serial_sequence(table.name, "id"), type_=table.c.id.type)


def _inserted(table: Table, rows: Sequence[Row], dialect: Dialect, numbered: bool = False) -> Written:
    """Rows to add. Columns that are left out take their default, or nothing; a key that counts by itself is left to do so
    unless it is known."""
    sql, columns = _insertion(table, dialect.name, numbered)
    return sql, _told_rows(table, columns, rows, dialect)


def _altered(table: Table, columns: tuple[str, ...], rows: Sequence[Row], dialect: Dialect) -> Written:
    """Rows that stand already, to be given the values of these columns; those of the key among them say which rows."""
    key = tuple(column.name for column in table.primary_key)
    given = tuple(name for name in columns if name not in key)
    told = _told_rows(table, (*given, *key), rows, dialect)
    if dialect.name == "sqlite":
        return _alteration(table, given, key, "sqlite"), told
    alone = len(rows) == 1
    which = tuple(rows[0][name] for name in key) if alone else ()
    return _alteration(table, given, key, dialect.name, alone), told + which


def _at_once(written: Sequence[Written]) -> Written:
    """Statements as one, each about a table of its own: none of them sees what another does, and of two about one table nobody
    knows which comes first, so that a unique key that one frees could not be taken by the other."""
    return _as_one(tuple(sql for sql, _told in written)), tuple(
        value for _sql, told in written for value in told
    )


@cache
def _as_one(statements: tuple[str, ...]) -> str:
    *others, last = statements
    return f"WITH {', '.join(f'part_{n} AS ({sql})' for n, sql in enumerate(others))} {last}"


def _told_rows(table: Table, columns: tuple[str, ...], rows: Sequence[Row], dialect: Dialect) -> Any:
    """What a statement is handed of these rows."""
    unsaid, packs, picked = _packing(table, columns, dialect)
    told = [unsaid | row for row in rows]
    for row in told:
        for name, pack in packs:
            row[name] = pack(row[name])
    if dialect.name == "sqlite":
        values = [picked(row) for row in told]
        return values if len(values) > 1 else values[0]
    said = [dict(zip(columns, picked(row), strict=True)) for row in told]
    return (json.dumps(said, ensure_ascii=False, separators=(",", ":")),)


@cache
def _insertion(table: Table, dialect: str, numbered: bool) -> tuple[str, tuple[str, ...]]:
    counted = None if numbered else table.autoincrement_column
    columns = tuple(column.name for column in table.columns if column is not counted)
    names = ", ".join(columns)
    if dialect == "sqlite":
        return f"INSERT INTO {table.name} ({names}) VALUES ({', '.join('?' * len(columns))})", columns  # noqa: S608
    unfolded = f"json_populate_recordset(NULL::{table.name}, %s::json)"
    return f"INSERT INTO {table.name} ({names}) SELECT {names} FROM {unfolded}", columns  # noqa: S608


@cache
def _alteration(
    table: Table, columns: tuple[str, ...], key: tuple[str, ...], dialect: str, alone: bool = False
) -> str:
    """One row `alone` is looked up by its key: PostgreSQL takes what is unfolded for a hundred rows, and would read a table of
    some thousands from end to end."""
    if dialect == "sqlite":
        given, which = (
            ", ".join(f"{name} = ?" for name in columns),
            " AND ".join(f"{name} = ?" for name in key),
        )
        return f"UPDATE {table.name} SET {given} WHERE {which}"  # noqa: S608
    given = ", ".join(f"{name} = told.{name}" for name in columns)
    which = " AND ".join(f"{table.name}.{name} = {'%s' if alone else f'told.{name}'}" for name in key)
    unfolded = f"json_populate_recordset(NULL::{table.name}, %s::json) AS told"
    return f"UPDATE {table.name} SET {given} FROM {unfolded} WHERE {which}"  # noqa: S608


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
