"""Clock, worker and sender as real processes: a receiver that does not answer holds up nothing inside."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine, func, select

from models import database as databases
from models.messages import Endpoint, Message
from models.settings import Settings
from tests.conftest import DATA_KEY, Process, Starter, eventually
from tests.telling.conftest import SECRET, Receiver
from tests.workers.test_processes import a_fact, signs_of_life, told

pytestmark = pytest.mark.processes


def test_a_receiver_that_stands_still_stops_no_facts_and_gets_its_messages_later(
    sqlite_url: str, settings: Settings, redis_server: Process, tuoke: Starter, receiver: Receiver
) -> None:
    engine = databases.open_engine(sqlite_url)
    env = {
        "DATABASE_URL": sqlite_url,
        "TUOKE_DATA_KEY": DATA_KEY.hex(),
        "TUOKE_INTERNAL_HOSTS": "127.0.0.1",
        "TUOKE_PLAIN_HTTP": "allowed",
    }
    stands_still = threading.Event()
    receiver.answers = [stands_still] * 4
    at = datetime.now(UTC) - timedelta(seconds=1)
    with databases.begin(engine) as session:
        session.add(Endpoint(name="erp", url=receiver.url, secret=SECRET, topics=["lead"], made_at=at))
    started = [tuoke("clock", **env), tuoke("worker", **env), tuoke("worker", "--outward", **env)]
    with databases.begin(engine) as session:
        session.add_all(a_fact(f"first {number}", at) for number in range(4))
    eventually(lambda: len(receiver.got) == 4)
    with databases.begin(engine) as session:
        session.add(a_fact("meanwhile", at))
    eventually(lambda: told(engine, "meanwhile"), seconds=6)
    assert sent(engine) == 0, "the receiver stands still"
    stands_still.set()
    eventually(lambda: sent(engine) == 5, seconds=20)
    assert signs_of_life(engine) == {"clock", "worker", "sender", "redis", "host"}
    assert all("Traceback" not in process.said for process in started)
    engine.dispose()


def sent(engine: Engine) -> int:
    with databases.read(engine) as session:
        return session.scalar(select(func.count()).where(Message.state == "sent")) or 0
