"""A company whose money is tried: the office of the races with finance, a second team and a second manager, and acts in
one word each. Everything goes through `take`, each in a transaction of its own, by people of the right role."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from models import database
from models.leads import Lead
from models.money import Deduction, Entry, Journal, Month, Sale
from models.people import Person
from models.remembered import Approval
from tests.races.office import Office
from workflows import staff
from workflows.engine import Actor
from workflows.money.attendance import AttendanceFlow
from workflows.money.deduction import DeductionFlow
from workflows.money.dispute import DisputeFlow
from workflows.money.month import MonthFlow
from workflows.money.pay import PayFlow
from workflows.money.quota import QuotaFlow
from workflows.money.sale import SaleFlow
from workflows.money.split import SplitFlow

ZONE = ZoneInfo("Asia/Shanghai")
MORE = {
    "xu": (["leader"], "B"),
    "zhu": (["manager"], None),
    "fei": (["finance"], None),
    "fan": (["finance"], None),
}
Nets = dict[tuple[str, str, str, str], int]


def local(year: int, month: int, day: int, hour: int = 9, minute: int = 0) -> datetime:
    """An instant of the company's clock."""
    return datetime(year, month, day, hour, minute, tzinfo=ZONE)


class Company(Office):
    """Two teams: mei and bo with the leader lin, tao with the leader xu."""

    def __init__(self, engine: Engine, consultants: int = 3) -> None:
        super().__init__(engine, consultants)
        for name, (roles, team) in MORE.items():
            self.hire(name, roles, team)

    # --- people and time ---------------------------------------------------------------------------------------

    def hire(self, name: str, roles: list[str], team: str | None = None) -> str:
        with database.begin(self.engine) as session:
            staff.add_person(session, name, roles, team)
            self.actors[name] = staff.actor_named(session, name)
        return name

    def move_to_team(self, name: str, team: str) -> None:
        with database.begin(self.engine) as session:
            person = staff.person_named(session, name)
            person.team = staff.team_named(session, team)
            session.flush()
            self.actors[name] = Actor.of(person)

    def at(self, year: int, month: int, day: int, hour: int = 9, minute: int = 0) -> None:
        """Let it become this instant; what is due by then happens."""
        self.now = local(year, month, day, hour, minute)
        self.drain()

    def later(self, **span: int) -> None:
        self.now += timedelta(**span)
        self.drain()

    # --- leads -------------------------------------------------------------------------------------------------

    def screened_by(self, who: str, channel: str = "flyer") -> str:
        code = self.capture(who, channel=channel)
        self.lead("screen", "guo", code, demand="三房", intent="A")
        return code

    def arrived(self, who: str = "mei", channel: str = "flyer") -> str:
        code = self.screened_by(who, channel)
        self.lead("visit", "desk", code)
        return code

    def accept(self, code: str) -> str:
        self.lead("accept", self.offered_to(code), code, signature="陈一")
        return code

    def visit_of(self, who: str = "mei", channel: str = "flyer") -> str:
        """A confirmed visit of a new customer that this person brought."""
        return self.accept(self.arrived(who, channel))

    def ask_for_deal(self, code: str, units: int = 1) -> str:
        holder = self.named(self.see(code).holder_id)
        return str(
            self.lead("deal", holder, code, units=units, contract_no="HT-1", amount_fen=200_000_000).code
        )

    def sold(self, code: str, units: int = 1) -> str:
        """The sale that came of this visit; its code."""
        self.decide("sun", "approve", self.ask_for_deal(code, units))
        return self.sale_of(code)

    def ask_to_expose(self, code: str) -> str:
        return str(self.lead("expose", "an", code, evidence="朋友冒充").code)

    def exposed(self, code: str) -> None:
        self.decide("sun", "approve", self.ask_to_expose(code))

    def sale_of(self, lead: str) -> str:
        with database.read(self.engine) as session:
            return session.scalars(select(Sale.code).where(Sale.lead_code == lead)).one()

    def ask_to_rescind(self, sale: str, who: str = "sun") -> str:
        return str(self.take(SaleFlow, "rescind", who, sale, reason="退房").code)

    def rescinded(self, sale: str) -> None:
        self.decide("fei", "approve", self.ask_to_rescind(sale))

    # --- what is agreed ----------------------------------------------------------------------------------------

    def agreed(self, flow: Any, by: str = "guo", approver: str = "sun", **facts: Any) -> str:
        """Proposed and approved; the code of what is in force."""
        code = str(self.take(flow, "propose", by, **facts).code)
        self.decide(approver, "approve", self.asked(code))
        return code

    def quota(self, who: str, month: str, calls: int, visits: int) -> str:
        return self.agreed(QuotaFlow, person=who, month=month, call_visits=calls, visits=visits)

    def pay_of(self, who: str, kind: str = "monthly", amount: int = 280_000, since: str = "2026-01") -> str:
        return self.agreed(PayFlow, person=who, kind=kind, amount_fen=amount, since=since)

    def days_of(self, who: str, month: str, half_days: int = 44, due: int = 44) -> str:
        return self.agreed(AttendanceFlow, person=who, month=month, half_days=half_days, half_days_due=due)

    def changed(self, flow: Any, code: str, **facts: Any) -> None:
        self.take(flow, "change", "guo", code, **facts)
        self.decide("sun", "approve", self.asked(code))

    def asked(self, code: str, event: str | None = None) -> str:
        """The pending request about a case."""
        wanted = select(Approval.code).where(Approval.case_code == code, Approval.state == "pending")
        with database.read(self.engine) as session:
            return session.scalars(wanted.where(Approval.event == event) if event else wanted).one()

    # --- deductions, disputes, splits --------------------------------------------------------------------------

    def reported(self, who: str, kind: str = "left_post", by: str = "guo", **facts: Any) -> str:
        day = facts.pop("day", self.now.astimezone(ZONE).date())
        given = {"kind": kind, "person": who, "day": day.isoformat(), "reason": "看到的", **facts}
        return str(self.take(DeductionFlow, "report", by, **given).code)

    def charged(self, who: str, kind: str = "left_post", **facts: Any) -> str:
        """Reported, confirmed, and the time to appeal gone by."""
        code = self.reported(who, kind, **facts)
        self.take(DeductionFlow, "confirm", "sun", code)
        self.later(days=3)
        return code

    def deduction(self, code: str) -> Deduction:
        with database.begin(self.engine) as session:
            return session.scalars(select(Deduction).where(Deduction.code == code)).one()

    def disputed(self, who: str, month: str, line: str = "visit_bonus") -> str:
        return str(self.take(DisputeFlow, "open_dispute", who, month=month, line=line, reason="少了").code)

    def granted(self, dispute: str, fen: int, approver: str = "sun") -> None:
        self.take(DisputeFlow, "grant", "guo", dispute, amount_fen=fen, answer="补发")
        self.decide(approver, "approve", self.asked(dispute))

    def divided(self, leader: str, shares: Mapping[str, int]) -> str:
        return str(self.take(SplitFlow, "divide", leader, shares=dict(shares)).code)

    def divided_after(self, leader: str, shares: Mapping[str, int], settle: Any) -> str:
        """Divided once the workers have posted what there was."""
        settle()
        code = self.divided(leader, shares)
        settle()
        return code

    def waive_all(self) -> None:
        """What was only reported comes to nothing."""
        with database.read(self.engine) as session:
            codes = list(session.scalars(select(Deduction.code).where(Deduction.state == "reported")))
        for code in codes:
            self.take(DeductionFlow, "waive", "qian", code, why="not_so")

    # --- the month ---------------------------------------------------------------------------------------------

    def month(self, month: str) -> Month | None:
        with database.begin(self.engine) as session:
            return session.scalar(select(Month).where(Month.month == month))

    def begun(self, month: str) -> str:
        found = self.month(month)
        return found.code if found else str(self.take(MonthFlow, "begin", "guo", month=month).code)

    def of_month(self, event: str, month: str, who: str, **facts: Any) -> Any:
        self.drain()
        return self.take(MonthFlow, event, who, self.begun(month), **facts)

    def submit(self, month: str, who: str = "guo") -> None:
        self.of_month("submit", month, who, in_spite=True)
        self.drain()

    def approve_month(self, month: str, who: str = "sun") -> None:
        self.of_month("approve", month, who)

    def pay(self, month: str, who: str = "fei") -> None:
        self.of_month("pay", month, who, reference="P1")
        self.drain()

    def closed(self, month: str) -> None:
        """Submitted, approved, paid."""
        self.submit(month)
        self.approve_month(month)
        self.pay(month)

    # --- what stands in the books ------------------------------------------------------------------------------

    def account(self, name: str) -> str:
        return f"p{self.actors[name].id}"

    def held(self, name: str) -> int:
        """What this person's account holds."""
        return sum(fen for (_c, _m, owner, _k), fen in self.nets().items() if owner == self.account(name))

    def paid_out(self, name: str) -> int:
        """What was ever paid out to this person."""
        mine = (self.account(name), "payout")
        return -sum(fen for (_c, _m, *rest), fen in self.nets().items() if tuple(rest) == mine)

    def posted(self, name: str, *kinds: str, month: str | None = None) -> int:
        return sum(
            fen
            for (_c, into, owner, kind), fen in self.nets().items()
            if owner == self.account(name) and kind in kinds and month in (None, into)
        )

    def team_holds(self, team: str) -> int:
        with database.read(self.engine) as session:
            owner = f"t{staff.team_named(session, team).id}"
        return sum(fen for (_c, _m, who, _k), fen in self.nets().items() if who == owner)

    def nets(self) -> Nets:
        with database.read(self.engine) as session:
            return nets(session)


def nets(session: Session, company: bool = False) -> Nets:
    """What the ledger comes to, by cause, month, account and kind; sums of nothing left out."""
    sums: Counter[tuple[str, str, str, str]] = Counter()
    wanted = select(
        Journal.cause,
        Entry.month,
        Entry.account,
        Entry.person_id,
        Entry.team_id,
        Entry.kind,
        Entry.amount_fen,
    ).join(Journal, Journal.id == Entry.journal_id)
    for cause, month, account, person, team, kind, fen in session.execute(wanted):
        if account != "company" or company:
            owner = f"p{person}" if person else f"t{team}" if team else account
            sums[cause, month, owner, kind] += fen
    return {key: fen for key, fen in sums.items() if fen}


def leads_of(session: Session) -> list[Lead]:
    return list(session.scalars(select(Lead).order_by(Lead.id)))


def people_of(session: Session) -> dict[int, str]:
    return {person.id: person.name for person in session.scalars(select(Person))}
