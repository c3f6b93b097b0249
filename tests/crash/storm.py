"""A real `tuoke up`, and a seeded plan of faults that kills its processes with -9 and empties its Redis."""

from __future__ import annotations

import http.client
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread

import psycopg
from redis.exceptions import RedisError

from models.settings import Settings
from workers import embedded_redis
from workers.ground import die_with_parent

FAULTS = {
    "web": 2, "web worker": 4, "worker": 3, "worker's child": 4, "worker's group": 2, "clock": 3, "redis": 2, "redis launcher": 1,
    "flushall": 3, "database connection": 2,
}  # fmt: skip

KIN = {"web worker": "web", "worker's group": "worker", "redis launcher": "redis"}
REST = {"web": 12.0, "worker": 14.0, "clock": 14.0, "redis": 14.0}  # seconds; `tuoke up` waits up to ten


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class House:
    """`tuoke up` on an installation of its own; its processes are found under /proc."""

    def __init__(
        self, folder: Path, database_url: str, data_key: bytes, words: tuple[str, ...] = ("up",)
    ) -> None:
        self.port, self.log = free_port(), folder / "up.log"
        self.env = {
            "TUOKE_VAR": str(folder / "var"),
            "DATABASE_URL": database_url,
            "TUOKE_DATA_KEY": data_key.hex(),
            "TUOKE_SECRET_KEY": "only for the torture",
            "TUOKE_CLOCK": "movable",
            "TUOKE_PORT": str(self.port),
        }
        self.settings, self.words = Settings.from_env(self.env), words

    def start(self) -> None:
        parent = os.getpid()
        with self.log.open("ab") as out:
            self.up = subprocess.Popen(
                [sys.executable, "-m", "workers.command", *self.words],
                env={**os.environ, "PYTHONUNBUFFERED": "1", **self.env},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=lambda: die_with_parent(parent),
            )

    def stop(self) -> None:
        if self.up.poll() is None:
            self.up.terminate()
            try:
                self.up.wait(40)
            except subprocess.TimeoutExpired:
                self.up.kill()
                self.up.wait()

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

    def children(self, parent: int, *words: str) -> list[int]:
        """The processes that this one started and whose command line has these words."""
        found = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                with suppress(OSError):
                    ppid = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
                    line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                    if ppid == parent and all(word in line for word in words):
                        found.append(int(entry.name))
        return found

    def grandchildren(self, *words: str) -> list[int]:
        return [pid for child in self.children(self.up.pid, *words) for pid in self.children(child)]


@dataclass
class Storm:
    """Faults at random moments, until it is over."""

    house: House
    seed: int
    pause: tuple[float, float] = (0.3, 1.5)

    def __post_init__(self) -> None:
        self.rng, self.done, self.over = random.Random(self.seed), Counter[str](), Event()
        self.struck: dict[str, float] = {}
        self.thread = Thread(target=self.blow, daemon=True)

    def start(self) -> None:
        self.thread.start()

    def stop(self) -> None:
        self.over.set()
        self.thread.join(10)

    def blow(self) -> None:
        names, weights = list(FAULTS), list(FAULTS.values())
        while not self.over.wait(self.rng.uniform(*self.pause)):
            fault = self.rng.choices(names, weights)[0]
            if self.fair(fault) and self.strike(fault):
                self.done[fault] += 1
                self.struck[KIN.get(fault, fault)] = time.monotonic()

    def fair(self, fault: str) -> bool:
        """Leave a killed process the time to come back before it is killed again: a storm, no siege."""
        kin = KIN.get(fault, fault)
        if kin == "web" and not self.house.answers():
            return False
        return time.monotonic() - self.struck.get(kin, float("-inf")) > REST.get(kin, 0.0)

    def strike(self, fault: str) -> bool:
        """Do one harm; whether there was anybody to do it to."""
        house = self.house
        if fault == "flushall":
            return self.flush()
        if fault == "database connection":
            return self.cut()
        victims = {
            "web": lambda: house.children(house.up.pid, "gunicorn"),
            "web worker": lambda: house.grandchildren("gunicorn"),
            "worker": lambda: house.children(house.up.pid, "worker --name"),
            "worker's child": lambda: house.grandchildren("worker --name"),
            "worker's group": lambda: house.children(house.up.pid, "worker --name"),
            "clock": lambda: house.children(house.up.pid, "workers.command", "clock"),
            "redis": lambda: house.grandchildren("workers.command", "redis"),
            "redis launcher": lambda: house.children(house.up.pid, "workers.command", "redis"),
        }[fault]()
        if not victims:
            return False
        victim = self.rng.choice(victims)
        with suppress(ProcessLookupError, PermissionError):
            if fault == "worker's group":
                os.killpg(victim, signal.SIGKILL)
            else:
                os.kill(victim, signal.SIGKILL)
            return True
        return False

    def flush(self) -> bool:
        connection = embedded_redis.connect(self.house.settings)
        try:
            return bool(connection.flushall())
        except RedisError:
            return False
        finally:
            connection.close()

    def cut(self) -> bool:
        """On PostgreSQL, end one of the house's connections in the middle of whatever it does."""
        url = self.house.settings.database_url
        if not url.startswith("postgresql"):
            return False
        with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
            others = connection.execute(
                "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() AND application_name <> 'client'"
            ).fetchall()
            if not others:
                return False
            connection.execute("SELECT pg_terminate_backend(%s)", self.rng.choice(others))
        return True


def eventually(true, seconds: float, what: str) -> float:
    """Wait until it is true; how long it took. Fails when it is not in time."""
    started = time.monotonic()
    while not true():
        assert time.monotonic() - started < seconds, f"not within {seconds:.0f} s: {what}"
        time.sleep(0.2)
    return time.monotonic() - started
