"""Every fact told three times, in any order, or to an empty ledger: it comes to the same, and closing twice pays once."""

from __future__ import annotations

import os
import random
from collections import Counter
from collections.abc import Iterator

import psycopg
import pytest
from sqlalchemy import delete, func, make_url, select

from models import database as databases
from models.money import Entry, Journal
from models.remembered import Delivery, Outbox
from tests.money.company import Company, nets
from tests.money.quarter import two_months
from tests.rules.office import refusal
from workflows import facts
from workflows.money import ledger
from workflows.verify import verify

SEED = int(os.environ.get("TUOKE_SEED", "20261123"))


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def company(request: pytest.FixtureRequest) -> Iterator[Company]:
    """The two months, lived once on each kind of database; every test leaves the ledger as it found it."""
    if request.param == "sqlite":
        engine = databases.open_engine("sqlite://")
        databases.create_scratch(engine)
    else:
        server = make_url(request.getfixturevalue("postgres_server"))
        plain = server.set(drivername="postgresql").render_as_string(hide_password=False)
        with psycopg.connect(plain, autocommit=True) as connection:
            connection.execute("CREATE DATABASE any_order TEMPLATE template")
        engine = databases.open_engine(server.set(database="any_order").render_as_string(hide_password=False))
    made = Company(engine)
    two_months(made)
    made.prove()
    yield made
    engine.dispose()


@pytest.fixture
def rng() -> random.Random:
    print(f"TUOKE_SEED={SEED}")
    return random.Random(SEED)


def journals(company: Company) -> int:
    with databases.read(company.engine) as session:
        return session.scalar(select(func.count()).select_from(Journal)) or 0


def test_every_kind_of_line_is_in_these_two_months(company: Company) -> None:
    """What is not in the story is not proved by it."""
    kinds = Counter(kind for _c, _m, _o, kind in company.nets())
    for kind in (
        "call_visit_bonus", "visit_bonus", "deal_bonus", "leader_bonus", "call_visit_award", "visit_award", "deal_award",
        "award_share", "wage", "performance_pay", "adjustment", "payout", "left_post", "attendance",
    ):  # fmt: skip
        assert kinds[kind], f"no {kind}"


def test_told_three_times_in_any_order_nothing_changes(company: Company, rng: random.Random) -> None:
    """Through the very delivery, without the fence that keeps a consumer from being told twice."""
    before, count = company.nets(), journals(company)
    with databases.begin(company.engine) as session:
        uids = list(session.scalars(select(Outbox.uid).where(Outbox.fact.in_(ledger.TOUCHES))))
    for uid in rng.sample(uids * 3, 3 * len(uids)):
        with databases.begin(company.engine) as session:
            session.execute(delete(Delivery).where(Delivery.uid == uid, Delivery.consumer == "ledger"))
            fact = session.scalars(select(Outbox).where(Outbox.uid == uid)).one()
            facts.deliver(session, [fact], company.now)
            assert fact.state == "done", fact.error
    assert (company.nets(), journals(company)) == (before, count)
    company.prove()


def test_told_to_an_empty_ledger_in_any_order_it_comes_to_the_same(
    company: Company, rng: random.Random
) -> None:
    with databases.read(company.engine) as session:
        before = nets(session, company=True)
    for _unused in range(3):
        with databases.begin(company.engine) as session:
            session.execute(delete(Entry))
            session.execute(delete(Journal))
            told = list(session.scalars(select(Outbox)))
            for fact in rng.sample(told, len(told)):
                ledger.post(session, [fact], company.now)
        with databases.read(company.engine) as session:
            assert nets(session, company=True) == before
            assert verify(session, company.now).findings == []


def test_closed_twice_it_is_paid_once(company: Company) -> None:
    paid = {name: company.paid_out(name) for name in ("mei", "bo", "lin", "tao")}
    for event, who in [("submit", "guo"), ("approve", "sun"), ("pay", "fei"), ("send_back", "sun")]:
        for month in ("2026-03", "2026-04"):
            assert refusal(company.of_month, event, month, who).code in (
                "not_allowed_from_state",
                "invalid_data",
            )
    company.later(days=1)
    assert {name: company.paid_out(name) for name in paid} == paid
    company.prove()


def test_what_was_paid_is_what_was_earned(company: Company) -> None:
    """Over all months nobody has more or less than they earned, but for what they owe."""
    for name in ("mei", "bo", "lin", "tao", "xu"):
        earned = company.held(name) + company.paid_out(name)
        assert company.paid_out(name) >= 0
        assert company.held(name) <= 0, f"{name} was not paid everything"
        assert company.paid_out(name) == earned or company.held(name) < 0
