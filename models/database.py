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
from typing import TYPE_CHECKING, Any, TypeVar, cast

import sqlalchemy
from sqlalchemy import Engine, event, text
from sqlalchemy.exc import DBAPIError, DisconnectionError, OperationalError
from sqlalchemy.orm import Session

from models import (  # noqa: F401  (all tables are known)
    arrivals,
    conduct,
    days,
    events,
    leads,
    machinery,
    messages,
    money,
    names,
    notices,
    office,
    people,
    promises,
    registers,
    remembered,
    schema,
    sealed,
    trips,
)
from models.base import Base
from models.books import Books
from models.queueing import Queued, line_of
from models.settings import Settings, WrongSetting

if TYPE_CHECKING:
    from alembic.config import Config

T = TypeVar("T")
RETRIES, MIGRATION_TRIES = 6, 40
ASKED_AFTER = 2.0  # seconds
# A host that is cut off says nothing. Ours notices a database that is silent, and the server one of us, within about ten
# seconds (it then lets go of our locks); a process that stands still in a transaction has two minutes.
NOTICES = {
    "connect_timeout": "5", "keepalives_idle": "5", "keepalives_interval": "2", "keepalives_count": "3", "tcp_user_timeout": "8000",
}  # fmt: skip
NOTICED = {
    "tcp_keepalives_idle": "5", "tcp_keepalives_interval": "2", "tcp_keepalives_count": "3", "tcp_user_timeout": "8s",
    "client_connection_check_interval": "5s", "idle_in_transaction_session_timeout": "2min",
}  # fmt: skip


def engine(settings: Settings) -> Engine:
    """The engine of this installation; takes its data key into use. Nothing is connected yet."""
    sealed.use(settings.data_key)
    return open_engine(settings.database_url).execution_options(zone=settings.timezone)


def open_engine(url: str) -> Engine:
    made = sqlalchemy.make_url(url)
    if made.get_backend_name() == "sqlite":
        opened = sqlalchemy.create_engine(
            url,
            connect_args={"timeout": 20, "check_same_thread": False, "factory": Queued},
            hide_parameters=True,
        )
        event.listen(opened, "connect", _prepare_sqlite)
        if made.database and made.database != ":memory:":
            Path(made.database).parent.mkdir(parents=True, exist_ok=True)
            line = line_of(made.database)
            event.listen(opened, "connect", lambda connection, _record: connection.stand_in(line))
        event.listen(opened, "begin", _begin_sqlite)
        return opened
    opened = sqlalchemy.create_engine(
        made.set(query=NOTICES | dict(made.query)),
        hide_parameters=True,
        pool_size=10,
        max_overflow=10,
    )
    event.listen(opened, "connect", _prepare_postgresql)
    event.listen(opened, "checkin", _note_when)
    event.listen(opened, "checkout", lambda own, record, _proxy: _see_that_it_lives(opened, own, record))
    return opened


def _prepare_postgresql(connection: Any, _record: Any) -> None:
    """By statements, not by options of the connection: poolers let those through."""
    settings = ", ".join(f"set_config('{name}', '{value}', false)" for name, value in NOTICED.items())
    connection.execute(f"SELECT {settings}")
    connection.commit()


def _note_when(_connection: Any, record: Any) -> None:
    record.info["left"] = time.monotonic()


def _see_that_it_lives(opened: Engine, connection: Any, record: Any) -> None:
    """Ask a connection that nobody used for a while whether it lives; asking each time would cost every step a round trip.
    One that died a moment ago is noticed by the work itself, which is then done again. Raises `DisconnectionError`, at which
    the pool opens another."""
    if time.monotonic() - record.info.get("left", time.monotonic()) < ASKED_AFTER:
        return
    try:
        opened.dialect.do_ping(connection)
    except opened.dialect.loaded_dbapi.Error as error:
        raise DisconnectionError from error


def _prepare_sqlite(connection: sqlite3.Connection, _record: Any) -> None:
    connection.isolation_level = None
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=20000", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: sqlalchemy.Connection) -> None:
    """Writers queue at the door (`BEGIN IMMEDIATE`): a read that later writes would lose updates or fail at once. A statement
    that is asked `alone` begins nothing."""
    options = connection.get_execution_options()
    if options.get("alone"):
        return
    readonly = bool(options.get("readonly"))
    if connection.info.get("readonly") is not readonly:
        connection.exec_driver_sql(f"PRAGMA query_only={int(readonly)}")
        connection.info["readonly"] = readonly
    if readonly:
        connection.exec_driver_sql("BEGIN")
        return
    own = cast("Queued", connection.connection.dbapi_connection)
    own.wait()
    try:
        connection.exec_driver_sql("BEGIN IMMEDIATE")
    except DBAPIError:
        own.rollback()
        raise


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
    """How many rows a worker takes in one transaction. SQLite has one writer at a time, and people wait for it: a batch is
    done in some hundredths of a second."""
    return 500 if opened.dialect.name == "postgresql" else 200


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
    """Bring the schema to the version that this code needs, where it is older; before and after, see that the data key is the
    one this database is sealed with, for migrations read what is sealed.

    Several may try at once: one does it, the others wait and find it done. On PostgreSQL no table is waited for longer than
    some seconds at a time, because everybody else would wait behind. Raises `WrongSetting` when the key is another.
    """
    if sqlalchemy.inspect(opened).has_table("key_print"):
        check_key(opened)
    for attempt in range(MIGRATION_TRIES):
        if schema.suffices(schema.standing(opened)):
            break
        try:
            _upgrade(opened)
        except DBAPIError as error:
            locked = getattr(error.orig, "sqlstate", None) == "55P03"
            if attempt == MIGRATION_TRIES - 1 or not (locked or worth_repeating(error)):
                raise
            time.sleep(random.uniform(0.5, 2.0))  # noqa: S311
    check_key(opened)


def _upgrade(opened: Engine) -> None:
    """One at a time; where an index is made beside everybody's work, that ends a transaction and begins another."""
    from alembic import command  # a third of the time it takes to start, and only needed here

    with opened.connect() as connection:
        config = alembic_config()
        config.attributes["connection"] = connection
        _await_turn(connection)
        try:
            if connection.dialect.name == "postgresql":
                connection.exec_driver_sql("SET lock_timeout = '3s'")
                connection.commit()
            command.upgrade(config, "head")
            connection.commit()
        finally:
            if connection.dialect.name == "postgresql":
                connection.rollback()
                connection.exec_driver_sql("RESET lock_timeout")
                connection.exec_driver_sql("SELECT pg_advisory_unlock(7420)")
                connection.commit()


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
