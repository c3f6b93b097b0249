"""Whoever comes second waits, and then sees what the first has done; or leaves alone what the first has taken on."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Engine, event, func, select, update

from models import database as databases
from models.leads import Lead
from models.machinery import KeyPrint
from models.messages import Endpoint, Message
from models.money import Journal
from models.queueing import Queued
from models.remembered import Delivery, History, Outbox, Timer
from tests.money.company import Company
from tests.races.office import Office
from tests.safeguards.held import at_once, held, waits
from workflows import facts, staff, timers
from workflows.money import ledger, proof
from workflows.telling import posting


def follow_up(office: Office, code: str) -> Any:
    return office.lead("follow_up", "guo", code, note="电话")


def test_two_steps_of_one_lead_are_taken_in_turn(office: Office) -> None:
    """Row lock."""
    code = office.assigned()
    with held(office.engine, lambda: follow_up(office, code)):
        second = at_once(lambda: follow_up(office, code))
        assert waits(office.engine, second)
    assert second.ended().said == "taken"
    with databases.read(office.engine) as session:
        assert session.scalar(select(func.count()).where(History.event == "follow_up")) == 2
    office.prove()


def test_two_arrivals_at_one_instant_go_to_two_consultants(office: Office) -> None:
    """Project lock."""
    one, other = office.screened(), office.screened()
    with held(office.engine, lambda: office.lead("visit", "desk", one)):
        second = at_once(lambda: office.lead("visit", "desk", other))
        assert waits(office.engine, second)
    assert second.ended().said == "taken"
    assert sorted((office.offered_to(one), office.offered_to(other))) == ["c0", "c1"]


def test_two_visitors_who_type_one_phone_are_one_lead(office: Office) -> None:
    """The phone is held while it is looked for."""
    phone = next(office.phones)
    with held(office.engine, lambda: office.capture("public", phone)):
        second = at_once(lambda: office.capture("public", phone))
        assert waits(office.engine, second)
    assert second.ended().said == "conflict"
    with databases.read(office.engine) as session:
        assert session.scalar(select(func.count(Lead.id))) == 1


def test_what_two_workers_post_at_one_instant_is_posted_once(company: Company) -> None:
    """The ledger is held while it is reckoned."""
    company.quota("mei", "2026-03", 0, 0)
    company.drain()
    company.accept(company.arrived("mei"))

    def post() -> None:
        with databases.begin(company.engine) as session:
            told = session.scalars(select(Outbox).where(Outbox.fact == "lead.assigned")).all()
            ledger.post(session, told, company.now)

    with held(company.engine, post):
        second = at_once(post)
        assert waits(company.engine, second)
    assert second.ended().said == "taken"
    with databases.read(company.engine) as session:
        assert session.scalar(select(func.count(Journal.id))) == 1
        assert list(proof.prove(session)) == []


def test_a_worker_leaves_alone_what_another_is_telling(office: Office) -> None:
    """Facts are claimed."""
    office.drain()
    office.capture()
    with held(office.engine, lambda: facts.deliver_due(office.engine, office.now)):
        second = at_once(lambda: facts.deliver_due(office.engine, office.now))
        assert not waits(office.engine, second)
        assert second.ended().came_to == 0
    with databases.read(office.engine) as session:
        rows = session.execute(select(Outbox.state, Outbox.tries, Outbox.error)).all()
        assert {tuple(row) for row in rows} == {("done", 0, None)}
        assert session.scalar(select(func.count(Delivery.uid))) == len(rows) * len(facts.CONSUMERS)


def told(office: Office) -> int:
    """An endpoint that is told of one captured lead; the number of its message."""
    office.drain()
    with databases.begin(office.engine) as session:
        session.add(
            Endpoint(
                name="crm", url="https://crm.example.com", secret="s", topics=["lead"], made_at=office.now
            )
        )
    office.capture()
    office.drain()
    with databases.read(office.engine) as session:
        return session.scalars(select(Message.id)).one()


def claimed(office: Office) -> list[posting.Parcel]:
    return databases.in_transaction(office.engine, lambda session: posting.claim(session, office.now, 10))


def test_a_sender_leaves_alone_what_another_claims(office: Office) -> None:
    """Messages are claimed."""
    told(office)
    with held(office.engine, lambda: claimed(office)) as first:
        second = at_once(lambda: claimed(office))
        assert not waits(office.engine, second)
        assert second.ended().came_to == []
    assert len(first.came_to) == 1


def test_what_is_being_sent_is_sent_by_nobody_else(anywhere: Office) -> None:
    """Lease of a message: for a while it is its sender's; who died has lost it after that."""
    told(anywhere)
    first = claimed(anywhere)
    assert len(first) == 1
    assert claimed(anywhere) == []
    anywhere.now += timedelta(minutes=5)
    assert [parcel.uid for parcel in claimed(anywhere)] == [first[0].uid]


def test_a_sender_who_comes_back_too_late_settles_nothing(anywhere: Office) -> None:
    """The number of the try fences a message."""
    message = told(anywhere)
    late = claimed(anywhere)[0]
    anywhere.now += timedelta(minutes=5)
    assert len(claimed(anywhere)) == 1
    with databases.begin(anywhere.engine) as session:
        assert not posting.settle(
            session, late, posting.Outcome("status 500", final=True), anywhere.now, timedelta(0)
        )
        assert session.get_one(Message, message).state == "pending"


def test_a_timer_that_was_postponed_while_it_was_looked_for_does_not_fire(office: Office) -> None:
    """The check at firing time."""
    code = office.assigned()
    due = office.now + timedelta(days=10)
    asked = office.lead("extend", "mei", code, days=7, reason="等贷款")
    office.now = due - timedelta(minutes=1)
    office.drain()  # the reminders to decide: a sweep that takes them holds the request, too
    office.now = due

    def postpone() -> None:
        office.decide("sun", "approve", asked.code)

    with held(office.engine, lambda: timers.fire_due(office.engine, due), before=FIRES):
        meanwhile = at_once(postpone)
        waits(office.engine, meanwhile)
    meanwhile.ended()
    with databases.read(office.engine) as session:
        lapse = session.scalars(select(Timer).where(Timer.name == "lapse", Timer.case_code == code)).one()
        assert (lapse.state, lapse.due_at) == ("pending", due + timedelta(days=7))
    office.prove()


FIRES = r"FROM lead\b.*FOR NO KEY UPDATE|UPDATE timer"  # what a sweep does once it has found what is due


def test_a_request_that_comes_twice_at_one_instant_happens_once(office: Office, app: Flask) -> None:
    """The Idempotency-Key is claimed first."""
    code = office.assigned()
    with databases.begin(office.engine) as session:
        token = staff.issue_token(session, staff.person_named(session, "guo"), office.now)

    def ask() -> Any:
        headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": "k1"}
        return app.test_client().post(
            f"/api/v1/leads/{code}/follow_up", json={"note": "电话"}, headers=headers
        )

    with held(office.engine, ask) as first:
        second = at_once(ask)
        assert waits(office.engine, second)
    answers = [first.came_to, second.ended().came_to]
    assert answers[0].json == answers[1].json
    assert "Idempotency-Replayed" in answers[1].headers
    with databases.read(office.engine) as session:
        assert session.scalar(select(func.count()).where(History.event == "follow_up")) == 1


def test_two_who_read_before_they_write_lose_nothing(sqlite: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """`BEGIN IMMEDIATE`: on SQLite whoever means to write waits at the door, before reading; also where nobody stands in line."""
    monkeypatch.setattr(Queued, "wait", lambda _connection: None)
    read = threading.Event()
    second = at_once(lambda: None)

    def seen(_conn: Any, _cursor: Any, said: str, *_more: Any) -> None:
        if threading.current_thread() is second and said.startswith("SELECT"):
            read.set()

    def longer() -> None:
        with databases.begin(sqlite) as session:
            known = session.scalars(select(KeyPrint.fingerprint)).one()
            session.execute(update(KeyPrint).values(fingerprint=known + "x"))

    with databases.begin(sqlite) as session:
        session.execute(update(KeyPrint).values(fingerprint=""))
    event.listen(sqlite, "after_cursor_execute", seen)
    with held(sqlite, longer, before="UPDATE"):
        second = at_once(longer)
        assert not read.wait(1), "it has read what another is about to change"
    second.ended()
    with databases.read(sqlite) as session:
        assert session.scalars(select(KeyPrint.fingerprint)).one() == "xx"


def test_a_forked_child_opens_connections_of_its_own(of_a_process: Callable[[], Engine]) -> None:
    """Fork hygiene: parent and child never speak over one connection."""
    ours = backend(of_a_process())
    out, into = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(into, str(backend(of_a_process())).encode())
        os._exit(0)
    os.close(into)
    theirs = int(os.read(out, 32) or 0)
    os.waitpid(child, 0)
    os.close(out)
    assert theirs not in (0, ours)
    assert backend(of_a_process()) == ours


def backend(engine: Engine) -> int:
    """Which process of the server answers this engine."""
    with engine.connect() as connection:
        return int(connection.exec_driver_sql("SELECT pg_backend_pid()").scalar_one())
