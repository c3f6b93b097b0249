"""A sales office to try the rules on: its people, and a lead brought to any state through the engine itself."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from models import database
from models.books import Books
from models.leads import Lead
from models.remembered import Approval, History, Outbox, Timer
from workflows import staff
from workflows import timers as clockwork
from workflows.approval import ApprovalFlow
from workflows.engine import CLOCK, PUBLIC, Actor, Ask, Refused, take
from workflows.engine.take import Taken
from workflows.lead import LeadFlow
from workflows.rotation import DutyFlow

PEOPLE = {
    "promoter": ("梅晓琳", ["member"], "一组"),
    "other member": ("罗永强", ["member"], "二组"),
    "team leader": ("林国栋", ["leader"], "一组"),
    "other leader": ("何丽华", ["leader"], "二组"),
    "outreach holder": ("徐小曼", ["member"], "三组"),
    "manager": ("郭建平", ["manager"], None),
    "reception": ("田静", ["reception"], None),
    "consultant": ("陈一鸣", ["consultant"], None),
    "other consultant": ("崔丹", ["consultant"], None),
    "sales manager": ("孙志远", ["sales_manager"], None),
    "finance": ("费敏", ["finance"], None),
    "auditor": ("乔安", ["auditor"], None),
    "admin": ("安平", ["admin"], None),
}
DATA: dict[str, dict[str, Any]] = {
    "screen": {"demand": "三房", "intent": "A"},
    "visit": {"party_size": 2},
    "decline": {"reason": "正在接待"},
    "appoint": {"consultant": "崔丹"},
    "accept": {"signature": "陈一鸣"},
    "follow_up": {"note": "已回访"},
    "reassign": {"consultant": "崔丹", "reason": "休假"},
    "reclaim": {"callback": "仍有意向", "holder": "徐小曼"},
    "release": {"reason": "联系不上"},
    "extend": {"days": 7, "reason": "等贷款"},
    "deal": {"units": 1, "contract_no": "HT-1", "amount_fen": 186000000},
    "invalidate": {"reason": "no_demand"},
    "lose": {"reason": "买了别处"},
    "expose": {"evidence": "亲戚代接"},
    "offer": {"consultant": "崔丹"},
}
START = datetime(2026, 3, 2, 2, 0, tzinfo=UTC)  # Monday, ten o'clock in Shanghai


class Office:
    """The people of `PEOPLE` in one session, and a clock that only the test moves."""

    def __init__(
        self, session: Session, *, duty: tuple[str, ...] = ("consultant",), hire: bool = True
    ) -> None:
        self.session, self.now, self._phones = session, START, iter(range(13912340000, 13912350000))
        if hire:
            staff.ensure_company(session)
            for name, roles, team in PEOPLE.values():
                staff.add_person(session, name, roles, team)
        self.actors = {who: staff.actor_named(session, name) for who, (name, _r, _t) in PEOPLE.items()}
        self.actors |= {"clock": CLOCK, "public": PUBLIC}
        for who in duty if hire else ():
            take(session, Ask(DutyFlow, "join", self.actors[who], self.now))

    def hire(self, who: str, name: str, roles: list[str], team: str | None = None) -> Actor:
        self.actors[who] = Actor.of(staff.add_person(self.session, name, roles, team))
        return self.actors[who]

    def phone(self) -> str:
        return str(next(self._phones))

    def later(self, **span: int) -> datetime:
        self.now += timedelta(**span)
        return self.now

    def ask(
        self, event: str, by: str, code: str | None = None, *, version: int | None = None, **facts: Any
    ) -> Taken:
        return take(
            self.session,
            Ask(
                LeadFlow,
                event,
                self.actors[by],
                self.now,
                code=code,
                facts=facts or DATA.get(event, {}),
                version=version,
            ),
        )

    def capture(self, by: str = "promoter", **more: Any) -> str:
        facts = {"name": "王海燕", "phone": self.phone(), "channel": "flyer", "consent": True, **more}
        return str(self.ask("capture", by, **facts).case.code)

    def decide(self, code: str, event: str, by: str = "sales manager", how: str = "approve") -> Taken:
        mine = select(Approval.code).where(
            Approval.case_code == code, Approval.event == event, Approval.state == "pending"
        )
        return take(
            self.session,
            Ask(ApprovalFlow, how, self.actors[by], self.now, code=self.session.scalar(mine) or "none"),
        )

    def lead_in(self, face: str) -> str:
        """A lead brought to this state by its own people."""
        code = self.capture(channel="flyer")
        path = {
            "captured": "", "screened": "screen", "visited": "screen visit", "visited, nobody left": "screen visit decline",
            "assigned": "screen visit accept", "unconverted": "screen visit accept lapse",
            "reclaimed": "screen visit accept lapse reclaim", "pool": "screen visit accept lapse expire", "closed": "invalidate",
        }[face]  # fmt: skip
        who = {"screen": "promoter", "visit": "reception", "lapse": "clock"}
        who |= {"reclaim": "manager", "expire": "clock", "invalidate": "promoter"}
        for event in path.split():
            self.ask(event, who.get(event) or self.offered(code), code)
            if event == "reclaim":
                self.decide(code, "reclaim")
        return code

    def offered(self, code: str) -> str:
        """To whom the lead is offered now."""
        return next(
            who
            for who, actor in self.actors.items()
            if actor.id is not None and actor.id == self.lead(code).offered_to_id
        )

    def lead(self, code: str) -> Lead:
        return self.session.scalars(select(Lead).where(Lead.code == code)).one()

    def history(self, code: str) -> list[History]:
        return list(
            self.session.scalars(select(History).where(History.case_code == code).order_by(History.seq))
        )

    def timers(self, code: str, state: str = "pending") -> dict[str, Timer]:
        mine = select(Timer).where(Timer.case_code == code, Timer.state == state).order_by(Timer.id)
        return {timer.name: timer for timer in self.session.scalars(mine)}

    def facts(self, fact: str) -> list[Outbox]:
        return list(self.session.scalars(select(Outbox).where(Outbox.fact == fact).order_by(Outbox.id)))

    def fire(self, at: datetime | None = None) -> int:
        """Fire what is due in this very session."""
        self.now = at or self.now
        done = 0
        while batch := clockwork._sweep(self.session, self.now, 200):
            done += batch
        return done


@contextmanager
def open_office(engine: Engine, **options: Any) -> Iterator[Office]:
    """An office in one transaction, which is undone at the end."""
    with Books(engine, expire_on_commit=False) as session:
        yield Office(session, **options)
        session.rollback()


@contextmanager
def settled_office(engine: Engine, **options: Any) -> Iterator[Office]:
    """An office whose transaction is committed."""
    with database.begin(engine) as session:
        yield Office(session, **options)


def refusal(work: Any, *args: Any, **kwargs: Any) -> Refused:
    """The refusal that this must end with."""
    try:
        work(*args, **kwargs)
    except Refused as refused:
        return refused
    raise AssertionError("it was taken")
