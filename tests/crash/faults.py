"""What may happen to the house, and what is expected of it while it does: a table of faults, each a few lines."""

from __future__ import annotations

import hashlib
import http.client
import os
import random
import shutil
import signal
import sqlite3
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

from sqlalchemy import update
from sqlalchemy.exc import OperationalError

from models import database
from models.people import WebSession
from tests.crash.client import Answered
from tests.crash.house import children_of, is_alive
from tests.crash.register import Registers
from tests.crash.stores import NOT_NOW, Postgres, Sqlite
from tests.crash.storm import Storm, eventually

Strike = Callable[[Storm], bool]


@dataclass(frozen=True)
class Fault:
    """One kind of harm. `strike` does it and says whether there was anybody to do it to; `copies` is how often it comes in a
    long storm, `kin` whom it lames, `of_database` whether people may be told meanwhile that the database is away."""

    name: str
    strike: Strike
    kin: str = ""
    copies: int = 3
    of_database: bool = False
    needs_web: bool = False
    only: str = ""


# --- processes -------------------------------------------------------------------------------------------------------


def _found(storm: Storm, role: str) -> int | None:
    """Somebody of this kind."""
    house = storm.house
    found = house.catch(role, storm.lasts((0.5, 0.5), (2.0, 2.0))) if "child" in role else house.who(role)
    return storm.rng.choice(found) if found else None


def _sent(victim: int, number: signal.Signals, group: bool = False) -> bool:
    with suppress(ProcessLookupError, PermissionError):
        (os.killpg if group else os.kill)(victim, number)
        return True
    return False


def kill(role: str, storm: Storm) -> bool:
    """-9, in the middle of whatever it does. A worker takes its child along, even one that stands still."""
    victim = _found(storm, role)
    if victim is None:
        return False
    children = children_of(victim) if role in ("worker", "sender") else []
    struck = _sent(victim, signal.SIGKILL)
    eventually(lambda: not any(map(is_alive, children)), 10, f"the child of a killed {role} is gone")
    return struck


def kill_group(role: str, storm: Storm) -> bool:
    """-9 for it and its child together."""
    victim = _found(storm, role)
    return victim is not None and _sent(victim, signal.SIGKILL, group=True)


def freeze(role: str, storm: Storm) -> bool:
    """It stands still in the middle of whatever it does, perhaps with locks in its hands, and wakes later as if nothing were."""
    victim = _found(storm, role)
    if victim is None or not _sent(victim, signal.SIGSTOP):
        return False
    seconds = storm.lasts((0.3, 1.0), (1.0, 14.0))
    storm.later(seconds, lambda: _sent(victim, signal.SIGCONT))
    if role != "redis":
        storm.caused(time.monotonic() + seconds)
    return True


# --- Redis -----------------------------------------------------------------------------------------------------------


def flush(storm: Storm) -> bool:
    return storm.house.redis_answers("FLUSHALL")


def redis_away(storm: Storm) -> bool:
    """Nobody answers there for a while. Nothing else strikes meanwhile: no 503 may come of it."""
    seconds = storm.lasts((1.0, 2.0), (20.0, 20.0))
    return storm.house.without_redis(lambda: time.sleep(seconds))


def redis_emptied(storm: Storm) -> bool:
    """It comes back and remembers nothing."""
    return storm.house.without_redis(lambda: shutil.rmtree(storm.store.var / "redis" / "data"))


def _kept_by_redis(storm: Storm) -> Path | None:
    """The end of what Redis wrote down."""
    return max((storm.store.var / "redis" / "data").rglob("*.incr.aof"), default=None)


def redis_cut(storm: Storm) -> bool:
    """The last that it wrote down is torn off."""

    def cut() -> None:
        if (path := _kept_by_redis(storm)) is not None:
            length = path.stat().st_size
            os.truncate(path, max(0, length - storm.rng.randint(1, 300)))

    return storm.house.without_redis(cut)


def redis_spoiled(storm: Storm) -> bool:
    """The last that it wrote down is something else."""

    def spoil() -> None:
        if (path := _kept_by_redis(storm)) is not None:
            with path.open("ab") as file:
                file.write(storm.rng.randbytes(80))

    return storm.house.without_redis(spoil)


def knocks_answered_in_vain(storm: Storm) -> bool:
    """It did what it was told, and its word for it is lost: whoever knocked may knock again."""
    door = storm.house.redis_door
    assert door
    return _swallowed(door, storm.rng.randint(1, 3))


def _swallowed(door, replies: int) -> bool:
    """Swallow some replies; whether any came in time."""
    before = door.swallowed
    door.swallow(replies)
    end = time.monotonic() + 5
    while door.swallowed == before and time.monotonic() < end:
        time.sleep(0.02)
    if door.swallowed == before:
        door.swallow(0)
    return bool(door.swallowed > before)


def redis_connections(storm: Storm) -> bool:
    door = storm.house.redis_door
    return bool(door and door.cut())


# --- PostgreSQL ------------------------------------------------------------------------------------------------------


def _postgres(storm: Storm) -> Postgres:
    assert isinstance(storm.store, Postgres)
    return storm.store


def connection_ended(storm: Storm) -> bool:
    """The server ends one connection in the middle of whatever it does."""
    found = _postgres(storm).backends()
    if not found:
        return False
    _postgres(storm).ask(f"SELECT pg_terminate_backend({storm.rng.choice(found)})")
    return True


def backend_killed(storm: Storm) -> bool:
    """-9 for one process of the server: it ends all others too, and recovers."""
    found = _postgres(storm).backends()
    if not found or not _sent(storm.rng.choice(found), signal.SIGKILL):
        return False
    _postgres(storm).up()
    return True


def crash(storm: Storm) -> bool:
    _postgres(storm).crash()
    return True


def connections_cut(storm: Storm) -> bool:
    return bool(_postgres(storm).door.cut())


def commits_answered_in_vain(storm: Storm) -> bool:
    """What was asked is committed, and the word for it is lost: whoever asked is told to ask again, and there is one result."""
    return _swallowed(_postgres(storm).door, storm.rng.randint(1, 3))


def stands_still(storm: Storm) -> bool:
    """The server takes everything and answers nothing; people are told so before their patience is over."""
    return _nobody_answers(storm, _postgres(storm).door.freeze, _postgres(storm).door.thaw)


def _nobody_answers(storm: Storm, freeze_it: Callable[[], object], thaw_it: Callable[[], object]) -> bool:
    """In a brief storm only for a moment; otherwise until somebody who asked was told to come again."""
    freeze_it()
    try:
        if storm.brief:
            time.sleep(storm.lasts((0.3, 0.8), (0, 0)))
            return True
        status, _said, _headers = storm.client.send("mei", "POST", "/leads", {}, f"still-{time.monotonic()}")
        assert status == 503, f"while the database stands still: {status}"
        if storm.store.kind == "sqlite":
            _reads(storm)
    except (OSError, http.client.HTTPException):
        return False
    finally:
        thaw_it()
    return True


# --- SQLite ----------------------------------------------------------------------------------------------------------


def power_failure(storm: Storm) -> bool:
    """-9 for everybody at once; then all of it starts again on what is on the disk."""
    return storm.house.kill_all() > 5


def writer_stands_still(storm: Storm) -> bool:
    """Somebody has the one right to write and does nothing with it: who writes is told so in time, who reads is answered."""
    store = storm.store
    assert isinstance(store, Sqlite)
    connection = sqlite3.connect(store.file, timeout=20, isolation_level=None)
    try:
        return _nobody_answers(
            storm, lambda: connection.execute("BEGIN IMMEDIATE"), lambda: connection.execute("ROLLBACK")
        )
    finally:
        connection.close()


# --- both ------------------------------------------------------------------------------------------------------------


def no_room(storm: Storm) -> bool:
    """The disk is full: who writes is told to come again, who reads is answered, and nobody needs to start anything again when
    there is room. What was asked in vain is then done, once."""
    store, web = storm.store, set(storm.house.who("web worker"))
    if store.kind == "postgresql" and not store.disk.is_small:
        storm.notes["no room on the disk"] = "not struck: nothing may be mounted here"
        return True
    _session_grows_old(storm)
    store.fill(lambda: [each.pid for each in storm.house.seen()])
    try:
        key = _refused_for_want_of_room(storm)
        if key and store.kind == "sqlite":
            _reads(storm)
            time.sleep(storm.lasts((0.1, 0.5), (0.5, 8.0)))
    finally:
        store.free()
    if key:
        done = storm.client.ask("mei", "POST", "/leads", _somebody(key), key)
        assert done.status == 201, done
        assert web == set(storm.house.who("web worker")), "somebody had to start again for want of room"
    return bool(key)


def _refused_for_want_of_room(storm: Storm) -> str:
    """Capture customers until the house says that it cannot; the key of that request. PostgreSQL first has to come to the end
    of the pages that it has: keys claimed in vain take room there, too."""
    in_vain = storm.store.kind == "postgresql"
    end = time.monotonic() + 20
    while time.monotonic() < end:
        key = f"{storm.client.run}-room-{time.monotonic_ns()}"
        try:
            status, said, _headers = storm.client.send(
                "mei", "POST", "/leads", {} if in_vain else _somebody(key), key
            )
        except (OSError, http.client.HTTPException):
            return key if not in_vain else ""
        if status != 503:
            storm.client.note(Answered("mei", "/leads", key, status, said, 1), "POST")
        elif not in_vain:
            return key
        in_vain &= status != 503
    return ""


def _somebody(key: str) -> dict[str, object]:
    """A customer with a phone of their own."""
    number = int(hashlib.sha256(key.encode()).hexdigest(), 16) % 10**7
    return {"name": "王先生", "phone": f"1397{number:07d}", "channel": "call_in", "consent": True}


def _session_grows_old(storm: Storm) -> None:
    """Let the next page be one at which the house would like to write down when its reader was last seen."""
    long_ago = datetime.now(UTC) - timedelta(minutes=5)
    older = update(WebSession).values(seen_at=long_ago)

    def grown_old() -> bool:
        try:
            database.in_transaction(storm.engine, lambda session: session.execute(older))
        except OperationalError:
            return False  # the database is being struck
        return True

    eventually(grown_old, 60, "a session grown old")


def _reads(storm: Storm) -> None:
    """Programs and people who only look are answered."""
    looks = {
        "API": lambda: storm.client.send("guo", "GET", "/leads?limit=1")[0],
        "page": storm.client.page,
    }
    for name, look in looks.items():
        for _turn in range(40):
            with suppress(OSError, http.client.HTTPException):
                status = look()
                assert status == 200, f"who reads is told {status} ({name})"
                break
            time.sleep(0.1)


def set_back(storm: Storm) -> bool:
    """The clock is put back by up to an hour and a half, and right again a little later: nothing is early, nothing lost."""
    by = storm.rng.randint(60, 5400) * 1_000_000
    try:
        _turn(storm, -by)
    except NOT_NOW:
        return False
    storm.later(storm.lasts((0.3, 1.0), (1.0, 10.0)), lambda: _turn(storm, by))
    return True


def _turn(storm: Storm, microseconds: int) -> None:
    storm.store.ask(
        f"UPDATE movable_clock SET offset_us = offset_us + ({microseconds}) RETURNING offset_us", 1
    )


def import_killed(registers: Registers, storm: Storm) -> bool:
    return registers.killed_after(storm.lasts((0.8, 1.8), (0.5, 4.0)))


ROLES = ("worker", "worker's child", "sender", "sender's child", "clock", "web worker")


def table(registers: Registers) -> list[Fault]:
    """Everything that may happen."""
    of_role = {role: role.removesuffix("'s child") for role in ROLES}
    kills = [
        Fault(
            f"{role} killed",
            partial(kill, role),
            kin="" if "child" in role else of_role[role].removesuffix(" worker"),
            copies=5,
        )
        for role in ROLES
    ]
    freezes = [Fault(f"{role} frozen", partial(freeze, role), of_database=True) for role in ROLES]
    return [
        *kills,
        *freezes,
        Fault("web killed", partial(kill, "web"), "web", needs_web=True),
        Fault("worker's group killed", partial(kill_group, "worker"), "worker"),
        Fault("redis killed", partial(kill, "redis"), "redis", copies=4),
        Fault("redis frozen", partial(freeze, "redis")),
        Fault("redis emptied by FLUSHALL", flush, copies=5),
        Fault("redis away", redis_away, "redis", copies=1),
        Fault("redis launcher killed", partial(kill, "redis launcher"), "redis", only="sqlite"),
        Fault("redis back without its files", redis_emptied, "redis", only="sqlite"),
        Fault("redis back with its log torn off", redis_cut, "redis", only="sqlite"),
        Fault("redis back with its log spoiled", redis_spoiled, "redis", only="sqlite"),
        Fault("redis connections cut", redis_connections, only="postgresql"),
        Fault("knocks whose answer is lost", knocks_answered_in_vain, only="postgresql", copies=5),
        Fault("connection ended", connection_ended, only="postgresql", of_database=True, copies=5),
        Fault("connections cut", connections_cut, only="postgresql", of_database=True),
        Fault("backend killed", backend_killed, only="postgresql", of_database=True),
        Fault("server crashed", crash, only="postgresql", of_database=True),
        Fault("commits whose answer is lost", commits_answered_in_vain, only="postgresql", of_database=True, needs_web=True, copies=6),
        Fault("server stands still", stands_still, only="postgresql", of_database=True, needs_web=True, copies=1),
        Fault("a writer stands still", writer_stands_still, only="sqlite", of_database=True, needs_web=True, copies=1),
        Fault("power failure", power_failure, "all", only="sqlite", copies=1),
        Fault("no room on the disk", no_room, of_database=True, needs_web=True, only="sqlite", copies=1),
        Fault("no room on the disk", no_room, of_database=True, needs_web=True, only="postgresql", copies=1),
        Fault("clock set back", set_back),
        Fault("import killed", partial(import_killed, registers)),
    ]  # fmt: skip


def chosen(faults: list[Fault], kind: str, seed: int, brief: bool) -> list[Fault]:
    """What strikes a database of this kind. Of what may strike both, a brief storm has one part on each: SQLite, where the power
    fails and everybody has to start again, what nobody has to start again after; of the rest, as the seed says."""
    mine = [fault for fault in faults if fault.only in ("", kind)]
    if not brief:
        return mine
    light = sorted(fault.name for fault in faults if not fault.only and fault.kin in ("", "redis"))
    half = set(random.Random(f"halves-{seed}").sample(light, len(light) // 2))
    on_sqlite = kind == "sqlite"
    return [
        fault for fault in mine if fault.only or (fault.name in half if on_sqlite else fault.name not in half)
    ]
