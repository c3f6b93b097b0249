"""A process that dies between any two statements of a request or of a worker's job: all of it happened or nothing, and
the same request again, with the same key, gets one effect and one answer.

The child is a fork with its own connections; it counts the statements it sends (and each commit) and leaves without a
word (`os._exit`) just before the k-th, and for a greater k, until it comes through alive.
"""

# ruff: noqa: B023 (what is raced is called before the loop goes on)

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Engine, event, func, select

from models import database as databases
from models.notices import Notification
from models.remembered import Answer, Approval, Delivery, History, Outbox, Timer
from models.settings import Settings
from tests.races.office import Office
from web.app import create_app
from workflows import facts, staff, timers
from workflows.rotation import DutyFlow, duty_of

KILLED = 137
STRIDE = int(os.environ.get("TUOKE_STRIDE", "9"))
SEED = int(os.environ.get("TUOKE_SEED", "0")) or random.SystemRandom().randrange(1, 2**31)


def places() -> Iterator[int]:
    """Where to die: every STRIDE-th statement from a random first one on (TUOKE_STRIDE=1: everywhere)."""
    first = 1 + SEED % STRIDE
    print(f"TUOKE_SEED={SEED} TUOKE_STRIDE={STRIDE}")
    return iter(range(first, 400, STRIDE))


class Doomed:
    """Forks that die before their k-th statement, and the one that answers in the end."""

    def __init__(self, url: str) -> None:
        self.engine = databases.open_engine(url)  # connected in the forks only

    def dies_at(self, k: int, act: Callable[[Engine], Any]) -> bool:
        """Do `act` in a fork that dies before its k-th statement; whether it died."""
        child = os.fork()
        if child == 0:
            status = 1
            try:
                count_down(self.engine, k)
                act(self.engine)
                status = 0
            finally:
                os._exit(status)
        _pid, ended = os.waitpid(child, 0)
        code = os.waitstatus_to_exitcode(ended)
        assert code in (0, KILLED), f"the child ended with {code}"
        return code == KILLED


def count_down(engine: Engine, k: int) -> None:
    """Die before the k-th statement; the end of a transaction counts as one, and so does the moment after it."""
    left = [k]

    def one_less(*_unused: Any) -> None:
        left[0] -= 1
        if left[0] <= 0:
            os._exit(KILLED)

    event.listen(engine, "before_cursor_execute", one_less)
    event.listen(engine, "commit", one_less)


@pytest.fixture
def office(database: Engine) -> Office:
    return Office(database)


@pytest.fixture
def doomed(database_url: str) -> Doomed:
    return Doomed(database_url)


def post(app: Flask, token: str, path: str, body: dict[str, Any], key: str) -> Any:
    headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": key}
    return app.test_client().post(f"/api/v1{path}", json=body, headers=headers)


def counts(engine: Engine) -> dict[str, int]:
    """How many rows each table of the path has; a crash must leave them as they were, or all grown."""
    with databases.read(engine) as session:
        return {
            t.__tablename__: session.scalar(select(func.count()).select_from(t)) or 0
            for t in (History, Outbox, Timer, Approval, Answer)
        }


def requests(office: Office) -> dict[str, tuple[str, Callable[[], tuple[str, dict[str, Any]]], str]]:
    """What is asked for, by whom, and the event of which there must be one."""

    def visit() -> tuple[str, dict[str, Any]]:
        office.now += timedelta(hours=1)
        office.drain()  # earlier offers are over
        return f"/leads/{office.screened()}/visit", {}

    def accept() -> tuple[str, dict[str, Any]]:
        return f"/leads/{office.visited()}/accept", {"signature": "陈一"}

    def approve() -> tuple[str, dict[str, Any]]:
        code = office.assigned()
        asked = office.lead(
            "deal", office.named(office.see(code).holder_id), code, units=1, contract_no="HT-1", amount_fen=1
        )
        return f"/approvals/{asked.code}/approve", {"note": "同意"}

    def capture() -> tuple[str, dict[str, Any]]:
        return "/leads", {
            "name": "王先生",
            "phone": str(next(office.phones)),
            "channel": "call_in",
            "consent": True,
        }

    return {
        "capture": ("mei", capture, "capture"),
        "visit": ("desk", visit, "visit"),
        "accept": ("c0", accept, "accept"),
        "approve": ("sun", approve, "deal"),
    }


@pytest.mark.processes
@pytest.mark.parametrize("what", ["capture", "visit", "accept", "approve"])
def test_a_request(what: str, office: Office, doomed: Doomed, settings: Settings) -> None:
    who, prepare, happened = requests(office)[what]
    if what == "accept":  # one consultant, so that each offer is theirs
        for name in ("c1", "c2"):
            with databases.begin(office.engine) as session:
                place = duty_of(session, 1, office.actors[name].id)
                assert place
            office.take(DutyFlow, "leave", name, place.code)
    with databases.begin(office.engine) as session:
        token = staff.issue_token(session, staff.person_named(session, who), office.now)
    alive, dying = create_app(settings, office.engine), create_app(settings, doomed.engine)
    for k in places():
        path, body = prepare()
        before = counts(office.engine)
        office.engine.dispose()  # no connection of ours may live on in a fork
        died = doomed.dies_at(k, lambda _engine: post(dying, token, path, body, f"key-{k}"))
        after = counts(office.engine)
        grown = {name for name in after if after[name] != before[name]}
        assert not grown or {"history", "outbox", "answer"} <= grown, (
            f"half of it happened at statement {k}: {grown}"
        )
        answer = post(alive, token, path, body, f"key-{k}")
        assert answer.status_code in (200, 201), (k, answer.json)
        assert ("Idempotency-Replayed" in answer.headers) == bool(grown)
        code = answer.json["code"]
        with databases.read(office.engine) as session:
            once = select(func.count()).where(History.case_code == code, History.event == happened)
            assert session.scalar(once) == 1, f"{happened} happened twice or never (statement {k})"
        if not died:
            break
    assert not died, "it never came through"
    assert k > 12, "the statements were not counted"
    print(f"{what}: {k - 1} places to die at, on {office.engine.dialect.name}")
    office.now = datetime.now(UTC) + timedelta(days=90)
    office.prove()


@pytest.mark.processes
def test_a_sweep_of_timers(office: Office, doomed: Doomed) -> None:
    """Each offer unanswered and each protection over is settled once, wherever the worker died."""
    for k in places():
        code, other = office.visited(), office.screened()
        office.now += timedelta(days=14)
        now = office.now
        office.engine.dispose()
        died = doomed.dies_at(k, lambda engine: timers.fire_due(engine, now))
        timers.fire_due(office.engine, now)
        with databases.read(office.engine) as session:
            due = select(func.count()).where(Timer.state == "pending", Timer.due_at <= now)
            assert session.scalar(due) == 0
            for each, name in ((code, "decline"), (other, "expire")):
                assert (
                    session.scalar(
                        select(func.count()).where(History.case_code == each, History.event == name)
                    )
                    == 1
                )
            double = (
                select(History.timer_id)
                .where(History.timer_id.is_not(None))
                .group_by(History.timer_id)
                .having(func.count() > 1)
            )
            assert session.execute(double).all() == []
        if not died:
            break
        office.now += timedelta(days=60)
        office.drain()
    assert not died
    print(f"sweep: {k - 1} places to die at, on {office.engine.dialect.name}")
    office.prove()


@pytest.mark.processes
def test_a_delivery_of_facts(office: Office, doomed: Doomed) -> None:
    for k in places():
        office.visited()
        office.engine.dispose()
        died = doomed.dies_at(k, lambda engine: facts.deliver_due(engine, office.now))
        facts.deliver_due(office.engine, office.now)
        with databases.read(office.engine) as session:
            assert session.scalar(select(func.count()).where(Outbox.state != "done")) == 0
            told = session.scalar(select(func.count(Outbox.id))) or 0
            assert session.scalar(select(func.count(Delivery.uid))) == told * len(facts.CONSUMERS)
            twice = (
                select(Notification.fact_uid)
                .group_by(Notification.fact_uid, Notification.person_id)
                .having(func.count() > 1)
            )
            assert session.execute(twice).all() == []
        if not died:
            break
    assert not died
    print(f"delivery: {k - 1} places to die at, on {office.engine.dialect.name}")
    office.prove()
