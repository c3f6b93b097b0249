"""Leads that live over HTTP while the house is struck, in rounds of a month and a half, and what they earn."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.remembered import Answer
from tests.crash.client import Answered, Client, GaveUp
from workflows.money.months import following

MEMBERS = ["mei", "bo", "tao", "wen"]
CONSULTANTS = [f"c{n}" for n in range(12)]
STAFF = {
    **{name: (["member"], "A" if n < 2 else "B") for n, name in enumerate(MEMBERS)},
    **{name: (["consultant"], None) for name in CONSULTANTS},
    "lin": (["leader"], "A"), "guo": (["manager"], None), "sun": (["sales_manager"], None), "qian": (["sales_manager"], None),
    "desk": (["reception"], None), "an": (["auditor"], None), "root": (["admin"], None), "fei": (["finance"], None),
}  # fmt: skip
STATE_AFTER = {"submit": "submitted", "approve": "approved", "pay": "paid", "lock": "locked"}


@dataclass
class Lives:
    """The leads and what happens to them, decided by the seed."""

    client: Client
    seed: int
    numbers: range = range(0)
    codes: dict[int, str] = field(default_factory=dict)
    quotas: dict[tuple[str, str], tuple[int, int]] = field(default_factory=dict)
    late: dict[str, Answered] = field(default_factory=dict)
    first_month: str = ""
    open_month: str = ""

    def happened(self) -> list[Answered]:
        """What was said to have happened, each key once, with the copies that came through late."""
        good = {a.key: a for a in self.client.answers if a.status in (200, 201)}
        return list((self.late | good).values())

    def look_for_late_copies(self, session: Session) -> None:
        """A request that was repeated and then refused may have a copy that lay in a process that stood still, and which was
        done when that woke. Its answer is kept under its key, for a day."""
        kept = {row.key: row for row in session.scalars(select(Answer).where(Answer.status > 0))}
        for each in self.client.answers[:]:
            if each.status not in (200, 201, 202) and each.key in kept and each.key not in self.late:
                row = kept[each.key]
                self.late[each.key] = replace(each, status=row.status, said=row.body)

    def everybody(self, act: Callable[[int, random.Random], None], threads: int = 6) -> None:
        """Do this for every lead of the round, several at a time."""

        def one(number: int) -> None:
            act(number, random.Random(f"{self.seed}-{act.__name__}-{number}"))

        with ThreadPoolExecutor(threads) as pool:
            for done in [pool.submit(one, number) for number in self.numbers]:
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
        """Quotas, some of nothing, and, in the first month, what everybody is paid."""
        self.first_month = self.first_month or month

        def one(number: int, who: str) -> None:
            self.quotas[who, month] = (number % 2, number)
            self.agree_on("quota", month, who, month=month, call_visits=number % 2, visits=number)
            if month == self.first_month:
                self.agree_on("pay", month, who, kind="monthly", amount_fen=280_000, since=month)

        self.each_member(one)

    def charge(self, day: str) -> None:
        """A deduction for everybody: confirmed; half of them appeal, and another decides."""

        def one(number: int, who: str) -> None:
            facts = {"kind": "left_post", "person": who, "day": day, "reason": "离岗"}
            code = self.post("guo", f"charge-{who}-{day}", "/deduction", **facts).said["code"]
            at = f"/deduction/{code}"
            self.post("sun", f"confirm-{code}", f"{at}/confirm")
            if number % 2:
                self.post(who, f"appeal-{code}", f"{at}/appeal", reason="不是这样")
                self.post("qian", f"uphold-{code}", f"{at}/uphold")

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

    def close_all(self, last: str) -> None:
        """Every month up to this one that is still open, in order."""
        month = self.open_month or last
        while month <= last:
            self.close(month)
            month = following(month)
        self.open_month = month

    def close(self, month: str) -> None:
        """Submitted, approved, paid, locked; as soon as the workers have posted what there is."""
        known = self.client.ask("guo", "GET", "/month?limit=200").said["items"]
        found = [each["code"] for each in known if each["month"] == month]
        code = found[0] if found else self.post("guo", f"begin-{month}", "/month", month=month).said["code"]
        self.insist("guo", f"/month/{code}/submit", in_spite=True)
        self.insist("sun", f"/month/{code}/approve")
        self.insist("fei", f"/month/{code}/pay", reference=f"P-{month}")
        self.insist("fei", f"/month/{code}/lock")

    def insist(self, who: str, path: str, **body: Any) -> None:
        """Again and again while the ledger is not up to date; a guard that says no wrote nothing. A copy of an earlier try that
        lay in a process that stood still may do it when that wakes: then it is done, and this try is too late."""
        month, event = path.rsplit("/", 1)
        for turn in range(400):
            answer = self.post(who, f"{path.replace('/', '-')}-{turn}", path, **body)
            if answer.status == 200:
                return
            if answer.status == 409 and turn:
                assert self.client.ask(who, "GET", month).said["state"] == STATE_AFTER[event], answer
                return
            assert answer.status == 422, answer
            assert answer.said["rule"] in ("nothing_blocks_it", "is_posted"), answer
            time.sleep(0.2)
        raise GaveUp(f"{who} {path}")
