"""Four hosts: one with PostgreSQL and Redis, two with a worker and a clock each, one with the web. One of the two in the middle is
cut off in the midst of a sweep, while people go on; nothing is lost and nothing happens twice."""

from __future__ import annotations

import http.client
import json
import signal
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import Engine, func, select

from models import database as databases
from models import machinery
from models.leads import Lead
from models.machinery import Heartbeat
from models.remembered import History, Outbox, Timer
from tests.conftest import DATA_KEY, eventually
from tests.hosts.network import Network, NoNetwork
from tests.hosts.services import Services
from workflows import facts, staff, timers
from workflows.engine import Ask, take
from workflows.lead import LeadFlow
from workflows.verify import verify

pytestmark = [pytest.mark.processes, pytest.mark.long]
LEADS = 200
SERVICES, MIDDLE, WEB = 1, (2, 3), 4
# Every timer that fires takes a moment, as on a slow disk, so that a sweep has a midst. In it a worker has written for a while.
SLOW = """CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(0.01); RETURN NEW; END $$;
CREATE TRIGGER slow BEFORE UPDATE ON timer FOR EACH ROW WHEN (NEW.state = 'fired') EXECUTE FUNCTION slow()"""
MIDST = """SELECT 1 FROM pg_stat_activity a JOIN pg_locks l USING (pid) WHERE a.application_name = %s
AND l.relation = 'timer'::regclass AND l.mode IN ('RowShareLock', 'RowExclusiveLock') AND clock_timestamp() - a.xact_start > interval '0.2 s'"""


@dataclass
class Company:
    """The hosts with what runs on them."""

    network: Network
    services: Services
    folder: Path
    engine: Engine
    running: dict[str, Any] = field(default_factory=dict)

    def start(self, number: int, what: str, role: str = "tuoke") -> None:
        """`tuoke what` on this host; it is known as `what@number`, to PostgreSQL too."""
        name = f"{what}@{number}"
        named = ["--name", name] if what in ("clock", "worker") else []
        env = {
            "DATABASE_URL": self.services.database(role, name),
            "REDIS_URL": self.services.redis(),
            "TUOKE_VAR": str(self.folder / f"var{number}"),
            "TUOKE_DATA_KEY": DATA_KEY.hex(),
            "TUOKE_SECRET_KEY": "of the four hosts",
            "TUOKE_CLOCK": "movable",
            "TUOKE_HOST": self.network.address(number),
        }
        words = [sys.executable, "-m", "workers.command", what, *named]
        self.running[name] = self.network.start(number, words, self.log(name), env)

    def end(self, *names: str) -> None:
        """Ask these to stop, and see that they end in order."""
        for name in names:
            self.running[name].terminate()
        assert [(name, self.running.pop(name).wait(60)) for name in names] == [(name, 0) for name in names]

    def log(self, name: str) -> Path:
        return self.folder / f"{name}.log"

    def said(self) -> str:
        return "".join(log.read_text() for log in self.folder.glob("*@*.log"))

    def leads(self, number: int) -> bool:
        return self.says(f"clock@{number}").startswith("leads")

    def says(self, name: str) -> str:
        with databases.read(self.engine) as session:
            return session.scalar(select(Heartbeat.detail).where(Heartbeat.name == name)) or ""

    def lives(self, name: str) -> bool:
        """Whether this process left a sign of life in the last seconds."""
        with databases.read(self.engine) as session:
            since = machinery.present(session, datetime.now(UTC)) - timedelta(seconds=8)
            return bool(
                session.scalar(
                    select(Heartbeat.name).where(Heartbeat.name == name, Heartbeat.seen_at > since)
                )
            )

    def count(self, table: Any, **columns: Any) -> int:
        with databases.read(self.engine) as session:
            return session.scalar(select(func.count()).select_from(table).filter_by(**columns)) or 0

    def drained(self) -> bool:
        with databases.read(self.engine) as session:
            at = datetime.now(UTC) + machinery.offset(session)
            return timers.due(session, at) + facts.undelivered(session, at) == 0

    def is_sweeping(self, number: int) -> bool:
        """Whether this host's worker is in the midst of a transaction that has claimed timers."""
        with psycopg.connect(f"{self.services.socket} dbname=tuoke") as connection:
            return connection.execute(MIDST, (f"worker@{number}",)).fetchone() is not None


@dataclass
class People:
    """Somebody who captures one lead after the other, from outside; `acknowledged` holds the codes that were answered."""

    address: str
    token: str
    acknowledged: list[str] = field(default_factory=list)
    wrong: list[Any] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)

    def go_on(self) -> None:
        number = 0
        while not self.over.wait(0.3):
            facts = {"name": "李女士", "phone": f"137{number:08d}", "channel": "flyer", "consent": True}
            status, said = self.ask(f"key-{number}", facts)
            if status == 201:
                self.acknowledged.append(said["code"])
                number += 1
            elif status not in (0, 503):
                self.wrong.append((status, said))
                return

    def ask(self, key: str, facts: dict[str, Any]) -> tuple[int, Any]:
        """Ask; 0 where there is no answer: then the same is asked again, under the same key."""
        asking = http.client.HTTPConnection(self.address, 8000, timeout=20)
        headers = {
            "Authorization": f"Bearer {self.token}",
            "Content-Type": "application/json",
            "Idempotency-Key": key,
        }
        try:
            asking.request("POST", "/api/v1/leads", json.dumps(facts), headers)
            answer = asking.getresponse()
            return answer.status, json.loads(answer.read())
        except (OSError, http.client.HTTPException, ValueError):
            return 0, None
        finally:
            asking.close()

    def some_more(self, count: int = 3) -> Any:
        wanted = len(self.acknowledged) + count
        return lambda: len(self.acknowledged) >= wanted or self.wrong


@pytest.fixture
def company(tmp_path: Path) -> Iterator[Company]:
    try:
        with Network() as network:
            services = Services(network, tmp_path)
            try:
                services.start()
                engine = databases.open_engine(services.beside())
                yield Company(network, services, tmp_path, engine)
                engine.dispose()
            finally:
                services.stop()
    except NoNetwork as why:
        pytest.skip(f"no hosts can be made on this machine: {why}")


def opened(company: Company) -> str:
    """Tables, a member with a token, and leads whose protection ends in a few days."""
    company.start(WEB, "migrate", role="tuoke_owner")
    assert company.running.pop(f"migrate@{WEB}").wait(120) == 0
    at = datetime.now(UTC) - timedelta(days=10)
    with databases.begin(company.engine) as session:
        staff.ensure_company(session)
        token = staff.issue_token(session, staff.add_person(session, "mei", ["member"], "A"), at)
    with databases.begin(company.engine) as session:
        by = staff.actor_named(session, "mei")
        for number in range(LEADS):
            told = {"name": "王先生", "phone": f"139{number:08d}", "channel": "call_in", "consent": True}
            take(session, Ask(LeadFlow, "capture", by, at, facts=told))
        session.connection().exec_driver_sql(SLOW)
    return token


def test_a_host_is_cut_off_in_the_midst_of_a_sweep(company: Company) -> None:
    token = opened(company)
    for number in MIDDLE:
        company.start(number, "clock")
        company.start(number, "worker")
    company.start(WEB, "web")
    people = People(company.network.address(WEB), token)
    company.network.thread(people.go_on).start()
    eventually(people.some_more())
    eventually(lambda: any(company.leads(number) for number in MIDDLE))
    cut = next(number for number in MIDDLE if company.leads(number))
    (left,) = set(MIDDLE) - {cut}
    eventually(lambda: company.lives(f"worker@{left}") and company.lives(f"worker@{cut}"))

    company.running[f"worker@{left}"].send_signal(signal.SIGSTOP)  # so that it is the other one's sweep
    databases.in_transaction(company.engine, lambda session: machinery.move(session, timedelta(days=5)))
    eventually(lambda: company.is_sweeping(cut))
    company.network.cut(cut)
    at = time.monotonic()
    assert company.is_sweeping(cut), "it was cut off in the midst of it"
    assert company.count(Timer, name="expire", state="fired") == 0
    company.running[f"worker@{left}"].send_signal(signal.SIGCONT)
    eventually(lambda: company.leads(left), seconds=30)
    took_over = time.monotonic() - at
    eventually(people.some_more())

    eventually(
        lambda: company.count(Timer, name="expire", state="fired") == LEADS, seconds=120
    )  # by the one that is left
    settled = time.monotonic() - at
    company.network.mend(cut)
    eventually(lambda: company.says(f"clock@{cut}") == "stands-by" and company.lives(f"clock@{cut}"))
    eventually(lambda: company.lives(f"worker@{cut}"))
    company.end(f"clock@{left}", f"worker@{left}")  # and it can do all the work again
    eventually(lambda: company.leads(cut), seconds=30)
    eventually(people.some_more())
    people.over.set()
    eventually(company.drained)
    print(f"clock taken over after {took_over:.1f} s, all settled after {settled:.1f} s, "
          f"{len(people.acknowledged)} requests acknowledged")  # fmt: skip
    look_at_the_books(company, people)
    company.end(*company.running)
    assert "Traceback" not in company.said()
    assert "four/hosts" not in company.said()


def look_at_the_books(company: Company, people: People) -> None:
    assert people.wrong == []
    with databases.read(company.engine) as session:
        assert set(people.acknowledged) <= set(session.scalars(select(Lead.code)))
        fired = session.execute(
            select(Timer.name, func.count()).where(Timer.state == "fired").group_by(Timer.name)
        )
        assert dict(fired.all())["expire"] == LEADS
        assert company.count(Timer, state="parked") == company.count(Outbox, state="parked") == 0
        taken = (
            select(History.timer_id, func.count()).where(History.event == "expire").group_by(History.timer_id)
        )
        assert [count for _timer, count in session.execute(taken)] == [1] * LEADS
        assert verify(session, datetime.now(UTC) + machinery.offset(session)).findings == []
