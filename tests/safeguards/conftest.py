"""Offices on real databases, one on each kind or on one of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from flask import Flask
from sqlalchemy import Engine

from models import database as databases
from models.settings import Settings
from tests.conftest import _warm
from tests.money.company import Company
from tests.races.office import Office
from tests.web.applications import application
from workers import ground


@pytest.fixture
def postgres(postgres_url: str) -> Iterator[Engine]:
    """A fresh PostgreSQL database."""
    engine = _warm(databases.open_engine(postgres_url))
    yield engine
    engine.dispose()


@pytest.fixture
def sqlite(sqlite_url: str) -> Iterator[Engine]:
    """A fresh SQLite database in a file."""
    engine = _warm(databases.open_engine(sqlite_url))
    yield engine
    engine.dispose()


@pytest.fixture
def office(postgres: Engine) -> Office:
    return Office(postgres)


@pytest.fixture
def anywhere(engine: Engine) -> Office:
    """An office on either kind of database."""
    return Office(engine)


@pytest.fixture
def app(office: Office, settings: Settings) -> Flask:
    return application(settings, office.engine)


@pytest.fixture
def of_a_process(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], Engine]]:
    """What a worker's process takes its engine from, on a database of this test."""
    monkeypatch.setenv("DATABASE_URL", postgres_url)
    for kept in (ground.settings, ground.engine):
        kept.cache_clear()
    yield ground.engine
    ground.engine().dispose()
    for kept in (ground.settings, ground.engine):
        kept.cache_clear()


@pytest.fixture
def company(postgres: Engine) -> Company:
    return Company(postgres)
