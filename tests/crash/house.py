"""A real `tuoke up` with a second clock and a second worker beside it, as another host would run them, and who of all those
processes is who. With PostgreSQL it is the form for several hosts: Redis is a server of its own, behind a door, and keeps
nothing on disk; with SQLite the embedded one is used."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Thread

from redis import Redis
from redis.exceptions import RedisError

from models.settings import Settings
from tests.crash.door import Door, knock
from tests.crash.stores import Store
from workers import embedded_redis
from workers.ground import die_with_parent

SECRET = "only for the torture"
WHO: dict[str, tuple[str, str]] = {  # in the command line, and whether the parent is one too
    "web": ("gunicorn", "first"), "web worker": ("gunicorn", "child"),
    "worker": ("worker --name", "first"), "worker's child": ("worker --name", "child"),
    "sender": ("worker --outward", "first"), "sender's child": ("worker --outward", "child"),
    "clock": ("workers.command clock", "first"),
    "redis launcher": ("workers.command redis", "first"), "redis": ("redis-server", "first"),
}  # fmt: skip


@dataclass(frozen=True)
class Seen:
    """A process under /proc."""

    pid: int
    parent: int
    line: str


@dataclass
class Beside:
    """A process of ours, and whether it is kept from being started again."""

    words: list[str]
    process: subprocess.Popen[bytes] | None = None
    held: bool = False


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class House:
    """The processes of one installation on this store, which tell `hook` what they send out."""

    folder: Path
    store: Store
    data_key: bytes
    beside: list[Beside] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.port, self.log = free_port(), self.folder / "up.log"
        self.redis_port = free_port() if self.store.kind == "postgresql" else 0
        self.redis_door = Door(self._redis_reached, knock) if self.redis_port else None
        self.env = {
            "TUOKE_VAR": str(self.store.var),
            "DATABASE_URL": self.store.house_url,
            "TUOKE_DATA_KEY": self.data_key.hex(),
            "TUOKE_SECRET_KEY": SECRET,
            "TUOKE_CLOCK": "movable",
            "TUOKE_PORT": str(self.port),
            "TUOKE_INTERNAL_HOSTS": "127.0.0.1",
            "TUOKE_PLAIN_HTTP": "allowed",
        }
        if self.redis_door:
            self.env["REDIS_URL"] = f"redis://127.0.0.1:{self.redis_door.port}"
            plain = ["--save", "", "--appendonly", "no", "--loglevel", "warning"]
            self.beside.append(
                Beside(
                    [embedded_redis.binary(), "--bind", "127.0.0.1", "--port", str(self.redis_port), *plain]
                )
            )
        ours = [sys.executable, "-m", "workers.command"]
        self.up = Beside([*ours, "up"])
        if self.store.kind == "sqlite":  # with PostgreSQL `tuoke up` has two by itself
            self.beside.append(Beside([*ours, "worker", "--name", "worker-b"]))
        self.beside.append(Beside([*ours, "clock", "--name", "clock-b"]))
        self.settings, self.over, self.dark = Settings.from_env(self.env), Event(), Event()
        self.light_until = float("-inf")

    def _redis_reached(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.redis_port))

    def start(self) -> None:
        self.keeper = Thread(target=self._keep, daemon=True)
        self.keeper.start()

    def _started(self, words: list[str]) -> subprocess.Popen[bytes]:
        """Started by the keeper alone, whose end is theirs: the kernel looks at the thread that started a process."""
        parent = os.getpid()
        with self.log.open("ab") as out:
            return subprocess.Popen(
                words,
                env={**os.environ, "PYTHONUNBUFFERED": "1", **self.env},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=lambda: die_with_parent(parent),
            )

    def _keep(self) -> None:
        """Start again what has ended beside `tuoke up`, as a supervisor of that host does; `tuoke up` itself only when the power
        is back, until nobody of before is in its way any more."""
        while not self.over.wait(0.1):
            if self.up.process is None and not self.dark.is_set():
                self.up.process = self._started(self.up.words)
            if time.monotonic() < self.light_until and not self.stands:
                self.up.process = None
            for each in self.beside:
                ended = each.process is None or each.process.poll() is not None
                if ended and not each.held and not self.dark.is_set():
                    each.process = self._started(each.words)

    def kill_all(self) -> int:
        """-9 for every process at once, as when the power fails; then all of it is started again."""
        self.dark.set()
        if self.up.process:
            self.up.process.send_signal(signal.SIGSTOP)  # so that it starts nobody meanwhile
        everybody = self.seen()
        for each in everybody:
            with suppress(ProcessLookupError):
                os.kill(each.pid, signal.SIGKILL)
        if self.up.process:
            self.up.process.wait()
        self.up.process, self.light_until = None, time.monotonic() + 30
        self.dark.clear()
        return len(everybody)

    def stop(self) -> None:
        """Stop in order what runs, and see that nobody is left."""
        self.over.set()
        self.keeper.join()
        for each in self.beside[::-1]:
            _end(each.process, 15)
        _end(self.up.process, 40)
        if self.redis_door:
            self.redis_door.close()

    def is_back(self, kin: str) -> bool:
        """Whether all of a kind are there again."""
        if kin == "web":
            return self.answers()
        if kin == "redis":
            return self.redis_answers()
        return len(self.who(kin)) >= {"worker": 2, "clock": 2}.get(kin, 1)

    def left_behind(self) -> list[str]:
        """Processes of this installation that nobody owns any more."""
        mark = f"TUOKE_VAR={self.store.var}\0".encode()
        found = []
        for entry in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                if mark in (entry / "environ").read_bytes():
                    found.append(
                        (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                    )
        return [line for line in found if line]

    @property
    def stands(self) -> bool:
        """Whether `tuoke up` runs."""
        return self.up.process is not None and self.up.process.poll() is None

    def answers(self) -> bool:
        """Whether the web server is up now."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=2)
        try:
            connection.request("GET", "/healthz")
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    # --- who is who ----------------------------------------------------------------------------------------------

    def seen(self) -> list[Seen]:
        """All processes of this house that descend from those which we started."""
        everybody, wanted = {}, {each.process.pid for each in (self.up, *self.beside) if each.process}
        for entry in Path("/proc").glob("[0-9]*"):
            with suppress(OSError, ValueError, IndexError):
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
                line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                everybody[int(entry.name)] = Seen(int(entry.name), parent, line)
        ours: dict[int, Seen] = {}
        grown = True
        while grown:
            new = {p: s for p, s in everybody.items() if p not in ours and (p in wanted or s.parent in ours)}
            ours |= new
            grown = bool(new)
        return list(ours.values())

    def who(self, role: str) -> list[int]:
        """The processes of this kind that live now."""
        words, place = WHO[role]
        found = {each.pid: each for each in self.seen() if words in each.line}
        return [p for p, each in found.items() if (each.parent in found) == (place == "child")]

    def catch(self, role: str, seconds: float) -> list[int]:
        """The processes of this kind, waiting a while for one: children live only while there is something to do."""
        parents = self.who(role.removesuffix("'s child"))
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if children := [child for parent in parents for child in children_of(parent)]:
                return children
            time.sleep(0.005)
        return []

    # --- Redis ---------------------------------------------------------------------------------------------------

    def redis(self) -> Redis:
        """A connection past the door."""
        if self.redis_port:
            return Redis(port=self.redis_port, socket_timeout=1, socket_connect_timeout=1)
        return embedded_redis.connect(self.settings)

    def redis_answers(self, asked: str = "PING") -> bool:
        """Whether Redis does what it is asked."""
        connection = self.redis()
        try:
            return bool(connection.execute_command(asked))
        except RedisError:
            return False
        finally:
            connection.close()

    def without_redis(self, meanwhile: Callable[[], None]) -> bool:
        """Kill Redis and keep it from coming back while something happens; whether there was one."""
        launcher, server = self.who("redis launcher"), self.who("redis")
        if not server or (not launcher and not self.redis_port):
            return False
        for each in self.beside:
            each.held = "redis-server" in each.words[0]
        try:
            for pid in launcher:
                os.kill(pid, signal.SIGSTOP)
            with suppress(ProcessLookupError):
                os.kill(server[0], signal.SIGKILL)
            meanwhile()
        finally:
            for pid in launcher:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGCONT)
            for each in self.beside:
                each.held = False
        return True


def children_of(parent: int) -> list[int]:
    """The processes that this one forked."""
    try:
        return [int(child) for child in Path(f"/proc/{parent}/task/{parent}/children").read_text().split()]
    except OSError:
        return []


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def _end(process: subprocess.Popen[bytes] | None, seconds: float) -> None:
    if process is None or process.poll() is not None:
        return
    process.terminate()
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
