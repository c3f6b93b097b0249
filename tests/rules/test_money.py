"""The two tables of money.md, typed by hand, against the policy and the arithmetic: neither can drift alone. And the edges
of the arithmetic, reckoned by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import NamedTuple

import pytest

from models.money import Deduction
from tests.rules.test_policy import NUMBERS as OF_THE_LEAD
from workflows.money import rules, statements
from workflows.money.deduction import KINDS, charge_by
from workflows.money.rules import Charge, Line, Quotas, Sold, Source, Terms, Visit, Worked
from workflows.policy import Policy

POLICY = Policy()
MARCH = datetime(2026, 3, 2, 2, 0, tzinfo=UTC)
PROMOTER, LEADER, HOLDER = 1, 2, 3
FIRST, SECOND, THIRD = 11, 12, 13  # teams
BASE = Terms("monthly", 250_000)
DAILY = Terms("daily", 6_000)


def at(row: int, flow: str = "lead") -> Source:
    """Where something comes from: the row'th thing that happened, an hour after the one before."""
    return Source(flow, f"{flow}{row}", row, MARCH + timedelta(hours=row), 1)


def visit(row: int, channel: str = "flyer", team: int | None = FIRST, **more: object) -> Visit:
    given = {"by_outreach": True, "void": None, "person_id": PROMOTER, "policy": POLICY, **more}
    return Visit(at(row), team_id=team, channel=channel, month="2026-03", **given)  # type: ignore[arg-type]


def sold(row: int, units: int = 1, team: int | None = FIRST, **more: object) -> Sold:
    given = {"seller_id": PROMOTER, "leader_id": LEADER, "by_agreement": False, "policy": POLICY, **more}
    return Sold(at(row, "sale"), "2026-03", team_id=team, units=units, **given)  # type: ignore[arg-type]


def worked(half_days: int, due: int = 44, part: bool = False) -> Worked:
    return Worked(at(90, "attendance"), PROMOTER, half_days, due, part)


CLOSING = at(99, "month")


# --- what a lead earns, and the awards: kind, who, when, fen, policy number, clause -------------------------------------


class Earns(NamedTuple):
    kind: str
    who: str
    when: str
    fen: int
    number: str
    clause: str


TABLE = [
    Earns("call_visit_bonus", "promoter", "call-in visit beyond the quota", 1_000, "call_visit_bonus_fen", "S20 (四) 个人1"),
    Earns("visit_bonus", "promoter", "other visit beyond the quota", 5_000, "visit_bonus_fen", "S20 (四) 个人1"),
    Earns("deal_bonus", "seller", "deal, per unit", 50_000, "deal_bonus_fen", "S20 (四) 个人2"),
    Earns("leader_bonus", "leader", "deal, per unit", 10_000, "leader_bonus_fen", "S20 (四) 个人2"),
    Earns("call_visit_award", "team", "most call-in visits", 30_000, "call_visit_award_fen", "S20 (四) 团队1"),
    Earns("visit_award", "team", "most other visits", 60_000, "visit_award_fen", "S20 (四) 团队1"),
    Earns("deal_award", "team", "most units sold", 100_000, "deal_award_fen", "S20 (四) 团队1"),
]  # fmt: skip


def whose(line: Line) -> str:
    people = {PROMOTER: "promoter", LEADER: "leader", HOLDER: "seller"}
    return "team" if line.team_id is not None else people[line.person_id or 0]


def of_one_month() -> list[Line]:
    """One of everything that the table speaks of."""
    visits = [visit(1, "call_in"), visit(2, "flyer")]
    sales = [sold(3, seller_id=HOLDER)]
    return [
        *rules.visit_lines(visits, Quotas()),
        *rules.sale_lines(sales[0]),
        *rules.award_lines(visits, sales, "2026-03", CLOSING, POLICY),
    ]


def test_what_a_lead_earns_is_what_the_table_says() -> None:
    """Kind, who, fen and clause of every line, in both directions."""
    lines = {(line.kind, whose(line), line.amount_fen, line.clause) for line in of_one_month()}
    assert lines == {(row.kind, row.who, row.fen, row.clause) for row in TABLE}


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.kind)
def test_each_amount_is_a_policy_number_with_its_clause(row: Earns) -> None:
    extra = Policy.model_fields[row.number].json_schema_extra
    assert getattr(POLICY, row.number) == row.fen
    assert isinstance(extra, dict)
    assert (extra["clause"], extra["unit"]) == (row.clause, "fen")
    doubled = Policy.model_validate({row.number: 2 * row.fen})
    visits = [visit(1, "call_in", policy=doubled), visit(2, policy=doubled)]
    sale = sold(3, seller_id=HOLDER, policy=doubled)
    lines = rules.visit_lines(visits, Quotas()) + rules.sale_lines(sale)
    lines += rules.award_lines(visits, [sale], "2026-03", CLOSING, doubled)
    assert {line.kind: line.amount_fen for line in lines} == {
        other.kind: other.fen * (2 if other is row else 1) for other in TABLE
    }


# --- wage --------------------------------------------------------------------------------------------------------------

WAGE = {
    "daily_wage_fen": (6_000, "S20 (二)1"),
    "base_low_fen": (250_000, "S20 (二)1"),
    "base_high_fen": (300_000, "S20 (二)1"),
    "month_days_hundredths": (2_175, "S20 (二)1"),
    "performance_percent": (20, "S20 (四) 个人3"),
    "performance_call_percent": (30, "S20 (四) 个人3"),
}
LIMITS = {
    "appeal_days": (3, "S20 备注 (ours)"),
    "deduction_cap_percent": (20, "工资支付暂行规定 第十六条"),
    "minimum_wage_fen": (200_000, "工资支付暂行规定 第十六条"),
    "minimum_day_fen": (4_800, "工资支付暂行规定 第十六条 (ours)"),
}


# --- deductions: code, half days of wage, fen of the member, fen of the leader, dismissal, clause -----------------------


class Costs(NamedTuple):
    code: str
    half_days: int
    member: int
    leader: int
    dismissal: bool
    clause: str


DEDUCTIONS = [
    Costs("left_post", 1, 0, 1_000, False, "S20 罚1"),
    Costs("absent_unnoticed", 2, 0, 2_000, False, "S20 罚2"),
    Costs("wandering", 1, 0, 2_000, False, "S20 罚3"),
    Costs("crowding", 0, 0, 1_000, False, "S20 罚4"),
    Costs("bad_mood", 1, 0, 0, False, "S20 罚5"),
    Costs("destroyed_material", 2, 0, 2_000, False, "S20 罚6"),
    Costs("fake_lead", 2, 0, 0, True, "S20 罚7"),
    Costs("attendance", 0, 2_000, 0, False, "S14 一"),
    Costs("appearance", 0, 1_000, 0, False, "S14 二"),
    Costs("conduct", 0, 2_000, 0, False, "S14 三"),
]
OF_DEDUCTIONS = {
    "left_post_half_days": 1, "left_post_leader_fen": 1_000, "absent_half_days": 2, "absent_leader_fen": 2_000,
    "wandering_half_days": 1, "wandering_leader_fen": 2_000, "crowding_leader_fen": 1_000, "bad_mood_half_days": 1,
    "bad_mood_serious_percent": 50, "destroyed_half_days": 2, "destroyed_leader_fen": 2_000, "fake_lead_half_days": 2,
    "attendance_fen": 2_000, "appearance_fen": 1_000, "conduct_fen": 2_000,
}  # fmt: skip


def charged(code: str, *, serious: bool = False, also: bool = False) -> Deduction:
    case = Deduction(kind=code, person_id=PROMOTER, also_id=HOLDER if also else None, leader_id=LEADER)
    charge_by(case, KINDS[code], POLICY, serious)
    return case


def test_the_table_of_deductions_is_complete() -> None:
    assert [row.code for row in DEDUCTIONS] == list(KINDS)
    assert {row.code: row.clause for row in DEDUCTIONS} == {code: kind.clause for code, kind in KINDS.items()}


@pytest.mark.parametrize("row", DEDUCTIONS, ids=lambda row: row.code)
def test_each_deduction_costs_what_the_table_says(row: Costs) -> None:
    case = charged(row.code)
    found = (case.half_days, case.member_fen, case.leader_fen, case.dismissal)
    assert found == (row.half_days, row.member, row.leader, row.dismissal)
    assert not case.half_wage


def test_both_parties_of_a_proxy_signing_pay_the_same() -> None:
    case = charged("attendance", also=True)
    assert (case.member_fen, case.also_fen) == (2_000, 2_000)
    assert charged("attendance").also_fen == 0


def test_only_a_serious_bad_mood_is_dismissal_and_half_the_wage() -> None:
    case = charged("bad_mood", serious=True)
    assert (case.half_wage, case.dismissal) == (True, True)
    assert not charged("conduct", serious=True).half_wage


OF_THE_OFFICE = {
    "ruling_days",
    "promise_reminder_days",
    "promise_escalation_days",
    "trip_start_minutes",
    "trip_reminder_days",
    "trip_filing_days",
    "incident_minutes",
    "log_due_minute",
    "plan_due_weekday",
    "report_due_weekday",
    "log_leader_minutes",
    "log_manager_hours",
    "round_hours",
    "training_notice_hours",
    "training_make_up_days",
    "training_pass_score",
    "reading_days",
    "sanction_hearing_days",
    "sanction_appeal_days",
    "sanction_desk_days",
    "evaluation_days",
    "expense_days",
    "muster_minute",
    "weekday_begin_minute",
    "weekday_end_minute",
    "weekend_begin_minute",
    "weekend_end_minute",
    "lunch_begin_minute",
    "lunch_end_minute",
    "spot_people_max",
    "late_grace_minutes",
    "unseen_minutes",
    "sign_out_minutes",
    "spot_code_minutes",
    "proxy_minutes",
    "leave_days_ahead",
    "leave_days_max",
}


def test_every_number_of_money_stands_in_a_table_here_and_every_one_here_in_the_policy() -> None:
    typed = {row.number: row.fen for row in TABLE} | OF_DEDUCTIONS
    typed |= {name: value for name, (value, _clause) in (WAGE | LIMITS).items()}
    others = {
        *OF_THE_LEAD,
        "timer_late_minutes",
        "draft_hours",
        "phone_clock_minutes",
        "arrival_code_minutes",
        *OF_THE_OFFICE,
    }
    assert {name: value for name, value in POLICY.model_dump().items() if name not in others} == typed


@pytest.mark.parametrize("name", [*WAGE, *LIMITS])
def test_numbers_of_wage_and_limits_bear_their_clause(name: str) -> None:
    extra = Policy.model_fields[name].json_schema_extra
    assert isinstance(extra, dict)
    assert extra["clause"] == (WAGE | LIMITS)[name][1]


def test_every_kind_of_line_has_a_word_on_the_statement() -> None:
    kinds = {row.kind for row in TABLE} | {row.code for row in DEDUCTIONS}
    others = {"wage", "performance_pay", "award_share", "adjustment", "expense", "payout"}
    assert set(statements.KINDS) == kinds | others


# --- rounding and sharing -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "fen"),
    [("0", 0), ("0.49", 0), ("0.5", 1), ("1.5", 2), ("2.5", 3), ("2.4999999", 2), ("-0.49", 0), ("-0.5", -1), ("-2.5", -3)],
)  # fmt: skip
def test_halves_are_rounded_up_and_below_nothing_the_other_way(value: str, fen: int) -> None:
    """2.5 is 3 and not 2, as it would be to the even one; what is taken back is what was given."""
    assert rules.rounded(Fraction(value)) == fen


@pytest.mark.parametrize(
    ("amount", "parts", "shares"),
    [
        (100_000, 3, [33_334, 33_333, 33_333]),
        (60_001, 2, [30_001, 30_000]),
        (30_000, 2, [15_000, 15_000]),
        (30_000, 7, [4_290, 4_285, 4_285, 4_285, 4_285, 4_285, 4_285]),  # 7 × 4285 = 29995
        (2, 3, [2, 0, 0]),
        (1, 1, [1]),
    ],
)
def test_an_amount_is_shared_without_losing_a_fen(amount: int, parts: int, shares: list[int]) -> None:
    assert rules.shared(amount, parts) == shares
    assert sum(shares) == amount


# --- visits -------------------------------------------------------------------------------------------------------------


def earned(visits: list[Visit], quotas: Quotas) -> list[tuple[str, str, int]]:
    return [(line.source.code, line.why, line.amount_fen) for line in rules.visit_lines(visits, quotas)]


def test_visits_are_counted_in_the_order_they_were_confirmed() -> None:
    """However they are handed over; at one instant the earlier row of history comes first."""
    three, two, one = visit(3), visit(2), visit(1)
    assert earned([three, one, two], Quotas(visits=2)) == [
        ("lead1", "within_quota", 0),
        ("lead2", "within_quota", 0),
        ("lead3", "beyond_quota", 5_000),
    ]
    together = [Visit(Source("lead", f"lead{row}", row, MARCH, 1), PROMOTER, FIRST, "flyer", True, "2026-03", POLICY) for row in (8, 7)]  # fmt: skip
    assert [code for code, _why, _fen in earned(together, Quotas(visits=1))] == ["lead7", "lead8"]


def test_what_nobody_brought_neither_earns_nor_fills_the_quota() -> None:
    visits = [
        visit(1, "walk_in"),
        visit(2, "partner"),
        visit(3, by_outreach=False),
        visit(4, person_id=None, by_outreach=False),
        visit(5, void="fraud"),
        visit(6, void="invalid"),
        visit(7),
        visit(8),
    ]
    assert [(why, fen) for _code, why, fen in earned(visits, Quotas(visits=1))] == [
        ("walk_in", 0), ("partner", 0), ("not_outreach", 0), ("not_outreach", 0), ("fraud", 0), ("invalid", 0),
        ("within_quota", 0), ("beyond_quota", 5_000),
    ]  # fmt: skip


def test_call_ins_and_others_have_a_quota_each() -> None:
    visits = [visit(1, "call_in"), visit(2), visit(3, "call_in"), visit(4)]
    assert earned(visits, Quotas(call_visits=1, visits=2)) == [
        ("lead1", "within_quota", 0),
        ("lead2", "within_quota", 0),
        ("lead3", "beyond_quota", 1_000),
        ("lead4", "within_quota", 0),
    ]


def test_each_visit_earns_by_the_policy_of_its_own_day() -> None:
    dearer = Policy.model_validate({"visit_bonus_fen": 6_000})
    lines = rules.visit_lines([visit(1), visit(2, policy=dearer)], Quotas())
    assert [line.amount_fen for line in lines] == [5_000, 6_000]


# --- sales --------------------------------------------------------------------------------------------------------------


def test_a_sale_earns_by_the_unit() -> None:
    lines = rules.sale_lines(sold(1, units=3))
    assert [(line.kind, line.amount_fen, line.person_id) for line in lines] == [
        ("deal_bonus", 150_000, PROMOTER),
        ("leader_bonus", 30_000, LEADER),
    ]


@pytest.mark.parametrize("leader", [None, PROMOTER], ids=["no leader", "who leads themselves"])
def test_there_is_no_leaders_bonus_without_another_leader(leader: int | None) -> None:
    assert [line.kind for line in rules.sale_lines(sold(1, leader_id=leader))] == ["deal_bonus"]


def test_a_partners_sale_and_one_that_nobody_brought() -> None:
    assert [line.amount_fen for line in rules.sale_lines(sold(1, by_agreement=True))] == [0, 0]
    assert rules.sale_lines(sold(1, seller_id=None, leader_id=None)) == []


def test_a_sale_called_off_is_reversed_in_its_own_month() -> None:
    off = sold(1, units=2, rescinded=at(50, "sale"), rescinded_month="2026-05")
    assert [(line.kind, line.month, line.amount_fen, line.reverses) for line in rules.sale_lines(off)] == [
        ("deal_bonus", "2026-03", 100_000, None),
        ("deal_bonus", "2026-05", -100_000, "sale:sale1:deal_bonus"),
        ("leader_bonus", "2026-03", 20_000, None),
        ("leader_bonus", "2026-05", -20_000, "sale:sale1:leader_bonus"),
    ]


# --- awards -------------------------------------------------------------------------------------------------------------


def awards(visits: list[Visit], sales: list[Sold]) -> list[tuple[str, int | None, int]]:
    lines = rules.award_lines(visits, sales, "2026-03", CLOSING, POLICY)
    return [(line.kind, line.team_id, line.amount_fen) for line in lines]


def test_the_remainder_goes_to_the_team_that_reached_the_figure_first() -> None:
    """Not to the one that sold first: the figure counts, and units, not contracts."""
    sales = [sold(1, 1, FIRST), sold(2, 2, SECOND), sold(3, 2, THIRD), sold(4, 1, FIRST)]
    assert awards([], sales) == [
        ("deal_award", SECOND, 33_334),
        ("deal_award", THIRD, 33_333),
        ("deal_award", FIRST, 33_333),
    ]


def test_one_team_more_takes_it_alone() -> None:
    visits = [visit(1, team=FIRST), visit(2, team=SECOND), visit(3, "referral", team=SECOND)]
    assert awards(visits, []) == [("visit_award", SECOND, 60_000)]


def test_no_award_where_nothing_counted() -> None:
    nothing = [visit(1, "walk_in"), visit(2, void="fraud"), visit(3, "partner"), visit(4, team=None)]
    off = sold(6, rescinded=at(50, "sale"), rescinded_month="2026-03")
    assert awards(nothing, [sold(5, by_agreement=True), off, sold(7, team=None)]) == []


def test_an_award_of_nothing_is_not_given() -> None:
    none = Policy.model_validate({"visit_award_fen": 0})
    assert rules.award_lines([visit(1)], [], "2026-03", CLOSING, none) == []


def test_visits_within_the_quota_count_for_the_team() -> None:
    """Awards know no quotas: the team's figure is all confirmed visits of outreach."""
    assert awards([visit(1, "call_in")], []) == [("call_visit_award", FIRST, 30_000)]


# --- wage ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("terms", "half_days", "fen"),
    [
        (BASE, 1, 5_747),  # 250000 / 21.75 / 2 = 5747.126
        (BASE, 2, 11_494),  # 11494.253, and not 2 × 5747.126 rounded twice
        (BASE, 3, 17_241),  # 17241.379
        (Terms("monthly", 300_000), 1, 6_897),  # 6896.552
        (DAILY, 1, 3_000),
        (DAILY, 2, 6_000),
        (Terms("daily", 6_001), 1, 3_001),  # 3000.5, half up
        (BASE, 0, 0),
    ],
)
def test_the_wage_of_half_days(terms: Terms, half_days: int, fen: int) -> None:
    assert rules.day_wage(terms, POLICY, half_days) == fen


@pytest.mark.parametrize(
    ("terms", "days", "wage"),
    [
        (BASE, worked(44), Fraction(250_000)),
        (BASE, worked(43), Fraction(250_000) - Fraction(250_000, 1) / Fraction("43.5")),
        (BASE, worked(0), Fraction(0)),  # 44 half days would cost 252873.56
        (BASE, worked(1, due=44, part=True), Fraction(250_000) / Fraction("43.5")),
        (BASE, worked(43, due=43, part=True), 43 * Fraction(250_000) / Fraction("43.5")),
        (BASE, worked(44, part=True), Fraction(250_000)),  # at most the base
        (BASE, worked(0, due=0, part=True), Fraction(0)),
        (DAILY, worked(33), Fraction(99_000)),
        (
            DAILY,
            worked(33, part=True),
            Fraction(99_000),
        ),  # a part of the month makes no difference by the day
        (Terms("daily", 6_001), worked(1), Fraction("3000.5")),
    ],
)
def test_the_wage_of_a_month(terms: Terms, days: Worked, wage: Fraction) -> None:
    assert rules.month_wage(terms, days, POLICY) == wage


@pytest.mark.parametrize(
    ("quotas", "calls", "visits", "reached"),
    [
        (Quotas(), 0, 0, "1"),  # a quota of 0 counts as reached
        (Quotas(7, 3), 0, 0, "0"),
        (Quotas(7, 3), 7, 3, "1"),
        (Quotas(7, 3), 99, 99, "1"),  # beyond is no more than reached
        (Quotas(1, 1), 1, 0, "3/10"),
        (Quotas(1, 1), 0, 1, "7/10"),
        (Quotas(0, 4), 0, 1, "19/40"),  # 0.3 + 0.7 × 1/4
        (Quotas(2, 0), 1, 0, "17/20"),  # 0.3 × 1/2 + 0.7
        (Quotas(7, 3), 1, 1, "29/105"),  # 0.3 × 1/7 + 0.7 × 1/3 = 9/210 + 49/210
    ],
)
def test_how_far_performance_was_reached(quotas: Quotas, calls: int, visits: int, reached: str) -> None:
    assert rules.performance(POLICY, quotas, calls, visits) == Fraction(reached)


@pytest.mark.parametrize(
    ("terms", "days", "quotas", "fixed", "performance"),
    [
        (BASE, worked(44), Quotas(), 200_000, 50_000),
        (BASE, worked(44), Quotas(7, 3), 200_000, 13_810),  # 50000 × 29/105 = 13809.524
        (BASE, worked(33), Quotas(), 149_425, 37_356),  # 186781.609: 149425.287 and 37356.322
        (BASE, worked(32), Quotas(), 144_828, 36_207),  # 181034.483: 144827.586 and 36206.897
        (BASE, worked(24, 24, part=True), Quotas(), 110_345, 27_586),  # 137931.034: 110344.828 and 27586.207
        (DAILY, worked(33), Quotas(), 79_200, 19_800),
        (Terms("daily", 6_001), worked(1), Quotas(), 2_400, 600),  # 3000.5: 2400.4 and 600.1
        (Terms("daily", 6_005), worked(1), Quotas(9, 9), 2_402, 67),  # 3002.5: 2402, and 600.5 × 1/9 = 66.722
        (BASE, worked(0), Quotas(), 0, 0),
    ],
)
def test_a_wage_is_two_entries_each_rounded_once(
    terms: Terms, days: Worked, quotas: Quotas, fixed: int, performance: int
) -> None:
    """With one call-in visit and one other that count; a walk-in and a fraud do not."""
    visits = [visit(1, "call_in"), visit(2), visit(3, "walk_in"), visit(4, void="fraud")]
    lines = rules.wage_lines(terms, days, quotas, visits, "2026-03", CLOSING, POLICY)
    assert [(line.kind, line.amount_fen, line.clause) for line in lines] == [
        ("wage", fixed, "S20 (二)1"),
        ("performance_pay", performance, "S20 (四) 个人3"),
    ]


# --- the limits of deductions -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wage", "terms", "days", "most"),
    [
        (300_000, Terms("monthly", 300_000), worked(44), 60_000),  # 20 %; the minimum would leave 100000
        (250_000, BASE, worked(44), 50_000),  # both are 50000
        (215_517, BASE, worked(38), 15_517),  # 215517 - 200000; 20 % would be 43103
        (200_000, BASE, worked(44), 0),
        (150_000, BASE, worked(26), 0),  # below the minimum already
        (165_517, Terms("monthly", 300_000), worked(24, 24, part=True), 33_103),  # 20 % = 33103.4, never more
        (132_414, Terms("monthly", 300_000), worked(24, 24, part=True), 22_069),  # 132414 - 110345 (200000 × 24 / 43.5)
        (252_873, Terms("monthly", 300_000), worked(44, part=True), 50_574),  # the minimum is at most the whole one
        (90_000, DAILY, worked(30), 18_000),  # 20 % and 90000 - 15 × 4800 are the same
        (72_000, DAILY, worked(30), 0),
        (100_000, Terms("daily", 8_000), worked(25), 20_000),  # 100000 - 12.5 × 4800 = 40000
        (0, DAILY, worked(0), 0),
    ],
)  # fmt: skip
def test_the_most_that_may_be_deducted(wage: int, terms: Terms, days: Worked, most: int) -> None:
    assert rules.most_deductible(wage, terms, days, POLICY) == most


def test_without_pay_or_attendance_nothing_may_be_deducted() -> None:
    assert rules.most_deductible(5_000, None, worked(44), POLICY) == 0
    assert rules.most_deductible(5_000, BASE, None, POLICY) == 0


def taken(charges: list[Charge], wage: int, most: int) -> list[tuple[str, int, str]]:
    lines = rules.deduction_lines(charges, wage, most, "2026-03", CLOSING, POLICY)
    return [(line.kind, line.amount_fen, line.why) for line in lines]


def test_deductions_are_taken_in_the_order_they_were_settled_until_the_limit() -> None:
    charges = [
        Charge(at(3, "deduction"), PROMOTER, "conduct", "S14 三", 2_000),
        Charge(at(1, "deduction"), PROMOTER, "absent_unnoticed", "S20 罚2", 11_494),
        Charge(at(2, "deduction"), PROMOTER, "destroyed_material", "S20 罚6", 11_494),
    ]
    assert taken(charges, 215_517, 15_517) == [
        ("absent_unnoticed", -11_494, "deduction"),
        ("destroyed_material", -4_023, "capped"),
        ("conduct", 0, "capped"),  # kept, as it says that nothing was taken, and why
    ]
    lines = rules.deduction_lines(charges, 215_517, 15_517, "2026-03", CLOSING, POLICY)
    assert [line.values for line in lines[1:]] == [
        {"full": 11_494, "percent": 20},
        {"full": 2_000, "percent": 20},
    ]


def test_half_the_wage_is_rounded_half_up_and_limited_like_the_rest() -> None:
    half = [Charge(at(1, "deduction"), PROMOTER, "bad_mood", "S20 罚5", 5_747, half_wage=True)]
    assert taken(half, 149_425, 149_425) == [("bad_mood", -74_713, "deduction")]  # 74712.5
    assert taken(half, 250_000, 50_000) == [("bad_mood", -50_000, "capped")]
