"""A small company behind the API, on a fresh database of each kind."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Engine
from werkzeug.test import TestResponse

from models import database as databases
from models import machinery
from models.settings import Settings
from tests.web.applications import application
from workflows import staff

PEOPLE = {
    "mei": (["member"], "A"),
    "hua": (["member"], "B"),
    "lin": (["leader"], "A"),
    "bao": (["leader"], "B"),
    "guo": (["manager"], None),
    "sun": (["sales_manager"], None),
    "desk": (["reception"], None),
    "c1": (["consultant"], None),
    "c2": (["consultant"], None),
    "fei": (["finance"], None),
    "zhi": (["auditor"], None),
    "root": (["admin"], None),
}


@dataclass
class Reply:
    """An answer, and what it says."""

    status: int
    json: Any
    raw: TestResponse

    @property
    def code(self) -> str:
        return str(self.json["code"])


class Company:
    """The people of the company at the API: `company.mei.post("/leads", {...})`."""

    def __init__(self, app: Flask, engine: Engine) -> None:
        self.app, self.engine = app, engine
        with databases.begin(engine) as session:
            staff.ensure_company(session)
            at = datetime.now(UTC)
            people = {
                name: staff.add_person(session, name, roles, team) for name, (roles, team) in PEOPLE.items()
            }
            self.tokens = {name: staff.issue_token(session, person, at) for name, person in people.items()}
            self.ids = {name: person.id for name, person in people.items()}

    def __getattr__(self, name: str) -> Caller:
        return Caller(self, {"Authorization": f"Bearer {self.tokens[name]}"})

    def by(self, name: str) -> Caller:
        return Caller(self, {"Authorization": f"Bearer {self.tokens[name]}"})

    @property
    def nobody(self) -> Caller:
        return Caller(self, {})

    def move(self, **by: float) -> None:
        """Move the company's clock forward."""
        databases.in_transaction(self.engine, lambda session: machinery.move(session, timedelta(**by)))

    def lead(self, by: str = "mei", phone: str = "13800000001", **facts: Any) -> str:
        said = self.by(by).post("/leads", {**CAPTURE, "phone": phone, **facts})
        assert said.status == 201, said.json
        return str(said.json["code"])

    def screened(self, **more: Any) -> str:
        code = self.lead(**more)
        assert self.guo.post(f"/leads/{code}/screen", SCREEN).status == 200
        return code

    def assigned(self, **more: Any) -> str:
        """A lead that c1 has accepted."""
        if not self.c1.get("/duty").json["items"]:
            assert self.c1.post("/rotation/join").status in (200, 201)
        code = self.screened(**more)
        assert self.desk.post(f"/leads/{code}/visit").status == 200
        assert self.c1.post(f"/leads/{code}/accept", {"signature": "陈一"}).status == 200
        return code


CAPTURE = {"name": "王先生", "phone": "13800000001", "channel": "flyer", "consent": True}
SCREEN = {"demand": "三房", "intent": "A"}


class Caller:
    """One of them, asking."""

    def __init__(self, company: Company, headers: dict[str, str]) -> None:
        self.company, self.headers = company, headers

    def ask(self, method: str, path: str, data: Any = None, **headers: str) -> Reply:
        sent = {**self.headers, **{name.replace("_", "-"): value for name, value in headers.items()}}
        body = data if isinstance(data, bytes) or data is None else json.dumps(data).encode()
        client = self.company.app.test_client()
        said = client.open(
            f"/api/v1{path}", method=method, data=body, headers=sent, content_type="application/json"
        )
        return Reply(said.status_code, said.get_json(silent=True), said)

    def get(self, path: str, **headers: str) -> Reply:
        return self.ask("GET", path, **headers)

    def post(self, path: str, data: Any = None, **headers: str) -> Reply:
        return self.ask("POST", path, data, **headers)


@pytest.fixture
def app(database: Engine, settings: Settings) -> Flask:
    return application(settings, database)


@pytest.fixture
def company(app: Flask, database: Engine) -> Company:
    return Company(app, database)
