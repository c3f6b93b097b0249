"""The same small company as at the office's pages, with a month of earnings behind it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import func, select

from models import database as databases
from models import machinery
from models.money import Entry
from tests.web.office.conftest import Office, database_url, office
from workers.draining import drain_due
from workflows.approval import ApprovalFlow
from workflows.engine import CLOCK, Ask, take
from workflows.flows import FLOWS
from workflows.money.months import ends, following, month_of

__all__ = ["database_url", "office"]

ZONE = ZoneInfo("Asia/Shanghai")
CONTRACT = {"units": 1, "contract_no": "HT-1", "amount_fen": 150_000_000}


@dataclass
class Books:
    """An office whose month is over: `month` is that month, `codes` the cases that a test speaks of."""

    office: Office
    month: str
    codes: dict[str, str] = field(default_factory=dict)

    @property
    def next(self) -> str:
        return following(self.month)

    def drain(self) -> None:
        drain_due(self.office.engine, self.office.now)

    def move_to(self, instant: datetime) -> None:
        span = instant - self.office.now
        databases.in_transaction(self.office.engine, lambda session: machinery.move(session, span))
        self.drain()

    def agree(self, name: str, **figures: Any) -> str:
        """Figures that are in force, as if proposed and approved before."""
        with databases.begin(self.office.engine) as session:
            ask = Ask(FLOWS[name], "propose", CLOCK, self.office.now, facts=figures, house=True)
            code = str(take(session, ask).case.code)
            take(session, Ask(FLOWS[name], "adopt", CLOCK, self.office.now, code=code, house=True))
        return code

    def act(self, who: str, flow: str, event: str, code: str | None = None, **facts: Any) -> str:
        done = str(self.office.act(who, event, code, flow=FLOWS[flow], **facts))
        self.drain()
        return done

    def approve(self, who: str, code: str) -> None:
        self.office.act(who, "approve", code, flow=ApprovalFlow)
        self.drain()

    def case_of(self, flow: str, **columns: Any) -> str:
        """The code of the case with these columns."""
        with databases.read(self.office.engine) as session:
            return str(session.scalar(select(FLOWS[flow].table.code).filter_by(**columns)))

    def month_code(self, month: str | None = None) -> str:
        return self.case_of("month", month=month or self.month)

    def earned(self, name: str | None = None, month: str | None = None) -> int:
        """What the ledger says a person, or everybody together, earned in a month, in fen."""
        wanted = select(func.sum(Entry.amount_fen)).where(
            Entry.month == (month or self.month), Entry.account != "company", Entry.kind != "payout"
        )
        if name:
            wanted = wanted.where(Entry.person_id == self.office.ids[name])
        with databases.read(self.office.engine) as session:
            return int(session.scalar(wanted) or 0)

    def close(self, upto: str = "submitted") -> None:
        """Take the month on: submitted, approved, paid."""
        order = ("submitted", "approved", "paid", "locked")
        steps = [("guo", "submit"), ("sun", "approve"), ("fei", "pay"), ("fei", "lock")]
        given: dict[str, dict[str, Any]] = {"submit": {"in_spite": True}, "pay": {"reference": "P-1"}}
        for state, (who, event) in zip(order, steps, strict=True):
            facts = given.get(event, {})
            self.act(who, "month", event, self.month_code(), **facts)
            if state == upto:
                return


def a_month(office: Office) -> Books:
    """A month in which mei earns beyond her quota, sells, is charged; hua stays within theirs; then it is over."""
    month = following(month_of(office.now, ZONE))
    books = Books(office, month)
    books.move_to(ends(month_of(office.now, ZONE), ZONE) + timedelta(hours=9))
    office.join("c1")
    books.agree("pay", person="mei", kind="monthly", amount_fen=280_000, since=month)
    books.agree("pay", person="hua", kind="daily", since=month)
    books.agree("quota", person="mei", month=month, call_visits=0, visits=1)
    books.codes["quota"] = books.agree("quota", person="hua", month=month, call_visits=2, visits=5)
    books.agree("attendance", person="mei", month=month, half_days=40, half_days_due=44)
    for key in ("within", "beyond", "sold", "fraud"):
        books.codes[key] = office.assigned()
    books.codes["hua"] = office.assigned("hua")
    books.drain()
    books.approve("sun", books.act("c1", "lead", "deal", books.codes["sold"], **CONTRACT))
    charged = books.act("lin", "deduction", "report", kind="left_post", person="mei",
                        day=f"{month}-01", reason="无故离岗")  # fmt: skip
    books.codes["deduction"] = charged
    books.act("guo", "deduction", "confirm", charged)
    books.approve(
        "sun", books.act("guo", "lead", "expose", books.codes["fraud"], evidence="号码是本公司员工的")
    )
    books.codes["fake"] = books.case_of("deduction", lead_code=books.codes["fraud"])
    books.act("sun", "deduction", "confirm", books.codes["fake"])
    books.move_to(ends(month, ZONE) + timedelta(hours=9))
    return books


@pytest.fixture
def books(office: Office) -> Books:
    return a_month(office)
