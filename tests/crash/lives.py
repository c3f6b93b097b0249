"""Leads that live over HTTP while the house is struck: every request bears its own key and is repeated until it is
answered; every answer is written down."""

from __future__ import annotations

import http.client
import json
import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

MEMBERS = ["mei", "bo", "tao", "wen"]
CONSULTANTS = [f"c{n}" for n in range(12)]
STAFF = {
    **{name: (["member"], "A" if n < 2 else "B") for n, name in enumerate(MEMBERS)},
    **{name: (["consultant"], None) for name in CONSULTANTS},
    "lin": (["leader"], "A"), "guo": (["manager"], None), "sun": (["sales_manager"], None), "qian": (["sales_manager"], None),
    "desk": (["reception"], None), "an": (["auditor"], None), "root": (["admin"], None), "fei": (["finance"], None),
}  # fmt: skip
PATIENCE = 180.0


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


@dataclass
class Client:
    """Everybody who asks. `answers` is what a checker may hold the house to."""

    port: int
    tokens: dict[str, str]
    run: str
    answers: list[Answered] = field(default_factory=list)
    counted: Counter[str] = field(default_factory=Counter)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def ask(
        self, who: str, method: str, path: str, body: dict[str, Any] | None = None, key: str = ""
    ) -> Answered:
        """Ask until there is an answer. A lost connection, 503 and 429 are no answers."""
        end, tries = time.monotonic() + PATIENCE, 0
        while time.monotonic() < end:
            tries += 1
            try:
                status, said = self.send(who, method, path, body, key)
            except (OSError, http.client.HTTPException, ValueError) as error:
                self.count(f"lost: {type(error).__name__}")
            else:
                if status not in (429, 502, 503):
                    return self.note(Answered(who, path, key, status, said, tries), method)
                self.count(f"answer {status}")
            time.sleep(min(1.0, 0.05 * 2 ** min(tries, 5)) * random.random())
        raise GaveUp(f"{who} {method} {path}")

    def send(
        self, who: str, method: str, path: str, body: dict[str, Any] | None, key: str
    ) -> tuple[int, dict[str, Any]]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            headers = {"Authorization": f"Bearer {self.tokens[who]}", "Content-Type": "application/json"}
            headers |= {"Idempotency-Key": key} if key else {}
            connection.request(
                method, f"/api/v1{path}", json.dumps(body or {}) if method == "POST" else None, headers
            )
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())
        finally:
            connection.close()

    def note(self, answered: Answered, method: str) -> Answered:
        with self.lock:
            if method == "POST":
                self.answers.append(answered)
                self.counted["answered"] += 1
                self.counted["asked again"] += answered.tries > 1
            if answered.status >= 500:
                self.counted[f"answer {answered.status}"] += 1
        return answered

    def count(self, what: str) -> None:
        with self.lock:
            self.counted[what] += 1

    def post(self, who: str, lead: int, what: str, path: str, **body: Any) -> Answered:
        return self.ask(who, "POST", path, body, key=f"{self.run}-{lead}-{what}")

    def see(self, code: str) -> dict[str, Any]:
        return self.ask("guo", "GET", f"/leads/{code}").said


@dataclass
class Lives:
    """The leads and what happens to them, decided by the seed."""

    client: Client
    leads: int
    seed: int
    codes: dict[int, str] = field(default_factory=dict)
    quotas: dict[tuple[str, str], tuple[int, int]] = field(default_factory=dict)

    def everybody(self, act: Callable[[int, random.Random], None], threads: int = 6) -> None:
        """Do this for every lead, several at a time."""

        def one(number: int) -> None:
            act(number, random.Random(f"{self.seed}-{act.__name__}-{number}"))

        with ThreadPoolExecutor(threads) as pool:
            for done in [pool.submit(one, number) for number in range(self.leads)]:
                done.result()

    def arrive(self, lead: int, rng: random.Random) -> None:
        """Captured, mostly screened, mostly at the desk, mostly accepted after perhaps a decline."""
        client, member = self.client, MEMBERS[lead % len(MEMBERS)]
        channel = rng.choice(["call_in", "flyer"])
        facts = {"name": "王先生", "phone": f"139{lead:08d}", "channel": channel, "consent": True}
        code = str(client.post(member, lead, "capture", "/leads", **facts).said["code"])
        self.codes[lead] = code
        if rng.random() < 0.1:
            return
        client.post(member, lead, "screen", f"/leads/{code}/screen", demand="三房", intent=rng.choice("ABC"))
        if rng.random() < 0.2:
            return
        client.post("desk", lead, "visit", f"/leads/{code}/visit", party_size=rng.randint(1, 4))
        declines = 1 if rng.random() < 0.15 else 0
        for turn in range(400):
            offered = client.see(code).get("offered_to")
            if offered and declines:
                declines -= (
                    client.post(
                        offered, lead, f"decline-{turn}", f"/leads/{code}/decline", reason="在签约"
                    ).status
                    == 200
                )
            elif (
                offered
                and client.post(
                    offered, lead, f"accept-{turn}", f"/leads/{code}/accept", signature="陈一"
                ).status
                == 200
            ):
                return
            time.sleep(0.05)
        raise GaveUp(f"nobody accepted lead {lead}")

    def before_ten_days(self, lead: int, rng: random.Random) -> None:
        """Some deals, some asked for and left open, some extensions."""
        code, seen = self.codes[lead], self.client.see(self.codes[lead])
        if seen["state"] != "assigned":
            return
        luck = rng.random()
        if luck < 0.25:
            self.agree(
                lead, seen["holder"], "deal", units=1, contract_no=f"HT-{lead}", amount_fen=250_000_000
            )
        elif luck < 0.35:
            self.client.post(
                seen["holder"],
                lead,
                "deal",
                f"/leads/{code}/deal",
                units=1,
                contract_no=f"HT-{lead}",
                amount_fen=1,
            )
        elif luck < 0.45:
            self.agree(lead, seen["holder"], "extend", days=5, reason="等贷款")
        elif luck < 0.6:
            self.client.post(seen["holder"], lead, "follow", f"/leads/{code}/follow_up", note="电话")

    def after_ten_days(self, lead: int, rng: random.Random) -> None:
        """Call-backs: outreach takes over, or the lead is lost."""
        seen = self.client.see(self.codes[lead])
        if seen["state"] == "unconverted" and rng.random() < 0.5:
            self.agree(lead, "guo", "reclaim", callback="仍有意向", holder=rng.choice(MEMBERS))

    def after_a_month(self, lead: int, rng: random.Random) -> None:
        """What lies in the pool is claimed, by two at once."""
        code = self.codes[lead]
        seen = self.client.see(code)
        if seen["state"] == "reclaimed" and seen["holder"] is None and rng.random() < 0.6:
            with ThreadPoolExecutor(2) as pair:
                claims = [
                    pair.submit(self.client.post, who, lead, f"claim-{who}", f"/leads/{code}/claim")
                    for who in rng.sample(MEMBERS, 2)
                ]
                won = [claim.result().status for claim in claims]
            assert won.count(200) == 1, (code, won)

    def agree(self, lead: int, who: str, event: str, **facts: Any) -> None:
        """Ask for something that needs consent, and have it approved by two at once: one of them decides."""
        asked = self.client.post(who, lead, event, f"/leads/{self.codes[lead]}/{event}", **facts)
        if asked.status == 202:
            self.both_approve((asked.said.get("approval") or asked.said)["id"])

    def both_approve(self, number: str) -> None:
        clicks = self.both(f"/approvals/{number}/approve", number)
        assert clicks == [200, 409], clicks

    def both(self, path: str, key: str) -> list[int]:
        """Two sales managers click at once."""
        with ThreadPoolExecutor(2) as pair:
            clicks = [
                pair.submit(self.client.ask, boss, "POST", path, {}, f"{self.client.run}-{key}-{boss}")
                for boss in ("sun", "qian")
            ]
            return sorted(click.result().status for click in clicks)

    # --- money -------------------------------------------------------------------------------------------------

    def post(self, who: str, key: str, path: str, **body: Any) -> Answered:
        return self.client.ask(who, "POST", path, body, key=f"{self.client.run}-{key}")

    def each_member(self, act: Callable[[int, str], None]) -> None:
        with ThreadPoolExecutor(len(MEMBERS)) as pool:
            for done in [pool.submit(act, number, name) for number, name in enumerate(MEMBERS)]:
                done.result()

    def agree_on(self, flow: str, key: str, who: str, **figures: Any) -> None:
        """Figures proposed by the manager, approved by two at once."""
        code = self.post("guo", f"{flow}-{who}-{key}", f"/{flow}", person=who, **figures).said["code"]
        pending = self.client.ask("sun", "GET", "/approvals?status=pending&limit=200").said["items"]
        (number,) = [each["id"] for each in pending if each["code"] == code]
        self.both_approve(number)

    def set_figures(self, month: str) -> None:
        """Quotas, some of nothing, and what everybody is paid."""

        def one(number: int, who: str) -> None:
            self.quotas[who, month] = (number % 2, number)
            self.agree_on("quota", month, who, month=month, call_visits=number % 2, visits=number)
            self.agree_on("pay", month, who, kind="monthly", amount_fen=280_000, since=month)

        self.each_member(one)

    def charge(self, day: str) -> None:
        """A deduction for everybody: confirmed; half of them appeal, and another decides."""

        def one(number: int, who: str) -> None:
            facts = {"kind": "left_post", "person": who, "day": day, "reason": "离岗"}
            code = self.post("guo", f"charge-{who}", "/deduction", **facts).said["code"]
            at = f"/deduction/{code}"
            self.post("sun", f"confirm-{who}", f"{at}/confirm")
            if number % 2:
                self.post(who, f"appeal-{who}", f"{at}/appeal", reason="不是这样")
                self.post("qian", f"uphold-{who}", f"{at}/uphold")

        self.each_member(one)

    def record_days(self, month: str) -> None:
        self.each_member(
            lambda number, who: self.agree_on(
                "attendance", month, who, month=month, half_days=44 - number, half_days_due=44
            )
        )

    def decide_what_waits(self) -> None:
        """Requests that nobody decided hold up the month."""
        pending = self.client.ask("sun", "GET", "/approvals?status=pending&limit=200").said["items"]
        for each in pending:
            self.post("sun", f"reject-{each['id']}", f"/approvals/{each['id']}/reject")

    def close(self, month: str) -> None:
        """Submitted, approved by two at once, paid, locked; as soon as the workers have posted what there is."""
        known = self.client.ask("guo", "GET", "/month?limit=200").said["items"]
        found = [each["code"] for each in known if each["month"] == month]
        code = found[0] if found else self.post("guo", f"begin-{month}", "/month", month=month).said["code"]
        self.insist("guo", f"/month/{code}/submit", in_spite=True)
        self.insist("sun", f"/month/{code}/approve")
        self.insist("fei", f"/month/{code}/pay", reference=f"P-{month}")
        self.insist("fei", f"/month/{code}/lock")

    def insist(self, who: str, path: str, **body: Any) -> None:
        """Again and again while the ledger is not up to date; a guard that says no wrote nothing."""
        for turn in range(400):
            answer = self.post(who, f"{path.replace('/', '-')}-{turn}", path, **body)
            if answer.status == 200:
                return
            assert answer.status == 422, answer
            assert answer.said["rule"] in ("nothing_blocks_it", "is_posted"), answer
            time.sleep(0.2)
        raise GaveUp(f"{who} {path}")
