"""Several clocks as real processes, one of them stopped, killed, ended; and a host whose clock jumps ahead."""

from __future__ import annotations

import signal
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from sqlalchemy import Engine, func, select

from models import database as databases
from models import machinery
from models.machinery import Heartbeat
from models.notices import AccessLog
from models.remembered import Timer
from models.settings import Settings
from tests.conftest import Process, Starter, eventually
from tests.workers.test_draining import overdue
from tests.workers.test_processes import tell, told
from workers import ground
from workers.clock import Clock
from workers.command.alive import alive
from workers.queue import NAME, OUTWARD, connect, queue

pytestmark = pytest.mark.processes


def says(engine: Engine, name: str) -> str | None:
    """What this clock said of itself last."""
    with databases.read(engine) as session:
        return session.scalar(select(Heartbeat.detail).where(Heartbeat.name == name))


def leaders(engine: Engine) -> list[str]:
    with databases.read(engine) as session:
        leads = Heartbeat.detail.like("leads%")
        return list(session.scalars(select(Heartbeat.name).where(Heartbeat.kind == "clock", leads)))


def test_another_clock_takes_over_when_one_is_stopped_killed_or_ended(
    sqlite_url: str, tuoke: Starter
) -> None:
    engine = databases.open_engine(sqlite_url)
    first = tuoke("clock", "--name", "first", DATABASE_URL=sqlite_url)
    eventually(lambda: leaders(engine) == ["first"])
    second = tuoke("clock", "--name", "second", DATABASE_URL=sqlite_url)
    eventually(lambda: says(engine, "second") == "stands-by redis-away")

    first.popen.send_signal(signal.SIGSTOP)
    eventually(lambda: says(engine, "second") == "leads redis-away", seconds=30)
    first.popen.send_signal(signal.SIGCONT)
    eventually(lambda: leaders(engine) == ["second"])

    second.interrupt(signal.SIGKILL)
    eventually(lambda: "first" in leaders(engine), seconds=30)
    third = tuoke("clock", "--name", "third", DATABASE_URL=sqlite_url)
    eventually(lambda: says(engine, "third") == "stands-by redis-away")
    assert first.interrupt(signal.SIGTERM) == 0
    eventually(lambda: "third" in leaders(engine), seconds=30)
    assert says(engine, "first") is None
    assert "Traceback" not in first.said + third.said
    engine.dispose()


def test_a_jump_of_the_time_fires_nothing_until_it_is_confirmed(
    sqlite_url: str, settings: Settings, redis_server: Process, tuoke: Starter, tmp_path: Path
) -> None:
    engine = databases.open_engine(sqlite_url)
    overdue(engine, 3)
    set_clock = tmp_path / "set"
    set_clock.write_text(str(-timedelta(days=15).total_seconds()))  # the leads are six days old
    host = {"DATABASE_URL": sqlite_url, "SET_CLOCK": str(set_clock), "module": "tests.workers.jumping"}
    clock, worker = tuoke("clock", "--name", "clock", **host), tuoke("worker", **host)
    eventually(lambda: fired(engine) == 3)  # the reminders, which are due

    set_clock.write_text("0")
    eventually(lambda: (says(engine, "clock") or "").startswith("leads doubt="))
    doubt = int((says(engine, "clock") or "").removeprefix("leads doubt="))
    assert abs(doubt - 15 * 86400) <= 1, "the jump, but for the moment between two looks"
    tell(engine, "meanwhile")
    eventually(lambda: told(engine, "meanwhile"))
    assert fired(engine) == 3
    assert "the time jumped ahead" in clock.said

    confirm = tuoke("clock", "--confirm-jump", DATABASE_URL=sqlite_url)
    assert confirm.popen.wait(60) == 0
    assert confirm.said.startswith(("confirmed: the time, 15 days", "confirmed: the time, 14 days, 23:59"))
    eventually(lambda: fired(engine) == 6)
    eventually(lambda: says(engine, "clock") == "leads")
    with databases.read(engine) as session:
        assert "confirmed at the terminal" in str(session.scalar(select(AccessLog.purpose)))
        lease = machinery.lease(session)
        assert lease
        assert (lease.ahead_us, lease.accepted_us) == (0, 0)
    assert worker.interrupt(signal.SIGTERM) == 0
    engine.dispose()


def fired(engine: Engine) -> int:
    with databases.read(engine) as session:
        return session.scalar(select(func.count()).where(Timer.state == "fired")) or 0


def test_a_clock_that_does_not_reach_redis_lets_one_lead_that_does(
    sqlite_url: str, settings: Settings, redis_server: Process, tmp_path: Path
) -> None:
    engine = databases.open_engine(sqlite_url)
    nowhere = Redis(unix_socket_path=str(tmp_path / "nothing.sock"), retry=Retry(NoBackoff(), 0))
    here = connect(settings)
    cut_off = Clock(engine, {name: queue(nowhere, name) for name in (NAME, OUTWARD)}, "cut off")
    cut_off.tick()
    cut_off.tick()
    assert leaders(engine) == ["cut off"], "nobody else is there"
    other = Clock(engine, {name: queue(here, name) for name in (NAME, OUTWARD)}, "other")
    other.tick()
    assert says(engine, "other") == "stands-by"
    cut_off.tick()
    other.tick()
    cut_off.tick()
    assert leaders(engine) == ["other"]
    assert says(engine, "cut off") == "stands-by redis-away"
    for clock in (cut_off, other):
        clock.end()
    here.close()
    engine.dispose()


def test_a_supervisor_learns_whether_the_processes_of_its_host_live(
    database: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ground, "engine", lambda: database)
    monkeypatch.setattr("platform.node", lambda: "host7")
    ask = CliRunner()
    assert ask.invoke(alive).exit_code == 1, "none has ever said anything"
    now = datetime.now(UTC)
    with databases.begin(database) as session:
        machinery.beat(session, "worker@host8", "worker", now - timedelta(hours=1))
        machinery.beat(session, "web@host7:8000", "web", now)
        machinery.beat(session, "clock@host7", "clock", now)
    said = ask.invoke(alive)
    names = [line.partition(": ")[0] for line in said.output.splitlines()]
    assert (said.exit_code, names) == (0, ["clock@host7", "web@host7:8000"])
    with databases.begin(database) as session:
        machinery.beat(session, "clock@host7", "clock", now - timedelta(minutes=2))
    said = ask.invoke(alive)
    assert said.exit_code == 1
    assert said.output.splitlines()[0].startswith("clock@host7: 12")
    assert said.output.splitlines()[0].endswith("(silent)")
    nowhere = databases.open_engine("postgresql+psycopg://nobody@127.0.0.1:1/none")
    monkeypatch.setattr(ground, "engine", lambda: nowhere)
    assert ask.invoke(alive).exit_code == 0, "nobody need be started again because the database is away"
