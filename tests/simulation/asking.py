"""People at the API: what somebody wants, the request that carries it with its own key, and what they may hold the house to.

A request goes through the whole application, in the thread that plays it. Whoever gets no answer asks again with the same
key; whoever gives up does not know what came of it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from datetime import datetime
from io import BytesIO
from typing import Any

from flask import Flask
from sqlalchemy.exc import DBAPIError

from models import database
from workflows.engine import PUBLIC, Ask, Refused, take
from workflows.lead import LeadFlow

WEB_FORM = "public"


@dataclass(frozen=True, slots=True)
class Wish:
    """Somebody wants an event: of a case, or to open one. `version` is that of the form they look at."""

    who: str
    flow: str
    event: str
    code: str | None = None
    facts: dict[str, Any] = field(default_factory=dict)
    version: int | None = None

    @property
    def path(self) -> str:
        base = {"lead": "leads", "approval": "approvals"}.get(self.flow, self.flow)
        return f"/{base}/{self.code}/{self.event}" if self.code else f"/{base}"


@dataclass(slots=True)
class Answer:
    """What was said to it. No status: nobody knows."""

    status: int = 0
    said: dict[str, Any] = field(default_factory=dict)
    replayed: bool = False

    @property
    def done(self) -> bool:
        return self.status in (200, 201)

    @property
    def asked_for(self) -> str | None:
        """The approval that was opened instead."""
        return self.said["approval"]["id"] if self.status == 202 and "approval" in self.said else None

    @property
    def code(self) -> str:
        return str(self.said.get("code", ""))

    @property
    def refusal(self) -> str:
        return str(self.said.get("code", "")) if self.status >= 400 else ""


@dataclass(eq=False)
class Request:
    """A wish on its way. `tries` are the copies sent since it was last unknown what came of it, `parts` those that are being
    worked on, `heard` what they brought back."""

    wish: Wish
    key: str
    tries: int = 0
    parts: int = 0
    began: datetime | None = None
    again_at: datetime | None = None
    heard: list[Answer] = field(default_factory=list)
    answer: Answer | None = None


Story = Generator[Any, list[Answer], None]


def post(app: Flask, token: str, request: Request) -> Answer:
    """One try, through the whole application."""
    wish, said = request.wish, json.dumps(request.wish.facts, ensure_ascii=False).encode()
    environ = {
        "REQUEST_METHOD": "POST",
        "SCRIPT_NAME": "",
        "PATH_INFO": f"/api/v1{wish.path}",
        "QUERY_STRING": "",
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "CONTENT_TYPE": "application/json",
        "CONTENT_LENGTH": str(len(said)),
        "HTTP_HOST": "localhost",
        "HTTP_AUTHORIZATION": f"Bearer {token}",
        "HTTP_IDEMPOTENCY_KEY": request.key,
        **({"HTTP_IF_MATCH": f'"{wish.version}"'} if wish.version is not None else {}),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": BytesIO(said),
        "wsgi.errors": BytesIO(),
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    begun: list[Any] = []

    def start(status: str, headers: list[tuple[str, str]], *_info: Any) -> Callable[[bytes], object]:
        begun.extend((int(status.split()[0]), dict(headers)))
        return begun.append

    body = b"".join(app.wsgi_app(environ, start))
    status, headers = begun
    return Answer(status, json.loads(body), "Idempotency-Replayed" in headers)


def fill_in(engine: Any, wish: Wish, at: datetime) -> Answer:
    """A visitor fills in the company's web form: no key, and nobody who asks again."""
    try:
        taken = database.in_transaction(
            engine, lambda session: take(session, Ask(LeadFlow, "capture", PUBLIC, at, facts=wish.facts))
        )
    except Refused as refusal:
        return Answer(409, {"code": refusal.code, "rule": refusal.rule})
    except DBAPIError as error:
        if not database.away(error):
            raise
        return Answer(503)
    return Answer(201, {"code": taken.case.code, "version": 1, "state": "captured"})
