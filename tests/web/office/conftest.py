"""A small company whose people sit at its pages, on a fresh database of each kind."""

from __future__ import annotations

import html
import re
import secrets
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine, select
from werkzeug.test import TestResponse

from models import database as databases
from models import machinery
from models.leads import Lead
from models.remembered import Approval
from models.settings import Settings
from tests.web.applications import application
from workers.draining import drain_due
from workflows import policy, staff
from workflows.approval import ApprovalFlow
from workflows.engine import Ask, take
from workflows.lead import LeadFlow
from workflows.rotation import DutyFlow

PEOPLE = {
    "mei": (["member"], "A"),
    "hua": (["member"], "B"),
    "lin": (["leader"], "A"),
    "guo": (["manager"], None),
    "sun": (["sales_manager"], None),
    "chen": (["sales_manager", "consultant"], None),
    "desk": (["reception"], None),
    "c1": (["consultant"], None),
    "c2": (["consultant"], None),
    "fei": (["finance"], None),
    "zhi": (["auditor"], None),
    "root": (["admin"], None),
}


class Page:
    """What a browser shows: its status, where it went on to, its text without tags."""

    def __init__(self, answer: TestResponse) -> None:
        self.status, self.html, self.headers = (
            answer.status_code,
            answer.get_data(as_text=True),
            answer.headers,
        )

    @property
    def text(self) -> str:
        return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", self.html)).split())

    def __contains__(self, words: str) -> bool:
        return words in self.text


class Seat:
    """Somebody at a browser, signed in, reading English unless told otherwise."""

    def __init__(self, client: FlaskClient, name: str) -> None:
        self.client = client
        client.set_cookie("tuoke_lang", "en")
        self.token = re.findall(r'csrf_token" value="([^"]+)', client.get("/login").text)[0]
        assert client.post("/login/as", data={"csrf_token": self.token, "name": name}).status_code == 303
        self.token = re.findall(r'csrf_token" value="([^"]+)', client.get("/more").text)[0]

    def get(self, path: str) -> Page:
        return Page(self.client.get(path))

    def post(self, path: str, follow: bool = True, **fields: Any) -> Page:
        data = {"csrf_token": self.token, "once": secrets.token_urlsafe(8)} | fields
        return Page(self.client.post(path, data=data, follow_redirects=follow))


class Office:
    """The company: `office.seat("sun")` sits down at a browser, `office.act("mei", "capture", …)` acts by the engine."""

    def __init__(self, app: Flask, engine: Engine) -> None:
        self.app, self.engine = app, engine
        self.phones = 0
        with databases.begin(engine) as session:
            staff.ensure_company(session)
            people = {n: staff.add_person(session, n, roles, team) for n, (roles, team) in PEOPLE.items()}
            self.ids = {name: person.id for name, person in people.items()}

    @property
    def now(self) -> datetime:
        with databases.read(self.engine) as session:
            return datetime.now(UTC) + machinery.offset(session)

    def seat(self, name: str) -> Seat:
        return Seat(self.app.test_client(), name)

    def act(
        self, who: str, event: str, code: str | None = None, *, flow: Any = LeadFlow, **facts: Any
    ) -> Any:
        with databases.begin(self.engine) as session:
            by = staff.actor_named(session, who)
            taken = take(session, Ask(flow, event, by, self.now, code=code, facts=facts))
            return taken.approval.code if taken.approval else taken.case.code

    def join(self, *names: str) -> None:
        for name in names:
            self.act(name, "join", flow=DutyFlow)

    def screened(self, by: str = "mei", channel: str = "flyer") -> str:
        self.phones += 1
        phone = f"1380000{self.phones:04d}"
        code = self.act(by, "capture", name="王先生", phone=phone, channel=channel, consent=True)
        return str(self.act(by, "screen", code, demand="三房", intent="A"))

    def assigned(self, by: str = "mei") -> str:
        """A lead that c1 holds; c1 must be on duty."""
        code = self.screened(by)
        self.act("desk", "visit", code)
        self.act("c1", "accept", code, signature="c1")
        return code

    def pooled(self, by: str = "mei") -> str:
        """A lead that lies in the pool: assigned, lapsed, reclaimed for somebody, released."""
        code = self.assigned(by)
        self.pass_time(days=11)
        asked = self.act("guo", "reclaim", code, callback="仍有意向", holder=by)
        self.act("sun", "approve", asked, flow=ApprovalFlow)
        self.act(by, "release", code, reason="暂不考虑")
        return code

    def pass_time(self, **span: float) -> None:
        """Move the clock and let everything that came due happen."""
        databases.in_transaction(self.engine, lambda session: machinery.move(session, timedelta(**span)))
        drain_due(self.engine, self.now)

    def set_policy(self, **numbers: int) -> None:
        with databases.begin(self.engine) as session:
            policy.enact(session, numbers, self.now, "test")

    def lead(self, code: str) -> Lead:
        with databases.read(self.engine) as session:
            found = session.scalars(select(Lead).where(Lead.code == code)).one()
            session.expunge(found)
            return found

    def approval(self, code: str) -> Approval:
        with databases.read(self.engine) as session:
            found = session.scalars(select(Approval).where(Approval.code == code)).one()
            session.expunge(found)
            return found


@pytest.fixture
def office(settings: Settings, database_url: str, database: Engine) -> Office:
    return Office(application(replace(settings, database_url=database_url), database), database)


BOTH = pytest.mark.parametrize("database_url", ["sqlite", "postgresql"], indirect=True)


@pytest.fixture
def database_url(request: pytest.FixtureRequest) -> str:
    """SQLite, unless a test asks for `BOTH`: these tests ask who may see and do what on a page. Every page is opened on
    PostgreSQL too, by the walk over all of them."""
    kind = getattr(request, "param", "sqlite")
    return str(request.getfixturevalue("postgres_url" if kind == "postgresql" else "sqlite_url"))
