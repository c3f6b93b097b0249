"""Everybody who asks the house, over HTTP: every request bears its own key and is repeated until it is answered, sometimes
twice at once, sometimes by somebody who hangs up before the answer; every answer is written down."""

from __future__ import annotations

import http.client
import json
import random
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

PATIENCE = 240.0
NO_ANSWER = (429, 503)
TWINS, HANG_UPS = 0.06, 0.04  # how many requests are sent twice at once; how many hang up before the answer


class GaveUp(Exception):
    """The house did not answer in time."""


@dataclass
class Answered:
    """What was said to one request."""

    who: str
    path: str
    key: str
    status: int
    said: dict[str, Any]
    tries: int
    replayed: bool = False


@dataclass
class Client:
    """Everybody who asks. `answers` is what a checker may hold the house to; `away` is when it said that its database is."""

    port: int
    tokens: dict[str, str]
    run: str
    cookie: str
    answers: list[Answered] = field(default_factory=list)
    counted: Counter[str] = field(default_factory=Counter)
    away: list[float] = field(default_factory=list)
    hopeless: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def ask(
        self, who: str, method: str, path: str, body: dict[str, Any] | None = None, key: str = ""
    ) -> Answered:
        """Ask until there is an answer; by a toss that the key decides, twice at once, or once in vain before."""
        toss = random.Random(f"{self.run}-{key}").random() if key else 1.0
        if toss < TWINS:
            return self._twice_at_once(who, method, path, body, key)
        if toss < TWINS + HANG_UPS:
            self._hang_up(who, path, body, key)
        return self._insist(who, method, path, body, key)

    def _twice_at_once(
        self, who: str, method: str, path: str, body: dict[str, Any] | None, key: str
    ) -> Answered:
        """One result, however the two of them come: who is second is told what the first was told."""
        with ThreadPoolExecutor(2) as pair:
            both = [pair.submit(self._insist, who, method, path, body, key) for _turn in range(2)]
            one, other = (each.result() for each in both)
        self.count("sent twice at once")
        if one.status < 300 and other.status < 300:
            assert (one.status, one.said) == (other.status, other.said), (one, other)
            assert one.tries + other.tries > 2 or one.replayed != other.replayed, (one, other)
        return min(one, other, key=lambda each: each.status)

    def _insist(self, who: str, method: str, path: str, body: dict[str, Any] | None, key: str) -> Answered:
        """A lost connection, 503 and 429 are no answers."""
        end, tries = time.monotonic() + PATIENCE, 0
        while time.monotonic() < end and not self.hopeless.is_set():
            tries += 1
            try:
                status, said, headers = self.send(who, method, path, body, key)
            except (OSError, http.client.HTTPException, ValueError) as error:
                self.count(f"lost: {type(error).__name__}")
            else:
                if status not in NO_ANSWER:
                    replayed = "Idempotency-Replayed" in headers
                    return self.note(Answered(who, path, key, status, said, tries, replayed), method)
                self.count(f"answer {status}")
            time.sleep(min(1.0, 0.05 * 2 ** min(tries, 5)) * random.random())
        raise GaveUp(f"{who} {method} {path}")

    def send(
        self, who: str, method: str, path: str, body: dict[str, Any] | None = None, key: str = ""
    ) -> tuple[int, dict[str, Any], http.client.HTTPMessage]:
        """Ask once. A 503 says when to come again."""
        connection = self._sent(who, method, path, body, key)
        try:
            answer = connection.getresponse()
            said = json.loads(answer.read())
        finally:
            connection.close()
        if answer.status == 503:
            assert answer.headers["Retry-After"], f"503 without Retry-After: {path}"
            self.away.append(time.monotonic())
        return answer.status, said, answer.headers

    def page(self) -> int:
        """Look at the first page as somebody who is signed in; the status."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.request("GET", "/", headers={"Cookie": f"tuoke={self.cookie}"})
            return connection.getresponse().status
        finally:
            connection.close()

    def _sent(
        self, who: str, method: str, path: str, body: dict[str, Any] | None, key: str
    ) -> http.client.HTTPConnection:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        headers = {"Authorization": f"Bearer {self.tokens[who]}", "Content-Type": "application/json"}
        headers |= {"Idempotency-Key": key} if key else {}
        try:
            connection.request(
                method, f"/api/v1{path}", json.dumps(body or {}) if method == "POST" else None, headers
            )
        except BaseException:
            connection.close()
            raise
        return connection

    def _hang_up(self, who: str, path: str, body: dict[str, Any] | None, key: str) -> None:
        """Ask and be gone before the answer."""
        try:
            self._sent(who, "POST", path, body, key).close()
        except (OSError, http.client.HTTPException) as error:
            self.count(f"lost: {type(error).__name__}")
        self.count("hung up before the answer")

    def note(self, answered: Answered, method: str) -> Answered:
        assert answered.status < 500, f"the house broke: {answered}"
        if method == "POST":
            with self.lock:
                self.answers.append(answered)
                self.counted["answered"] += 1
                self.counted["asked again"] += answered.tries > 1
                self.counted["answered once more"] += answered.replayed
        return answered

    def count(self, what: str) -> None:
        with self.lock:
            self.counted[what] += 1

    def post(self, who: str, lead: int, what: str, path: str, **body: Any) -> Answered:
        return self.ask(who, "POST", path, body, key=f"{self.run}-{lead}-{what}")

    def see(self, code: str) -> dict[str, Any]:
        return self.ask("guo", "GET", f"/leads/{code}").said
