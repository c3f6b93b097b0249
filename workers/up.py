"""`tuoke up`: one parent that starts every process, starts again what ends, and leaves nobody behind.

Each child is in a session of its own, so that Ctrl-C reaches only the parent, which then stops them in order; a child
whose parent is killed is ended by the kernel.
"""

from __future__ import annotations

import fcntl
import http.client
import importlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from threading import Event, Thread

from models import database
from models.settings import Settings, WrongSetting
from workers import ground
from workers.queue import see_that_redis_lets_us_in
from workers.say import banner, say

GRACE_SECONDS = 25.0  # nobody waits so long who has nothing under way
STEADY_SECONDS = 30.0


@dataclass
class Child:
    """One process of ours: how it is started, and how it fares."""

    name: str
    words: list[str]
    process: subprocess.Popen[str] | None = None
    started: float = 0.0
    again_at: float = 0.0
    pause: ground.Pause = field(default_factory=lambda: ground.Pause(first=0.5, longest=10.0))

    def start(self) -> None:
        self.started = time.monotonic()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "workers.command", *self.words],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            env={**os.environ, "TUOKE_PARENT": str(os.getpid()), "PYTHONUNBUFFERED": "1"},
            start_new_session=True,
        )
        Thread(target=_hand_on, args=(self.name, self.process), daemon=True).start()

    def look(self) -> None:
        """Start the process again when it has ended, a little later each time."""
        now = time.monotonic()
        if self.process is None:
            if now >= self.again_at:
                self.start()
        elif (status := self.process.poll()) is not None:
            self.process = None
            if now - self.started > STEADY_SECONDS:
                self.pause.over()
            self.again_at = now + self.pause.longer()
            say(self.name, f"ended ({_ending(status)}), starts again in {self.pause.seconds:.1f} s")

    def ask_to_stop(self) -> None:
        if self.process and self.process.poll() is None:
            self.process.terminate()

    def gone_by(self, end: float) -> None:
        """Wait for its end; at `end` on the monotonic clock, kill it and whatever it started in its group."""
        if self.process is None:
            return
        try:
            self.process.wait(max(0.0, end - time.monotonic()))
        except subprocess.TimeoutExpired:
            say(self.name, "does not stop, is killed")
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


def run(demo: bool = False, port: int | None = None) -> int:
    """Start everything and keep it running until told to stop; returns the exit status. Raises `WrongSetting`."""
    if demo:
        os.environ["TUOKE_CLOCK"] = "movable"
    if port:
        os.environ["TUOKE_PORT"] = str(port)
    stop = ground.told_to_stop()
    settings = ground.settings()
    with only_one(settings):
        _port_is_free(settings)
        see_that_redis_lets_us_in(settings)
        say("up", f"database: {_without_password(settings.database_url)}")
        database.migrate(ground.engine())
        logins = _prepare_demo(settings) if demo else []
        ground.engine().dispose()
        children = _children(settings)
        try:
            _keep_running(children, settings, logins, stop)
        finally:
            _stop(children)
    return 0


def _children(settings: Settings) -> list[Child]:
    """In the order in which they start; they stop in the opposite one."""
    workers = 1 if settings.database_url.startswith("sqlite") else 2
    names = [f"worker-{number}" for number in range(1, workers + 1)]
    redis = [Child("redis", ["redis"])] if settings.embedded_redis else []
    working = [Child(name, ["worker", "--name", f"{name}@{socket.gethostname()}"]) for name in names]
    sender = Child("sender", ["worker", "--outward", "--name", f"sender@{socket.gethostname()}"])
    return [*redis, *working, sender, Child("clock", ["clock"]), Child("web", ["web", "--quiet"])]


def _keep_running(
    children: list[Child], settings: Settings, logins: list[tuple[str, str, str]], stop: Event
) -> None:
    open_to_visitors = False
    while not stop.is_set():
        for child in children:
            child.look()
        if not open_to_visitors and _web_answers(settings):
            open_to_visitors = True
            banner(f"http://127.0.0.1:{settings.port}/", logins)
        stop.wait(0.2)


def _stop(children: list[Child]) -> None:
    """Ask everybody to stop, last started first, Redis only when nobody needs it any more."""
    say("up", "stopping")
    end = time.monotonic() + GRACE_SECONDS
    others = [child for child in reversed(children) if child.name != "redis"]
    for child in others:
        child.ask_to_stop()
    for child in others:
        child.gone_by(end)
    for child in children:
        child.ask_to_stop()
        child.gone_by(time.monotonic() + GRACE_SECONDS)
    say("up", "stopped")


def _hand_on(name: str, process: subprocess.Popen[str]) -> None:
    """Print what a child says, line by line, under its name."""
    assert process.stdout is not None
    with process.stdout as lines:
        for line in lines:
            say(name, line.rstrip("\n"))


def _ending(status: int) -> str:
    return f"signal {signal.Signals(-status).name}" if status < 0 else f"exit status {status}"


def _web_answers(settings: Settings) -> bool:
    asking = http.client.HTTPConnection("127.0.0.1", settings.port, timeout=0.5)
    try:
        asking.request("GET", "/healthz")
        return asking.getresponse().status < 500
    except (OSError, http.client.HTTPException):
        return False
    finally:
        asking.close()


def _port_is_free(settings: Settings) -> None:
    """Raises `WrongSetting` when somebody else listens on our port."""
    with socket.socket() as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind((os.environ.get("TUOKE_HOST") or "127.0.0.1", settings.port))
        except OSError as error:
            raise WrongSetting(
                f"Port {settings.port} cannot be used ({error.strerror}): choose another with --port or TUOKE_PORT"
            ) from None


@contextmanager
def only_one(settings: Settings) -> Iterator[None]:
    """One `tuoke up` per `var/`. Raises `WrongSetting` when another one runs on it."""
    settings.var.mkdir(parents=True, exist_ok=True)
    with (settings.var / "up.lock").open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            file.seek(0)
            raise WrongSetting(
                f"Tuoke is already running on {settings.var} (process {file.read().strip() or 'unknown'})"
            ) from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


def _without_password(url: str) -> str:
    """The address as it may be printed: a password can stand before the host and among the options."""
    from sqlalchemy import make_url

    made = make_url(url)
    secret = [name for name in made.query if "pass" in name]
    return made.difference_update_query(secret).render_as_string(hide_password=True)


def _prepare_demo(settings: Settings) -> list[tuple[str, str, str]]:
    """Open the demo company; returns (role, log-in, password) for one person of each role."""
    say("up", "demo company: with a clock that can be moved forward")
    logins: list[tuple[str, str, str]] = importlib.import_module("workers.demo").prepare(settings)
    return logins
