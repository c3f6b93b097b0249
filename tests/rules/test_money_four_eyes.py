"""Trying to be paid twice, or to get money past four eyes. Each test is somebody's trick, and what stands against it."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from sqlalchemy import Engine, select, update

from models import database as databases
from models.money import Journal
from models.people import Person, Project
from models.remembered import Outbox
from tests.money.company import Company, local
from tests.rules.office import refusal
from workflows import policy, staff
from workflows.money.attendance import AttendanceFlow
from workflows.money.deduction import DeductionFlow
from workflows.money.dispute import DisputeFlow
from workflows.money.month import MonthFlow
from workflows.money.pay import PayFlow
from workflows.money.quota import QuotaFlow
from workflows.money.split import SplitFlow

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)  # who may, not how it is kept


@pytest.fixture
def company(database: Engine) -> Company:
    return Company(database)


# --- paid twice ----------------------------------------------------------------------------------------------------


def test_months_are_paid_in_their_order(company: Company) -> None:
    """A payout takes along what earlier months left; paying April first and March after it would pay March twice."""
    company.visit_of("mei")
    company.at(2026, 4, 1)
    company.visit_of("mei")
    company.submit("2026-03")
    company.approve_month("2026-03")
    company.at(2026, 5, 1)
    company.submit("2026-04")
    company.approve_month("2026-04")
    assert refusal(company.pay, "2026-04").rule == "earlier_months_are_paid"
    company.pay("2026-03")
    company.pay("2026-04")
    assert (company.paid_out("mei"), company.held("mei")) == (10_000, 0)
    company.prove()


def test_a_month_before_a_closed_one_is_closed(company: Company) -> None:
    """March had nothing in it and is in no books when April is closed: it is not opened behind April's back."""
    company.quota("mei", "2026-03", 0, 5)
    code = company.visit_of("mei")
    company.at(2026, 4, 10)
    company.visit_of("tao")
    company.at(2026, 5, 1)
    assert company.month("2026-03") is None or company.month("2026-04") is not None
    assert refusal(company.submit, "2026-04").rule == "is_the_earliest_open"
    company.closed("2026-03")
    company.closed("2026-04")
    assert refusal(company.take, MonthFlow, "begin", "guo", month="2026-02").rule == "is_not_past"
    company.exposed(code)
    company.prove()


def test_what_belongs_to_a_month_before_the_books_is_posted_in_an_open_one(company: Company) -> None:
    company.visit_of("mei")
    company.at(2026, 4, 1)
    company.closed("2026-03")
    company.granted(company.disputed("mei", "2026-01"), 700)
    company.drain()
    assert company.posted("mei", "adjustment", month="2026-04") == 700
    company.prove()
    company.at(2026, 5, 1)
    company.closed("2026-04")
    assert company.paid_out("mei") == 5_700
    company.prove()


def test_a_dispute_is_about_a_month_that_has_begun(company: Company) -> None:
    """Granted for a month to come, it could not be posted and would hold up every month's closing."""
    assert refusal(company.disputed, "mei", "2026-04").rule == "is_no_month_to_come"
    company.granted(company.disputed("mei", "2026-03"), 700)
    company.drain()
    assert company.posted("mei", "adjustment", month="2026-03") == 700
    company.prove()


def award(company: Company) -> None:
    """Team A has won March's 60,000 fen for visits."""
    company.visit_of("mei")
    company.at(2026, 4, 1)
    company.submit("2026-03")


def test_an_award_is_divided_once_the_month_is_approved(company: Company) -> None:
    """Sent back, the month's award is reversed and may go to another team; what was divided would stay with its members."""
    award(company)
    refused = refusal(company.divided, "lin", {"bo": 60_000})
    assert (refused.rule, refused.values["held"]) == ("is_covered", "¥0.00")
    company.of_month("send_back", "2026-03", "sun", reason="再看")
    company.drain()
    company.submit("2026-03")
    company.approve_month("2026-03")
    company.divided("lin", {"bo": 60_000})
    company.drain()
    assert (company.team_holds("A"), company.held("bo")) == (0, 60_000)
    company.prove()


def test_an_award_is_not_divided_when_it_has_been_paid_to_the_team(company: Company) -> None:
    award(company)
    company.approve_month("2026-03")
    company.pay("2026-03")
    assert refusal(company.divided, "lin", {"bo": 60_000}).rule == "is_covered"
    assert company.team_holds("A") == 0


def test_an_award_is_not_divided_while_its_payment_waits_to_be_posted(company: Company) -> None:
    """The worker is down: the team's account still shows what finance has just paid."""
    award(company)
    company.approve_month("2026-03")
    company.of_month("pay", "2026-03", "fei", reference="P1")
    assert refusal(company.divided, "lin", {"bo": 60_000}).rule == "is_posted"
    company.drain()
    assert refusal(company.divided, "lin", {"bo": 60_000}).rule == "is_covered"
    company.prove()


def test_an_award_divided_twice(company: Company) -> None:
    award(company)
    company.approve_month("2026-03")
    company.divided("lin", {"lin": 40_000})
    assert refusal(company.divided, "lin", {"lin": 40_000}).rule in ("is_covered", "is_posted")
    company.drain()
    assert refusal(company.divided, "lin", {"lin": 40_000}).values["held"] == "¥200.00"
    company.divided("lin", {"mei": 20_000})
    company.drain()
    assert company.team_holds("A") == 0
    company.pay("2026-03")
    company.prove()


def test_a_division_is_not_undone_once_its_month_is_closed(company: Company) -> None:
    award(company)
    company.approve_month("2026-03")
    code = company.divided("lin", {"bo": 60_000})
    company.pay("2026-03")
    company.at(2026, 5, 1)
    company.submit("2026-04")
    assert refusal(company.take, SplitFlow, "undo", "lin", code).rule == "is_in_an_open_month"
    company.approve_month("2026-04")
    company.pay("2026-04")
    assert (company.paid_out("bo"), company.team_holds("A")) == (60_000, 0)
    assert refusal(company.take, SplitFlow, "undo", "lin", code).rule == "is_in_an_open_month"
    company.prove()


def test_a_division_made_in_the_instant_the_month_was_closed_is_posted_in_the_next(company: Company) -> None:
    """The leader pressed the button on the last evening, and waited for the lock behind the submission."""
    award(company)
    company.approve_month("2026-03")
    company.begun("2026-04")
    company.at(2026, 5, 1)
    company.submit("2026-04")
    company.now = local(2026, 4, 30, 23, 59)
    company.divided("lin", {"bo": 60_000})
    company.at(2026, 5, 1)
    assert company.posted("bo", "award_share", month="2026-05") == 60_000
    company.prove()


def test_an_award_of_one_project_is_not_divided_in_another(company: Company) -> None:
    """Each project pays its own: divided where it does not lie, it would be paid to the team and to its members."""
    with databases.begin(company.engine) as session:
        session.add(Project(code="second", name="第二"))
    award(company)
    company.approve_month("2026-03")
    with databases.begin(company.engine) as session:
        second = session.scalars(select(Project.id).where(Project.code == "second")).one()
        session.execute(update(Journal).values(project_id=second))
    refused = refusal(company.divided, "lin", {"bo": 60_000})
    assert refused.values["held"] == "¥0.00"


def test_a_leader_divides_only_over_the_team(company: Company) -> None:
    award(company)
    company.approve_month("2026-03")
    for shares in ({"tao": 1}, {"bo": -1}, {"bo": 0}, {"bo": 10**12}, {"bo": 1.5}, {"bo": True}, {}):
        assert refusal(company.divided, "lin", shares).code == "invalid_data", shares
    assert refusal(company.divided, "xu", {"tao": 1}).rule == "is_covered"
    assert refusal(company.divided, "mei", {"mei": 1}).code == "not_permitted"


def test_what_was_paid_and_is_taken_back_is_owed(company: Company) -> None:
    """A sale called off and a visit exposed after they were paid are set off against what comes next, to the fen."""
    lead, fake = company.visit_of("mei"), company.visit_of("mei")
    sale = company.sold(lead, units=2)
    company.at(2026, 4, 1)
    company.closed("2026-03")
    assert company.paid_out("mei") == 2 * 5_000 + 100_000
    company.rescinded(sale)
    company.exposed(fake)
    company.drain()
    assert company.held("mei") == -105_000
    company.sold(company.visit_of("mei"), units=1)
    company.at(2026, 5, 1)
    company.waive_all()
    company.closed("2026-04")
    assert (company.paid_out("mei"), company.held("mei")) == (110_000, -50_000)
    company.prove()


def test_a_sale_is_called_off_once(company: Company) -> None:
    sale = company.sold(company.visit_of("mei"))
    company.drain()
    first = company.ask_to_rescind(sale)
    assert refusal(company.ask_to_rescind, sale, "qian").code == "conflict"
    company.decide("fei", "approve", first)
    assert refusal(company.ask_to_rescind, sale).code == "not_allowed_from_state"
    company.drain()
    assert company.posted("mei", "deal_bonus") == company.posted("lin", "leader_bonus") == 0
    company.prove()


# --- both sides ----------------------------------------------------------------------------------------------------


def test_figures_are_not_approved_by_who_proposed_them(company: Company) -> None:
    """A manager who is sales manager as well does not hold both sides."""
    company.hire("both", ["manager", "sales_manager"])
    asked: dict[Any, dict[str, Any]] = {
        QuotaFlow: {"person": "mei", "month": "2026-03", "call_visits": 0, "visits": 0},
        PayFlow: {"person": "mei", "kind": "monthly", "amount_fen": 300_000, "since": "2026-03"},
        AttendanceFlow: {"person": "mei", "month": "2026-03", "half_days": 44, "half_days_due": 44},
    }
    for flow, facts in asked.items():
        code = company.take(flow, "propose", "both", **facts).code
        assert refusal(company.decide, "both", "approve", company.asked(code)).rule == "has_four_eyes"
        assert refusal(company.decide, "guo", "approve", company.asked(code)).code == "not_permitted"
        company.decide("sun", "approve", company.asked(code))


def test_nobody_approves_their_own_figures(company: Company) -> None:
    """Proposed by a colleague, for the very one who would approve it."""
    company.hire("both", ["member", "sales_manager"], "A")
    code = company.take(
        PayFlow, "propose", "guo", person="both", kind="monthly", amount_fen=300_000, since="2026-03"
    ).code
    assert refusal(company.decide, "both", "approve", company.asked(code)).rule == "has_four_eyes"
    company.decide("sun", "approve", company.asked(code))
    company.take(PayFlow, "change", "guo", code, kind="monthly", amount_fen=290_000, since="2026-03")
    assert refusal(company.decide, "both", "approve", company.asked(code)).rule == "has_four_eyes"


@pytest.mark.parametrize("event", ["approve", "reject"])
def test_a_leader_who_is_sales_manager_does_not_decide_on_the_deal_that_pays_them(
    company: Company, event: str
) -> None:
    """The leader of the promoter's team earns from each unit."""
    company.hire("chief", ["leader", "sales_manager"], "C")
    company.hire("ann", ["member"], "C")
    asked = company.ask_for_deal(company.visit_of("ann"), units=5)
    assert refusal(company.decide, "chief", event, asked).rule == "has_four_eyes"
    other = company.ask_for_deal(company.visit_of("mei"))
    company.decide("chief", event, other)
    company.decide("sun", "approve", asked)
    company.drain()
    assert company.posted("chief", "leader_bonus") == 50_000


def test_a_leader_still_lets_go_a_lead_of_the_team(company: Company) -> None:
    """From a lead that is lost no leader earns."""
    code = company.visit_of("mei")
    asked = company.lead("lose", company.named(company.see(code).holder_id), code, reason="买了别处")
    company.decide("lin", "approve", asked.code)


def test_the_month_needs_three_people(company: Company) -> None:
    """Submitted by one, approved by another, paid by a third, whatever roles they have."""
    company.hire("all", ["manager", "sales_manager", "finance"])
    company.visit_of("mei")
    company.at(2026, 4, 1)
    company.submit("2026-03", "all")
    assert refusal(company.approve_month, "2026-03", "all").rule == "is_approved_by_another"
    company.approve_month("2026-03", "sun")
    assert refusal(company.pay, "2026-03", "all").rule == "is_paid_by_another"
    company.pay("2026-03", "fei")
    company.visit_of("mei")
    company.at(2026, 5, 1)
    company.submit("2026-04", "guo")
    company.approve_month("2026-04", "all")
    assert refusal(company.pay, "2026-04", "all").rule == "is_paid_by_another"
    company.pay("2026-04", "fei")
    company.prove()


def test_nobody_grants_their_own_dispute(company: Company) -> None:
    company.hire("both", ["manager", "sales_manager"])
    mine = company.disputed("both", "2026-03")
    grant: dict[str, Any] = {"amount_fen": 100_000, "answer": "补发"}
    assert refusal(company.take, DisputeFlow, "grant", "both", mine, **grant).rule == "is_not_ones_own"
    assert refusal(company.take, DisputeFlow, "answer", "both", mine, answer="是").rule == "is_not_ones_own"
    company.take(DisputeFlow, "grant", "guo", mine, **grant)
    assert refusal(company.decide, "both", "approve", company.asked(mine)).rule == "has_four_eyes"
    his = company.disputed("mei", "2026-03")
    company.take(DisputeFlow, "grant", "both", his, **grant)
    assert refusal(company.decide, "both", "approve", company.asked(his)).rule == "has_four_eyes"


@pytest.mark.parametrize("fen", [0, -1, 10**9 + 1, 1.5, "100", True, None])
def test_a_dispute_is_granted_a_sensible_amount(company: Company, fen: Any) -> None:
    mine = company.disputed("mei", "2026-03")
    assert (
        refusal(company.take, DisputeFlow, "grant", "guo", mine, amount_fen=fen, answer="补发").code
        == "invalid_data"
    )


def test_a_dispute_is_granted_once(company: Company) -> None:
    mine = company.disputed("mei", "2026-03")
    assert refusal(company.disputed, "mei", "2026-03").code == "conflict"
    company.granted(mine, 700)
    again = refusal(company.take, DisputeFlow, "grant", "guo", mine, amount_fen=700, answer="补发")
    assert again.code == "not_allowed_from_state"
    company.drain()
    assert company.posted("mei", "adjustment") == 700


def test_nobody_judges_what_they_reported_or_are_charged_with(company: Company) -> None:
    company.hire("both", ["leader", "manager"], "C")
    company.hire("ann", ["member"], "C")
    company.pay_of("ann")
    mine, hers = company.reported("both", "conduct"), company.reported("ann", "left_post", by="guo")
    own = company.reported("mei", "conduct", by="both")
    judging: dict[str, dict[str, Any]] = {
        "confirm": {},
        "reduce": {"member_fen": 1, "leader_fen": 0, "reason": "轻"},
        "waive": {"why": "weather"},
    }
    for code in (mine, hers, own):
        for event, facts in judging.items():
            assert refusal(company.take, DeductionFlow, event, "both", code, **facts).rule == (
                "is_judged_by_another"
            )


def test_who_judged_first_does_not_decide_the_appeal(company: Company) -> None:
    code = company.reported("mei", "conduct")
    company.take(DeductionFlow, "confirm", "sun", code)
    assert refusal(company.take, DeductionFlow, "appeal", "bo", code, reason="不是我").code == "not_found"
    company.take(DeductionFlow, "appeal", "mei", code, reason="不是我")
    decisions: dict[str, dict[str, Any]] = {"uphold": {}, "waive": {"why": "weather"}}
    for event, facts in decisions.items():
        assert refusal(company.take, DeductionFlow, event, "sun", code, **facts).rule == "is_another_judge"
        assert (
            refusal(company.take, DeductionFlow, event, "guo", code, **facts).rule == "is_judged_by_another"
        )
    company.take(DeductionFlow, "waive", "zhu", code, why="weather")


@pytest.mark.parametrize("fen", [-1, 2_001, 10**13, 10**13 + 1, "5", 0.5])
def test_a_deduction_is_only_made_smaller(company: Company, fen: Any) -> None:
    code = company.reported("mei", "conduct")
    refused = refusal(company.take, DeductionFlow, "reduce", "sun", code, member_fen=fen, reason="重")
    assert refused.rule == "is_smaller" or refused.code == "invalid_data"


def test_a_days_wage_that_is_not_known_is_not_made_larger(company: Company) -> None:
    """Whose pay is not agreed yet has no day's wage; a "reduction" to any amount would be taken once it is."""
    code = company.reported("mei", "left_post")
    refused = refusal(company.take, DeductionFlow, "reduce", "sun", code, member_fen=10**9, reason="轻")
    assert refused.rule == "is_smaller"
    company.take(DeductionFlow, "reduce", "sun", code, member_fen=0, reason="轻")


def test_nobody_has_their_own_sale_called_off_by_themselves(company: Company) -> None:
    company.hire("both", ["sales_manager", "finance"])
    sale = company.sold(company.visit_of("mei"))
    asked = company.ask_to_rescind(sale, "both")
    assert refusal(company.decide, "both", "approve", asked).rule == "has_four_eyes"
    company.decide("fei", "approve", asked)


# --- after the end -------------------------------------------------------------------------------------------------


def test_attendance_stands_once_the_month_is_submitted(company: Company) -> None:
    company.pay_of("mei")
    sheet = company.days_of("mei", "2026-03", 40)
    company.at(2026, 4, 1)
    pending = company.take(
        AttendanceFlow, "propose", "guo", person="bo", month="2026-03", half_days=44, half_days_due=44
    ).code
    assert refusal(company.submit, "2026-03").rule == "nothing_blocks_it"
    company.decide("guo", "withdraw", company.asked(pending))
    company.submit("2026-03")
    before = company.nets()
    days = {"half_days": 44, "half_days_due": 44}
    assert refusal(company.take, AttendanceFlow, "change", "guo", sheet, **days).rule == "month_is_open"
    assert (
        refusal(company.take, AttendanceFlow, "propose", "guo", person="tao", month="2026-03", **days).rule
        == "month_is_open"
    )
    assert refusal(company.take, AttendanceFlow, "adopt", "guo", pending).rule == "month_is_open"
    company.drain()
    assert company.nets() == before
    company.prove()


def test_a_quota_changed_after_payment_is_set_off_in_the_next_month(company: Company) -> None:
    quota = company.quota("mei", "2026-03", 0, 0)
    for _unused in range(3):
        company.visit_of("mei")
    company.at(2026, 4, 1)
    company.closed("2026-03")
    before = {key: fen for key, fen in company.nets().items() if key[1] == "2026-03"}
    for visits, owed in ((2, -10_000), (0, 0), (3, -15_000), (1, -5_000)):
        company.changed(QuotaFlow, quota, call_visits=0, visits=visits)
        company.drain()
        assert company.held("mei") == owed
    assert {key: fen for key, fen in company.nets().items() if key[1] == "2026-03"} == before
    company.prove()


def test_the_months_end_is_reckoned_with_the_numbers_of_the_month(company: Company) -> None:
    """New numbers from the first of April do not touch the awards of March, and its journals name the old version."""
    with databases.begin(company.engine) as session:
        new = policy.enact(session, {"visit_award_fen": 1, "visit_bonus_fen": 1}, local(2026, 4, 1, 0))
    award(company)
    company.drain()
    assert company.team_holds("A") == 60_000
    with databases.read(company.engine) as session:
        versions = set(session.scalars(select(Journal.policy_version)))
    assert new.version not in versions
    company.prove()


# --- who has left --------------------------------------------------------------------------------------------------


def left(company: Company, name: str, day: date) -> None:
    with databases.begin(company.engine) as session:
        staff.end_employment(session, staff.person_named(session, name), day, company.now)


def test_who_has_left_is_still_paid_for_the_days_worked(company: Company) -> None:
    company.pay_of("mei")
    company.at(2026, 3, 20)
    company.visit_of("mei")
    left(company, "mei", date(2026, 3, 19))
    company.at(2026, 4, 1)
    company.quota("mei", "2026-03", 0, 0)
    company.days_of("mei", "2026-03", 28, 44)
    company.closed("2026-03")
    assert company.posted("mei", "wage", "performance_pay") == 180_230  # 280,000 ÷ 21.75 × 14
    company.prove()


def test_a_fake_lead_of_who_has_left_is_exposed_all_the_same(company: Company) -> None:
    code = company.visit_of("mei")
    left(company, "mei", date(2026, 3, 2))
    company.at(2026, 3, 5)
    company.exposed(code)
    company.drain()
    assert company.see(code).outcome == "fraud"
    assert company.held("mei") == 0
    company.prove()


def test_nobody_who_has_left_is_given_anything_to_come(company: Company) -> None:
    left(company, "mei", date(2026, 3, 1))
    facts = {"person": "mei", "month": "2026-05", "call_visits": 0, "visits": 0}
    assert refusal(company.take, QuotaFlow, "propose", "guo", **facts).rule == "was_there"
    with databases.read(company.engine) as session:
        assert session.scalar(select(Person.left_on).where(Person.name == "mei"))
        assert session.scalars(select(Outbox).where(Outbox.flow == "quota")).all() == []
