"""The books of March (see `march`), played once on each kind of database and copied for every test that asks for them."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from models import database as databases
from tests.conftest import NUMBERS, _ask, _named
from tests.money import march

Opened = Callable[[str], Engine]
PLAYED: dict[tuple[str, str], str] = {}  # where the books of a server or folder and a stage are kept


@pytest.fixture
def sqlite_books(sqlite_template: Path, tmp_path: Path) -> Iterator[Opened]:
    opened: list[Engine] = []

    def books(stage: str) -> Engine:
        place = (str(sqlite_template), stage)
        if place not in PLAYED:
            kept = sqlite_template.with_name(f"march-{stage}.sqlite3")
            shutil.copyfile(sqlite_template, kept)
            engine = databases.open_engine(f"sqlite:///{kept}")
            march.play(engine, stage)
            with engine.connect() as connection:
                connection.exec_driver_sql("ROLLBACK")
                connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
            engine.dispose()
            PLAYED[place] = str(kept)
        path = tmp_path / f"books_{next(NUMBERS)}.sqlite3"
        shutil.copyfile(PLAYED[place], path)
        opened.append(databases.open_engine(f"sqlite:///{path}"))
        return opened[-1]

    yield books
    for engine in opened:
        engine.dispose()


@pytest.fixture
def postgres_books(postgres_server: str) -> Iterator[Opened]:
    opened: list[tuple[str, Engine]] = []

    def books(stage: str) -> Engine:
        kept, place = f"march_{stage}", (postgres_server, stage)
        if place not in PLAYED:
            _ask(postgres_server, f"CREATE DATABASE {kept} TEMPLATE template")
            engine = databases.open_engine(_named(postgres_server, kept))
            march.play(engine, stage)
            engine.dispose()
            PLAYED[place] = kept
        name = f"books_{next(NUMBERS)}"
        _ask(postgres_server, f"CREATE DATABASE {name} TEMPLATE {kept}")
        opened.append((name, databases.open_engine(_named(postgres_server, name))))
        return opened[-1][1]

    yield books
    for name, engine in opened:
        engine.dispose()
        _ask(postgres_server, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(params=["sqlite", "postgresql"])
def books_at(request: pytest.FixtureRequest) -> Opened:
    """The books of March at a stage, once on each kind of database: `books_at("submitted")`."""
    name = "sqlite_books" if request.param == "sqlite" else "postgres_books"
    books: Opened = request.getfixturevalue(name)
    return books
