"""Captures over HTTP through the server as we ship it, from a few clients that keep their connections; against a bare handler
of the same framework behind the same server, which writes the same rows by hand."""

from __future__ import annotations

import json
import pickle
import secrets
import socket
import threading
import time
from contextlib import closing, suppress
from datetime import UTC, datetime
from itertools import count
from statistics import median

from sqlalchemy import Engine

from models import database
from tests.bench.bare import LEARNED
from tests.bench.books import Books
from tests.bench.grounds import House, until
from tests.bench.hand import Hand, Wrote, watched
from tests.bench.measured import Result
from tests.conftest import Process
from workers.command.web import gunicorn
from workflows import staff

CLIENTS = 4
PHONE = "13000000000"


def measure(books: Books, house: House, each: int, rounds: int) -> Result:
    """So many captures by each client in every round, ours and by hand in turns; one round to warm up."""
    hand, token = Hand.on(books.engine), issued(books.engine)
    ours, bare = Clients(house.settings.port, token), Clients(house.second_port, token)
    servers = [house.start("web", "--quiet")]
    until(ours.answered, "the server answers")
    wrote = watched(hand, lambda: ours.capture(PHONE))
    servers.append(_bare_server(house, bare.port, wrote, ours.said))
    until(bare.answered, "the bare handler answers")
    speeds: dict[str, list[float]] = {"ours": [], "floor": []}
    for number in range(rounds + 1):
        turns = [("ours", ours), ("floor", bare)]
        for name, clients in turns if number % 2 else reversed(turns):
            found = clients.speed(each)
            if number:
                speeds[name].append(found)
            else:
                clients.seconds.clear()
    for server in servers:
        server.end()
    hand.quiet()
    hand.close()
    result = Result("capture_http", hand.kind, median(speeds["ours"]), median(speeds["floor"]))
    result.more = {"size": books.size, "clients": CLIENTS}
    result.more |= {f"p{share}_ms": ours.quantile(share / 100) for share in (50, 99)}
    result.more |= {f"floor_p{share}_ms": bare.quantile(share / 100) for share in (50, 99)}
    return result


def issued(engine: Engine) -> str:
    """A token for one who captures."""
    with database.begin(engine) as session:
        person = staff.person_named(session, "mei")
        return staff.issue_token(session, person, datetime.now(UTC))


def _bare_server(house: House, port: int, wrote: Wrote, said: str) -> Process:
    """The floor behind gunicorn with the words of `tuoke web`, another application and port."""
    file = house.folder / "learned"
    file.write_bytes(pickle.dumps((wrote, said)))
    words = gunicorn(house.settings, quiet=True)
    words[words.index("web.wsgi:app")] = "tests.bench.bare:app()"
    words[words.index("--bind") + 1] = f"127.0.0.1:{port}"
    return house.run(words, {LEARNED: str(file)})


class Clients:
    """A few programs that capture one lead after the other, each on a connection of its own that stays open."""

    def __init__(self, port: int, token: str) -> None:
        self.port, self.token = port, token
        self.said = ""
        self.seconds: list[float] = []
        self.phones = count(13_000_000_001 + secrets.randbelow(10**8) * 10)

    def answered(self) -> bool:
        """Whether somebody listens yet."""
        with suppress(OSError):
            socket.create_connection(("127.0.0.1", self.port), 2).close()
            return True
        return False

    def capture(self, phone: str) -> str:
        """One capture; its code."""
        with closing(Line(self.port)) as line:
            self.said = line.ask(self._request(phone))
        return str(json.loads(self.said)["code"])

    def speed(self, each: int) -> float:
        """How many captures a second all of them together do, each so many."""
        begun, broken = threading.Barrier(CLIENTS + 1), list[BaseException]()
        asked = [[self._request(str(next(self.phones))) for _n in range(each)] for _client in range(CLIENTS)]
        seconds: list[float] = []

        def go(requests: list[bytes]) -> None:
            try:
                with closing(Line(self.port)) as line:
                    begun.wait()
                    for request in requests:
                        started = time.perf_counter()
                        line.ask(request)
                        seconds.append(time.perf_counter() - started)
            except BaseException as error:
                broken.append(error)
                begun.abort()

        threads = [threading.Thread(target=go, args=(requests,)) for requests in asked]
        for thread in threads:
            thread.start()
        begun.wait()
        started = time.perf_counter()
        for thread in threads:
            thread.join()
        took = time.perf_counter() - started
        if broken:
            raise broken[0]
        self.seconds += seconds
        return each * CLIENTS / took

    def quantile(self, share: float) -> float:
        """In milliseconds, from the request to the whole answer."""
        return round(sorted(self.seconds)[int(share * (len(self.seconds) - 1))] * 1000, 2)

    def asked(self, phone: str) -> tuple[dict[str, str], bytes]:
        """The headers and the body of one capture."""
        given = {
            "name": "王文杰",
            "phone": phone,
            "channel": "call_in",
            "consent": True,
            "demand": "三房，近地铁",
        }
        headers = {
            "Authorization": f"Bearer {self.token}",
            "Content-Type": "application/json",
            "Idempotency-Key": secrets.token_hex(16),
        }
        return headers, json.dumps(given, ensure_ascii=False).encode()

    def _request(self, phone: str) -> bytes:
        headers, body = self.asked(phone)
        headers |= {"Host": f"127.0.0.1:{self.port}", "Content-Length": str(len(body))}
        lines = ["POST /api/v1/leads HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
        return "\r\n".join([*lines, "", ""]).encode() + body


class Line:
    """One connection, and just as much HTTP as it takes to hear a whole answer."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), 30)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def ask(self, request: bytes) -> str:
        """The body of the answer. Raises `RuntimeError` where it is not 201."""
        self.socket.sendall(request)
        heard = b""
        while (end := heard.find(b"\r\n\r\n")) < 0:
            heard += self._more()
        head = heard[:end].decode()
        length = int(head.lower().partition("content-length:")[2].split("\r\n")[0])
        while len(heard) < end + 4 + length:
            heard += self._more()
        body = heard[end + 4 :].decode()
        if not head.startswith("HTTP/1.1 201"):
            raise RuntimeError(f"not captured: {head.splitlines()[0]} {body}")
        return body

    def _more(self) -> bytes:
        more = self.socket.recv(65536)
        if not more:
            raise RuntimeError("the server hung up")
        return more

    def close(self) -> None:
        self.socket.close()
