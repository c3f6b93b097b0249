"""Clock and worker as real processes: they knock and drain, and go on whatever happens to Redis."""

from __future__ import annotations

import os
import pickle
import signal
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from rq.job import Job, JobStatus
from sqlalchemy import Engine, func, select

from models import database as databases
from models.machinery import Heartbeat
from models.remembered import Outbox
from models.settings import Settings
from tests.conftest import Process, Starter, eventually
from workers import embedded_redis
from workers.clock import ANSWERS, AWAY
from workers.queue import DRAIN, connect, knock, queue

pytestmark = pytest.mark.processes


def tell(engine: Engine, uid: str) -> None:
    """A fact that waits to be told, of a kind that nobody listens to."""
    at = datetime.now(UTC) - timedelta(seconds=1)
    with databases.begin(engine) as session:
        session.add(a_fact(uid, at))


def a_fact(uid: str, at: datetime) -> Outbox:
    return Outbox(
        uid=uid, fact="lead.screened", cause=uid, flow="lead", case_code="L0", body={}, at=at, next_at=at
    )


def told(engine: Engine, uid: str) -> bool:
    with databases.read(engine) as session:
        return session.scalar(select(Outbox.state).where(Outbox.uid == uid)) == "done"


def redis_seen(engine: Engine) -> str | None:
    with databases.read(engine) as session:
        return session.scalar(select(Heartbeat.detail).where(Heartbeat.name == "redis"))


def signs_of_life(engine: Engine) -> set[str]:
    with databases.read(engine) as session:
        return set(session.scalars(select(Heartbeat.kind)))


def test_the_clock_knocks_and_the_worker_drains(
    database: Engine, database_url: str, redis_server: Process, tuoke: Starter
) -> None:
    clock, worker = tuoke("clock", DATABASE_URL=database_url), tuoke("worker", DATABASE_URL=database_url)
    tell(database, "one")
    eventually(lambda: told(database, "one"))
    eventually(lambda: signs_of_life(database) == {"clock", "worker", "redis", "host"})
    assert redis_seen(database) == ANSWERS
    assert clock.interrupt(signal.SIGTERM) == 0
    assert worker.interrupt(signal.SIGTERM) == 0


def test_redis_may_be_killed_emptied_and_frozen(
    sqlite_url: str, settings: Settings, redis_server: Process, tuoke: Starter
) -> None:
    engine = databases.open_engine(sqlite_url)
    clock, worker = tuoke("clock", DATABASE_URL=sqlite_url), tuoke("worker", DATABASE_URL=sqlite_url)
    tell(engine, "before")
    eventually(lambda: told(engine, "before"))

    os.kill(int((settings.var / "redis" / "redis.pid").read_text()), signal.SIGKILL)
    tell(engine, "killed")
    eventually(lambda: told(engine, "killed"))

    eventually(lambda: embedded_redis.answers(settings))
    connection = connect(settings)
    connection.flushall()
    tell(engine, "emptied")
    eventually(lambda: told(engine, "emptied"))

    server = int((settings.var / "redis" / "redis.pid").read_text())
    os.kill(server, signal.SIGSTOP)
    eventually(lambda: redis_seen(engine) == AWAY)
    tell(engine, "frozen")
    os.kill(server, signal.SIGCONT)
    eventually(lambda: told(engine, "frozen"))
    eventually(lambda: redis_seen(engine) == ANSWERS)

    assert clock.popen.poll() is None
    assert worker.popen.poll() is None
    connection.close()
    engine.dispose()


def test_processes_wait_for_a_redis_that_comes_later(
    sqlite_url: str, settings: Settings, tuoke: Starter
) -> None:
    engine = databases.open_engine(sqlite_url)
    clock, worker = tuoke("clock", DATABASE_URL=sqlite_url), tuoke("worker", DATABASE_URL=sqlite_url)
    eventually(lambda: redis_seen(engine) == AWAY)
    eventually(lambda: "worker" in signs_of_life(engine))
    tell(engine, "patient")
    redis = tuoke("redis")
    eventually(lambda: told(engine, "patient"))
    redis.interrupt(signal.SIGTERM)
    eventually(lambda: redis_seen(engine) == AWAY)
    assert worker.interrupt(signal.SIGTERM, seconds=30) == 0
    assert clock.interrupt(signal.SIGTERM, seconds=30) == 0
    assert "Traceback" not in worker.said + clock.said
    engine.dispose()


def test_a_job_that_is_not_ours_is_refused_and_the_worker_lives(
    sqlite_url: str, settings: Settings, redis_server: Process, tuoke: Starter, tmp_path: Path
) -> None:
    worker = tuoke("worker", DATABASE_URL=sqlite_url)
    trace = tmp_path / "trace"
    connection = connect(settings)
    door = queue(connection)
    evil = [
        door.enqueue("os.system", f"touch {trace}"),
        door.enqueue("os.getcwd"),
        door.enqueue(DRAIN, "with an argument"),
        door.enqueue_call(DRAIN, on_success=None, meta={"a": 1}, kwargs={"b": 2}),
    ]
    pickled = Job.create("os.system", args=(f"touch {trace}",), connection=connection, id="pickled")
    pickled.save()
    connection.hset(pickled.key, "data", pickle.dumps(("os.system", None, (f"touch {trace}",), {})))
    connection.rpush(door.key, pickled.id)

    eventually(lambda: all(job.get_status() == JobStatus.FAILED for job in [*evil, pickled]))
    assert not trace.exists()
    assert str(trace) not in worker.said

    engine = databases.open_engine(sqlite_url)
    tell(engine, "after")
    assert knock(door)
    eventually(lambda: told(engine, "after"))
    assert worker.popen.poll() is None
    engine.dispose()
    connection.close()


def test_a_callback_of_a_job_is_never_called(
    sqlite_url: str, settings: Settings, redis_server: Process, tuoke: Starter, tmp_path: Path
) -> None:
    connection = connect(settings)
    door = queue(connection)
    job = door.enqueue(DRAIN, result_ttl=60)
    connection.hset(
        job.key, mapping={"success_callback_name": "os.abort", "failure_callback_name": "os.abort"}
    )
    tuoke("worker", DATABASE_URL=sqlite_url)
    eventually(lambda: job.get_status() == JobStatus.FINISHED)
    connection.close()


def test_two_knocks_are_enough(settings: Settings, redis_server: Process) -> None:
    connection = connect(settings)
    door = queue(connection)
    assert [knock(door) for _ in range(4)] == [True, True, False, False]
    assert embedded_redis.answers(settings)
    connection.close()


def test_a_clock_survives_a_database_that_is_away(
    postgres_url: str, redis_server: Process, tuoke: Starter
) -> None:
    nowhere = postgres_url.replace("test_", "not_there_")
    clock = tuoke("clock", DATABASE_URL=nowhere)
    eventually(lambda: "the database is away" in clock.said)
    assert clock.interrupt(signal.SIGTERM) == 0
    assert "Traceback" not in clock.said


def children(parent: int) -> set[int]:
    """The living processes that this one started."""
    found = set()
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if (entry / "stat").read_text().rpartition(")")[2].split()[1] == str(parent):
                found.add(int(entry.name))
        except OSError:
            continue
    return found


def test_a_killed_worker_takes_its_child_along_and_the_next_one_drains(
    sqlite_url: str, settings: Settings, redis_server: Process, tuoke: Starter
) -> None:
    engine = databases.open_engine(sqlite_url)
    connection = connect(settings)
    worker = tuoke("worker", DATABASE_URL=sqlite_url)
    eventually(lambda: "worker" in signs_of_life(engine))
    tell(engine, "kept")
    with databases.begin(engine) as held:
        held.connection()
        knock(queue(connection))
        eventually(lambda: children(worker.popen.pid))
        (child,) = children(worker.popen.pid)
        worker.interrupt(signal.SIGKILL)
        eventually(lambda: not Path(f"/proc/{child}").exists(), seconds=10)
    assert not told(engine, "kept")
    tuoke("clock", DATABASE_URL=sqlite_url)
    tuoke("worker", DATABASE_URL=sqlite_url)
    eventually(lambda: told(engine, "kept"))
    engine.dispose()
    connection.close()


def test_a_worker_told_to_stop_ends_after_the_batch_it_is_at(
    sqlite_url: str, settings: Settings, redis_server: Process, tuoke: Starter
) -> None:
    engine = databases.open_engine(sqlite_url)
    connection = connect(settings)
    at = datetime.now(UTC) - timedelta(seconds=1)
    with databases.begin(engine) as session:
        session.add_all(a_fact(f"fact {number}", at) for number in range(20_000))
    worker = tuoke("worker", DATABASE_URL=sqlite_url)
    knock(queue(connection))
    eventually(lambda: told(engine, "fact 0"))
    assert worker.interrupt(signal.SIGTERM, seconds=30) == 0
    with databases.read(engine) as session:
        done = session.scalar(select(func.count()).where(Outbox.state == "done")) or 0
    assert done < 20_000
    assert done % databases.batch(engine) == 0
    engine.dispose()
    connection.close()
