"""An office that tells people outside its pages, a real mail server and a real receiver of webhooks."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from sqlalchemy import select

from models import database as databases
from models.messages import Channel, Endpoint, Message, Telling
from models.settings import Mail, Reach, Settings
from tests.web.office.conftest import Office
from tests.web.office.conftest import office as office
from workers.draining import drain_due
from workers.sending import send_due

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
NEAR = Reach(internal=frozenset({"127.0.0.1"}), plain=True)


@dataclass
class Receiver:
    """Another system: what it got, and what it answers next: a status, how many seconds it stays silent and hangs up, or
    for what it waits before it says 200."""

    server: ThreadingHTTPServer
    answers: list[int | float | threading.Event] = field(default_factory=list)
    got: list[tuple[str, dict[str, str], str]] = field(default_factory=list)
    says: bytes = b"{}"
    location: str = ""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}/hook"

    @property
    def ids(self) -> list[str]:
        return [headers["webhook-id"] for _path, headers, _body in self.got]

    @property
    def events(self) -> list[dict[str, Any]]:
        return [json.loads(body) for _path, _headers, body in self.got]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            theirs.got.append((self.path, {k.lower(): v for k, v in self.headers.items()}, body))
            answer = theirs.answers.pop(0) if theirs.answers else 200
            if isinstance(answer, float):
                time.sleep(answer)
                return
            if isinstance(answer, threading.Event):
                answer.wait(7)
                answer = 200
            self.send_response(answer)
            if theirs.location:
                self.send_header("Location", theirs.location)
            self.end_headers()
            self.wfile.write(theirs.says)

        def log_message(self, *_: Any) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    theirs = Receiver(server)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield theirs
    server.shutdown()
    server.server_close()
    thread.join()


class Postbox:
    """A mail server: the mails it took, and what it says to recipients next."""

    def __init__(self) -> None:
        self.mails: list[Any] = []
        self.refusals: list[str] = []
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = int(free.getsockname()[1])

    async def handle_RCPT(  # noqa: N802
        self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any
    ) -> str:
        if self.refusals:
            return self.refusals.pop(0)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802
        from email import message_from_bytes, policy

        self.mails.append(message_from_bytes(envelope.content, policy=policy.default))
        return "250 OK"


@pytest.fixture
def postbox() -> Iterator[Postbox]:
    box = Postbox()
    controller = Controller(box, hostname="127.0.0.1", port=box.port)
    controller.start()
    yield box
    controller.stop()


@dataclass
class Desk:
    """The office as the one who looks after messages has it."""

    office: Office
    settings: Settings

    def endpoint(self, url: str, *topics: str, name: str = "erp") -> int:
        with databases.begin(self.office.engine) as session:
            row = Endpoint(
                name=name, url=url, secret=SECRET, topics=list(topics or ("lead",)), made_at=self.office.now
            )
            session.add(row)
            session.flush()
            return row.id

    def channel(
        self, who: str, kind: str, address: str, *topics: str, secret: str | None = None, **how: Any
    ) -> int:
        with databases.begin(self.office.engine) as session:
            person = self.office.ids[who]
            row = Channel(
                person_id=person,
                kind=kind,
                address=address,
                secret=secret,
                topics=list(topics or ("urgent", "lead")),
            )
            session.add(row)
            if how:
                session.merge(Telling(person_id=person, **how))
            session.flush()
            return row.id

    def tell(self) -> None:
        """Let everything that is due inside happen."""
        drain_due(self.office.engine, self.office.now)

    def send(self) -> int:
        """Carry out what is due; how many tries that were."""
        return send_due(self.office.engine, lambda: self.office.now, self.settings)

    def pass_time(self, **span: float) -> None:
        self.office.pass_time(**span)

    @property
    def messages(self) -> list[Message]:
        with databases.read(self.office.engine) as session:
            found = list(session.scalars(select(Message).order_by(Message.id)))
            session.expunge_all()
            return found

    @property
    def states(self) -> list[str]:
        return [message.state for message in self.messages]


@pytest.fixture
def desk(office: Office, postbox: Postbox) -> Desk:
    mail = Mail("127.0.0.1", postbox.port, "", "", tls=False, sender="tuoke@example.com")
    settings = replace(
        office.app.extensions["settings"], mail=mail, reach=NEAR, public_url="https://tuoke.example.com"
    )
    office.app.extensions["settings"] = settings
    return Desk(office, settings)
