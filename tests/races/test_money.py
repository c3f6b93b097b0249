"""Money at one instant: whatever is committed first decides; nothing is posted twice, paid twice or lost between two months."""

# ruff: noqa: B023 (what is raced is called before the loop goes on)

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, func, select, text

from models import database
from models.money import Entry, Journal
from models.remembered import Outbox
from tests.money.company import ZONE, Company, local
from tests.races.office import hesitate, together
from workflows import facts
from workflows.approval import ApprovalFlow
from workflows.engine import Ask, take
from workflows.lead import LeadFlow
from workflows.money import ledger
from workflows.money.month import MonthFlow
from workflows.money.months import following
from workflows.money.quota import QuotaFlow
from workflows.money.split import SplitFlow

FIRST = "2026-03"


@pytest.fixture
def rounds(rounds: range) -> range:
    """Each round lives a month, so there are fewer of them."""
    return rounds[: max(2, len(rounds) // 3)]


@pytest.fixture
def company(database: Engine, rng: random.Random) -> Company:
    made = Company(database)
    hesitate(database, rng)
    return made


def prove(company: Company) -> None:
    company.prove()
    if company.engine.dialect.name == "postgresql":
        asked = text("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
        with company.engine.connect() as connection:
            assert connection.execute(asked).scalar() == 0


def midnight(company: Company, month: str) -> None:
    """The first instant after a month; the last evening is a minute ago."""
    year, number = map(int, following(month).split("-"))
    company.at(year, number, 1, 0)


def in_the_evening(
    company: Company, flow: Any, event: str, who: str, code: str, **given: Any
) -> Callable[[], Any]:
    """An act whose clock stood a minute before midnight, and that waited for a lock perhaps."""
    ask = Ask(flow, event, company.actors[who], company.now - timedelta(minutes=1), code=code, facts=given)
    return lambda: database.in_transaction(company.engine, lambda session: take(session, ask))


def tell(company: Company) -> Callable[[], Any]:
    return lambda: facts.deliver_due(company.engine, company.now)


def submit(company: Company, month: str, who: str = "guo") -> Callable[[], Any]:
    code = company.begun(month)
    return lambda: company.take(MonthFlow, "submit", who, code, in_spite=True)


def frozen(company: Company, month: str) -> dict[tuple[str, str, str], int]:
    return {(c, o, k): fen for (c, m, o, k), fen in company.nets().items() if m == month and k != "payout"}


def months_of(company: Company, cause: str) -> set[tuple[str, str]]:
    """In which months something is posted that does not come to nothing, and in which it was earned."""
    with database.read(company.engine) as session:
        rows = (
            select(Entry.month, Journal.earned_month, func.sum(Entry.amount_fen))
            .join(Journal, Journal.id == Entry.journal_id)
            .where(Journal.cause == cause, Entry.account != "company")
            .group_by(Entry.month, Journal.earned_month)
        )
        return {(month, earned) for month, earned, fen in session.execute(rows) if fen}


# --- posting -------------------------------------------------------------------------------------------------------


def post_again(company: Company, fact: str, code: str) -> None:
    def work(session: Any) -> None:
        wanted = select(Outbox).where(Outbox.fact == fact, Outbox.case_code == code)
        ledger.post(session, session.scalars(wanted).all(), company.now)

    database.in_transaction(company.engine, work)


def test_workers_that_post_the_same_fact(company: Company, rounds: range) -> None:
    """Two that deliver it, and two that post it past every fence; the first posting of a scope has no row to wait for."""
    for times, _unused in enumerate(rounds, start=1):
        lead = company.visit_of("tao")
        sale = company.sold(lead)
        together(
            tell(company),
            tell(company),
            lambda: post_again(company, "sale.signed", sale),
            lambda: post_again(company, "sale.signed", sale),
            lambda: post_again(company, "lead.assigned", lead),
        )
        company.drain()
        assert company.posted("tao", "deal_bonus") == 50_000 * times
        assert company.posted("xu", "leader_bonus") == 10_000 * times
        assert company.posted("tao", "visit_bonus") == 5_000 * times
        with database.read(company.engine) as session:
            journals = select(func.count()).where(
                Journal.cause.in_((f"visit:{lead}", f"sale:{sale}:deal_bonus"))
            )
            assert session.scalar(journals) == 2
    prove(company)


# --- the last instant of a month -----------------------------------------------------------------------------------


def test_a_visit_confirmed_while_the_month_is_submitted(company: Company, rounds: range) -> None:
    """It is in the month, or it is late and in the next; never lost, never in both."""
    month = FIRST
    for times, _unused in enumerate(rounds, start=1):
        year, number = map(int, following(month).split("-"))
        company.at(year, number, 1, 0)
        company.now -= timedelta(minutes=10)
        lead = company.arrived("mei")
        midnight(company, month)
        accept = in_the_evening(company, LeadFlow, "accept", company.offered_to(lead), lead, signature="陈一")
        company.drain()
        submitted, accepted, _told = together(submit(company, month), accept, tell(company))
        assert (accepted, submitted in ("taken", "guard_failed")) == ("taken", True)
        company.drain()
        if submitted != "taken":
            company.submit(month)
        posted = months_of(company, f"visit:{lead}")
        assert posted in ({(month, month)}, {(following(month), month)})
        assert company.posted("mei", "visit_bonus") == 5_000 * times
        before = frozen(company, month)
        company.approve_month(month)
        company.pay(month)
        assert frozen(company, month) == before
        month = following(month)
    prove(company)


def test_a_fraud_found_while_the_month_is_submitted(company: Company, rounds: range) -> None:
    """Its bonus is taken back in the month, or in the next."""
    month = FIRST
    for _unused in rounds:
        carried = company.posted(
            "mei", "visit_bonus", month=month
        )  # what the month before took back too late
        lead = company.visit_of("mei")
        midnight(company, month)
        asked = company.ask_to_expose(lead)
        company.drain()
        submitted, exposed, _told = together(
            submit(company, month), lambda: company.decide("sun", "approve", asked), tell(company)
        )
        assert (exposed, submitted in ("taken", "guard_failed")) == ("taken", True)
        company.drain()
        if submitted != "taken":
            company.submit(month)
        assert company.posted("mei", "visit_bonus") == 0
        assert company.posted("mei", "visit_bonus", month=month) - carried in (0, 5_000)
        before = frozen(company, month)
        company.approve_month(month)
        company.pay(month)
        assert (frozen(company, month), company.held("mei") <= 0) == (before, True)
        company.waive_all()
        month = following(month)
    prove(company)


@pytest.mark.parametrize("what", ["deal", "quota", "dispute"])
def test_a_month_is_not_submitted_over_a_decision(company: Company, rounds: range, what: str) -> None:
    """What is being decided about the month is decided and posted before it can be submitted."""
    month = FIRST
    for _unused in rounds:
        lead = company.visit_of("mei")
        quota = company.quota("mei", month, 0, 0)
        if what == "deal":
            asked = company.ask_for_deal(lead)
        elif what == "quota":
            company.take(QuotaFlow, "change", "guo", quota, call_visits=0, visits=1)
            asked = company.asked(quota)
        else:
            asked = granting(company, month)
        before = company.held("mei")
        worth = {"deal": 55_000, "quota": 0, "dispute": 5_700}[what]
        midnight(company, month)
        company.drain()
        decide = in_the_evening(company, ApprovalFlow, "approve", "qian", asked)
        submitted, decided, _told = together(submit(company, month), decide, tell(company))
        assert decided == "taken"
        company.drain()
        if submitted != "taken":
            assert submitted == "guard_failed"
            company.submit(month)
        assert company.held("mei") - before == worth
        assert (
            sum(fen for (_c, o, _k), fen in frozen(company, month).items() if o == company.account("mei"))
            == worth
        )
        company.approve_month(month)
        company.pay(month)
        month = following(month)
    prove(company)


def granting(company: Company, month: str) -> str:
    from workflows.money.dispute import DisputeFlow

    dispute = company.disputed("mei", month)
    company.take(DisputeFlow, "grant", "guo", dispute, amount_fen=700, answer="补发")
    return company.asked(dispute)


# --- clicking twice ------------------------------------------------------------------------------------------------


def test_the_month_is_submitted_approved_and_paid_once(company: Company, rounds: range) -> None:
    """Each button pressed twice, by two people and by one."""
    month, paid = FIRST, 0
    buttons: list[tuple[str, tuple[str, ...], dict[str, Any]]] = [
        ("submit", ("guo", "gu", "guo"), {"in_spite": True}),
        ("approve", ("sun", "qian", "sun"), {}),
        ("pay", ("fei", "fan", "fei"), {"reference": "P1"}),
        ("lock", ("fei", "an", "fei"), {}),
    ]
    company.hire("gu", ["manager"])
    for _unused in rounds:
        company.visit_of("mei")
        midnight(company, month)
        code = company.begun(month)
        company.drain()
        for event, people, given in buttons:
            clicks = [lambda who=who: company.take(MonthFlow, event, who, code, **given) for who in people]
            answers = together(*clicks, tell(company), tell(company))
            assert sorted(answers[:3]) == ["not_allowed_from_state"] * 2 + ["taken"], event
            company.drain()
        paid += 5_000
        assert (company.paid_out("mei"), company.held("mei"), company.team_holds("A")) == (paid, 0, 0)
        month = following(month)
    prove(company)


def test_approved_and_sent_back_at_once(company: Company, rounds: range) -> None:
    company.visit_of("mei")
    midnight(company, FIRST)
    code = company.begun(FIRST)
    for _unused in rounds:
        company.submit(FIRST)
        answers = together(
            lambda: company.take(MonthFlow, "approve", "sun", code),
            lambda: company.take(MonthFlow, "send_back", "qian", code, reason="再看"),
            tell(company),
        )
        assert sorted(answers[:2]) == ["not_allowed_from_state", "taken"]
        company.drain()
        awarded = answers[0] == "taken"
        assert company.team_holds("A") == (60_000 if awarded else 0)
        if awarded:
            break
    prove(company)


def test_a_sale_called_off_twice(company: Company, rounds: range) -> None:
    for _unused in rounds:
        sale = company.sold(company.visit_of("mei"))
        company.drain()
        asked = together(
            lambda: company.ask_to_rescind(sale, "sun"), lambda: company.ask_to_rescind(sale, "qian")
        )
        assert sorted(asked) == ["conflict", "taken"]
        request = company.asked(sale)
        clicks = [lambda who=who: company.decide(who, "approve", request) for who in ("fei", "fan", "fei")]
        answers = together(*clicks, tell(company))
        assert sorted(answers[:3]) == ["not_allowed_from_state"] * 2 + ["taken"]
        company.drain()
        assert company.posted("mei", "deal_bonus") == company.posted("lin", "leader_bonus") == 0
    prove(company)


# --- a team's award ------------------------------------------------------------------------------------------------


def awarded(company: Company, month: str) -> None:
    """Team A has won, and the month is approved."""
    company.visit_of("mei")
    midnight(company, month)
    company.submit(month)
    company.approve_month(month)
    company.drain()


def test_one_award_divided_twice_at_once(company: Company, rounds: range) -> None:
    month = FIRST
    for times, _unused in enumerate(rounds, start=1):
        awarded(company, month)
        divide = [lambda who=who: company.divided("lin", {who: 40_000}) for who in ("mei", "bo", "lin")]
        answers = together(*divide)
        assert sorted(answers) == ["guard_failed", "guard_failed", "taken"]
        company.drain()
        assert company.team_holds("A") == 20_000
        company.pay(month)
        month = following(month)
        shared = sum(company.posted(who, "award_share") for who in ("mei", "bo", "lin"))
        assert (shared, company.team_holds("A")) == (40_000 * times, 0)
    prove(company)


def test_an_award_divided_while_it_is_paid(company: Company, rounds: range) -> None:
    """It goes to the members or to the team; not to both."""
    month, shared, paid = FIRST, 0, 0
    for _unused in rounds:
        awarded(company, month)
        code = company.begun(month)
        answers = together(
            lambda: company.divided("lin", {"bo": 60_000}),
            lambda: company.take(MonthFlow, "pay", "fei", code, reference="P1"),
            tell(company),
        )
        assert answers[:2] in (["taken", "guard_failed"], ["guard_failed", "taken"], ["taken", "taken"])
        company.drain()
        if answers[1] != "taken":
            company.pay(month)
        shared += 60_000 * (answers[0] == "taken")
        paid += 60_000 * (answers[0] != "taken")
        assert (company.posted("bo", "award_share"), company.team_holds("A")) == (shared, 0)
        assert paid_to_team(company) == paid
        month = following(month)
    prove(company)


def paid_to_team(company: Company) -> int:
    return -sum(
        fen for (_c, _m, owner, kind), fen in company.nets().items() if kind == "payout" and owner[0] == "t"
    )


def test_a_division_undone_while_its_month_is_submitted(company: Company, rounds: range) -> None:
    """Undone in time it lies with the team again; too late it stays with the member. In the end all of it is paid once."""
    month = FIRST
    awarded(company, month)
    for times, _unused in enumerate(rounds, start=1):
        split = company.divided("lin", {"bo": 60_000})
        company.drain()
        company.pay(month)
        month = following(month)
        company.visit_of("mei")
        midnight(company, month)
        company.drain()
        answers = together(
            submit(company, month), lambda: company.take(SplitFlow, "undo", "lin", split), tell(company)
        )
        assert answers[:2] in (["taken", "guard_failed"], ["guard_failed", "taken"], ["taken", "taken"])
        company.drain()
        if answers[0] != "taken":
            company.submit(month)
        company.approve_month(month)
        company.drain()
        assert company.posted("bo", "award_share") + company.team_holds("A") + paid_to_team(
            company
        ) == 60_000 * (times + 1)
        if company.team_holds("A") > 60_000:
            company.divided("lin", {"bo": company.team_holds("A") - 60_000})
            company.drain()
    prove(company)


__all__ = ["ZONE", "local"]
