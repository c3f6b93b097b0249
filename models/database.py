"""Opening the database: the same code on SQLite (WAL, `BEGIN IMMEDIATE`) and PostgreSQL.

Three ways in: `begin` for one write transaction, `read` for a read-only look, `in_transaction` for a unit of work that
is run again as a whole when the database asks for it (serialization, deadlock, lost connection).
"""

from __future__ import annotations

import random
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import sqlalchemy
from sqlalchemy import Engine, event, text
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.orm import Session

from models import (  # noqa: F401  (all tables are known)
    arrivals,
    leads,
    machinery,
    messages,
    money,
    names,
    notices,
    people,
    registers,
    remembered,
    sealed,
)
from models.base import Base
from models.books import Books
from models.settings import Settings, WrongSetting

if TYPE_CHECKING:
    from alembic.config import Config

T = TypeVar("T")
RETRIES = 6


def engine(settings: Settings) -> Engine:
    """The engine of this installation; takes its data key into use. Nothing is connected yet."""
    sealed.use(settings.data_key)
    return open_engine(settings.database_url).execution_options(zone=settings.timezone)


def open_engine(url: str) -> Engine:
    made = sqlalchemy.make_url(url)
    if made.get_backend_name() == "sqlite":
        if made.database and made.database != ":memory:":
            Path(made.database).parent.mkdir(parents=True, exist_ok=True)
        opened = sqlalchemy.create_engine(
            url, connect_args={"timeout": 20, "check_same_thread": False}, hide_parameters=True
        )
        event.listen(opened, "connect", _prepare_sqlite)
        event.listen(opened, "begin", _begin_sqlite)
        return opened
    return sqlalchemy.create_engine(
        url, hide_parameters=True, pool_pre_ping=True, pool_size=10, max_overflow=10
    )


def _prepare_sqlite(connection: sqlite3.Connection, _record: Any) -> None:
    connection.isolation_level = None
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=20000", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: sqlalchemy.Connection) -> None:
    """Writers queue at the door (`BEGIN IMMEDIATE`): a read that later writes would lose updates or fail at once."""
    readonly = bool(connection.get_execution_options().get("readonly"))
    if connection.info.get("readonly") is not readonly:
        connection.exec_driver_sql(f"PRAGMA query_only={int(readonly)}")
        connection.info["readonly"] = readonly
    connection.exec_driver_sql("BEGIN" if readonly else "BEGIN IMMEDIATE")


@contextmanager
def begin(opened: Engine) -> Iterator[Session]:
    """One write transaction: committed at the end, rolled back as a whole on any exception."""
    with Books(opened, expire_on_commit=False) as session, session.begin():
        yield session


@contextmanager
def read(opened: Engine) -> Iterator[Session]:
    """A look at one consistent state, without the right to write; never waits for a writer."""
    options: dict[str, Any] = {"readonly": True}
    if opened.dialect.name == "postgresql":
        options |= {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
    with Books(opened.execution_options(**options), autoflush=False) as session:
        try:
            yield session
        finally:
            session.rollback()


def in_transaction(opened: Engine, work: Callable[[Session], T]) -> T:
    """Do `work` in one transaction, again from the start when the database could not serialise it or went away.

    `work` must touch nothing but the database. A connection lost in the very commit is not tried again: nobody knows
    whether it was committed, and doing it twice is worse than saying so. Raises what the last try raised.
    """
    for attempt in range(RETRIES):
        committing = False
        try:
            with Books(opened, expire_on_commit=False) as session:
                done = work(session)
                session.flush()
                committing = True
                session.commit()
                return done
        except DBAPIError as error:
            unsure = committing and error.connection_invalidated
            if attempt == RETRIES - 1 or unsure or not worth_repeating(error):
                raise
            time.sleep(random.uniform(0, 0.02 * 2**attempt))  # noqa: S311
    raise AssertionError("unreachable")


def worth_repeating(error: DBAPIError) -> bool:
    """Whether the same work may succeed when done again: serialization, deadlock, a lock or a lost connection."""
    state = getattr(error.orig, "sqlstate", None)
    locked = isinstance(error.orig, sqlite3.OperationalError) and "locked" in str(error.orig)
    return state in ("40001", "40P01") or error.connection_invalidated or locked


def away(error: Exception) -> bool:
    """Whether an error means that the database cannot be reached or written now (503, try again)."""
    return isinstance(error, OperationalError | sqlalchemy.exc.TimeoutError | sqlalchemy.exc.InterfaceError)


def batch(opened: Engine) -> int:
    """How many rows a worker takes in one transaction. SQLite has one writer at a time, and people wait for it."""
    return 200 if opened.dialect.name == "postgresql" else 25


def skip_locked(session: Session) -> bool:
    """Whether rows can be claimed by `FOR UPDATE SKIP LOCKED`; on SQLite the one writer needs no claim."""
    return session.get_bind().dialect.name == "postgresql"


def hold(session: Session, what: str) -> None:
    """Let only one transaction at a time do this thing, named by a text, until it ends; on SQLite that is so anyway.

    For what no row stands for yet, such as a phone that nobody has captured.
    """
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("SELECT pg_advisory_xact_lock(hashtextextended(:what, 0))"), {"what": what})


def migrate(opened: Engine) -> None:
    """Bring the schema to the newest version; before and after, see that the data key is the one this database is sealed
    with, for migrations read what is sealed.

    Raises `WrongSetting` when it is another.
    """
    from alembic import command  # a third of the time it takes to start, and only needed here

    if sqlalchemy.inspect(opened).has_table("key_print"):
        check_key(opened)
    with opened.connect() as connection:
        config = alembic_config()
        config.attributes["connection"] = connection
        _await_turn(connection)
        try:
            command.upgrade(config, "head")
            connection.commit()
        finally:
            if connection.dialect.name == "postgresql":
                connection.rollback()
                connection.exec_driver_sql("SELECT pg_advisory_unlock(7420)")
                connection.commit()
    check_key(opened)


def _await_turn(connection: sqlalchemy.Connection) -> None:
    """On PostgreSQL one process at a time migrates. Whoever waits asks again and again instead of standing in a transaction, for
    an index that is made concurrently waits for all of these."""
    if connection.dialect.name == "postgresql":
        while not connection.exec_driver_sql("SELECT pg_try_advisory_lock(7420)").scalar():
            connection.rollback()
            time.sleep(0.1)
        connection.commit()


def check_key(opened: Engine) -> None:
    """See that the data key in use is the one this database is sealed with; the first one to come is written down."""
    with begin(opened) as session:
        known = session.get(machinery.KeyPrint, 1)
        if known is None:
            session.add(machinery.KeyPrint(id=1, fingerprint=sealed.sealer().fingerprint))
        elif known.fingerprint != sealed.sealer().fingerprint:
            raise WrongSetting(
                "TUOKE_DATA_KEY is not the key this database is sealed with: set the one it was made with"
            )


def create_scratch(opened: Engine) -> None:
    """Lay the tables without migrations, for a scratch database that lives for one rehearsal."""
    Base.metadata.create_all(opened)
    check_key(opened)


def alembic_config() -> Config:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    return config
