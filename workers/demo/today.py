"""What is going on in the demo company right now: customers at the desk, an open offer, requests that wait. Times are
counted back from the present."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from workers.demo import cast
from workers.demo.lives import Storyteller
from workers.demo.month import Deed, Life, Part, Seen, decision, later, place
from workflows.flows import FLOWS
from workflows.office.expense import ExpenseFlow
from workflows.office.incident import IncidentFlow
from workflows.office.leave import LeaveFlow
from workflows.office.roster import RosterFlow
from workflows.office.trip import TripFlow


class Today:
    """The scenes that end at `now`."""

    def __init__(self, tell: Storyteller, now: datetime) -> None:
        self.tell, self.now = tell, now

    def ago(self, **span: float) -> datetime:
        return self.now - timedelta(**span)

    def scenes(self) -> Iterator[Life]:
        for consultant in cast.CONSULTANTS:
            yield self.back_on_duty(consultant)
        yield self.declined_by_all()
        yield self.offered_to_the_last()
        yield self.just_arrived()
        yield self.overtaken()
        yield self.escalated()
        yield self.four_eyes()
        yield self.lost_for_the_leader()
        for hours in (31.0, 21.0, 6.0, 3.5):
            yield self.deal_waits(hours)
        yield self.reclaim_waits()
        yield self.extension_waits()
        yield self.fraud_waits()
        yield self.fraud_found()
        yield self.lost()
        yield self.no_valid_customer()
        yield self.sold()
        yield self.event(cast.CAMPAIGNS[0], ["flyer", "exhibition"], "周立军", "小梅", self.ago(days=9), 11)
        yield self.event(cast.CAMPAIGNS[1], ["group_purchase"], "吴海燕", "志远", self.ago(days=19), 14)
        for days in (17.0, 20.5, 24.0):
            yield self.call_in_without_visit(days)
        for minutes in (26, 95, 150):
            yield self.captured_today(minutes)
        yield self.on_a_trip()
        yield self.trip_to_approve()
        yield self.stopped_at_a_gate()
        yield self.expense_to_reimburse()
        yield self.roster_waits()
        yield self.leave_waits()

    def roster_waits(self) -> Life:
        """The first team's roster of the week after next waits for the manager's consent."""
        leader = cast.LEADER_OF["小梅"]
        week = {"week": (self.ago(days=-14)).date().isoformat()}
        seen = yield Deed(self.ago(hours=9), leader, "draft", None, week, RosterFlow)
        for who, spot in zip(("阿强", "小梅", "大鹏"), cast.SPOTS, strict=False):
            days = dict.fromkeys(("wednesday", "friday", "saturday", "sunday"), True)
            facts = {"person": who, "spot": spot, **days}
            seen = yield Deed(later(seen.at, minutes=2), leader, "plan", seen.code, facts, RosterFlow)
        yield Deed(later(seen.at, minutes=2), leader, "publish", seen.code, {}, RosterFlow)

    def leave_waits(self) -> Life:
        """Somebody wants a day off next week; the leader has not decided yet."""
        day = self.ago(days=-6).date().isoformat()
        facts = {"first_day": day, "last_day": day, "kind": "private", "reason": "孩子家长会"}
        yield Deed(self.ago(hours=7), "小丽", "ask_leave", None, facts, LeaveFlow)

    def back_on_duty(self, who: str) -> Life:
        """Refused, and no harm done, where they are on duty already."""
        yield place(self.ago(minutes=75 - cast.CONSULTANTS.index(who)), who, "join")

    def captured_today(self, minutes: float) -> Life:
        yield self.tell.capture(self.ago(minutes=minutes), self.tell.rng.choice(cast.MEMBERS), "flyer")

    def received(self, promoter: str, visited: datetime) -> Part:
        """An arrival that whoever is offered it signs for after two minutes; returns what is seen then."""
        seen = yield self.tell.capture(visited - timedelta(days=3), promoter, "exhibition")
        seen = yield self.tell.screen(later(seen.at, hours=3), promoter, seen.code)
        seen = yield Deed(visited, cast.DESK, "visit", seen.code, {"party_size": 2})
        while seen.state == "visited" and seen.offered_to is None:
            seen = yield Deed(later(seen.at, minutes=8), code=seen.code)
        who = seen.offered_to or ""
        return (yield Deed(later(seen.at, minutes=2), who, "accept", seen.code, {"signature": who}))

    # -- away from the office ------------------------------------------------------------------------------------

    def on_a_trip(self) -> Life:
        """Out since an hour, and one customer met."""
        customer = yield self.tell.capture(self.ago(days=2), "大鹏", "group_purchase")
        plan = self.plan(self.ago(hours=1, minutes=10), cast.TRIPS[0], customer.code)
        seen = yield Deed(self.ago(days=1), "大鹏", "plan", None, plan, TripFlow)
        yield decision(later(seen.at, hours=2), cast.LEADER_OF["大鹏"], seen.approval, "approve")
        ready = dict.fromkeys(("papers", "tools", "cards", "gifts"), True)
        yield Deed(self.ago(hours=2), "大鹏", "confirm", seen.code, ready, TripFlow)
        yield Deed(self.ago(hours=1), "大鹏", "start", seen.code, {}, TripFlow)
        met = {"lead": customer.code, "met_at": self.ago(minutes=40), "result": "will_come", **cast.MET}
        yield Deed(self.ago(minutes=20), "大鹏", "visit", seen.code, met, TripFlow)

    def trip_to_approve(self) -> Life:
        plan = self.plan(self.ago(hours=-20), cast.TRIPS[1], None)
        yield Deed(self.ago(minutes=50), "小梅", "plan", None, plan, TripFlow)

    def expense_to_reimburse(self) -> Life:
        """A trip of three days ago, and what the ride cost: the leader agreed, finance is next."""
        customer = yield self.tell.capture(self.ago(days=6), "小丽", "group_purchase")
        start = self.ago(days=3)
        seen = yield Deed(
            self.ago(days=5), "小丽", "plan", None, self.plan(start, cast.TRIPS[0], customer.code), TripFlow
        )
        yield decision(later(seen.at, hours=3), cast.LEADERS[1], seen.approval, "approve")
        ready = dict.fromkeys(("papers", "tools", "cards", "gifts"), True)
        yield Deed(self.ago(days=3, hours=1), "小丽", "confirm", seen.code, ready, TripFlow)
        yield Deed(later(start, minutes=5), "小丽", "start", seen.code, {}, TripFlow)
        met = {"lead": customer.code, "met_at": later(start, hours=1), "result": "interested", **cast.MET}
        yield Deed(later(start, hours=2), "小丽", "visit", seen.code, met, TripFlow)
        yield Deed(later(start, hours=3), "小丽", "finish", seen.code, {}, TripFlow)
        yield Deed(later(start, hours=5), "小丽", "file", seen.code, dict(cast.FILED), TripFlow)
        facts = {"trip": seen.code, **cast.RIDE}
        seen = yield Deed(later(start, hours=6), "小丽", "claim", None, facts, ExpenseFlow)
        yield decision(later(seen.at, hours=4), cast.LEADERS[1], seen.approval, "approve")

    def stopped_at_a_gate(self) -> Life:
        """Told this morning and answered; what is learned from it is still to be said."""
        seen = yield Deed(self.ago(hours=5), "志远", "report", None, dict(cast.INCIDENT), IncidentFlow)
        answer, handling = cast.ANSWER
        seen = yield Deed(
            later(seen.at, minutes=9), cast.MANAGER, "answer", seen.code, {"answer": answer}, IncidentFlow
        )
        yield Deed(
            later(seen.at, hours=2), cast.MANAGER, "handle", seen.code, {"handling": handling}, IncidentFlow
        )

    def plan(self, start: datetime, trip: tuple[str, str], customer: str | None) -> dict[str, Any]:
        """A trip of three hours."""
        place, purpose = trip
        times = {"starts_at": start, "ends_at": start + timedelta(hours=3)}
        return {"place": place, "purpose": purpose, "leads": [customer] if customer else [], **times}

    # -- at the desk --------------------------------------------------------------------------------------------

    def declined_by_all(self) -> Life:
        """Nobody on duty could receive: the sales manager must appoint."""
        seen = yield from self.at_desk("小梅", self.ago(minutes=41))
        for reason in cast.BUSY:
            if seen.offered_to:
                who = seen.offered_to
                seen = yield Deed(later(seen.at, minutes=3), who, "decline", seen.code, {"reason": reason})

    def offered_to_the_last(self) -> Life:
        """The head declined, so the last of the queue has the offer."""
        seen = yield from self.at_desk("小丽", self.ago(minutes=9))
        yield Deed(
            later(seen.at, minutes=3), seen.offered_to or "", "decline", seen.code, {"reason": cast.BUSY[1]}
        )

    def just_arrived(self) -> Life:
        yield from self.at_desk("阿强", self.ago(minutes=2))

    def at_desk(self, promoter: str, visited: datetime) -> Part:
        seen = yield self.tell.capture(visited - timedelta(days=2, hours=5), promoter, "flyer")
        seen = yield self.tell.screen(later(seen.at, hours=4), promoter, seen.code)
        return (yield Deed(visited, cast.DESK, "visit", seen.code, {"party_size": 3}))

    # -- requests that wait -------------------------------------------------------------------------------------

    def overtaken(self) -> Life:
        """Asked for while it was assigned; the ten days have run out since."""
        seen = yield from self.received("志远", self.ago(days=10, hours=3))
        yield Deed(self.ago(hours=30), seen.holder or "", "invalidate", seen.code, {"reason": "unreachable"})

    def escalated(self) -> Life:
        """Nobody decided for three days."""
        seen = yield from self.received("阿强", self.ago(days=6))
        yield from self.contract(self.ago(days=3, hours=7), seen)

    def deal_waits(self, hours: float) -> Life:
        seen = yield from self.received(self.tell.rng.choice(cast.MEMBERS), self.ago(days=4, hours=hours))
        yield from self.contract(self.ago(hours=hours), seen)

    def contract(self, at: datetime, seen: Seen) -> Part:
        rng = self.tell.rng
        facts = {
            "units": 1,
            "contract_no": f"HT-{at:%Y%m}-{rng.randrange(1000, 9999)}",
            "amount_fen": rng.randrange(110, 290) * 1_000_000,
        }
        return (yield Deed(at, seen.holder or "", "deal", seen.code, facts))

    def four_eyes(self) -> Life:
        """The second sales manager was appointed and sold it herself: the other one must decide."""
        seen = yield from self.at_desk("大鹏", self.ago(days=4, hours=2))
        for reason in cast.BUSY:
            if seen.offered_to:
                seen = yield Deed(
                    later(seen.at, minutes=1), seen.offered_to, "decline", seen.code, {"reason": reason}
                )
        facts = {"consultant": cast.SECOND_SALES}
        seen = yield Deed(later(seen.at, minutes=6), cast.SALES, "appoint", seen.code, facts)
        seen = yield Deed(
            later(seen.at, minutes=4),
            cast.SECOND_SALES,
            "accept",
            seen.code,
            {"signature": cast.SECOND_SALES},
        )
        yield from self.contract(self.ago(hours=5), seen)

    def lost_for_the_leader(self) -> Life:
        """The leader captured it, so the leader cannot agree that it is lost; the manager can."""
        seen = yield from self.received("周立军", self.ago(days=5))
        yield Deed(self.ago(hours=8), seen.holder or "", "lose", seen.code, {"reason": cast.LOSSES[0]})

    def reclaim_waits(self) -> Life:
        seen = yield from self.received("小梅", self.ago(days=12))
        facts = {"callback": cast.CALLBACKS[0], "holder": "小梅"}
        yield Deed(self.ago(hours=26), cast.MANAGER, "reclaim", seen.code, facts)

    def extension_waits(self) -> Life:
        seen = yield from self.received("小丽", self.ago(days=8))
        facts = {"days": 7, "reason": "客户在等公积金审批, 下周出结果"}
        yield Deed(self.ago(hours=4), seen.holder or "", "extend", seen.code, facts)
        yield from self.promised(seen)

    def promised(self, seen: Seen) -> Part:
        """A paper that is due tomorrow, an answer that is overdue, and a discount that waits for the sales manager."""
        who, due = seen.holder or "", self.now + timedelta(hours=20)
        paper = {"lead": seen.code, "kind": "answer", "promised": "公积金贷款所需材料清单", "due_at": due}
        yield Deed(self.ago(hours=3.5), who, "make", None, paper, FLOWS["promise"])
        answer = {"lead": seen.code, "kind": "answer", "promised": "车位价格", "due_at": self.ago(hours=1)}
        yield Deed(self.ago(hours=3.4), who, "make", None, answer, FLOWS["promise"])
        discount = paper | {"kind": "discount", "promised": "签约当天总价优惠三千", "amount_fen": 300_000}
        return (yield Deed(self.ago(hours=3), who, "make", None, discount, FLOWS["promise"]))

    def fraud_waits(self) -> Life:
        seen = yield from self.received("志远", self.ago(days=7))
        facts = {"evidence": "回访三次, 接电话的人说从未看过房, 与登记姓名不符"}
        yield Deed(self.ago(hours=19), cast.AUDITOR, "expose", seen.code, facts)

    def fraud_found(self) -> Life:
        """A friend who posed as a customer, seen through by the manager."""
        seen = yield from self.received("大鹏", self.ago(days=15))
        facts = {"evidence": "登记手机为员工家属所用, 本人已承认"}
        asked = yield Deed(self.ago(days=13), cast.MANAGER, "expose", seen.code, facts)
        yield decision(self.ago(days=12, hours=20), cast.SALES, asked.approval, "approve", "证据充分")

    # -- closed cases, one of each kind whatever chance decides in the other lives --------------------------------

    def lost(self) -> Life:
        """Bought elsewhere, and the leader agreed."""
        seen = yield from self.received("小梅", self.ago(days=9))
        facts = {"reason": cast.LOSSES[0]}
        asked = yield Deed(self.ago(days=6), seen.holder or "", "lose", seen.code, facts)
        yield decision(
            self.ago(days=5, hours=20), cast.LEADER_OF["小梅"], asked.approval, "approve", "已电话核实"
        )

    def no_valid_customer(self) -> Life:
        """Wrong number, noticed by the promoter at the first call."""
        seen = yield self.tell.capture(self.ago(days=4), "晓琳", "flyer")
        yield Deed(later(seen.at, hours=5), "晓琳", "invalidate", seen.code, {"reason": "wrong_number"})

    def sold(self) -> Life:
        """A contract, confirmed by the sales manager."""
        seen = yield from self.received("阿强", self.ago(days=13))
        asked = yield from self.contract(self.ago(days=9), seen)
        yield decision(self.ago(days=8, hours=20), cast.SALES, asked.approval, "approve")

    # -- what outreach sets out to do ----------------------------------------------------------------------------

    def event(self, name: str, ways: list[str], leader: str, who: str, begins: datetime, days: int) -> Life:
        """An event that was approved: one of them runs, the other is over and waits for its evaluation."""
        flow, ends = FLOWS["event"], later(begins, days=days)
        plan = {"name": name, "in_charge": leader, "goal_kind": "new_customers", "goal": 20, "channels": ways}
        plan |= {"starts_at": begins, "ends_at": ends, "materials": "折页两千份, 易拉宝四个"}
        seen = yield Deed(later(begins, hours=-30), cast.MANAGER, "plan", None, plan, flow)
        part = {"person": who, "part": "现场发单与登记"}
        yield Deed(later(begins, hours=-28), leader, "assign", seen.code, part, flow)
        seen = yield Deed(later(begins, hours=-26), cast.MANAGER, "propose", seen.code, {}, flow)
        yield decision(later(begins, hours=-20), cast.SALES, seen.approval, "approve")

    def call_in_without_visit(self, days: float) -> Life:
        """Rang up, was talked to, never came: fourteen days later it lies in the pool."""
        seen = yield self.tell.capture(self.ago(days=days), "小雅", "call_in")
        yield self.tell.screen(later(seen.at, hours=2), "小雅", seen.code)
