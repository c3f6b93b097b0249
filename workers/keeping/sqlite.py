"""SQLite: copied by its online backup while everybody goes on working, and put in place as a whole file."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from models import database
from workers.keeping.archive import NotKept, private_file, sync

PAGES = 2000  # copied between two reports
Told = Callable[[int, int], None]


def version(_session: Session) -> str:
    return f"SQLite {sqlite3.sqlite_version}"


def copy(session: Session, into: Path, told: Told = lambda done, total: None) -> None:
    """Copy what this session sees into a new file. Its transaction keeps to one state, so writers neither wait nor show."""
    with private_file(into):
        pass
    source = session.connection().connection.driver_connection
    assert isinstance(source, sqlite3.Connection)
    with closing(sqlite3.connect(into)) as target:
        source.backup(target, pages=PAGES, progress=lambda _status, left, total: told(total - left, total))


@contextmanager
def laid_down(payload: Path) -> Iterator[Engine]:
    """The database in this file, opened as one of its own. Raises `NotKept` when it is damaged."""
    engine = database.open_engine(f"sqlite:///{payload}")
    try:
        with engine.connect() as connection:
            said = connection.exec_driver_sql("PRAGMA integrity_check(1)").scalar()
            if said != "ok":
                raise NotKept(f"the database in it is damaged ({said})")
        yield engine
    finally:
        engine.dispose()


def close_up(payload: Path) -> None:
    """See that everything of a database stands in its one file, on disk."""
    with closing(sqlite3.connect(payload)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    for beside in _beside(payload):
        beside.unlink(missing_ok=True)
    with payload.open("rb+") as file:
        os.fsync(file.fileno())


def is_in_use(file: Path) -> bool:
    """Whether anybody else has this database open; nobody can say it of one that is damaged."""
    with suppress(sqlite3.DatabaseError), closing(sqlite3.connect(file, timeout=0.2)) as connection:
        connection.execute("PRAGMA locking_mode=EXCLUSIVE")
        try:
            connection.execute("BEGIN EXCLUSIVE")
            connection.execute("SELECT count(*) FROM sqlite_schema")
            connection.execute("COMMIT")
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        except sqlite3.OperationalError as error:
            return "locked" in str(error) or "busy" in str(error)
    return False


def put_in_place(payload: Path, file: Path, aside: Path | None) -> None:
    """Let this file be the database from now on. What was there stays under another name, where one is given."""
    if file.exists():
        owner = file.stat()
        payload.chmod(owner.st_mode & 0o777)
        with suppress(PermissionError):
            os.chown(payload, owner.st_uid, owner.st_gid)
        if aside is not None:
            os.link(file, aside)
    for beside in _beside(file):
        if not beside.exists():
            continue
        if aside is not None and beside.name.endswith("-wal"):
            shutil.move(beside, f"{aside}-wal")
        else:
            beside.unlink()
    payload.replace(file)
    sync(file.parent)


def _beside(file: Path) -> list[Path]:
    return [Path(f"{file}{end}") for end in ("-wal", "-shm")]
