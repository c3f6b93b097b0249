"""Where the faults come in: every statement and every commit of a part passes here, and may be its last.

Whoever dies or loses the connection is rolled back in the database at once, as the database does when a connection ends; what
a dead one still tries reaches nobody.
"""

from __future__ import annotations

import random
import re
import sqlite3
from collections import Counter
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import psycopg
from sqlalchemy import Connection, Engine, event
from sqlalchemy.exc import OperationalError

from tests.simulation.stage import Died, Part, Stage, Until
from tests.simulation.weather import CALM, Weather

SHAPE = re.compile(
    r"(SELECT|INSERT INTO|UPDATE|DELETE FROM|WITH|ROLLBACK TO SAVEPOINT|RELEASE SAVEPOINT|SAVEPOINT|BEGIN|PRAGMA|SET)\b",
    re.I,
)
TABLE = re.compile(r"(?:FROM|INTO|UPDATE)\s+\"?(\w+)", re.I)


@lru_cache(maxsize=4096)
def shape(statement: str) -> str:
    """A statement in two words: what it does, to which table."""
    verb = SHAPE.match(statement.lstrip())
    said = verb[1].upper() if verb else statement.split(None, 1)[0].upper()
    if said in ("SELECT", "INSERT INTO", "UPDATE", "DELETE FROM", "WITH"):
        table = TABLE.search(statement)
        return f"{said.split()[0]} {table[1] if table else '-'}"
    return said


class Wires:
    """What a database's statements pass through. For each day it is laid anew: `begin_day`."""

    def __init__(self, engine: Engine) -> None:
        self.sqlite = engine.dialect.name == "sqlite"
        self.begin_day(Stage(), random.Random(0), Counter(), Counter())
        event.listen(engine, "before_cursor_execute", self.before)
        event.listen(engine, "commit", self.committing)
        event.listen(engine, "rollback", self.rolled_back)
        if not self.sqlite:
            event.listen(engine, "after_cursor_execute", self.after)
            event.listen(engine, "handle_error", self.broke)

    def begin_day(
        self, stage: Stage, rng: random.Random, faults: Counter[str], places: Counter[tuple[str, bool]]
    ) -> None:
        self.stage, self.rng, self.faults, self.places = stage, rng, faults, places
        self.weather: Weather = CALM
        self.rest_of: Callable[[], Until] = lambda: lambda: True
        self.base_away = False
        self.writer: Part | None = None  # whom SQLite has let in to write

    # -- what SQLAlchemy tells --------------------------------------------------------------------------------------

    def before(self, conn: Connection, _cursor: Any, statement: str, *_more: Any) -> None:
        part = self.stage.here()
        if part is None:
            return
        if part.dead:
            raise Died
        what = shape(statement)
        self._strike(part, conn, what, statement)
        if self.rng.random() < self.weather.pauses:
            stands = self.writer is not part and self.rng.random() < self.weather.stalls
            self.stage.pause(self.rest_of() if stands else None)
            self._go_on(part, conn)
        if not self.sqlite:
            part.connection = conn.connection.dbapi_connection
            self.stage.into_database(part)

    def _go_on(self, part: Part, conn: Connection) -> None:
        """After a pause: unless it was ended meanwhile."""
        if part.dead:
            self._die(part, conn)

    def stand_in_line(self) -> None:
        """Wait in front of SQLite until nobody else writes; then nobody waits at its door."""
        part = self.stage.here()
        if part is None:
            return
        while self.writer is not None:
            self.stage.pause(lambda: self.writer is None)
            if part.dead:
                raise Died
        self.writer = part

    def after(self, *_unused: Any) -> None:
        part = self.stage.here()
        if part is not None:
            self.stage.out_of_database(part)

    def broke(self, _context: Any) -> None:
        self.after()

    def committing(self, conn: Connection) -> None:
        part = self.stage.here()
        if part is None:
            return
        if part.dead:
            raise Died
        drawn, weather = self.rng.random(), self.weather
        dies = drawn < weather.dies_committing
        cut = not dies and drawn < weather.dies_committing + weather.cut_committing
        self._count(part, "COMMIT", dies)
        if not dies and not cut:
            self._out(part)
            return
        done = self.rng.random() < 0.5
        if done:
            raw(conn).commit()
        said = "and it was committed" if done else "and it was not"
        self.faults[f"{'died' if dies else 'connection lost'} in the commit, {said}"] += 1
        if dies:
            self._die(part, conn)
        self._lose(part, conn, "COMMIT")

    def rolled_back(self, _conn: Connection) -> None:
        part = self.stage.here()
        if part is not None:
            self._out(part)

    # -- what goes wrong --------------------------------------------------------------------------------------------

    def _strike(self, part: Part, conn: Connection, what: str, statement: str) -> None:
        weather, drawn = self.weather, self.rng.random()
        dies = drawn < weather.dies
        self._count(part, what, dies)
        if dies:
            self.faults["died between two statements"] += 1
            self._die(part, conn)
        drawn -= weather.dies
        if drawn < weather.cut or self.base_away:
            self.faults["database away" if self.base_away else "connection lost"] += 1
            self._lose(part, conn, statement)
        drawn -= weather.cut
        if drawn < weather.refused:
            self.faults["could not serialise"] += 1
            raise OperationalError(statement, None, self._again())

    def _count(self, part: Part, what: str, dies: bool) -> None:
        self.places[f"{part.place}: {what}", dies] += 1

    def _die(self, part: Part, conn: Connection) -> None:
        part.dead = True
        self._hang_up(part, conn)
        raise Died

    def _lose(self, part: Part, conn: Connection, statement: str) -> None:
        """PostgreSQL is gone with the connection; SQLite cannot read or write, and has undone what was begun."""
        if self.sqlite:
            raw(conn).rollback()
            self._out(part)
            raise OperationalError(statement, None, sqlite3.OperationalError("disk I/O error"))
        self._hang_up(part, conn)
        lost = psycopg.OperationalError("the connection is lost")
        raise OperationalError(statement, None, lost, connection_invalidated=True)

    def _again(self) -> Exception:
        if self.sqlite:
            return sqlite3.OperationalError("database is locked")
        return psycopg.errors.SerializationFailure("could not serialize access")

    def _hang_up(self, part: Part, conn: Connection) -> None:
        """The connection ends, and with it what was not committed."""
        raw(conn).rollback()
        conn.invalidate()
        self._out(part)

    def _out(self, part: Part) -> None:
        if self.writer is part:
            self.writer = None


def raw(conn: Connection) -> Any:
    """The driver's own connection."""
    return conn.connection.dbapi_connection


__all__ = ["Wires", "shape"]
