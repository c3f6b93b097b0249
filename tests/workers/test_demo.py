"""The demo company: made once by the real engine, proved, and found again."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime

import pytest
from sqlalchemy import func, select

from models import database as databases
from models.leads import Lead
from models.machinery import Heartbeat
from models.notices import Notification
from models.people import Person
from models.remembered import Approval, History
from models.settings import Settings
from workers import demo
from workers.demo import cast
from workers.demo.lives import Storyteller
from workers.demo.month import Month
from workers.demo.today import Today
from workflows import verify
from workflows.engine.actor import STAFF_ROLES
from workflows.flows import FLOWS


@pytest.fixture
def ready(settings: Settings) -> Settings:
    engine = databases.engine(settings)
    databases.migrate(engine)
    engine.dispose()
    return settings


@pytest.mark.long
def test_a_month_of_work_lies_behind_it_and_the_books_are_proved(
    ready: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demo, "LEADS", 30)  # the scenes alone hold one of each kind
    told = demo.prepare(ready)
    assert [role for role, _name, _password in told] == list(STAFF_ROLES)
    engine = databases.engine(ready)
    with databases.read(engine) as session:
        states = Counter((lead.state, lead.outcome) for lead in session.scalars(select(Lead)))
        waiting = Counter(
            a.event for a in session.scalars(select(Approval).where(Approval.state == "pending"))
        )
        unread = session.scalar(select(func.count()).where(Notification.read_at.is_(None))) or 0
        rows = session.scalar(select(func.count()).select_from(History))
        at_desk = session.scalars(select(Lead.offered_to_id).where(Lead.state == "visited")).all()
        away = {
            (flow, state)
            for flow in ("trip", "incident", "expense")
            for state in session.scalars(select(FLOWS[flow].table.state))
        }
    assert {state for state, _outcome in states} == {
        "captured", "screened", "visited", "assigned", "unconverted", "reclaimed", "closed"
    }  # fmt: skip
    assert {outcome for _state, outcome in states} == {None, "deal", "invalid", "lost", "fraud"}
    assert set(waiting) >= {"deal", "invalidate", "reclaim", "lose", "extend", "expose"}
    assert away == {
        ("trip", "under_way"), ("trip", "planned"), ("trip", "filed"), ("incident", "handled"), ("expense", "agreed"),
    }  # fmt: skip
    assert unread > 10
    assert None in at_desk, "a customer waits to be appointed"
    assert any(at_desk), "an offer is open"
    with databases.read(engine) as session:
        assert verify.verify(session, datetime.now(UTC)).findings == []

    assert demo.prepare(ready) == told
    with databases.read(engine) as session:
        assert session.scalar(select(func.count()).select_from(History)) == rows
    engine.dispose()


def test_what_was_left_half_done_is_made_anew(ready: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "LEADS", 0)
    monkeypatch.setattr(Today, "scenes", lambda self: iter(()))

    def broken(month: Month, tell: Storyteller) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(demo, "_captures", broken)
        with pytest.raises(KeyboardInterrupt):
            demo.prepare(ready)
    demo.prepare(ready)
    engine = databases.engine(ready)
    with databases.read(engine) as session:
        assert session.get_one(Heartbeat, demo.MARK).detail == demo.READY
        assert session.scalar(select(func.count()).select_from(Person)) == len(cast.STAFF)
    engine.dispose()


def test_somebody_elses_company_is_left_alone(ready: Settings) -> None:
    engine = databases.engine(ready)
    with databases.begin(engine) as session:
        session.add(Person(name="Ours", roles=["admin"]))
    assert demo.prepare(ready) == []
    with databases.read(engine) as session:
        assert session.scalars(select(Person.name)).all() == ["Ours"]
    engine.dispose()
