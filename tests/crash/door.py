"""A door between our processes and a server: it can swallow the reply to a request that went through, stand still, or be
shut, as a bad network does."""

from __future__ import annotations

import re
import socket
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from threading import Event, Lock, Thread


@dataclass(eq=False)
class Link:
    """One connection through the door: what was noticed about it on the way."""

    client: socket.socket
    server: socket.socket
    asked: bool = False
    doomed: bool = False
    names: set[bytes] = field(default_factory=set)

    def cut(self) -> None:
        for end in (self.client, self.server):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()


class Door:
    """Listens on a port of this machine and hands on to the server that `reach` connects to. `last` says of what a link sends
    whether it is a request whose reply would be worth swallowing."""

    def __init__(self, reach: Callable[[], socket.socket], last: Callable[[Link, bytes], bool]) -> None:
        self.reach, self.last = reach, last
        self.listening = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = int(self.listening.getsockname()[1])
        self.links: set[Link] = set()
        self.lock, self.passing, self.is_open = Lock(), Event(), True
        self.to_swallow = self.swallowed = 0
        self.passing.set()
        Thread(target=self._answer, daemon=True).start()

    def swallow(self, replies: int) -> None:
        """Let the next requests of the kind through and cut the connection instead of bringing their replies."""
        with self.lock:
            self.to_swallow = replies

    def freeze(self) -> None:
        """Take what is said and bring it nowhere."""
        self.passing.clear()

    def thaw(self) -> None:
        self.passing.set()

    def cut(self) -> int:
        """Break every connection that there is; how many."""
        with self.lock:
            links = list(self.links)
        for link in links:
            link.cut()
        return len(links)

    def shut(self) -> None:
        """Break every connection and take no new one."""
        self.is_open = False
        self.cut()

    def open(self) -> None:
        self.is_open = True

    def close(self) -> None:
        self.thaw()
        self.listening.close()
        self.cut()

    def _answer(self) -> None:
        while True:
            try:
                client, _address = self.listening.accept()
            except OSError:
                return
            Thread(target=self._connect, args=(client,), daemon=True).start()

    def _connect(self, client: socket.socket) -> None:
        try:
            self.passing.wait()
            if not self.is_open:
                raise ConnectionRefusedError
            link = Link(client, self.reach())
        except OSError:
            client.close()
            return
        link.client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with self.lock:
            self.links.add(link)
        Thread(target=self._pump, args=(link, self._bring), daemon=True).start()
        self._pump(link, self._take)

    def _pump(self, link: Link, hand_on: Callable[[Link], bool]) -> None:
        with suppress(OSError):
            while hand_on(link):
                pass
        link.cut()
        with self.lock:
            self.links.discard(link)

    def _take(self, link: Link) -> bool:
        """One piece from the client to the server."""
        data = link.client.recv(65536)
        self.passing.wait()
        if self.last(link, data):
            with self.lock:
                link.doomed = self.to_swallow > 0
                self.to_swallow -= link.doomed
        link.server.sendall(data)
        return bool(data)

    def _bring(self, link: Link) -> bool:
        """One piece from the server to the client, unless it is to be lost."""
        data = link.server.recv(65536)
        self.passing.wait()
        if link.doomed and data:
            with self.lock:
                self.swallowed += 1
            return False
        link.client.sendall(data)
        return bool(data)


KEY_CLAIMED = b"INSERT INTO answer "
NAMED = re.compile(rb"(_pg3_\d+)\0INSERT INTO answer ")


def commit_of_a_request(link: Link, data: bytes) -> bool:
    """Whether PostgreSQL is told here to commit what was asked under an Idempotency-Key. The statement that claims the key
    is sent in full a few times and then by the name under which the driver had it prepared."""
    link.names.update(NAMED.findall(data))
    if KEY_CLAIMED in data or any(name + b"\0" in data for name in link.names):
        link.asked = True
    if b"COMMIT\0" not in data:
        return False
    asked, link.asked = link.asked, False
    return asked


def knock(_link: Link, data: bytes) -> bool:
    """Whether Redis is told here to put a job on a list, or to do a whole transaction."""
    return b"EXEC\r\n" in data or b"RPUSH\r\n" in data
