"""One office per test, on each kind of database; what a test does is undone after it, so that one database serves all."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
from sqlalchemy import Engine, make_url

from models import database as databases
from tests.rules.office import Office, open_office


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def shared(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """A migrated database of this kind that no test of the rules commits to."""
    if request.param == "sqlite":
        template = request.getfixturevalue("sqlite_template")
        path = tmp_path_factory.mktemp("rules") / "rules.sqlite3"
        path.write_bytes(template.read_bytes())
        engine = databases.open_engine(f"sqlite:///{path}")
    else:
        server = make_url(request.getfixturevalue("postgres_server"))
        with psycopg.connect(
            server.set(drivername="postgresql").render_as_string(hide_password=False), autocommit=True
        ) as connection:
            connection.execute("DROP DATABASE IF EXISTS rules WITH (FORCE)")
            connection.execute("CREATE DATABASE rules TEMPLATE template")
        engine = databases.open_engine(server.set(database="rules").render_as_string(hide_password=False))
    yield engine
    engine.dispose()


@pytest.fixture
def office(shared: Engine) -> Iterator[Office]:
    """An office with two consultants on duty, 陈一鸣 at the head, 崔丹 behind."""
    with open_office(shared, duty=("consultant", "other consultant")) as opened:
        yield opened
