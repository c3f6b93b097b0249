"""Requests that do not ask whether their connection lives get one that does all the same."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime

import psycopg
from flask.testing import FlaskClient

from models import database
from models.settings import Settings
from tests.web.api.conftest import CAPTURE
from web.app import create_app
from workflows import staff


def test_connections_that_died_in_the_pool_cost_nobody_an_answer(
    postgres_url: str, settings: Settings
) -> None:
    engine = database.open_engine(postgres_url)
    asked: list[object] = []
    asks = engine.dialect.do_ping
    engine.dialect.do_ping = lambda raw: asked.append(raw) or asks(raw)  # type: ignore[method-assign, assignment, func-returns-value]
    client = create_app(replace(settings, database_url=postgres_url), engine).test_client()
    with database.begin(engine) as session:
        staff.ensure_company(session)
        token = staff.issue_token(
            session, staff.add_person(session, "mei", ["member"], "A"), datetime.now(UTC)
        )
    headers = {"Authorization": f"Bearer {token}"}
    for number in range(3):
        cut_all(postgres_url)
        asked.clear()
        assert captured(client, headers, f"1380000000{number}") == 201
        assert not asked
        cut_all(postgres_url)
        assert client.get("/api/v1/leads", headers=headers).status_code == 200
    engine.dispose()


def captured(client: FlaskClient, headers: dict[str, str], phone: str) -> int:
    body = json.dumps({**CAPTURE, "phone": phone})
    own = {"Content-Type": "application/json", "Idempotency-Key": phone}
    return client.post("/api/v1/leads", data=body, headers=headers | own).status_code


def cut_all(url: str) -> None:
    """End every other connection of this database."""
    others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute(others)
