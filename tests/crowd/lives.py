"""Lives of customers, each lived once by the engine itself in a company of its own, so that what is told again of them in bulk is
what the engine writes: states, history, timers, requests, facts, notices, sales and the ledger."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import Engine, delete, select
from sqlalchemy.orm import Session

from models import database
from models.base import Base
from models.leads import Lead
from models.people import Person, Project, Team
from workers.draining import drain_due
from workflows import staff, timers
from workflows.approval import ApprovalFlow
from workflows.engine import Ask, take
from workflows.lead import LeadFlow
from workflows.rotation import DutyFlow

NAME, PHONE = "王某某", "+8613000000000"
# The numbers of people, teams and project stand apart from every other number that a row holds.
FIRST_PERSON, FIRST_TEAM, PROJECT = 710_000_000, 720_000_000, 730_000_000
TEAM = "the team"
STAFF = {
    "the promoter": (["member"], TEAM), "the leader": (["leader"], TEAM), "the claimer": (["member"], TEAM),
    "the consultant": (["consultant"], None), "the colleague": (["consultant"], None), "the manager": (["manager"], None),
    "the sales manager": (["sales_manager"], None), "the desk": (["reception"], None),
}  # fmt: skip
# How leads end, or where they stand: how many of a thousand, and what led there.
LIVES: dict[str, tuple[float, str]] = {
    "captured": (26, "capture a_day"),
    "new": (4, "capture"),
    "screened": (40, "capture screen a_day"),
    "visited": (0.1, "capture screen visit"),
    "assigned": (18, "capture screen visit accept follow_up a_day a_day"),
    "just asked": (2, "capture screen visit accept follow_up ask_deal"),
    "asks deal": (10, "capture screen visit accept follow_up ask_deal a_day a_day a_day"),
    "asks lose": (8, "capture screen visit accept follow_up ask_lose a_day a_day a_day"),
    "unconverted": (20, "capture screen visit decline accept follow_up lapse"),
    "again": (
        10,
        "capture invalidate capture screen visit accept lapse follow_up ask_deal a_day a_day a_day",
    ),
    "pooled": (100, "capture screen visit accept follow_up lapse expire"),
    "held": (20, "capture screen visit accept lapse expire claim follow_up"),
    "deal": (80, "capture screen visit accept follow_up deal"),
    "invalid": (400, "capture a_day invalidate"),
    "lost": (260, "capture screen visit accept follow_up lapse lose"),
    "fraud": (2, "capture screen a_day expose"),
}
# Channels whose leads live alike: the first of each stands for all.
CHANNELS = (("flyer", "exhibition", "group_purchase", "online", "referral"), ("call_in",), ("walk_in",))
# What a life leaves behind. Rows of these other workflows that it touches, the rotation and the months, are not part of it.
TABLES = (
    "lead", "approval", "sale", "deduction", "timer", "outbox", "history", "notification", "journal", "entry",
)  # fmt: skip
ELSEWHERE = ("duty", "month")


@dataclass(frozen=True)
class Recording:
    """What a life left in each table, when it was looked at, and until when its timers would have left it so."""

    rows: dict[str, list[dict[str, Any]]]
    at: datetime
    stands_until: datetime | None


class Company:
    """Just enough people for one life after the other."""

    def __init__(self) -> None:
        self.engine: Engine = database.open_engine("sqlite://")
        database.create_scratch(self.engine)
        self.now, self.code = datetime(2026, 3, 2, 1, tzinfo=UTC), ""
        self.channel, self.talks = "", 1
        with database.begin(self.engine) as session:
            session.add_all([Project(id=PROJECT, code="main", name="花园"), Team(id=FIRST_TEAM, name=TEAM)])
            session.add(Person(id=FIRST_PERSON, name="nobody", roles=["admin"]))
            session.flush()
            for name, (roles, team) in STAFF.items():
                staff.add_person(session, name, roles, team)
            self.actors = {name: staff.actor_named(session, name) for name in STAFF}
            self.ids = {name: actor.id or 0 for name, actor in self.actors.items()}
        self.known = {PROJECT, FIRST_TEAM, *self.ids, *self.ids.values()}
        for name in ("the consultant", "the colleague"):
            self._take("join", name, flow=DutyFlow)

    def live(self, life: str, channel: str, talks: int) -> Recording:
        """One life from its beginning, with so many follow-ups where it has any; what another left behind is forgotten."""
        self.channel, self.talks, self.code = channel, talks, ""
        with database.begin(self.engine) as session:
            for table in reversed(Base.metadata.sorted_tables):
                if table.name in (*TABLES, "delivery", "name_print", "month"):
                    session.execute(delete(table))
        for verb in LIVES[life][1].split():
            self._wait(minutes=7)
            getattr(self, verb)()
        self._wait(minutes=5)
        with database.read(self.engine) as session:
            rows = {name: list(_left(session, name)) for name in TABLES}
            return Recording(rows, self.now, timers.next_due(session))

    # -- what people do --------------------------------------------------------------------------------------------

    def capture(self) -> None:
        facts = {
            "name": NAME,
            "phone": PHONE,
            "channel": self.channel,
            "consent": True,
            "demand": "三房，近地铁",
        }
        self.code = self._take("capture", "the promoter", None, **facts)

    def screen(self) -> None:
        self._take("screen", "the promoter", demand="三房，两百万以内", intent="A", budget_fen=200_000_000)

    def visit(self) -> None:
        self._take("visit", "the desk", party_size=2)

    def accept(self) -> None:
        who = self._whose("offered_to_id")
        self._take("accept", who, signature=who)

    def decline(self) -> None:
        self._take("decline", self._whose("offered_to_id"), reason="正在接待")
        self._wait(minutes=1)

    def follow_up(self) -> None:
        for number in range(self.talks):
            self._wait(minutes=53)
            self._take(
                "follow_up",
                self._whose("holder_id"),
                note=("已加微信", "约了周末看房", "还在比较")[number % 3],
            )

    def lapse(self) -> None:
        self._until("unconverted")

    def expire(self) -> None:
        self._until("reclaimed")

    def claim(self) -> None:
        self._take("claim", "the claimer")

    def invalidate(self) -> None:
        self._take("invalidate", "the promoter", reason="unreachable")

    def ask_deal(self) -> str:
        return self._take(
            "deal", self._whose("holder_id"), units=1, contract_no="HT-9", amount_fen=150_000_000
        )

    def ask_lose(self) -> str:
        return self._take("lose", self._whose("holder_id"), reason="买了别处")

    def deal(self) -> None:
        self._agree("the sales manager", self.ask_deal())

    def lose(self) -> None:
        self._agree("the manager", self.ask_lose())

    def expose(self) -> None:
        self._agree("the sales manager", self._take("expose", "the manager", evidence="号码是本公司员工的"))

    def a_day(self) -> None:
        self._wait(hours=25)

    # -- how it is done ----------------------------------------------------------------------------------------------

    def _agree(self, who: str, asked: str) -> None:
        self._wait(hours=2)
        self._take("approve", who, asked, flow=ApprovalFlow)

    def _take(self, event: str, who: str, code: str | None = "", flow: Any = LeadFlow, **facts: Any) -> str:
        """Take a step now; the code of its case, or of the request that it became."""
        code = (self.code if flow is LeadFlow else None) if code == "" else code
        ask = Ask(flow, event, self.actors[who], self.now, code=code, facts=facts)
        taken = database.in_transaction(self.engine, lambda session: take(session, ask))
        drain_due(self.engine, self.now)
        return str((taken.approval or taken.case).code)

    def _wait(self, **span: float) -> None:
        """Let time pass; what falls due meanwhile happens when it is due."""
        until = self.now + timedelta(**span)
        while (due := self._next_due()) is not None and due <= until:
            self.now = due
            drain_due(self.engine, self.now)
        self.now = until

    def _until(self, state: str) -> None:
        while self._lead().state != state:
            self.now = self._next_due() or self.now
            drain_due(self.engine, self.now)

    def _next_due(self) -> datetime | None:
        with database.read(self.engine) as session:
            return timers.next_due(session)

    def _lead(self) -> Lead:
        with database.begin(self.engine) as session:
            return session.scalars(select(Lead).where(Lead.code == self.code)).one()

    def _whose(self, column: str) -> str:
        person = getattr(self._lead(), column)
        return next(name for name, each in self.ids.items() if each == person)


def _left(session: Session, name: str) -> Iterator[dict[str, Any]]:
    """The rows of a table that are part of a life, with what is sealed in them in clear, in order."""
    table = Base.metadata.tables[name]
    for row in session.execute(select(table).order_by(table.c.id)).mappings():
        if row.get("flow") not in ELSEWHERE:
            yield dict(row)


@cache
def company() -> Company:
    return Company()


@cache
def lived(life: str, channel: str, talks: int) -> Recording:
    """The recording of a life; it is lived when it is first asked for."""
    return company().live(life, channel, talks)
