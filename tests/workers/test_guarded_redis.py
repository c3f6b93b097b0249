"""A Redis with TLS, client certificates and a user of few rights, as the README says to set it up: a real server, behind a
door of TLS (the binary that comes with the wheel was built without)."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Thread

import pytest
from redis import Redis
from redis.exceptions import NoPermissionError, RedisError

from models import database as databases
from models.settings import Settings, WrongSetting
from tests.certificates import Certificate, TlsDoor, certificate
from tests.conftest import DATA_KEY, Starter, eventually
from tests.workers.test_processes import signs_of_life, tell, told
from workers import embedded_redis
from workers.queue import NAME, connect, knock, queue, see_that_redis_lets_us_in

README = Path(__file__).parent.parent.parent / "README.md"
PASSWORD = "a/b?c#d@e:f%"
WRITTEN = "a%2Fb%3Fc%23d%40e%3Af%25"


def rights() -> str:
    """The line of the README that gives our user its rights."""
    (line,) = re.findall(r"^user tuoke .+$", README.read_text(encoding="utf-8"), re.MULTILINE)
    return str(line).replace("change-me", PASSWORD)


@dataclass
class Guarded:
    """A guarded Redis: where it is, who may come in, and how the master of it looks at it."""

    port: int
    master: Redis
    authority: Certificate
    ours: Certificate

    def url(self, **other: str) -> str:
        given = {
            "user": "tuoke",
            "password": WRITTEN,
            "host": "localhost",
            "db": "1",
            "ssl_ca_certs": str(self.authority.path),
            "ssl_certfile": str(self.ours.path),
            "ssl_keyfile": str(self.ours.key),
        } | other
        options = "&".join(f"{k}={v}" for k, v in given.items() if k.startswith("ssl_") and v)
        return f"rediss://{given['user']}:{given['password']}@{given['host']}:{self.port}/{given['db']}?{options}"

    def settings(self, tmp_path: Path, **other: str) -> Settings:
        env = {"TUOKE_VAR": str(tmp_path / "guarded"), "TUOKE_DATA_KEY": DATA_KEY.hex()}
        return Settings.from_env(env | {"REDIS_URL": self.url(**other)})

    def used(self) -> set[str]:
        """The commands that were carried out."""
        return {name.removeprefix("cmdstat_") for name in self.master.info("commandstats")}


@pytest.fixture(scope="module")
def guarded_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    tmp_path = tmp_path_factory.mktemp("guarded")
    authority = certificate(tmp_path, "authority")
    theirs, ours = certificate(tmp_path, "localhost", authority), certificate(tmp_path, "ours", authority)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    rules = tmp_path / "users.acl"
    rules.write_text(f"user default off\nuser master on >master ~* +@all\n{rights()}\n")
    words = [embedded_redis.binary(), "--port", str(port), "--bind", "127.0.0.1", "--save", ""]
    server = subprocess.Popen([*words, "--aclfile", str(rules), "--dir", str(tmp_path)], stdout=subprocess.DEVNULL)  # fmt: skip
    door = TlsDoor(("127.0.0.1", 0), ("127.0.0.1", port), theirs.path, theirs.key, authority.path)
    Thread(target=door.open, daemon=True).start()
    master = Redis(
        port=port, username="master", password="master", db=1, decode_responses=True, driver_info=None
    )
    try:
        eventually(lambda: answers(master))
        yield Guarded(door.port, master, authority, ours)
    finally:
        master.close()
        door.close()
        server.terminate()
        server.wait(15)


def answers(connection: Redis) -> bool:
    try:
        return bool(connection.ping())
    except RedisError:
        return False


def test_everything_works_with_the_rights_of_the_readme_and_each_of_them_is_needed(
    guarded_redis: Guarded, sqlite_url: str, tuoke: Starter, tmp_path: Path
) -> None:
    master, settings = guarded_redis.master, guarded_redis.settings(tmp_path)
    connection = connect(settings)
    leave_wreckage(connection, master)
    master.config_resetstat()
    env = {"DATABASE_URL": sqlite_url, "REDIS_URL": guarded_redis.url()}
    processes = [tuoke("clock", **env), tuoke("worker", **env), tuoke("worker", "--outward", **env)]
    engine = databases.open_engine(sqlite_url)
    tell(engine, "over TLS")
    eventually(lambda: told(engine, "over TLS"))
    eventually(lambda: {"clock", "worker", "sender", "redis"} <= signs_of_life(engine))
    eventually(lambda: not master.exists(f"rq:queue:{NAME}:intermediate"))
    eventually(lambda: master.zcard(f"rq:failed:{NAME}") == 3)  # stuck, abandoned, and not ours
    assert [process.interrupt(signal.SIGTERM) for process in processes] == [0, 0, 0]
    assert not master.smembers("rq:workers")

    said = "".join(process.said for process in processes)
    assert "Traceback" not in said
    assert PASSWORD not in said
    assert WRITTEN not in said
    assert [(entry["reason"], entry["object"]) for entry in master.acl_log()] == []
    granted = set(re.findall(r"\+(\S+)", rights()))
    masters = ("hello", "auth", "config", "acl", "zcard")
    spoken = {name for name in guarded_redis.used() if not name.startswith(masters)}
    assert granted == spoken
    connection.close()
    engine.dispose()


def leave_wreckage(connection: Redis, master: Redis) -> None:
    """What killed workers leave behind: a job popped and never begun, one begun and abandoned, a worker that is no more; and
    a job that is not ours."""
    door, long_ago = queue(connection), datetime.now(UTC) - timedelta(hours=1)
    assert knock(door)
    (stuck,) = map(str, master.lrange(door.key, 0, -1))
    master.delete(door.key)
    master.rename(f"rq:job:{stuck}", "rq:job:stuck")
    master.hset("rq:job:stuck", "status", "queued")
    master.rpush(f"{door.key}:intermediate", "stuck")
    master.set(f"{door.key}:intermediate:first_seen:stuck", long_ago.timestamp())
    assert knock(door)
    (begun,) = map(str, master.lrange(door.key, 0, -1))
    master.delete(door.key)
    master.hset(f"rq:job:{begun}", "status", "started")
    master.zadd(f"rq:wip:{NAME}", {f"{begun}:execution": long_ago.timestamp()})
    for registry in ("rq:workers", f"rq:workers:{NAME}"):
        master.sadd(registry, "rq:worker:gone")
    door.enqueue("os.getcwd")


def test_the_user_may_do_nothing_else(guarded_redis: Guarded, tmp_path: Path) -> None:
    connection = connect(guarded_redis.settings(tmp_path))
    for words in (
        ["SET", "other", "1"], ["GET", "other"], ["KEYS", "*"], ["CONFIG", "GET", "*"], ["FLUSHALL"], ["FLUSHDB"], ["SHUTDOWN"],
        ["EVAL", "return 1", "0"], ["SCRIPT", "KILL"], ["ACL", "LIST"], ["MONITOR"], ["PUBLISH", "x", "y"],
        ["SUBSCRIBE", "rq:pubsub:x"], ["CLIENT", "LIST"], ["REPLICAOF", "localhost", "1"], ["MODULE", "LIST"], ["SCAN", "0"],
    ):  # fmt: skip
        with pytest.raises(NoPermissionError):
            connection.execute_command(*words)
    connection.close()


def test_what_is_wrong_with_the_address_is_said_at_the_start_in_one_line(
    guarded_redis: Guarded, tmp_path: Path, tuoke: Starter
) -> None:
    other = certificate(tmp_path, "other")
    empty = tmp_path / "empty.pem"
    empty.touch()
    wrong = {
        "Redis does not accept this user and password": {"password": "secret123"},
        "no TLS with Redis (self-signed certificate in certificate chain)": {"ssl_ca_certs": str(other.path)},
        "no TLS with Redis (IP address mismatch": {"host": "127.0.0.1"},
        "no TLS with Redis (TLSV1": {"ssl_certfile": str(other.path), "ssl_keyfile": str(other.key)},
        "ssl_certfile and ssl_keyfile belong together": {"ssl_keyfile": ""},
        "cannot be used (No such file or directory)": {"ssl_ca_certs": "/nowhere.pem"},
        "cannot be used (": {"ssl_ca_certs": str(empty)},
        "cannot be used (KEY_VALUES_MISMATCH)": {"ssl_keyfile": str(other.key)},
        "Redis refuses (DB index is out of range": {"db": "99"},
    }
    for says, changed in wrong.items():
        with pytest.raises(WrongSetting) as raised:
            see_that_redis_lets_us_in(guarded_redis.settings(tmp_path, **changed))
        assert str(raised.value).startswith("REDIS_URL: "), says
        assert says in str(raised.value)
        assert "secret123" not in str(raised.value)
        assert WRITTEN not in str(raised.value)
    see_that_redis_lets_us_in(guarded_redis.settings(tmp_path))

    assert tuoke("migrate").popen.wait(60) == 0
    worker = tuoke("worker", REDIS_URL=guarded_redis.url(password="secret123"))
    assert worker.popen.wait(60) == 2
    assert worker.said == "tuoke: REDIS_URL: Redis does not accept this user and password\n"
