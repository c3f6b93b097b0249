"""A database that stands still, or somebody who holds what others need: people are told so in time, and can come again."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Engine, func, make_url, select, text

from models import database as databases
from models.leads import Lead
from models.settings import Settings
from tests.crash.door import Door, knock
from tests.web.api.conftest import CAPTURE, PEOPLE
from web import patience
from web.app import create_app
from workers import ground
from workflows import staff


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "SECONDS", 0.3)


def opened(settings: Settings, url: str) -> tuple[Flask, dict[str, str]]:
    """An application of its own on this database, and what mei sends with every request."""
    app = create_app(settings, databases.open_engine(url))
    with databases.begin(app.extensions["engine"]) as session:
        staff.ensure_company(session)
        roles, team = PEOPLE["mei"]
        token = staff.issue_token(session, staff.add_person(session, "mei", roles, team), ground.real_now())
    return app, {"Authorization": f"Bearer {token}"}


def capture(app: Flask, headers: dict[str, str]) -> Any:
    return app.test_client().post("/api/v1/leads", json=CAPTURE, headers=headers | {"Idempotency-Key": "one"})


def test_who_writes_behind_somebody_who_stands_still_is_told_so_and_who_reads_is_answered(
    database: Engine, database_url: str, settings: Settings
) -> None:
    app, mei = opened(settings, database_url)
    with database.connect() as standing_still:
        writing = database.dialect.name == "sqlite"  # there, to begin is to have the right to write
        standing_still.execute(text("SELECT 1" if writing else "LOCK TABLE answer IN ACCESS EXCLUSIVE MODE"))
        in_vain = capture(app, mei)
        assert (in_vain.status_code, in_vain.headers["Retry-After"]) == (503, "5")
        assert app.test_client().get("/api/v1/leads", headers=mei).status_code == 200
        standing_still.rollback()
    assert capture(app, mei).status_code == 201
    with databases.read(database) as session:
        assert session.scalar(select(func.count(Lead.id))) == 1
    app.extensions["engine"].dispose()


@pytest.fixture
def door(postgres_url: str) -> Iterator[Door]:
    """The way to PostgreSQL, on which everything can come to a stop."""

    def reached() -> socket.socket:
        reached = socket.socket(socket.AF_UNIX)
        reached.connect(f"{make_url(postgres_url).query['host']}/.s.PGSQL.5432")
        return reached

    door = Door(reached, knock)
    yield door
    door.close()


def test_a_server_that_takes_everything_and_answers_nothing_holds_nobody(
    postgres_url: str, settings: Settings, door: Door
) -> None:
    url = make_url(postgres_url).set(host="127.0.0.1", port=door.port).difference_update_query(["host"])
    app, mei = opened(settings, url.render_as_string(hide_password=False))
    ask = app.test_client().get
    assert ask("/api/v1/leads", headers=mei).status_code == 200
    door.freeze()
    assert ask("/api/v1/leads", headers=mei).status_code == 503
    assert ask("/readyz").status_code == 503
    assert capture(app, mei).status_code == 503
    door.thaw()
    assert ask("/api/v1/leads", headers=mei).status_code == 200
    assert capture(app, mei).status_code == 201
    app.extensions["engine"].dispose()
