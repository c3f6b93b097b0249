"""A timer and a person at one instant, two sweeps over the same timers, two deliveries of the same facts: whatever is
committed first decides, the other finds the lead moved, and nothing happens twice."""

# ruff: noqa: B023 (what is raced is called before the loop goes on)

from __future__ import annotations

import multiprocessing
import random
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, func, select, text

from models import database as databases
from models.notices import Notification
from models.remembered import Approval, Delivery, History, Outbox, Timer
from tests.conftest import DATA_KEY
from tests.races.office import Office, together
from workflows import facts, timers


def sweep(office: Office) -> Callable[[], Any]:
    return lambda: timers.fire_due(office.engine, office.now)


def ended(office: Office, code: str, name: str) -> list[tuple[str, str | None]]:
    """What became of the timers of this name, the newest last."""
    with databases.begin(office.engine) as session:
        return [
            (t.state, t.result)
            for t in session.scalars(
                select(Timer).where(Timer.case_code == code, Timer.name == name).order_by(Timer.id)
            )
        ]


def events(office: Office, code: str) -> list[str]:
    with databases.begin(office.engine) as session:
        return list(
            session.scalars(select(History.event).where(History.case_code == code).order_by(History.seq))
        )


def test_accepting_in_the_last_instant(office: Office, rounds: range) -> None:
    """Accepted, and the offer's timer cancelled; or given to the next, and whoever was late no longer sees it."""
    for _unused in rounds:
        code = office.visited()
        who = office.offered_to(code)
        office.now += timedelta(minutes=15)
        accept, _timer = together(lambda: office.lead("accept", who, code, signature="陈一"), sweep(office))
        office.drain()
        lead = office.see(code)
        if accept == "taken":
            assert (lead.state, office.named(lead.holder_id)) == ("assigned", who)
            assert ended(office, code, "offer") == [("cancelled", "cancelled")]
        else:
            assert accept == "not_found"
            assert ended(office, code, "offer")[0] == ("fired", "taken")
            assert office.offered_to(code) not in ("", who)
            office.lead("accept", office.offered_to(code), code, signature="陈一")
    office.prove()


def test_asking_for_a_deal_in_the_last_instant(office: Office, rounds: range) -> None:
    """The ten days wait for the decision, or they were over first and the deal is asked for from there."""
    for _unused in rounds:
        code = office.assigned()
        holder = office.named(office.see(code).holder_id)
        office.now += timedelta(days=10)
        ask, _timer = together(
            lambda: office.lead("deal", holder, code, units=1, contract_no="HT-1", amount_fen=1),
            sweep(office),
        )
        assert ask == "taken"
        office.drain()
        waited = ended(office, code, "lapse") == [("pending", None)]
        assert waited == (office.see(code).state == "assigned")
        assert waited or ended(office, code, "lapse") == [("fired", "taken")]
        with databases.begin(office.engine) as session:
            asked = session.scalars(select(Approval).where(Approval.case_code == code)).one()
        office.decide("sun", "reject", asked.code)
        office.drain()
        assert office.see(code).state == "unconverted"
        assert events(office, code).count("lapse") == 1
    office.prove()


def test_approving_a_deal_in_the_last_instant(office: Office, rounds: range) -> None:
    for _unused in rounds:
        code = office.assigned()
        holder = office.named(office.see(code).holder_id)
        asked = office.lead("deal", holder, code, units=1, contract_no="HT-1", amount_fen=1)
        office.now += timedelta(days=31)
        decided, _one, _two = together(
            lambda: office.decide("sun", "approve", asked.code), sweep(office), sweep(office)
        )
        assert decided == "taken"
        office.drain()
        assert (office.see(code).state, office.see(code).outcome) == ("closed", "deal")
        assert not {"lapse", "expire"} & set(events(office, code))
    office.prove()


def test_arriving_when_the_two_weeks_end(office: Office, rounds: range) -> None:
    for _unused in rounds:
        code = office.screened()
        office.now += timedelta(days=14)
        visit, _timer = together(lambda: office.lead("visit", "desk", code), sweep(office))
        office.drain()
        assert (visit, office.see(code).state) in [
            ("taken", "visited"),
            ("not_allowed_from_state", "reclaimed"),
        ]
        assert events(office, code).count("expire") == (visit != "taken")
        if visit == "taken":
            office.lead("accept", office.offered_to(code), code, signature="陈一")
    office.prove()


def test_claiming_while_the_protection_ends(office: Office, rounds: range) -> None:
    """Too early by a moment is refused; it is never claimed without having gone to the pool."""
    for _unused in rounds:
        code = office.screened()
        office.now += timedelta(days=14)
        claim, _timer = together(lambda: office.lead("claim", "tao", code), sweep(office))
        office.drain()
        assert (claim, office.named(office.see(code).holder_id)) in [("taken", "tao"), ("not_found", "")]
        assert events(office, code).count("expire") == 1
    office.prove()


def test_sweeps_and_people_in_a_crowd(office: Office, rounds: range, rng: random.Random) -> None:
    """Many timers due at once, two sweeps, a delivery, and people at work on the same leads: no deadlock comes out."""
    for _unused in rounds[: max(2, len(rounds) // 4)]:
        assigned = [office.assigned(), office.assigned()]
        leads = (
            [office.visited() for _each in range(3)] + assigned + [office.screened() for _each in range(3)]
        )
        asked = office.lead("expose", "an", leads[3], evidence="朋友冒充")
        extend = office.lead("extend", "mei", leads[0], days=3, reason="等贷款")
        office.now += timedelta(days=rng.choice([1, 10, 14, 31]))
        together(
            sweep(office),
            sweep(office),
            lambda: facts.deliver_due(office.engine, office.now),
            lambda: office.decide("sun", "approve", asked.code),
            lambda: office.decide("qian", "approve", extend.code),
            lambda: office.lead("visit", "desk", leads[5]),
            lambda: office.lead("follow_up", "guo", leads[4], note="电话"),
            lambda: office.lead("expose", "an", leads[1], evidence="朋友冒充"),
        )
        office.now += timedelta(days=60)
        office.drain()
    office.prove()
    if office.engine.dialect.name == "postgresql":
        with office.engine.connect() as connection:
            deadlocks = connection.execute(
                text("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
            ).scalar()
        assert deadlocks == 0


def work_alone(url: str, at: str, start: Any, counted: Any) -> None:
    """One worker in a process of its own: fires and delivers until nothing is left."""
    from models import sealed

    sealed.use(DATA_KEY)
    engine = databases.open_engine(url)
    now = datetime.fromisoformat(at)
    start.wait()
    fired = delivered = idle = 0
    while idle < 5:
        done = timers.fire_due(engine, now, limit=7)
        told = facts.deliver_due(engine, now, limit=9)
        fired, delivered, idle = fired + done, delivered + told, 0 if done or told else idle + 1
    counted.put((fired, delivered))


@pytest.mark.processes
def test_three_workers_fire_and_tell_everything_once(database: Engine, database_url: str) -> None:
    office = Office(database)
    codes = [office.screened() for _unused in range(40)]
    visited = [office.visited() for _unused in range(3)]
    office.now += timedelta(days=14)
    spawn = multiprocessing.get_context("spawn")
    start, counted = spawn.Barrier(3), spawn.Queue()
    workers = [
        spawn.Process(target=work_alone, args=(database_url, office.now.isoformat(), start, counted))
        for _unused in range(3)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
        assert worker.exitcode == 0
    total = [counted.get(timeout=5) for _unused in workers]
    with database.connect() as connection:
        fired = connection.scalar(select(func.count()).where(Timer.state == "fired"))
        assert sum(fires for fires, _told in total) == fired
        assert connection.scalar(select(func.count()).where(Outbox.state == "pending")) == 0
        told = connection.scalar(select(func.count(Outbox.id))) or 0
        assert connection.scalar(select(func.count(Delivery.uid))) == told * len(facts.CONSUMERS)
        twice = (
            select(Notification.fact_uid)
            .group_by(Notification.fact_uid, Notification.person_id)
            .having(func.count() > 1)
        )
        assert connection.execute(twice).all() == []
        assert connection.scalar(select(func.count()).where(History.event == "expire")) == len(codes)
    assert all(events(office, code).count("expire") == 1 for code in codes)
    assert all(office.see(code).state == "visited" for code in visited)
    office.prove()
