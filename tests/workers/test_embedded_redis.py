"""The embedded Redis server comes back, whatever happens to it, and nobody but its owner reaches it."""

from __future__ import annotations

import os
import signal
import stat
from dataclasses import replace
from pathlib import Path

import pytest
from redis import Redis
from redis.exceptions import RedisError

from models.settings import Settings
from tests.conftest import Process, Starter, eventually
from workers import embedded_redis

pytestmark = pytest.mark.processes


def server_pid(settings: Settings) -> int:
    return int((settings.var / "redis" / "redis.pid").read_text())


def remembers(connection: Redis, key: str) -> bool:
    try:
        return connection.get(key) is not None
    except RedisError:
        return False


def test_it_starts_again_after_kill_9_and_remembers(redis_server: Process, settings: Settings) -> None:
    connection = embedded_redis.connect(settings)
    connection.set("key", "value")
    killed = server_pid(settings)
    eventually(lambda: connection.info("persistence")["aof_pending_bio_fsync"] == 0)
    os.kill(killed, signal.SIGKILL)
    eventually(lambda: remembers(connection, "key"))
    assert server_pid(settings) != killed
    connection.close()


def test_only_its_owner_enters(redis_server: Process, settings: Settings) -> None:
    path = embedded_redis.socket_path(settings)
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0
    connection = embedded_redis.connect(settings)
    assert list(connection.config_get("port").values()) in (["0"], [b"0"])
    connection.close()


def test_a_second_launcher_is_refused_in_one_line(
    redis_server: Process, settings: Settings, tuoke: Starter
) -> None:
    second = tuoke("redis")
    assert second.popen.wait(60) == 2
    assert second.said.startswith("tuoke: An embedded Redis server is already running")
    assert len(second.said.splitlines()) == 1
    assert embedded_redis.answers(settings)


def test_a_killed_launcher_takes_its_server_along(
    redis_server: Process, settings: Settings, tuoke: Starter
) -> None:
    redis_server.interrupt(signal.SIGKILL)
    eventually(lambda: not embedded_redis.answers(settings))
    tuoke("redis")
    eventually(lambda: embedded_redis.answers(settings))


def test_it_stops_when_it_is_told_to(redis_server: Process, settings: Settings) -> None:
    assert redis_server.interrupt(signal.SIGTERM) == 0
    assert not embedded_redis.answers(settings)


def test_files_it_cannot_read_are_put_aside(tuoke: Starter, settings: Settings) -> None:
    data = settings.var / "redis" / "data"
    data.mkdir(parents=True)
    (data / "appendonly.aof").write_bytes(b"not what an append-only file looks like\r\n" * 50)
    (data / "appendonlydir").mkdir()
    (data / "appendonlydir" / "appendonly.aof.manifest").write_bytes(b"nor a manifest\n")
    tuoke("redis")
    eventually(lambda: embedded_redis.answers(settings))
    assert (settings.var / "redis" / "data.unreadable").exists()


def test_a_deep_folder_gets_a_short_private_socket(
    settings: Settings, tmp_path: Path, tuoke: Starter
) -> None:
    deep = replace(settings, var=tmp_path / ("深" * 30) / ("deep" * 10) / "var")
    path = embedded_redis.socket_path(deep)
    assert len(os.fsencode(path)) <= embedded_redis.LONGEST_SOCKET_PATH
    tuoke("redis", TUOKE_VAR=str(deep.var))
    eventually(lambda: embedded_redis.answers(deep))
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert path.parent.stat().st_uid == os.getuid()
