"""The lives of the demo company's customers, each told as it happens. Chance decides, from one fixed seed."""

from __future__ import annotations

from datetime import datetime, timedelta
from random import Random
from zoneinfo import ZoneInfo

from workers.demo import cast
from workers.demo.month import FROM_POOL, Deed, Life, Seen, decision, later

OPENS, CLOSES = 9, 18


class Storyteller:
    """Tells lives; `office` keeps them to working hours of the company's time zone."""

    def __init__(self, rng: Random, zone: ZoneInfo) -> None:
        self.rng, self.zone, self.customers = rng, zone, cast.Customers(rng)

    def office(self, at: datetime) -> datetime:
        """This instant if the office is open then, else some minutes after it opens next."""
        local = at.astimezone(self.zone)
        morning = local.replace(hour=OPENS, minute=self.rng.randint(2, 55), second=self.rng.randint(0, 59))
        if local.hour >= CLOSES:
            morning += timedelta(days=1)
        return at if OPENS <= local.hour < CLOSES else morning

    def after(self, seen: Seen, low: float, high: float) -> datetime:
        """Between so many hours later, in working time."""
        return self.office(seen.at + timedelta(hours=self.rng.uniform(low, high)))

    def chance(self, share: float) -> bool:
        return self.rng.random() < share

    def capture(self, at: datetime, by: str, channel: str | None = None) -> Deed:
        rng = self.rng
        name, phone = self.customers.next()
        facts = {
            "name": name,
            "phone": phone,
            "channel": channel or rng.choice(cast.CHANNELS),
            "consent": True,
        }
        if by != "public":
            facts["spot"] = rng.choice(cast.SPOTS)
            facts |= {"campaign": campaign} if (campaign := rng.choice(cast.CAMPAIGNS)) else {}
        return Deed(at, by, "capture", None, facts)

    def screen(self, at: datetime, by: str, code: str | None) -> Deed:
        rng = self.rng
        facts: dict[str, object] = {
            "demand": rng.choice(cast.DEMANDS),
            "intent": rng.choices("ABC", (3, 5, 2))[0],
        }
        facts |= {"budget_fen": rng.randrange(90, 320) * 1_000_000, "area_m2": rng.randrange(60, 160)}
        return Deed(at, by, "screen", code, facts)

    # -- a life -------------------------------------------------------------------------------------------------

    def customer(self, at: datetime, promoter: str) -> Life:
        """From the street on: many come, some buy."""
        seen = yield self.capture(self.office(at), promoter)
        if self.chance(0.08):
            return
        if self.chance(0.1):
            reason = self.rng.choice(("unreachable", "wrong_number", "not_considering"))
            yield Deed(self.after(seen, 2, 40), promoter, "invalidate", seen.code, {"reason": reason})
            return
        seen = yield self.screen(self.after(seen, 0.5, 30), promoter, seen.code)
        if seen.refused or self.chance(0.2):
            return
        if self.chance(0.08):
            yield Deed(self.after(seen, 20, 90), promoter, "invalidate", seen.code, {"reason": "no_demand"})
            return
        facts = {"party_size": self.rng.choice((1, 2, 2, 2, 3, 4))}
        seen = yield Deed(self.after(seen, 18, 130), cast.DESK, "visit", seen.code, facts)
        if not seen.refused:
            yield from self.reception(seen, promoter)

    def web_form(self, at: datetime) -> Life:
        """Left on the company's web form; the manager calls back."""
        seen = yield self.capture(at, "public", "online")
        if self.chance(0.6):
            yield self.screen(self.after(seen, 3, 30), cast.MANAGER, seen.code)

    def reception(self, seen: Seen, promoter: str) -> Life:
        """At the desk: consultants answer what is offered to them until one signs."""
        for _unused in range(12):
            seen = yield Deed(later(seen.at, minutes=self.rng.randint(1, 6)), code=seen.code)
            if seen.state != "visited":
                return
            who = seen.offered_to
            if who is None:
                seen = yield Deed(later(seen.at, minutes=7), code=seen.code)
            elif self.chance(0.04):
                seen = yield Deed(later(seen.at, minutes=16), code=seen.code)
            elif self.chance(0.14):
                seen = yield Deed(seen.at, who, "decline", seen.code, {"reason": self.rng.choice(cast.BUSY)})
            else:
                seen = yield Deed(seen.at, who, "accept", seen.code, {"signature": who})
                if not seen.refused:
                    yield from self.consultation(seen, who, promoter)
                return

    def consultation(self, seen: Seen, who: str, promoter: str) -> Life:
        """With the consultant: talks, then a deal, a loss, no valid customer, or ten days go by."""
        for _unused in range(self.rng.randint(1, 3)):
            seen = yield Deed(
                self.after(seen, 18, 60), who, "follow_up", seen.code, {"note": self.rng.choice(cast.TALKS)}
            )
            if seen.refused:
                return
        fate = self.rng.choices(("deal", "lose", "invalidate", "reassign", "wait"), (34, 12, 5, 9, 40))[0]
        if fate == "deal":
            yield from self.deal(self.after(seen, 10, 60), who, seen)
        elif fate == "lose":
            yield from self.lose(self.after(seen, 20, 90), who, seen, promoter)
        elif fate == "invalidate":
            seen = yield Deed(
                self.after(seen, 2, 20), who, "invalidate", seen.code, {"reason": "not_considering"}
            )
            yield decision(self.after(seen, 2, 20), cast.SALES, seen.approval, "approve")
        elif fate == "reassign":
            other = self.rng.choice([c for c in cast.CONSULTANTS if c != who])
            facts = {"consultant": other, "reason": "客户要求换顾问"}
            seen = yield Deed(self.after(seen, 5, 40), cast.SALES, "reassign", seen.code, facts)
        else:
            yield from self.outreach(seen, promoter)

    def deal(self, at: datetime, who: str, seen: Seen) -> Life:
        """A contract, and the sales manager looks at it before it counts."""
        contract = {
            "units": 1 if self.chance(0.94) else 2,
            "contract_no": f"HT-{at:%Y%m}-{self.rng.randrange(1000, 9999)}",
            "amount_fen": self.rng.randrange(105, 310) * 1_000_000,
        }
        asked = yield Deed(at, who, "deal", seen.code, contract)
        if asked.refused:
            return
        if self.chance(0.12):
            note = "合同缺附件, 补齐再报"
            back = yield decision(self.after(asked, 1, 18), cast.SALES, asked.approval, "reject", note)
            asked = yield Deed(self.after(back, 5, 30), who, "deal", seen.code, contract)
        yield decision(
            self.after(asked, 1, 30),
            self.rng.choice((cast.SALES, cast.SALES, cast.SECOND_SALES)),
            asked.approval,
            "approve",
        )

    def lose(self, at: datetime, who: str, seen: Seen, promoter: str) -> Life:
        asked = yield Deed(at, who, "lose", seen.code, {"reason": self.rng.choice(cast.LOSSES)})
        leader = cast.LEADER_OF.get(promoter, "吴海燕")
        by = leader if leader != promoter and self.chance(0.8) else cast.MANAGER
        yield decision(self.after(asked, 2, 40), by, asked.approval, "approve", "已电话核实")

    def outreach(self, seen: Seen, promoter: str) -> Life:
        """Ten days go by; the manager calls back, and outreach takes over to the end."""
        seen = yield Deed(self.after(seen, 24 * 10, 24 * 12), code=seen.code)
        if seen.state != "unconverted":
            return
        keeper = promoter if promoter in cast.MEMBERS else self.rng.choice(cast.MEMBERS)
        facts = {"callback": self.rng.choice(cast.CALLBACKS), "holder": keeper}
        asked = yield Deed(self.after(seen, 1, 30), cast.MANAGER, "reclaim", seen.code, facts)
        if asked.refused:
            return
        seen = yield decision(self.after(asked, 2, 26), cast.SALES, asked.approval, "approve")
        for _unused in range(self.rng.randint(1, 2)):
            seen = yield Deed(
                self.after(seen, 10, 50),
                keeper,
                "follow_up",
                asked.code,
                {"note": self.rng.choice(cast.TALKS)},
            )
        seen = Seen(seen.at, asked.code)
        fate = self.rng.choices(("deal", "release", "keep"), (4, 3, 3))[0]
        if fate == "deal":
            yield from self.deal(self.after(seen, 10, 60), keeper, seen)
        elif fate == "release":
            yield Deed(
                self.after(seen, 10, 40), keeper, "release", seen.code, {"reason": "客户暂不考虑, 放回资源库"}
            )

    def claims(self, at: datetime, by: str) -> Life:
        """A member takes a lead out of the pool and calls."""
        seen = yield Deed(self.office(at), by, "claim", FROM_POOL)
        if not seen.refused:
            yield Deed(
                self.after(seen, 3, 30), by, "follow_up", seen.code, {"note": self.rng.choice(cast.TALKS)}
            )
