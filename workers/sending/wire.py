"""One POST to an address that somebody typed: within a time limit, to no address inside the network, following nothing.

The name is resolved once, every address it resolves to is looked at, and the connection goes to the very address that was
looked at, so that a name that changes its mind in between (DNS rebinding) gains nothing.
"""

from __future__ import annotations

import http.client
import socket
import ssl
import time
from contextlib import suppress
from dataclasses import dataclass
from threading import Timer

from models.settings import Reach
from workflows.telling.addresses import host_allowed, outward, parts_of

SECONDS = 8.0  # for the whole exchange
LONGEST_ANSWER = 2048  # bytes; more is not read
AGENT = "Tuoke"


class NotSent(Exception):
    """It was not sent, or nobody knows; `kind` says why without naming an address. `final`: no use trying again."""

    def __init__(self, kind: str, final: bool = False) -> None:
        super().__init__(kind)
        self.kind, self.final = kind, final


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: the status, and the beginning of the body."""

    status: int
    body: bytes


class Deadline:
    """Ends an exchange when its time is over, wherever it is: a time limit per read lets a slow answer drip for ever."""

    def __init__(self, seconds: float) -> None:
        self.end_at = time.monotonic() + seconds
        self.held: list[socket.socket] = []
        self.timer = Timer(seconds, self.cut)
        self.timer.daemon = True
        self.timer.start()

    @property
    def over(self) -> bool:
        return time.monotonic() >= self.end_at

    @property
    def left(self) -> float:
        """The seconds that remain; never quite nothing, which would mean no limit."""
        return max(0.05, self.end_at - time.monotonic())

    def cut(self) -> None:
        for each in self.held:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self.timer.cancel()
        for each in self.held:
            each.close()


def post(url: str, body: bytes, headers: dict[str, str], reach: Reach) -> Answer:
    """Send `body`; what was answered, a redirect included, which is not followed. Raises `NotSent`."""
    parts = parts_of(url, reach)
    if parts is None or parts.hostname is None:
        raise NotSent("not an address we may send to", final=True)
    deadline = Deadline(SECONDS)
    try:
        port = parts.port or (443 if parts.scheme == "https" else 80)
        tls = ssl.create_default_context() if parts.scheme == "https" else None
        connection = _Guarded(parts.hostname, port, deadline, reach, tls)
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection.request("POST", path, body, {"User-Agent": AGENT, "Connection": "close", **headers})
        answer = connection.getresponse()
        return Answer(answer.status, answer.read(LONGEST_ANSWER))
    except (OSError, http.client.HTTPException) as error:
        raise NotSent("time-out" if deadline.over else kind_of(error)) from None
    finally:
        deadline.close()


class _Guarded(http.client.HTTPConnection):
    """A connection that goes only where it may."""

    def __init__(
        self, host: str, port: int, deadline: Deadline, reach: Reach, tls: ssl.SSLContext | None
    ) -> None:
        super().__init__(host, port)
        self.deadline, self.reach, self.tls = deadline, reach, tls
        self.default_port = 443 if tls else 80

    def connect(self) -> None:
        """Resolve, look, connect to what was looked at, and check the certificate against the name."""
        connected = _reached(self.host, self.port, self.deadline, self.reach)
        if self.tls:
            connected = self.tls.wrap_socket(connected, server_hostname=self.host)
        self.deadline.held.append(connected)
        connected.settimeout(self.deadline.left)
        self.sock = connected


def _reached(host: str, port: int, deadline: Deadline, reach: Reach) -> socket.socket:
    """A connection to the first address of this host that answers. Raises `NotSent` where any of them lies inside."""
    found = [info[4][:2] for info in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
    if not host_allowed(host, reach) and not all(outward(str(address[0])) for address in found):
        raise NotSent("an address inside the network", final=True)
    error: OSError = OSError("no address")
    for address in found:
        try:
            return socket.create_connection((str(address[0]), int(address[1])), deadline.left)
        except OSError as refused:
            error = refused
    raise error


def kind_of(error: Exception) -> str:
    """The kind of an error on the way, in a few words."""
    for kind, words in KINDS:
        if isinstance(error, kind):
            return words
    return type(error).__name__


KINDS: tuple[tuple[type[Exception], str], ...] = (
    (TimeoutError, "time-out"),
    (ConnectionRefusedError, "connection refused"),
    (ssl.SSLCertVerificationError, "certificate not trusted"),
    (ssl.SSLError, "TLS failed"),
    (socket.gaierror, "name not found"),
    (ConnectionError, "connection lost"),
    (http.client.HTTPException, "no HTTP answer"),
)
