"""Random office life, played in the program and in the small independent model of `office.py`; after every step both
must say the same: outcome or refusal, states, holders, offers, timers with their due instants, approvals, the queue.

A run is repeated with the seed it printed: `TUOKE_SEED=… make test ARGS=tests/simulation`. `TUOKE_SIMULATION` is the
number of office lives (of up to 60 steps each) per database; `TUOKE_SHRINK=1` looks for the shortest story of a
disagreement, which takes minutes.
"""

from __future__ import annotations

import os
import random
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import Engine, delete, func, select

from models import database as databases
from models.base import Base
from models.leads import Duty, Lead
from models.notices import Notification
from models.people import Person
from models.remembered import Approval, Delivery, History, Outbox, Timer
from tests.simulation.office import PUBLIC, Human, No, Office, Request
from tests.simulation.office import Lead as Known
from tests.simulation.said import CONSULTANTS, DATA, EVENTS, MINUTES, ONWARD, PHONES, STAFF_PHONE, WRONG
from workers.draining import drain_due
from workflows import policy, staff, timers
from workflows.approval import ApprovalFlow
from workflows.engine import PUBLIC as ANYBODY
from workflows.engine import Actor, Ask, Refused, take
from workflows.lead import LeadFlow
from workflows.rotation import DutyFlow
from workflows.verify import verify

LIVES = int(os.environ.get("TUOKE_SIMULATION", "8"))
SHRINK = bool(os.environ.get("TUOKE_SHRINK"))
SEED = int(os.environ.get("TUOKE_SEED", "0")) or random.SystemRandom().randrange(1, 2**31)

PEOPLE = [
    Human("mei", {"member"}, "A"),
    Human("bo", {"member"}, "A"),
    Human("lin", {"leader"}, "A"),
    Human("tao", {"member"}, "B"),
    Human("xu", {"leader", "member"}, "B"),
    Human("guo", {"manager"}),
    Human("pan", {"manager", "sales_manager"}),
    Human("sun", {"sales_manager"}),
    Human("qian", {"sales_manager"}),
    Human("desk", {"reception"}),
    Human("c1", {"consultant"}),
    Human("c2", {"consultant"}),
    Human("c3", {"consultant"}),
    Human("c4", {"consultant", "member"}, "B"),
    Human("fei", {"finance"}),
    Human("an", {"auditor"}),
    Human("root", {"admin"}),
]
NAMES = [human.name for human in PEOPLE]
STARTS = [
    datetime(2026, 1, 30, 2, 0, tzinfo=UTC),
    datetime(2026, 1, 31, 15, 59, tzinfo=UTC),
    datetime(2028, 1, 31, 4, 30, tzinfo=UTC),
    datetime(2026, 3, 31, 16, 30, tzinfo=UTC),
    datetime(2026, 12, 31, 1, 0, tzinfo=UTC),
]
LIMITS = [
    (0, 0, 0),
    (2, 0, 0),
    (0, 1, 3),
    (1, 2, 30),
]  # claims per day, leads held, days before claiming again
ORDER = ["captured", "screened", "visited", "assigned", "unconverted", "pooled", "claimed"]
some = st.integers(0, 10_000)


def one_of(things: list[Any], number: int) -> Any:
    return things[number % len(things)]


class OfficeLife(RuleBasedStateMachine):
    """One office for some days. `engine` is set by the test; `counted` counts the steps of the whole run."""

    engine: Engine
    counted: dict[str, int]

    @initialize(
        start=st.sampled_from(STARTS),
        limits=st.sampled_from(LIMITS),
        preludes=st.lists(st.sampled_from(ORDER), max_size=3),
    )
    def open_the_office(self, start: datetime, limits: tuple[int, int, int], preludes: list[str]) -> None:
        self.office = Office(PEOPLE, start, *limits)
        self.office.staff_phones.add(STAFF_PHONE)
        self.codes: list[str] = []
        self.asked: list[str] = []
        self.last: tuple[Any, ...] = ()
        claims, held, wait = limits
        policy.forget(self.engine)
        with databases.begin(self.engine) as session:
            for table in reversed(Base.metadata.sorted_tables):
                if table.name != "key_print":
                    session.execute(delete(table))
            staff.ensure_company(session)
            for human in PEOPLE:
                person = staff.add_person(session, human.name, sorted(human.roles), human.team)
                if human.name == "fei":
                    staff.declare_phone(session, person, STAFF_PHONE, "relative")
            numbers = {"pool_claims_per_day": claims, "pool_held_max": held, "pool_return_days": wait}
            policy.enact(session, numbers, start - timedelta(days=1))
            self.actors = {name: staff.actor_named(session, name) for name in NAMES} | {PUBLIC: ANYBODY}
        for name in CONSULTANTS[:3]:
            self.join_or_leave(name, name, "join")
        for number, prelude in enumerate(preludes):
            self.play_before(number, prelude)

    def play_before(self, number: int, prelude: str) -> None:
        """A lead that has come some way before the story begins."""
        self.register(
            "mei", {"name": "张三", "phone": f"1380000010{number}", "channel": "call_in", "consent": True}
        )
        lead, far = self.office.leads[-1], ORDER.index(prelude)
        if far >= 1:
            self.ask("mei", "screen", lead, DATA["screen"][0])
        if far >= 2:
            self.ask("desk", "visit", lead, {})
        if far >= 3:
            self.ask(str(lead.offered_to), "accept", lead, DATA["accept"][0])
        if far == 4:
            self.time_passes(10 * 1440, False)
        if far >= 5:
            self.time_passes(31 * 1440, False)
        if far == 6:
            self.ask("lin", "claim", lead, {})

    # --- what people do ----------------------------------------------------------------------------------------

    @rule(
        who=st.sampled_from([*NAMES, PUBLIC]),
        phone=st.sampled_from([*PHONES, STAFF_PHONE]),
        channel=st.sampled_from(["call_in", "flyer", "online"]),
    )
    def capture(self, who: str, phone: str, channel: str) -> None:
        self.register(who, {"name": "王先生", "phone": phone, "channel": channel, "consent": True})

    @rule(
        who=st.sampled_from(["mei", "tao", "lin", "desk", PUBLIC]),
        phone=st.sampled_from(PHONES),
        channel=st.sampled_from(["call_in", "call_in", "flyer"]),
    )
    def capture_as_usual(self, who: str, phone: str, channel: str) -> None:
        self.register(who, {"name": "李女士", "phone": phone, "channel": channel, "consent": True})

    @rule(
        who=st.sampled_from(["mei", "c1", PUBLIC]),
        wrong=st.sampled_from(
            [
                {"phone": "12345"},
                {"phone": None},
                {"consent": False},
                {"consent": "yes"},
                {"channel": "rumour"},
                {"name": " "},
            ]
        ),
    )
    def capture_wrongly(self, who: str, wrong: dict[str, Any]) -> None:
        self.register(
            who, {"name": "王先生", "phone": PHONES[0], "channel": "flyer", "consent": True, **wrong}
        )

    @precondition(lambda self: self.codes)
    @rule(lead=some, event=st.sampled_from(EVENTS), who=st.sampled_from(NAMES), data=some)
    def anybody_asks(self, lead: int, event: str, who: str, data: int) -> None:
        choices = DATA.get(event, [{}]) + WRONG.get(event, [])
        self.ask(who, event, one_of(self.office.leads, lead), one_of(choices, data))

    @precondition(lambda self: self.codes)
    @rule(lead=some, event=some, who=some, data=some)
    def somebody_who_may_asks(self, lead: int, event: int, who: int, data: int) -> None:
        self.ask_as_usual(lead, event, who, data, DATA)

    @precondition(lambda self: any(lead.state in ONWARD for lead in self.office.leads))
    @rule(lead=some, event=some, who=some, data=some)
    def the_day_goes_on(self, lead: int, event: int, who: int, data: int) -> None:
        self.onward(lead, event, who, data)

    @precondition(lambda self: any(lead.state in ONWARD for lead in self.office.leads))
    @rule(lead=some, event=some, who=some, data=some)
    def and_goes_on(self, lead: int, event: int, who: int, data: int) -> None:
        self.onward(lead, event, who, data)

    @precondition(lambda self: any(lead.state in ONWARD for lead in self.office.leads))
    @rule(lead=some, event=some, who=some, data=some)
    def and_on(self, lead: int, event: int, who: int, data: int) -> None:
        self.onward(lead, event, who, data)

    @precondition(lambda self: self.codes)
    @rule(lead=some, event=some, who=some, data=some)
    def somebody_who_may_writes_nonsense(self, lead: int, event: int, who: int, data: int) -> None:
        self.ask_as_usual(lead, event, who, data, WRONG)

    @precondition(lambda self: self.asked)
    @rule(
        request=some, who=st.sampled_from(NAMES), decision=st.sampled_from(["approve", "reject", "withdraw"])
    )
    def anybody_decides(self, request: int, who: str, decision: str) -> None:
        self.decide(who, decision, one_of(self.office.requests, request))

    @precondition(lambda self: any(r.state == "pending" for r in self.office.requests))
    @rule(
        request=some,
        who=some,
        decision=st.sampled_from(["approve", "approve", "approve", "reject", "withdraw"]),
    )
    def an_approver_decides(self, request: int, who: int, decision: str) -> None:
        found = one_of([r for r in self.office.requests if r.state == "pending"], request)
        may = (
            [found.by] if decision == "withdraw" else [n for n in NAMES if self.office.may_approve(n, found)]
        )
        self.decide(one_of(may, who), decision, found)

    @rule(who=st.sampled_from(CONSULTANTS), decision=st.sampled_from(["join", "leave"]), chief=st.booleans())
    def on_and_off_duty(self, who: str, decision: str, chief: bool) -> None:
        self.join_or_leave("sun" if chief and decision == "leave" else who, who, decision)

    @rule(minutes=st.sampled_from(MINUTES), asleep=st.booleans())
    def time_passes(self, minutes: int, asleep: bool) -> None:
        """The house works meanwhile, or it sleeps and finds everything late."""
        to = self.office.now + timedelta(minutes=minutes)
        if not asleep:
            self.work_until(to)
        self.office.pass_time(to, asleep)
        self.settle(("time", minutes, asleep), "done", "done")

    # --- both tellings -----------------------------------------------------------------------------------------

    def ask_as_usual(
        self, lead: int, event: int, who: int, data: int, given: dict[str, list[dict[str, Any]]]
    ) -> None:
        """An event that is possible now, by somebody who may: this is what moves the office on."""
        known = one_of(
            [each for each in self.office.leads if each.state != "closed"] or self.office.leads, lead
        )
        usual = [
            (event, name)
            for event in EVENTS
            for name in NAMES
            if self.office.possible(event, known)
            and self.office.sees(name, known)
            and self.office.may(name, event, known)
        ]
        if usual:
            chosen = one_of(sorted({event for event, _name in usual}), event)
            name = one_of([name for event, name in usual if event == chosen], who)
            self.ask(name, chosen, known, one_of(given.get(chosen, [{}]), data))

    def onward(self, lead: int, event: int, who: int, data: int) -> None:
        """The step that brings a lead further, by somebody who may."""
        known = one_of([each for each in self.office.leads if each.state in ONWARD], lead)
        chosen = one_of(ONWARD[known.state], event)
        may = [
            name for name in NAMES if self.office.sees(name, known) and self.office.may(name, chosen, known)
        ]
        if may and self.office.possible(chosen, known):
            self.ask(one_of(may, who), chosen, known, one_of(DATA.get(chosen, [{}]), data))

    def register(self, who: str, data: dict[str, Any]) -> None:
        told = self.told(lambda: (self.office.capture(who, data), "taken")[1])
        done, case = self.done(LeadFlow, "capture", who, None, data)
        if done == "taken":
            self.codes.append(case.code)
        self.settle((who, "capture", data), told, done)

    def ask(self, who: str, event: str, lead: Known, data: dict[str, Any]) -> None:
        told = self.told(lambda: self.office.ask(who, event, lead, data))
        done, case = self.done(LeadFlow, event, who, self.codes[lead.key], data)
        if done == "requested":
            self.asked.append(case.code)
        self.settle((who, event, lead.key, data), told, done)

    def decide(self, who: str, decision: str, request: Request) -> None:
        told = self.told(lambda: self.office.decide(who, decision, request))
        code = self.asked[self.office.requests.index(request)]
        done, case = self.done(ApprovalFlow, decision, who, code, {"note": "看过"})
        self.settle(
            (who, decision, request.event, request.lead.key), told, case.state if done == "taken" else done
        )

    def join_or_leave(self, by: str, who: str, decision: str) -> None:
        told = self.told(lambda: getattr(self.office, decision)(who) or "taken")
        with databases.read(self.engine) as session:
            place = session.scalar(select(Duty.code).join(Person).where(Person.name == who))
        if decision == "leave" and place is None:
            return
        done, _case = self.done(DutyFlow, decision, by, place, {})
        self.settle((by, decision, who), told, done)

    @staticmethod
    def told(act: Callable[[], Any]) -> str:
        try:
            return str(act())
        except No as no:
            return str(no)

    def done(
        self, flow: Any, event: str, who: str, code: str | None, data: dict[str, Any]
    ) -> tuple[str, Any]:
        """The same in the program: its answer, and the case or the approval; a refusal must have written nothing."""
        by: Actor = self.actors[who]
        before, refused = self.written(), None
        try:
            ask = Ask(flow, event, by, self.office.now, code=code, facts=data)
            taken = databases.in_transaction(self.engine, lambda session: take(session, ask))
        except Refused as refusal:
            refused = refusal
        else:
            return ("requested", taken.approval) if taken.approval else ("taken", taken.case)
        assert all(refused.detail(locale) for locale in ("zh", "en")), "a refusal says why"
        assert self.written() == before, f"a refused {event} wrote something"
        return refused.code, None

    def written(self) -> tuple[Any, ...]:
        with databases.read(self.engine) as session:
            return tuple(
                session.execute(
                    select(
                        *(
                            select(func.max(t.id)).scalar_subquery()
                            for t in (History, Outbox, Timer, Lead, Approval)
                        )
                    )
                ).one()
            )

    def work_until(self, to: datetime) -> None:
        """As the clock does: to each due instant in turn, so that everything fires in time."""
        office = self.office
        now = office.now
        for _unused in range(10_000):
            with databases.read(self.engine) as session:
                due = timers.next_due(session)
            if due is None or due > to:
                return
            now = max(now, due)
            drain_due(self.engine, now)
        raise AssertionError("timers without end")

    def settle(self, what: tuple[Any, ...], told: str, done: str) -> None:
        """After each step what is due now happens in both, and both gave the same answer."""
        self.last = what
        self.counted["steps"] += 1
        told_as = f"{what[1]} {done}" if done in ("taken", "requested") else done
        self.counted[told_as] = self.counted.get(told_as, 0) + 1
        self.office.pass_time(self.office.now, asleep=False)
        drain_due(self.engine, self.office.now)
        assert done == told, f"{what}: the program says {done}, the specification {told}"

    @invariant()
    def both_tell_the_same(self) -> None:
        with databases.read(self.engine) as session:
            names = {row.id: row.name for row in session.execute(select(Person.id, Person.name))}
            leads = {lead.code: lead for lead in session.scalars(select(Lead))}
            running: dict[tuple[str, str], dict[str, datetime]] = {}
            for timer in session.scalars(select(Timer).where(Timer.state == "pending")):
                running.setdefault((timer.flow, timer.case_code), {})[timer.name] = timer.due_at
            approvals = {a.code: a.state for a in session.scalars(select(Approval))}
            queue = [
                d.person.name
                for d in session.scalars(select(Duty).where(Duty.state == "on_duty").order_by(Duty.position))
            ]
            assert len(leads) == len(self.office.leads), self.last
            for known, code in zip(self.office.leads, self.codes, strict=True):
                lead = leads[code]
                people = [
                    names.get(person or 0)
                    for person in (lead.holder_id, lead.promoter_id, lead.offered_to_id)
                ]
                got = (lead.state, lead.outcome, *people)
                assert got == (known.state, known.outcome, known.holder, known.promoter, known.offered_to), (
                    self.last,
                    known,
                )
                assert running.get(("lead", code), {}) == {n: t.due for n, t in known.timers.items()}, (
                    self.last,
                    known,
                )
            for request, code in zip(self.office.requests, self.asked, strict=True):
                assert approvals[code] == request.state, (self.last, request)
                assert running.get(("approval", code), {}) == {n: t.due for n, t in request.timers.items()}, (
                    self.last,
                    request,
                )
            assert queue == self.office.queue, self.last

    def teardown(self) -> None:
        """At closing time the books are proved, and history tells the same story in the same order."""
        if sys.exc_info()[0] is not None or not hasattr(self, "office"):
            return  # what went wrong before is what counts
        with databases.read(self.engine) as session:
            report = verify(session, self.office.now)
            assert report.clean, report.findings
            assert not report.notes, report.notes
            for known, code in zip(self.office.leads, self.codes, strict=False):
                rows = session.scalars(
                    select(History.event)
                    .where(History.flow == "lead", History.case_code == code)
                    .order_by(History.seq)
                )
                assert list(rows) == known.events, (code, known)
            facts = session.scalar(select(func.count()).select_from(Outbox))
            told = session.scalar(select(func.count(func.distinct(Delivery.uid))))
            assert facts == told
            assert (
                session.scalar(
                    select(func.count())
                    .select_from(Notification)
                    .where(Notification.fact_uid.not_in(select(Outbox.uid)))
                )
                == 0
            )
        self.counted["lives"] += 1


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_the_program_and_the_specification_tell_the_same_story(engine: Engine, record_property: Any) -> None:
    counted = {"steps": 0, "lives": 0}

    class Life(OfficeLife):
        pass

    Life.engine, Life.counted = engine, counted
    print(f"\nsimulation on {engine.dialect.name}: TUOKE_SEED={SEED}, {LIVES} lives")
    budget = settings(
        max_examples=LIVES,
        stateful_step_count=60,
        deadline=None,
        database=None,
        print_blob=True,
        suppress_health_check=list(HealthCheck),
        phases=(Phase.generate, Phase.shrink) if SHRINK else (Phase.generate,),
    )
    try:
        run_state_machine_as_test(seed(SEED)(Life), settings=budget)
    except Exception:
        print(f"repeat with TUOKE_SEED={SEED}")
        raise
    finally:
        record_property("seed", SEED)
        print("simulation:", ", ".join(f"{count} {what}" for what, count in counted.items()))
