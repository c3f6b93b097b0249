"""What the database itself refuses, whatever the program believed: a second row under one key. Each is tried with a copy of a row
that stands there, as a program would write it that did not look."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Engine, insert, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from models import database as databases
from models.base import Base
from models.leads import Duty, Lead
from models.messages import Endpoint, Message
from models.money import Journal, Month, Quota
from models.notices import Notification
from models.remembered import Answer, Approval, Delivery, History, Outbox, Timer
from models.trips import Expense
from tests.conftest import NUMBERS, _ask, _named, _warm
from tests.money.company import Company


def spent() -> Expense:
    """A claim with a receipt."""
    case = {"code": "E1", "state": "claimed", "version": 0, "head": "", "policy_version": 1, "project_id": 1}
    what = {"kind": "meals", "amount_fen": 1, "what": "x", "receipt_no": "A1", "month": "2026-03"}
    return Expense(person_id=1, trip_code="F1", **case, **what)


def lived(engine: Engine) -> Engine:
    """An office with a row of everything that may be there only once."""
    office = Company(engine)
    with databases.begin(engine) as session:
        session.add(
            Endpoint(
                name="crm", url="https://crm.example.com", secret="s", topics=["lead"], made_at=office.now
            )
        )
        session.add(spent())
        session.add(Answer(key="k1", person_id=1, request="r", status=200, body={}, at=office.now))
    office.quota("mei", "2026-03", 0, 0)
    office.ask_for_deal(office.visit_of("mei"))
    office.later(minutes=1)
    office.visit_of("mei", "call_in")
    office.screened()
    office.visited()
    office.later(minutes=20)  # an offer that nobody answers
    return engine


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def books(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """Such an office on each kind of database; what is tried in it is undone."""
    if request.param == "sqlite":
        path = tmp_path_factory.mktemp("books") / "books.sqlite3"
        shutil.copyfile(request.getfixturevalue("sqlite_template"), path)
        engine = databases.open_engine(f"sqlite:///{path}")
    else:
        server, name = request.getfixturevalue("postgres_server"), f"test_{next(NUMBERS)}"
        _ask(server, f"CREATE DATABASE {name} TEMPLATE template")
        engine = databases.open_engine(_named(server, name))
    yield lived(_warm(engine))
    engine.dispose()


# What there can be one of, and what makes two rows the same thing, though they are different rows.
ONCE: dict[str, tuple[type[Base], dict[str, Any]]] = {
    "a step in a case's history": (History, {"timer_id": None}),
    "a step of a timer": (History, {"seq": 99}),
    "an open lead of a phone": (Lead, {"code": "L2"}),
    "an open request for an event of a case": (Approval, {"code": "A2"}),
    "a running timer of a name": (Timer, {}),
    "a fact of a cause": (Outbox, {"uid": "2"}),
    "a delivery of a fact to a consumer": (Delivery, {}),
    "a notice of a fact to a person": (Notification, {}),
    "a message of a fact to a receiver": (Message, {"uid": "2"}),
    "a posting under a key": (Journal, {}),
    "an answer to a key": (Answer, {}),
    "a month of the books": (Month, {"code": "M2"}),
    "a claim of a receipt": (Expense, {"code": "E2"}),
    "a quota of a person and month": (Quota, {"code": "Q2"}),
    "a place in the rotation": (Duty, {"code": "R2"}),
}
OF_WHICH: dict[type[Base], Any] = {
    History: History.timer_id.is_not(None),
    Lead: Lead.protected,
    Approval: Approval.state == "pending",
    Timer: Timer.state == "pending",
}


def copy_of_one(session: Any, table: type[Base], other: dict[str, Any]) -> None:
    """Write a row like one that stands there, with a number of its own."""
    rows = Base.metadata.tables[table.__tablename__]
    wanted = select(rows).where(OF_WHICH[table]) if table in OF_WHICH else select(rows)
    row = dict(session.execute(wanted.limit(1)).mappings().one())
    if len(rows.primary_key) == 1:
        row.pop("id", None)
    session.execute(insert(rows).values(**{**row, **other}))


@pytest.mark.parametrize("what", ONCE)
def test_there_is_only_one(what: str, books: Engine) -> None:
    with Session(books) as session:
        with pytest.raises(IntegrityError):
            copy_of_one(session, *ONCE[what])
        session.rollback()
