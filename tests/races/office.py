"""An office for races: a few people, leads brought to any point of their life, and acts that start at one instant."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from sqlalchemy import Engine, event, select

from models import database
from models.leads import Lead
from models.remembered import Approval
from workers.draining import drain_due
from workflows import staff
from workflows.approval import ApprovalFlow
from workflows.engine import PUBLIC, Actor, Ask, Refused, take
from workflows.lead import LeadFlow
from workflows.rotation import DutyFlow
from workflows.verify import verify

START = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
STAFF = {
    "mei": (["member"], "A"), "bo": (["member"], "A"), "lin": (["leader"], "A"), "tao": (["member"], "B"), "guo": (["manager"], None),
    "sun": (["sales_manager"], None), "qian": (["sales_manager"], None), "desk": (["reception"], None), "an": (["auditor"], None),
}  # fmt: skip


class Office:
    """One company on one database, and its present instant."""

    def __init__(self, engine: Engine, consultants: int = 3) -> None:
        self.engine, self.now, self.phones = engine, START, count(13_900_000_000)
        self.consultants = [f"c{n}" for n in range(consultants)]
        with database.begin(engine) as session:
            staff.ensure_company(session)
            for name, (roles, team) in STAFF.items():
                staff.add_person(session, name, roles, team)
            for name in self.consultants:
                staff.add_person(session, name, ["consultant"])
            self.actors: dict[str, Actor] = {
                name: staff.actor_named(session, name) for name in (*STAFF, *self.consultants)
            }
            self.actors["public"] = PUBLIC
        for name in self.consultants:
            self.take(DutyFlow, "join", name)

    def take(
        self,
        flow: Any,
        event_name: str,
        who: str,
        code: str | None = None,
        version: int | None = None,
        **facts: Any,
    ) -> Any:
        """Take a step now, in a transaction of its own; its case, or the approval that was opened."""
        ask = Ask(flow, event_name, self.actors[who], self.now, code=code, facts=facts, version=version)
        taken = database.in_transaction(self.engine, lambda session: take(session, ask))
        return taken.approval or taken.case

    def lead(
        self, event_name: str, who: str, code: str | None = None, version: int | None = None, **facts: Any
    ) -> Any:
        return self.take(LeadFlow, event_name, who, code, version, **facts)

    def capture(self, who: str = "mei", phone: int | None = None, channel: str = "call_in") -> str:
        phone = phone or next(self.phones)
        return str(
            self.lead("capture", who, name="王先生", phone=str(phone), channel=channel, consent=True).code
        )

    def screened(self) -> str:
        code = self.capture()
        self.lead("screen", "mei", code, demand="三房", intent="A")
        return code

    def visited(self) -> str:
        code = self.screened()
        self.lead("visit", "desk", code)
        return code

    def assigned(self) -> str:
        code = self.visited()
        self.lead("accept", self.offered_to(code), code, signature="陈一")
        return code

    def pooled(self) -> str:
        """A call-in lead that nobody brought to the desk in two weeks."""
        code = self.screened()
        self.now += timedelta(days=14)
        self.drain()
        return code

    def see(self, code: str) -> Lead:
        """The lead as it stands in the database now."""
        with database.begin(self.engine) as session:
            return session.scalars(select(Lead).where(Lead.code == code)).one()

    def named(self, person: int | None) -> str:
        return next((name for name, actor in self.actors.items() if person and actor.id == person), "")

    def offered_to(self, code: str) -> str:
        return self.named(self.see(code).offered_to_id)

    def decide(self, who: str, decision: str, code: str) -> Any:
        return self.take(ApprovalFlow, decision, who, code)

    def approval(self, code: str) -> Approval:
        with database.begin(self.engine) as session:
            return session.scalars(select(Approval).where(Approval.code == code)).one()

    def drain(self) -> int:
        return drain_due(self.engine, self.now)

    def prove(self) -> None:
        """Let everything settle, then prove the books."""
        self.drain()
        with database.read(self.engine) as session:
            report = verify(session, self.now)
            assert report.clean, report.findings[:5]
            assert not report.notes, report.notes


def together(*acts: Callable[[], Any]) -> list[str]:
    """Do all of this at one instant; for each "taken", or the code of the refusal. Anything else that goes wrong is raised."""
    barrier, answers = threading.Barrier(len(acts)), [""] * len(acts)
    broken: list[BaseException] = []

    def run(place: int, act: Callable[[], Any]) -> None:
        barrier.wait()
        try:
            act()
            answers[place] = "taken"
        except Refused as refusal:
            answers[place] = refusal.code if refusal.detail("zh") else "unreadable"
        except BaseException as error:
            broken.append(error)

    threads = [threading.Thread(target=run, args=(n, act)) for n, act in enumerate(acts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if broken:
        raise broken[0]
    return answers


def hesitate(engine: Engine, rng: random.Random, share: float = 0.12, longest: float = 0.004) -> None:
    """Let statements pause at random, so that transactions meet in every order."""

    @event.listens_for(engine, "after_cursor_execute")
    def pause(*_unused: Any) -> None:
        if rng.random() < share:
            time.sleep(rng.random() * longest)
