"""Told to stop in the midst of work, every process ends what it is at and takes nothing new: nothing is lost, nothing happens
twice, nothing is left behind in Redis."""

from __future__ import annotations

import http.client
import json
import signal
import socket
import threading
from datetime import UTC, datetime, timedelta

import pytest
from rq.registry import StartedJobRegistry
from sqlalchemy import Engine, func, select

from models import database as databases
from models.machinery import HOST, Heartbeat
from models.messages import Endpoint, Message
from models.remembered import Timer
from models.settings import Settings
from tests.conftest import DATA_KEY, Process, Starter, eventually
from tests.telling.conftest import SECRET, Receiver, receiver
from workers.queue import NAME, connect, knock, queue
from workflows import staff
from workflows.engine import Ask, take
from workflows.lead import LeadFlow
from workflows.verify import verify

__all__ = ["receiver"]
pytestmark = pytest.mark.processes
LEADS = 1200


def overdue(engine: Engine, leads: int) -> None:
    """Leads that a call brought three weeks ago: a reminder and the end of their protection are overdue."""
    at = datetime.now(UTC) - timedelta(days=21)
    with databases.begin(engine) as session:
        staff.ensure_company(session)
        staff.add_person(session, "mei", ["member"], "A")
        by = staff.actor_named(session, "mei")
        for number in range(leads):
            facts = {"name": "王先生", "phone": f"139{number:08d}", "channel": "call_in", "consent": True}
            take(session, Ask(LeadFlow, "capture", by, at, facts=facts))


def fired(engine: Engine) -> int:
    with databases.read(engine) as session:
        return session.scalar(select(func.count()).where(Timer.state == "fired")) or 0


def test_a_sweep_is_handed_on_from_worker_to_worker(
    sqlite_url: str, settings: Settings, redis_server: Process, tuoke: Starter
) -> None:
    engine = databases.open_engine(sqlite_url)
    overdue(engine, LEADS)
    connection, batch = connect(settings), databases.batch(engine)
    door, seen, rounds = queue(connection), [0], 0
    while seen[-1] < 2 * LEADS and rounds < 12:
        worker = tuoke("worker", DATABASE_URL=sqlite_url)
        knock(door)
        eventually(lambda: fired(engine) > seen[-1])
        assert worker.interrupt(signal.SIGTERM, seconds=45) == 0
        seen.append(fired(engine))
        assert seen[-1] % batch in (0, 2 * LEADS % batch), "a batch is committed as a whole"
        assert not list(StartedJobRegistry(NAME, connection).get_job_ids(cleanup=False))
        assert not connection.smembers("rq:workers")
        rounds += 1
    assert seen[-1] == 2 * LEADS
    assert rounds > 1, "none was ended in the midst of it"
    with databases.read(engine) as session:
        assert verify(session, datetime.now(UTC)).findings == []
        assert session.scalar(select(func.count()).where(Heartbeat.kind != HOST)) == 0, (
            "who ends in order is not silent"
        )
    connection.close()
    engine.dispose()


def test_a_sender_writes_down_what_came_of_the_try_it_is_at(
    sqlite_url: str, settings: Settings, redis_server: Process, tuoke: Starter, receiver: Receiver
) -> None:
    engine = databases.open_engine(sqlite_url)
    answers = threading.Event()
    receiver.answers = [answers] * 64
    at = datetime.now(UTC) - timedelta(seconds=1)
    with databases.begin(engine) as session:
        endpoint = Endpoint(name="erp", url=receiver.url, secret=SECRET, topics=["lead"], made_at=at)
        session.add(endpoint)
        session.flush()
        for number in range(20):
            told = {"uid": f"m{number}", "fact": "lead.screened", "fact_uid": f"f{number}"}
            session.add(Message(**told, endpoint_id=endpoint.id, at=at, next_at=at, body={}))
    allowed = {"TUOKE_INTERNAL_HOSTS": "127.0.0.1", "TUOKE_PLAIN_HTTP": "allowed"}
    sender = tuoke("worker", "--outward", DATABASE_URL=sqlite_url, TUOKE_DATA_KEY=DATA_KEY.hex(), **allowed)
    connection = connect(settings)
    knock(queue(connection, "tuoke.outward"))
    eventually(lambda: receiver.got)
    sender.popen.send_signal(signal.SIGTERM)
    answers.set()
    assert sender.popen.wait(45) == 0
    with databases.read(engine) as session:
        states = [row[0] for row in session.execute(select(Message.state)).all()]
    assert states.count("sent") == len(receiver.got) == len(set(receiver.ids)) < 20
    assert set(states) == {"sent", "pending"}
    connection.close()
    engine.dispose()


def test_a_request_under_way_is_answered_before_the_web_ends(sqlite_url: str, tuoke: Starter) -> None:
    engine = databases.open_engine(sqlite_url)
    with databases.begin(engine) as session:
        staff.ensure_company(session)
        token = staff.issue_token(
            session, staff.add_person(session, "mei", ["member"], "A"), datetime.now(UTC)
        )
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    web = tuoke("web", DATABASE_URL=sqlite_url, TUOKE_PORT=str(port), TUOKE_DATA_KEY=DATA_KEY.hex())
    eventually(lambda: answered(port, "GET", "/healthz", "") == 200)
    eventually(lambda: told_of(engine) == 1)
    facts = json.dumps({"name": "王先生", "phone": "13900000000", "channel": "flyer", "consent": True})
    got: list[int | None] = []
    asking = threading.Thread(
        target=lambda: got.append(answered(port, "POST", "/api/v1/leads", token, facts))
    )
    with databases.begin(engine) as session:
        session.connection()  # the one writer: whoever asks for something waits
        asking.start()
        asking.join(1.5)
        assert asking.is_alive(), "the request is under way"
        web.popen.send_signal(signal.SIGTERM)
        eventually(lambda: "Handling signal: term" in web.said)
    asking.join(60)
    assert got == [201]
    assert web.popen.wait(60) == 0
    assert told_of(engine) == 0
    engine.dispose()


def told_of(engine: Engine) -> int:
    """How many signs of life of the web there are."""
    with databases.read(engine) as session:
        return (
            session.scalar(select(func.count()).where(Heartbeat.kind == "web", Heartbeat.version != "")) or 0
        )


def answered(port: int, method: str, path: str, token: str, body: str | None = None) -> int | None:
    """What is answered; nothing where nobody takes the request any more."""
    asking = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json", "Idempotency-Key": "k"}
    try:
        asking.request(method, path, body, headers)
        return asking.getresponse().status
    except (OSError, http.client.HTTPException):
        return None
    finally:
        asking.close()
