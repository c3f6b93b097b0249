"""`tuoke up`: everything starts, comes back when it is killed, and is gone when told to stop."""

from __future__ import annotations

import http.client
import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from models import database as databases
from models.settings import Settings
from tests.conftest import VAR, Process, Starter, eventually
from tests.workers.test_processes import redis_seen
from workers import embedded_redis
from workers.clock import ANSWERS

pytestmark = pytest.mark.processes


@pytest.fixture
def port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def processes_on(var: Path) -> dict[int, str]:
    """Every living process of this installation, by what it was started with (Redis writes its own title there)."""
    found = {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            words = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            surroundings = (entry / "environ").read_bytes()
        except OSError:
            continue
        if words and (str(var) in words or f"TUOKE_VAR={var}\0".encode() in surroundings):
            found[int(entry.name)] = words
    return found


def all_with(var: Path, part: str) -> list[int]:
    """The processes whose command line has this part, the oldest first."""
    return sorted(pid for pid, words in processes_on(var).items() if part in words)


def healthy(port: int) -> bool:
    asking = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        asking.request("GET", "/healthz")
        return asking.getresponse().status == 200
    except OSError:
        return False
    finally:
        asking.close()


@pytest.fixture
def everything(tuoke: Starter, port: int) -> Iterator[Process]:
    up = tuoke("up", "--port", str(port))
    eventually(lambda: "Tuoke is open" in up.said, seconds=120)
    yield up
    assert "Traceback" not in up.said, up.said


def test_all_of_it_starts_and_nothing_is_left_on_ctrl_c(
    everything: Process, port: int, tmp_path: Path
) -> None:
    var = tmp_path / VAR
    assert healthy(port)
    running = " ".join(processes_on(var).values())
    assert all(part in running for part in ("redis-server", "gunicorn", " worker ", " clock "))
    assert everything.interrupt(signal.SIGINT) == 0
    assert processes_on(var) == {}
    assert not healthy(port)


def test_whatever_is_killed_comes_back(everything: Process, port: int, tmp_path: Path) -> None:
    var = tmp_path / VAR
    for part in ("redis-server", "gunicorn", " clock", " worker "):
        (killed, *_forked) = all_with(var, part)
        os.kill(killed, signal.SIGKILL)
        comes_back(var, part, killed)
    eventually(lambda: healthy(port), seconds=60)
    assert everything.interrupt(signal.SIGTERM) == 0
    assert processes_on(var) == {}


def comes_back(var: Path, part: str, killed: int) -> None:
    """Wait until a process with this part lives that is not the killed one."""
    eventually(lambda: set(all_with(var, part)) - {killed}, seconds=60)


def test_a_killed_parent_takes_everybody_along(everything: Process, tmp_path: Path) -> None:
    everything.interrupt(signal.SIGKILL)
    eventually(lambda: processes_on(tmp_path / VAR) == {}, seconds=60)


def test_a_second_one_on_the_same_data_is_refused(everything: Process, tuoke: Starter) -> None:
    second = tuoke("up", "--port", "1")
    assert second.popen.wait(60) == 2
    assert second.said.startswith("tuoke: Tuoke is already running on")
    assert len(second.said.splitlines()) == 1


def test_a_taken_port_is_one_line(tuoke: Starter, port: int) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", port))
        taken.listen()
        up = tuoke("up", "--port", str(port))
        assert up.popen.wait(60) == 2
    assert up.said.startswith(f"tuoke: Port {port} cannot be used")
    assert len(up.said.splitlines()) == 1


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATABASE_URL", "mysql://somewhere/else"),
        ("DATABASE_URL", "postgresql://127.0.0.1:1/nowhere"),
        ("TUOKE_DATA_KEY", "too short"),
        ("TUOKE_TIMEZONE", "Asia/Nowhere"),
        ("TUOKE_PORT", "many"),
        ("TUOKE_CLOCK", "sundial"),
    ],
)
def test_a_wrong_setting_is_one_line_that_names_it(tuoke: Starter, name: str, value: str) -> None:
    clock = tuoke("up", **{name: value})
    assert clock.popen.wait(60) == 2
    last = clock.said.splitlines()[-1]
    assert last.startswith("tuoke: ")
    assert name in last
    assert "Traceback" not in clock.said


def test_help_and_an_unknown_command(tuoke: Starter) -> None:
    assert tuoke("--help").popen.wait(60) == 0
    assert tuoke("nonsense").popen.wait(60) == 2


def test_services_that_are_named_are_used(
    tuoke: Starter, port: int, postgres_url: str, redis_server: Process, settings: Settings, tmp_path: Path
) -> None:
    redis_url = f"unix://{embedded_redis.socket_path(settings)}"
    up = tuoke("up", "--port", str(port), DATABASE_URL=postgres_url, REDIS_URL=redis_url)
    eventually(lambda: "Tuoke is open" in up.said, seconds=120)
    assert len(all_with(tmp_path / VAR, "redis-server")) == 1
    assert len(all_with(tmp_path / VAR, "--name worker-")) >= 2
    engine = databases.open_engine(postgres_url)
    eventually(lambda: redis_seen(engine) == ANSWERS)
    engine.dispose()
    assert up.interrupt(signal.SIGINT) == 0
    assert "redis " not in up.said
    assert embedded_redis.answers(settings)
