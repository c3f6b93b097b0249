"""Old and new code on one database, while hosts are brought up to date one after the other."""

from __future__ import annotations

import http.client
import io
import json
import os
import shutil
import signal
import socket
import subprocess
import tarfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from sqlalchemy import Engine, func, select, text, update

from models import database as databases
from models import machinery, schema
from models.leads import Lead
from models.machinery import Heartbeat
from models.names import NamePrint
from models.remembered import CONSUMERS, Delivery, Outbox, Timer
from models.version import version
from tests.conftest import DATA_KEY, VAR, Starter, eventually
from tests.workers.test_draining import overdue
from workers.draining import drain_due
from workflows import facts, staff, timers
from workflows.lead import LeadFlow
from workflows.verify import verify

pytestmark = pytest.mark.processes
ROOT = Path(__file__).parents[2]
ROOMS = ("models", "workflows", "web", "workers")


# --- what old code does not know ---------------------------------------------------------------------------------


def test_old_code_leaves_to_new_code_what_it_does_not_know(
    database: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    overdue(database, 4)
    now, fewer = datetime.now(UTC), len(CONSUMERS) - 1
    with databases.begin(database) as session:  # two captures were told by old code
        session.execute(update(Outbox).where(Outbox.id <= 2).values(consumers=fewer))
    with monkeypatch.context() as old:
        old.delitem(facts.CONSUMERS, CONSUMERS[-1])
        old.setattr(LeadFlow, "timers", tuple(t for t in LeadFlow.timers if t.name != "expire"))
        drain_due(database, now)
        assert counted(database, Timer, state="fired", name="screening_reminder") == 4
        assert counted(database, Timer, state="pending", name="expire") == 4
        assert counted(database, Outbox, state="done") == 2
        assert counted(database, Delivery) == 2 * fewer
        with databases.read(database) as session:
            assert timers.not_ours(session) == 4
            assert facts.not_ours(session) == counted(database, Outbox, consumers=len(CONSUMERS)) > 4
            assert (timers.due(session, now), facts.undelivered(session, now)) == (0, 0)
    drain_due(database, now)
    assert drained(database)
    with databases.read(database) as session:
        assert verify(session, now).findings == []
        by_new = select(Outbox.uid).where(Outbox.consumers == len(CONSUMERS))
        told = session.scalar(select(func.count()).where(Delivery.uid.in_(by_new)))
        assert told == len(CONSUMERS) * counted(database, Outbox, consumers=len(CONSUMERS))


def counted(engine: Engine, table: Any, **columns: Any) -> int:
    with databases.read(engine) as session:
        return session.scalar(select(func.count()).select_from(table).filter_by(**columns)) or 0


def drained(engine: Engine) -> bool:
    """Whether nothing is due and nothing is left to be told."""
    with databases.read(engine) as session:
        at = datetime.now(UTC) + machinery.offset(session)
        left = timers.due(session, at) + timers.not_ours(session)
        pending = session.scalar(select(func.count()).where(Outbox.state != "done")) or 0
        return left + pending + facts.not_ours(session) == 0


# --- the code before the newest migration ------------------------------------------------------------------------


def code_before_the_newest_migration(folder: Path) -> str | None:
    """Unpack it from the history of this repository; its version of the tables, or nothing where the history is not there
    (a shallow clone, a folder without one)."""
    newest = next(schema.VERSIONS.glob(f"{schema.needed()}_*.py")).relative_to(ROOT)
    git = ["git", "-C", str(ROOT)]
    came = subprocess.run(
        [*git, "log", "-1", "--diff-filter=A", "--format=%H", "--", str(newest)],
        capture_output=True,
        text=True,
    )
    before = f"{came.stdout.strip()}^" if came.stdout.strip() else "HEAD"
    packed = subprocess.run([*git, "archive", before, *ROOMS], capture_output=True)
    if packed.returncode:
        return None
    with tarfile.open(fileobj=io.BytesIO(packed.stdout)) as archive:
        archive.extractall(folder, filter="data")
    if (ROOT / "web/static/vendor").exists():
        shutil.copytree(ROOT / "web/static/vendor", folder / "web/static/vendor", dirs_exist_ok=True)
    versions = sorted(path.name[:4] for path in (folder / "models/migrations/versions").glob("[0-9]*.py"))
    return versions[-1] if versions[-1] < schema.needed() else None


@dataclass
class Load:
    """Leads that somebody captures, one after the other, at whichever of the addresses answers; `codes` were acknowledged."""

    token: str
    ports: list[int]
    codes: list[str] = field(default_factory=list)
    wrong: list[Any] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)

    @property
    def phone(self) -> str:
        return f"138{len(self.codes):08d}"

    def run(self) -> None:
        while not self.over.is_set():
            for port in list(self.ports):
                self.capture(port)

    def capture(self, port: int) -> None:
        facts = {"name": "王文杰", "phone": self.phone, "channel": "call_in", "consent": True}
        status, said = answered(port, self.token, f"k{len(self.codes)}", facts)
        if status == 201:
            self.codes.append(said["code"])
        elif status not in (0, 503):
            self.wrong.append((port, status, said))
            self.over.set()

    def more(self, count: int = 3) -> Callable[[], bool]:
        """Whether so many more were captured since this was asked for, or something went wrong."""
        wanted = len(self.codes) + count
        return lambda: len(self.codes) >= wanted or bool(self.wrong)


def answered(port: int, token: str, key: str, facts: dict[str, Any]) -> tuple[int, Any]:
    asking = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json", "Idempotency-Key": key}
    try:
        asking.request("POST", "/api/v1/leads", json.dumps(facts), headers)
        answer = asking.getresponse()
        return answer.status, json.loads(answer.read())
    except (OSError, http.client.HTTPException, ValueError):
        time.sleep(0.05)
        return 0, None
    finally:
        asking.close()


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@dataclass
class Old:
    """Processes of the old code, which stand in a folder of their own."""

    folder: Path
    env: dict[str, str]
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def start(self, name: str) -> None:
        with (self.folder / f"{name}.log").open("wb") as log:
            words = [str(ROOT / ".venv/bin/python"), "-m", "workers.command", name]
            env = {**os.environ, **self.env, "PYTHONPATH": str(self.folder)}
            self.processes[name] = subprocess.Popen(
                words, cwd=self.folder, env=env, stdout=log, stderr=log, start_new_session=True
            )

    def said(self) -> str:
        return "".join((self.folder / f"{name}.log").read_text() for name in self.processes)

    def end(self) -> list[int]:
        """Ask all to stop; their exit statuses."""
        for process in self.processes.values():
            process.terminate()
        return [process.wait(60) for process in self.processes.values()]


@pytest.fixture
def before(tmp_path: Path, tuoke: Starter) -> Iterator[tuple[Old, str, str]]:
    """The old code, the version of its tables, and the address of a database that has these."""
    folder = tmp_path / "before"
    folder.mkdir()
    version_before = code_before_the_newest_migration(folder)
    if version_before is None:
        pytest.skip("the history of the repository, with the code before the newest migration, is not here")
    redis = tuoke("redis")
    path = tmp_path / "rolling.sqlite3"
    url = f"sqlite:///{path}"
    engine = databases.open_engine(url)
    with engine.begin() as connection:
        config = databases.alembic_config()
        config.attributes["connection"] = connection
        command.upgrade(config, version_before)
    engine.dispose()
    var = tmp_path / VAR
    env = {
        "DATABASE_URL": url,
        "TUOKE_VAR": str(var),
        "TUOKE_DATA_KEY": DATA_KEY.hex(),
        "TUOKE_CLOCK": "movable",
    }
    old = Old(folder, env)
    eventually(lambda: "ready" in redis.said)
    try:
        yield old, version_before, url
    finally:
        for process in old.processes.values():
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


def test_the_tables_are_brought_up_to_date_under_load_and_old_code_goes_on(
    before: tuple[Old, str, str], tuoke: Starter
) -> None:
    old, version_before, url = before
    engine = databases.open_engine(url)
    old_port, new_port = free_port(), free_port()
    token = a_token(engine)
    old.env["TUOKE_PORT"] = str(old_port)
    new_env = {**old.env, "TUOKE_PORT": str(new_port)}
    refused = tuoke("clock", **new_env)
    for name in ("web", "worker", "clock"):
        old.start(name)
    load = Load(token, [old_port])
    thread = threading.Thread(target=load.run)
    thread.start()
    try:
        eventually(load.more())
        assert refused.popen.wait(60) == 2
        says = f"has the tables of version {version_before}, this code needs {schema.needed()}"
        assert refused.said == f"tuoke: The database {says}: run `tuoke migrate` first\n"

        both = [tuoke("migrate", **new_env) for _twice in range(2)]
        assert [each.popen.wait(60) for each in both] == [0, 0]
        assert sorted(each.said.splitlines()[0] for each in both)[-1].startswith("tables: ")
        assert schema.standing(engine) == schema.needed()
        eventually(load.more())

        new = [tuoke(name, **new_env) for name in ("web", "worker", "clock")]
        load.ports.append(new_port)
        eventually(lambda: kinds_that_live(engine) >= {"web", "worker", "clock"})
        eventually(load.more())
        pass_time(engine, timedelta(days=15))
        eventually(load.more())
        load.ports.remove(old_port)
        assert old.end() == [0, 0, 0]
        eventually(load.more())
    finally:
        load.over.set()
        thread.join(60)
    pass_time(engine, timedelta(days=15))
    eventually(lambda: drained(engine))
    look_at_the_books(engine, load)
    assert "Traceback" not in old.said() + "".join(process.said for process in new)
    assert [process.interrupt(signal.SIGTERM) for process in new] == [0, 0, 0]
    as_before_there_were_prints(engine)
    again = tuoke("migrate", **new_env)
    assert again.popen.wait(60) == 0
    assert again.said == f"tables: {schema.needed()}, nothing to do\nnames made findable: 2\n"
    engine.dispose()


def as_before_there_were_prints(engine: Engine) -> None:
    """Two leads whose names are not found, as code of before left them when prints came."""
    with databases.begin(engine) as session:
        session.execute(text("DELETE FROM name_print WHERE lead_id IN (1, 2)"))


def a_token(engine: Engine) -> str:
    """The company, and the token of somebody who captures."""
    with databases.begin(engine) as session:
        staff.ensure_company(session)
        person = staff.add_person(session, "mei", ["member"], "A")
        return staff.issue_token(session, person, datetime.now(UTC))


def kinds_that_live(engine: Engine) -> set[str]:
    """The kinds of processes that new code has said it runs."""
    with databases.read(engine) as session:
        return set(session.scalars(select(Heartbeat.kind).where(Heartbeat.version == version())))


def pass_time(engine: Engine, length: timedelta) -> None:
    databases.in_transaction(engine, lambda session: machinery.move(session, length))


def look_at_the_books(engine: Engine, load: Load) -> None:
    """Everything that was acknowledged is there; every timer fired once; every fact was told to everybody; names are found."""
    assert load.wrong == []
    with databases.read(engine) as session:
        assert set(session.scalars(select(Lead.code))) == set(load.codes)
        assert set(session.scalars(select(Lead.state))) == {"reclaimed"}
        states = session.execute(
            select(Timer.name, Timer.state, func.count()).group_by(Timer.name, Timer.state)
        )
        assert {tuple(row) for row in states} == {
            ("expire", "fired", len(load.codes)), ("screening_reminder", "fired", len(load.codes)),
        }  # fmt: skip
        assert verify(session, datetime.now(UTC) + machinery.offset(session)).findings == []
        unfound = select(func.count()).where(Lead.id.not_in(select(NamePrint.lead_id)))
        assert session.scalar(unfound) == 0
