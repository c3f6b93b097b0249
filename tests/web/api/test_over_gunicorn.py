"""The API as it is served: gunicorn with two processes, over real connections, one of them killed now and then."""

from __future__ import annotations

import json
import os
import signal
import socket
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from http.client import HTTPException
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, func, select

from models import database as databases
from models.leads import Lead
from models.remembered import Answer, History
from tests.conftest import DATA_KEY, Process, Starter, eventually
from tests.web.api.conftest import CAPTURE
from workflows import staff

pytestmark = [pytest.mark.processes, pytest.mark.timeout(400)]


class Served:
    """The API under an address."""

    def __init__(self, process: Process, port: int, token: str) -> None:
        self.process, self.address, self.token = process, f"http://127.0.0.1:{port}", token

    def ask(self, path: str, data: Any = None, **headers: str) -> tuple[int, Any]:
        """Status and JSON; raises `OSError` when the connection broke."""
        sent = {
            "Authorization": f"Bearer {self.token}",
            **{k.replace("_", "-"): v for k, v in headers.items()},
        }
        body = None if data is None else json.dumps(data).encode()
        request = urllib.request.Request(self.address + path, body, sent)
        try:
            with urllib.request.urlopen(request, timeout=20) as said:
                return said.status, json.loads(said.read())
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.loads(error.read())

    def until_answered(self, path: str, data: Any, key: str) -> tuple[int, Any]:
        """Ask again under the same key until there is an answer, as a client should."""
        end = time.monotonic() + 90
        while True:
            try:
                status, said = self.ask(path, data, Idempotency_Key=key)
                if status < 500:
                    return status, said
            except (OSError, HTTPException, ValueError):
                pass
            assert time.monotonic() < end
            time.sleep(0.05)

    def workers(self) -> list[int]:
        pid = self.process.popen.pid
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


@pytest.fixture
def served(database: Engine, database_url: str, tuoke: Starter) -> Served:
    with databases.begin(database) as session:
        staff.ensure_company(session)
        token = staff.issue_token(
            session, staff.add_person(session, "mei", ["member"], "A"), datetime.now(UTC)
        )
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = tuoke("web", DATABASE_URL=database_url, TUOKE_PORT=str(port), TUOKE_DATA_KEY=DATA_KEY.hex())
    found = Served(process, port, token)

    def answers() -> bool:
        try:
            return found.ask("/healthz")[0] == 200
        except OSError:
            return False

    eventually(answers, seconds=90)
    return found


def count(database: Engine, table: type) -> int:
    with databases.read(database) as session:
        return session.scalar(select(func.count()).select_from(table)) or 0


def test_one_key_at_once_over_many_connections_does_it_once_and_nothing_personal_is_logged(
    served: Served, database: Engine
) -> None:
    with ThreadPoolExecutor(12) as pool:
        said = list(pool.map(lambda _n: served.ask("/api/v1/leads", CAPTURE, Idempotency_Key="k"), range(12)))
    assert {status for status, _body in said} == {201}
    assert len({body["code"] for _status, body in said}) == 1
    assert count(database, Lead) == count(database, Answer) == 1
    served.ask("/api/v1/leads?q=13800000001&holder=mei")
    eventually(lambda: served.process.said.count('"route": "/api/v1/leads"') == 13)
    assert not any(word in served.process.said for word in ("13800000001", "王先生", "q=", "mei"))


def test_killed_processes_lose_no_answer_and_double_nothing(served: Served, database: Engine) -> None:
    """60 captures by 6 clients, each asked again under its key until answered; now and then all web processes are killed
    in the middle of their work."""

    def capture(number: int) -> tuple[int, Any]:
        if number in (15, 40):
            for pid in served.workers():
                os.kill(pid, signal.SIGKILL)
        return served.until_answered(
            "/api/v1/leads", {**CAPTURE, "phone": f"138220{number:05d}"}, f"k{number}"
        )

    with ThreadPoolExecutor(6) as pool:
        said = list(pool.map(capture, range(60)))
    assert {status for status, _body in said} == {201}
    assert len({body["code"] for _status, body in said}) == 60
    assert count(database, Lead) == count(database, History) == 60
