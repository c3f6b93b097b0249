"""Dividing never loses a fen: the arithmetic of ties and of divisions, for any amounts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from workflows.money.rules import Charge as Part
from workflows.money.rules import (
    Line,
    Quotas,
    Source,
    Visit,
    award_lines,
    deduction_lines,
    rounded,
    shared,
    visit_lines,
)
from workflows.policy import Policy

fen = st.integers(0, 10**9)
AT = datetime(2026, 3, 2, tzinfo=UTC)
CLOSING = Source("month", "M1", 10_000, AT, 1)


@given(fen, st.integers(1, 40))
def test_a_tie_shares_all_of_it_and_the_first_gets_the_remainder(amount: int, parts: int) -> None:
    shares = shared(amount, parts)
    assert (sum(shares), len(shares)) == (amount, parts)
    assert len(set(shares[1:])) <= 1, "the others get the same"
    assert 0 <= shares[0] - min(shares) < parts, "the first gets what does not divide, and no more"


def visits(teams: list[int], channel: str = "flyer") -> list[Visit]:
    return [
        Visit(
            Source("lead", f"L{n}", n, AT + timedelta(minutes=n), 1),
            7,
            team,
            channel,
            True,
            "2026-03",
            Policy(),
        )
        for n, team in enumerate(teams)
    ]


@given(st.lists(st.integers(1, 5), max_size=30), st.integers(0, 10**7))
def test_an_award_is_given_out_to_the_fen_or_not_at_all(teams: list[int], amount: int) -> None:
    """All of it, to those with most, and the odd fen to who had the figure first; nothing where nothing was counted."""
    policy = Policy(visit_award_fen=amount)
    lines = award_lines(visits(teams), [], "2026-03", CLOSING, policy)
    most = max((teams.count(team) for team in teams), default=0)
    winners = {team for team in teams if teams.count(team) == most}
    assert sum(line.amount_fen for line in lines) == (amount if teams else 0)
    assert {line.team_id for line in lines} == (winners if amount else set())
    if lines:
        first = min(winners, key=lambda team: [n for n, each in enumerate(teams) if each == team][-1])
        assert lines[0].team_id == first
        assert lines[0].amount_fen == max(line.amount_fen for line in lines)


@given(
    st.lists(
        st.tuples(st.sampled_from(["flyer", "call_in", "walk_in", "partner"]), st.booleans()), max_size=20
    ),
    st.integers(0, 5),
    st.integers(0, 5),
    st.randoms(use_true_random=False),
)
def test_visits_are_counted_in_the_order_they_were_confirmed_whatever_order_they_are_told_in(
    told: list[tuple[str, bool]], calls: int, others: int, rng: object
) -> None:
    made = [
        Visit(
            Source("lead", f"L{n}", n, AT + timedelta(minutes=n), 1),
            7,
            1,
            channel,
            True,
            "2026-03",
            Policy(),
            void,
        )
        for n, (channel, void) in enumerate((c, "fraud" if gone else None) for c, gone in told)
    ]
    lines = visit_lines(made, Quotas(calls, others, True))
    mixed = list(made)
    rng.shuffle(mixed)  # type: ignore[attr-defined]
    assert visit_lines(mixed, Quotas(calls, others, True)) == lines
    counting = [v for v in made if v.nothing is None]
    earning = {True: max(0, sum(v.call_in for v in counting) - calls)}
    earning[False] = max(0, sum(not v.call_in for v in counting) - others)
    assert sum(line.amount_fen for line in lines) == earning[True] * 1_000 + earning[False] * 5_000
    assert len({line.cause for line in lines}) == len(lines), "one cause is paid once"


def taken(lines: list[Line]) -> int:
    return -sum(line.amount_fen for line in lines)


@given(st.lists(st.tuples(fen, st.booleans()), max_size=12), fen, fen)
def test_deductions_never_take_more_than_may_be_taken(
    parts: list[tuple[int, bool]], wage: int, most: int
) -> None:
    """Whatever was charged, in the order in which it was settled; what is over is not taken, and never given back."""
    charges = [
        Part(Source("deduction", f"D{n}", n, AT, 1), 7, "conduct", "S14 三", amount, half_wage=half)
        for n, (amount, half) in enumerate(parts)
    ]
    lines = deduction_lines(charges, wage, most, "2026-03", CLOSING, Policy())
    full = sum(rounded(Fraction(wage, 2)) if half else amount for amount, half in parts)
    assert all(line.amount_fen <= 0 for line in lines)
    assert taken(lines) == min(full, most)


@given(st.fractions(min_value=-(10**9), max_value=10**9))
def test_half_a_fen_is_rounded_up(value: Fraction) -> None:
    assert abs(rounded(value) - value) <= Fraction(1, 2)
    assert rounded(-value) == -rounded(value), "what is reversed is what was posted"
    if value > 0 and (value * 2).denominator == 1 and value.denominator == 2:
        assert rounded(value) == value + Fraction(1, 2)
