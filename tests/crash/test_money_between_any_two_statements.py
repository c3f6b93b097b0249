"""A worker that dies between any two statements of a delivery that posts to the ledger, and whoever submits or pays a month
in the middle of it: told or asked again, the ledger comes to what it comes to undisturbed, and proves clean."""

# ruff: noqa: B023 (what is done is done before the loop goes on)

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Engine, func, select

from models import database as databases
from models.money import Month
from models.remembered import Delivery, Outbox
from tests.crash.test_between_any_two_statements import Doomed, places
from tests.money.company import Company
from tests.money.quarter import by_kind, march, sheets
from tests.races.office import Office
from workflows import facts
from workflows.engine import Ask, take
from workflows.money import proof
from workflows.money.month import MonthFlow
from workflows.money.months import following
from workflows.money.quota import QuotaFlow

Sums = dict[tuple[str, str, str], int]


@pytest.fixture
def company(database: Engine) -> Company:
    return Company(database)


@pytest.fixture
def doomed(database_url: str) -> Doomed:
    return Doomed(database_url)


def sound(company: Office) -> None:
    """Everything is told, once, and the ledger says what history says."""
    with databases.read(company.engine) as session:
        assert session.scalar(select(func.count()).where(Outbox.state != "done")) == 0
        told, deliveries = (
            session.scalar(select(func.count(column))) for column in (Outbox.id, Delivery.uid)
        )
        assert deliveries == len(facts.CONSUMERS) * (told or 0)
        assert list(proof.prove(session)) == []


def grown(before: Sums, after: Sums) -> Sums:
    """What has come to the ledger."""
    sums = {key: after.get(key, 0) - before.get(key, 0) for key in before.keys() | after.keys()}
    return {key: fen for key, fen in sums.items() if fen}


def survives(company: Company, doomed: Doomed, happen: Callable[[], object]) -> int:
    """Let it happen again and again, the facts of it told by workers that die ever later; each time it comes to what it
    came to undisturbed. How many places there were to die at."""
    before = by_kind(company)
    happen()
    company.drain()
    wanted = grown(before, by_kind(company))
    assert wanted, "nothing was posted"
    for k in places():
        before = by_kind(company)
        happen()
        company.engine.dispose()  # no connection of ours may live on in a fork
        died = doomed.dies_at(k, lambda engine: facts.deliver_due(engine, company.now))
        company.drain()
        assert grown(before, by_kind(company)) == wanted, f"it came to something else at statement {k}"
        if not died:
            break
    assert not died, "it never came through"
    sound(company)
    company.prove()
    return k


def posting(company: Company) -> dict[str, Callable[[], object]]:
    """What happens; only the last of its facts is left for the worker that dies."""

    def sale() -> None:
        asked = company.ask_for_deal(company.visit_of("mei"), units=2)
        company.drain()
        company.decide("sun", "approve", asked)

    def rescission() -> None:
        sold = company.sold(company.visit_of("mei"))
        company.drain()
        company.rescinded(sold)

    def visits() -> None:
        arrived = [company.arrived("mei"), company.arrived("mei", "call_in")]
        company.drain()
        for code in arrived:
            company.accept(code)

    def quota() -> None:
        """Raised so that a bonus is reversed, then lowered so that it is posted anew."""
        company.visit_of("bo")
        company.drain()
        company.changed(QuotaFlow, known, call_visits=0, visits=99)
        company.drain()
        company.changed(QuotaFlow, known, call_visits=0, visits=0)

    known = company.quota("bo", "2026-03", 0, 0)
    return {"sale": sale, "rescission": rescission, "visits": visits, "quota": quota}


@pytest.mark.processes
@pytest.mark.parametrize("what", ["sale", "rescission", "visits", "quota"])
def test_a_delivery_that_posts(what: str, company: Company, doomed: Doomed) -> None:
    died = survives(company, doomed, posting(company)[what])
    print(f"{what}: {died} statements to die at, on {company.engine.dialect.name}")


@pytest.mark.processes
def test_the_closing_of_a_month(company: Company, doomed: Doomed) -> None:
    """Submitted and sent back again and again: awards, wages and deductions stand once, or not at all."""
    march(company)
    company.at(2026, 4, 1)
    sheets(company)
    company.drain()
    open_again = by_kind(company)
    code = company.begun("2026-03")
    company.submit("2026-03")
    closed = by_kind(company)
    assert closed != open_again
    died_submitted = died_sent_back = True
    for k in places():
        company.of_month("send_back", "2026-03", "sun", reason="再看")
        died_sent_back = told_by_the_dying(company, doomed, k)
        assert by_kind(company) == open_again, f"something was left of the closing at statement {k}"
        company.take(MonthFlow, "submit", "guo", code, in_spite=True)
        died_submitted = told_by_the_dying(company, doomed, k)
        assert by_kind(company) == closed, f"it was closed with other sums at statement {k}"
        if not (died_submitted or died_sent_back):
            break
    assert not died_submitted
    assert not died_sent_back
    print(f"closing: {k} statements to die at, on {company.engine.dialect.name}")
    sound(company)
    company.prove()


def told_by_the_dying(company: Company, doomed: Doomed, k: int) -> bool:
    company.engine.dispose()
    died = doomed.dies_at(k, lambda engine: facts.deliver_due(engine, company.now))
    company.drain()
    return died


@pytest.mark.processes
def test_the_payment_of_a_month(company: Company, doomed: Doomed) -> None:
    """Each month is paid once, wherever the worker died that posted it."""
    month, paid = "2026-03", 0
    for k in places():
        company.visit_of("mei")
        company.visit_of("tao")
        year, number = map(int, following(month).split("-"))
        company.at(year, number, 1)
        company.submit(month)
        company.approve_month(month)
        company.of_month("pay", month, "fei", reference=f"P{k}")
        died = told_by_the_dying(company, doomed, k)
        paid += 5_000
        assert [company.paid_out(name) for name in ("mei", "tao")] == [paid, paid]
        assert [company.held(name) for name in ("mei", "tao")] == [0, 0]
        assert [company.team_holds(team) for team in ("A", "B")] == [0, 0]
        if not died:
            break
        month = following(month)
    assert not died
    print(f"payment: {k} statements to die at, on {company.engine.dialect.name}")
    sound(company)
    company.prove()


@pytest.mark.processes
def test_who_submits_approves_and_pays_a_month(company: Company, doomed: Doomed) -> None:
    """Dead in the middle of the request: the month stands where it stood, or has gone on with all that belongs to it."""
    month = "2026-03"
    asking: list[tuple[str, str, dict[str, Any], str]] = [
        ("submit", "guo", {"in_spite": True}, "submitted"),
        ("approve", "sun", {}, "approved"),
        ("pay", "fei", {"reference": "P1"}, "paid"),
    ]
    for times, k in enumerate(places(), start=1):
        company.visit_of("mei")
        year, number = map(int, following(month).split("-"))
        company.at(year, number, 1)
        code, died = company.begun(month), False
        company.drain()
        for event, who, given, goal in asking:
            ask = Ask(MonthFlow, event, company.actors[who], company.now, code=code, facts=given)
            company.engine.dispose()
            died |= doomed.dies_at(
                k, lambda engine: databases.in_transaction(engine, lambda session: take(session, ask))
            )
            if state_of(company, month) != goal:
                company.take(MonthFlow, event, who, code, **given)
            assert state_of(company, month) == goal
            company.drain()
        assert (company.paid_out("mei"), company.held("mei")) == (5_000 * times, 0)
        if not died:
            break
        month = following(month)
    assert not died
    print(f"submitting, approving and paying: {k} statements to die at, on {company.engine.dialect.name}")
    sound(company)
    company.prove()


def state_of(company: Company, month: str) -> str:
    with databases.read(company.engine) as session:
        return session.scalars(select(Month.state).where(Month.month == month)).one()
