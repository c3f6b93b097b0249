"""The money side of the demo company: pay, quotas, attendance, a few deductions, and the month that ended submitted, so that
somebody can approve, pay and lock it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, time, timedelta
from typing import Any

from workers.demo import cast
from workers.demo.month import Deed, Life, Part, decision, later
from workflows.engine import Flow
from workflows.flows import FLOWS
from workflows.money.months import begins, ends, following, month_of

LEADERS = ("周立军", "吴海燕")
PAID_BY_DAY = ("晓琳",)
QUOTAS = {"call_visits": 1, "visits": 2}


class Payroll:
    """The scenes around money between `start` and `end`."""

    def __init__(self, start: datetime, end: datetime) -> None:
        self.start, self.end, self.zone = start, end, start.tzinfo
        self.first = month_of(start, start.tzinfo)  # type: ignore[arg-type]

    def scenes(self) -> Iterator[Life]:
        for number, who in enumerate((*cast.MEMBERS, *LEADERS)):
            yield self.agreed(self.start + timedelta(minutes=5 + number), "pay", self.terms(who))
        month = self.first
        while self._at(month, 1, 9) < self.end:
            opens = max(self._at(month, 1, 9), self.start + timedelta(minutes=30))
            for number, who in enumerate((*cast.MEMBERS, *LEADERS)):
                figures = {"person": who, "month": month, **QUOTAS}
                yield self.agreed(opens + timedelta(minutes=number), "quota", figures)
            yield from self.closing(month)
            month = following(month)
        yield from self.deductions()

    def terms(self, who: str) -> dict[str, Any]:
        if who in PAID_BY_DAY:
            return {"person": who, "kind": "daily", "since": self.first}
        base = 300_000 if who in LEADERS else 260_000
        return {"person": who, "kind": "monthly", "amount_fen": base, "since": self.first}

    def _at(self, month: str, day: int, hour: int) -> datetime:
        """A working hour of a day of this month."""
        date = begins(month, self.zone).astimezone(self.zone).date() + timedelta(days=day - 1)  # type: ignore[arg-type]
        return datetime.combine(date, time(hour), self.zone)

    def agreed(self, at: datetime, flow: str, figures: dict[str, Any]) -> Life:
        """The manager proposes, the sales manager agrees two hours later."""
        seen = yield Deed(at, cast.MANAGER, "propose", None, figures, FLOWS[flow])
        if seen.approval:
            yield decision(later(seen.at, hours=2), cast.SALES, seen.approval, "approve")

    def closing(self, month: str) -> Iterator[Life]:
        """Attendance on the first of the next month, the submission on the third."""
        over = ends(month, self.zone).astimezone(self.zone)  # type: ignore[arg-type]
        whole = self.start <= begins(month, self.zone)  # type: ignore[arg-type]
        due = 52 if whole else max(2, (over - self.start).days * 2 - 4)
        for number, who in enumerate((*cast.MEMBERS, *LEADERS)):
            days = {"half_days": due - (number % 3), "half_days_due": due}
            at = over + timedelta(hours=9, minutes=10 + number)
            yield self.agreed(at, "attendance", {"person": who, "month": month, **days})
        yield self.submitted(over + timedelta(days=2, hours=10), month)

    def submitted(self, at: datetime, month: str) -> Life:
        """The manager submits the month; where something blocks it, it stays open and its page says what."""
        yield Deed(at, cast.MANAGER, "submit", month, {"in_spite": True}, FLOWS["month"])

    def deductions(self) -> Iterator[Life]:
        """One settled, one upheld after an appeal, one still to be judged."""
        yield self.settled(self.start + timedelta(days=4, hours=5), "appearance", "志远")
        yield self.appealed(self.start + timedelta(days=6, hours=3), "wandering", "大鹏")
        yield self.unjudged(self.end - timedelta(hours=7), "left_post", "小丽")

    def reported(self, at: datetime, kind: str, who: str) -> Part:
        facts = {"kind": kind, "person": who, "day": at.date(), "reason": "巡检发现"}
        return (yield Deed(at, cast.AUDITOR, "report", None, facts, _deduction()))

    def unjudged(self, at: datetime, kind: str, who: str) -> Life:
        yield from self.reported(at, kind, who)

    def settled(self, at: datetime, kind: str, who: str) -> Life:
        seen = yield from self.reported(at, kind, who)
        yield Deed(later(seen.at, hours=3), cast.MANAGER, "confirm", seen.code, {}, _deduction())

    def appealed(self, at: datetime, kind: str, who: str) -> Life:
        seen = yield from self.reported(at, kind, who)
        seen = yield Deed(later(seen.at, hours=4), cast.MANAGER, "confirm", seen.code, {}, _deduction())
        facts = {"reason": "当时在给客户带路"}
        seen = yield Deed(later(seen.at, hours=20), who, "appeal", seen.code, facts, _deduction())
        yield Deed(later(seen.at, hours=24), cast.SALES, "uphold", seen.code, {}, _deduction())


def _deduction() -> type[Flow]:
    return FLOWS["deduction"]
