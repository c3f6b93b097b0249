"""`tuoke doctor` and `tuoke drill` on real processes, and on a database or a Redis that is away, frozen or empty."""

from __future__ import annotations

import json
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from threading import Event, Thread
from typing import Any

import pytest
from sqlalchemy import Engine, func, select

from models import database as databases
from models.machinery import Drill, beat
from models.notices import Notification
from models.remembered import Outbox
from models.settings import Settings
from tests.conftest import Process, Starter, eventually
from tests.workers.asking import ask
from tests.workers.test_processes import a_fact, signs_of_life
from tests.workers.test_up import port as port
from workers import doctor, embedded_redis
from workers.draining import drain_due
from workers.queue import connect, queue
from workflows import drilling, health, probes
from workflows.health import DOWN, GREEN, UNKNOWN
from workflows.notices import notify
from workflows.probes import PROBE

pytestmark = pytest.mark.processes


def seen(settings: Settings) -> dict[str, str]:
    return {finding.name: finding.standing for finding in doctor.examine(settings)}


@contextmanager
def never_answering() -> Iterator[int]:
    """A server that lets everybody in and says nothing."""
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        door.listen(20)
        yield int(door.getsockname()[1])


def test_what_is_away_is_a_finding_under_its_own_name(settings: Settings, tuoke: Starter) -> None:
    away = tuoke("doctor", "--json", DATABASE_URL="postgresql://127.0.0.1:1/none")
    assert away.popen.wait(120) == 1
    told = json.loads(away.said)
    found = {check["name"]: check for check in told["checks"]}
    assert list(found) == list(health.CHECKS)
    assert not told["healthy"]
    assert (found["database"]["standing"], found["redis"]["standing"], found["disk"]["standing"]) == (
        DOWN, DOWN, GREEN,
    )  # fmt: skip
    assert "DATABASE_URL" in found["database"]["remedy"]
    assert "tuoke redis" in found["redis"]["remedy"]
    assert {found[name]["standing"] for name in ("clock", "timers", "backups")} == {UNKNOWN}
    assert seen(settings)["database"] == DOWN, "there is no file"
    assert not (settings.var / "tuoke.sqlite3").exists(), "looking makes no database"


def test_what_never_answers_is_not_waited_for(settings: Settings) -> None:
    with never_answering() as door:
        url = f"postgresql+psycopg://somebody@127.0.0.1:{door}/books"
        frozen = replace(
            settings, database_url=url, redis_url=f"redis://127.0.0.1:{door}", embedded_redis=False
        )
        found = seen(frozen)
    assert (found["database"], found["redis"], found["timers"]) == (DOWN, DOWN, UNKNOWN)


def test_a_database_that_stops_answering_in_the_middle_is_not_waited_for(
    sqlite_url: str, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    stuck = Event()

    def hangs(_sight: object) -> Any:
        stuck.wait(60)

    here = replace(settings, database_url=sqlite_url)
    assert seen(here)["drill"] == GREEN
    monkeypatch.setattr(doctor, "PATIENCE", 3.0)
    monkeypatch.setitem(health.CHECKS, "clock", hangs)
    found = seen(here)
    stuck.set()
    assert [found[name] for name in ("database", "data_key", "clock", "worker", "drill")] == [
        GREEN, GREEN, UNKNOWN, UNKNOWN, UNKNOWN,
    ]  # fmt: skip


def test_parked_rows_are_told_with_their_cause_and_set_right(
    database: Engine, database_url: str, settings: Settings
) -> None:
    here = replace(settings, database_url=database_url)
    with databases.begin(database) as session:
        for uid in ("one", "two"):
            fact = a_fact(uid, datetime.now(UTC))
            fact.state, fact.error = "parked", "KeyError at lead.py:1"
            session.add(fact)
    told = ask(here, "doctor")
    assert told.status == 1
    assert "2 × fact lead.screened: KeyError at lead.py:1" in told
    assert "→ put the cause right, then tuoke doctor --retry-parked" in told
    assert json.loads(ask(here, "doctor", "--json", "--retry-parked", "timers").text)["retried"] == {
        "timers": 0
    }
    assert "2 parked facts tried again" in ask(here, "doctor", "--retry-parked")
    with databases.read(database) as session:
        assert session.scalars(select(Outbox.state)).all() == ["pending", "pending"]


def test_all_is_well_and_a_drill_on_everything_in_one_loses_nothing(
    tuoke: Starter, port: int, settings: Settings
) -> None:
    up = tuoke("up", "--port", str(port))
    eventually(lambda: "Tuoke is open" in up.said, seconds=120)
    real = replace(settings, clock="real")
    refused = ask(real, "drill")
    assert (refused.status, "the real clock" in refused) == (2, True)
    eventually(lambda: ask(real, "doctor").status == 0, seconds=120)
    told = ask(real, "drill", "--yes")
    assert told.status == 0, told.text
    assert "300 of 300 probes told once" in told
    assert "nothing lost, nothing twice; all well" in told
    eventually(lambda: ask(real, "doctor").status == 0, seconds=120)
    report = {check["name"]: check for check in json.loads(ask(real, "doctor", "--json").text)["checks"]}
    assert "nothing lost, all well after" in report["drill"]["figure"]
    assert up.interrupt(signal.SIGINT) == 0
    assert ask(real, "doctor").status == 1


@pytest.fixture
def kept_alive(
    tuoke: Starter, postgres_url: str, redis_server: Process, settings: Settings
) -> Iterator[Settings]:
    """Clock and worker on PostgreSQL and on a Redis that is named, not embedded; the worker is started again when it dies."""
    env = {"DATABASE_URL": postgres_url, "REDIS_URL": f"unix://{embedded_redis.socket_path(settings)}"}
    over, clock = Event(), tuoke("clock", **env)
    worker = [tuoke("worker", **env)]

    def keep() -> None:
        while not over.wait(0.2):
            if worker[0].popen.poll() is not None:
                worker[0] = tuoke("worker", **env)

    keeper = Thread(target=keep)
    keeper.start()
    yield replace(settings, database_url=postgres_url, redis_url=env["REDIS_URL"], embedded_redis=False)
    over.set()
    keeper.join()
    assert clock.popen.poll() is None


def test_a_drill_on_postgresql_leaves_what_is_not_ours_in_redis(
    kept_alive: Settings, settings: Settings
) -> None:
    engine = databases.open_engine(kept_alive.database_url)
    eventually(lambda: {"clock", "worker", "redis"} <= signs_of_life(engine))
    connection = connect(kept_alive)
    connection.set("of somebody else", "1")
    queue(connection, "of somebody else").enqueue("os.getcwd")
    told = ask(kept_alive, "drill")
    assert told.status == 0, told.text
    assert "1200 of 1200 probes told once" in told
    assert connection.get("of somebody else") == b"1"
    assert queue(connection, "of somebody else").count == 1
    with databases.read(engine) as session:
        drill = session.scalars(select(Drill)).one()
        assert drill.nothing_lost
        done = select(func.count()).where(Outbox.fact == PROBE, Outbox.state == "done")
        assert session.scalar(done) == 1200
    connection.close()
    engine.dispose()


def test_a_drill_needs_somebody_to_kill(database: Engine, database_url: str, settings: Settings) -> None:
    here = replace(settings, database_url=database_url)
    alone = ask(here, "drill")
    assert (alone.status, "no clock and no worker gives a sign of life" in alone) == (1, True)
    with databases.begin(database) as session:
        for name, kind in (("clock", "clock"), (f"w@{socket.gethostname()}", "worker")):
            beat(session, name, kind, datetime.now(UTC), "pid 1")
    strange = ask(here, "drill")
    assert (strange.status, "no worker of this installation runs on this host" in strange) == (1, True)


def test_what_is_told_twice_or_never_shows_in_a_drill(database: Engine) -> None:
    at = datetime.now(UTC)
    with databases.begin(database) as session:
        number = drilling.begin(session, at, "here", "w")
        probes.probe(session, number, range(10), at)
    drain_due(database, at)
    with databases.begin(database) as session:
        assert probes.counted(session, number) == probes.Told(probes=10, once=10, twice=0, waiting=0)
        once = session.scalars(select(Outbox).where(Outbox.fact == PROBE)).all()
        notify(session, [once[3]], at)
        probes.probe(session, number, range(10, 12), at)
        drill = drilling.conclude(session, number, wrong=0, recovered_ms=1)
        assert (drill.probes, drill.lost, drill.twice, drill.nothing_lost) == (12, 2, 1, False)
        assert not session.scalars(select(Notification)).all()
