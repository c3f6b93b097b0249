"""Another system that is told by webhooks and is not always well: it is slow, says 500, or hangs up without an answer."""

from __future__ import annotations

import hashlib
import random
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread

MOODS = ("well", "slow", "says 500", "hangs up")
WEIGHTS = (16, 1, 1, 1)


class Receiver:
    """What it got, by `webhook-id`, and to which it said yes. Its first four deliveries meet each of its moods once."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(f"receiver-{seed}")
        self.first = self.rng.sample(MOODS, len(MOODS))
        self.lock, self.is_well = Lock(), False
        self.came, self.accepted, self.moods = Counter[str](), set[str](), Counter[str]()
        self.said: dict[str, str] = {}
        self.different: list[str] = []
        theirs = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status = theirs.take(self.headers["webhook-id"], hashlib.sha256(body).hexdigest())
                if status:
                    self.send_response(status)
                    self.end_headers()

            def log_message(self, *_: object) -> None:
                return

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}/hook"

    def take(self, number: str, body: str) -> int:
        """Note one delivery; the status to answer, or 0 for none."""
        with self.lock:
            mood = self._mood()
            self.moods[mood] += 1
            self.came[number] += 1
            if self.said.setdefault(number, body) != body:
                self.different.append(number)
            if mood in ("well", "slow"):
                self.accepted.add(number)
        if mood == "slow":
            time.sleep(1.5)
        return {"hangs up": 0, "says 500": 500}.get(mood, 200)

    def _mood(self) -> str:
        if self.is_well:
            return "well"
        return self.first.pop() if self.first else self.rng.choices(MOODS, WEIGHTS)[0]

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
