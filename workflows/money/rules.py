"""The arithmetic of money.md: facts and policy in, lines out. Nothing here reads anything.

All amounts are integers of fen, rounded half up once per line. A line of 0 fen is kept: it says why something earned
nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from fractions import Fraction
from typing import Any

from workflows.policy import Policy
from workflows.words import _

WHY = {
    "beyond_quota": _("Visit %(nth)s of the month; the quota is %(quota)s."),
    "within_quota": _("Visit %(nth)s of the month is within the quota of %(quota)s."),
    "walk_in": _("A walk-in: nobody brought the customer."),
    "not_outreach": _("Captured by the web form or at the desk, not by outreach."),
    "partner": _("A partner's customer: the partner's agreement pays."),
    "fraud": _("Closed as fraud: it no longer counts."),
    "invalid": _("Closed as invalid after the visit: it no longer counts."),
    "units": _("%(units)s × %(each)s"),
    "rescinded": _("The sale was called off."),
    "award": _("First with %(figure)s."),
    "award_tie": _("First with %(figure)s, shared by %(teams)s teams."),
    "wage_daily": _("%(half_days)s half days at %(day)s a day; %(percent)s%% of it is performance pay."),
    "wage_month": _("Base %(base)s, %(missed)s half days missed; %(percent)s%% of it is performance pay."),
    "wage_part": _("%(half_days)s half days of a base of %(base)s; %(percent)s%% of it is performance pay."),
    "performance": _("Call-in visits %(calls)s of %(call_quota)s, other visits %(visits)s of %(quota)s."),
    "deduction": _("Settled without an appeal, or upheld."),
    "capped": _("Of %(full)s only this was taken: %(percent)s%% of the wage, and the minimum wage stays."),
    "adjustment": _("A dispute was settled."),
    "expense": _("Reimbursed for trip %(trip)s; it is no wage."),
    "called_off": _("The reimbursement was called off."),
    "share": _("The leader's division of the team award."),
    "payout": _("Paid out."),
}


@dataclass(frozen=True, slots=True)
class Source:
    """Where a line comes from: a row of history of one case, at an instant, under a version of the policy."""

    flow: str
    code: str
    row: int
    at: datetime
    version: int


@dataclass(frozen=True, slots=True)
class Line:
    """So much to (or from) a person or a team, in the month it was earned, with why. `cause` is its posting key."""

    cause: str
    kind: str
    month: str
    amount_fen: int
    clause: str
    source: Source
    why: str
    values: dict[str, Any] = field(default_factory=dict)
    person_id: int | None = None
    team_id: int | None = None
    reverses: str | None = None


@dataclass(frozen=True, slots=True)
class Visit:
    """A visit that the sales office confirmed. `void` says why it no longer counts, if so."""

    source: Source
    person_id: int | None
    team_id: int | None
    channel: str
    by_outreach: bool
    month: str
    policy: Policy
    void: str | None = None

    @property
    def nothing(self) -> str | None:
        """Why this visit is nobody's, if it is."""
        if self.channel == "partner":
            return "partner"
        if self.channel == "walk_in":
            return "walk_in"
        return self.void if self.by_outreach and self.person_id else "not_outreach"

    @property
    def call_in(self) -> bool:
        return self.channel == "call_in"


@dataclass(frozen=True, slots=True)
class Quotas:
    """What somebody is set for a month; none approved counts as nothing."""

    call_visits: int = 0
    visits: int = 0
    approved: bool = False


@dataclass(frozen=True, slots=True)
class Sold:
    """A sale, with who earns from it; `rescinded` is where it was called off."""

    source: Source
    month: str
    seller_id: int | None
    team_id: int | None
    leader_id: int | None
    by_agreement: bool
    units: int
    policy: Policy
    rescinded: Source | None = None
    rescinded_month: str | None = None


@dataclass(frozen=True, slots=True)
class Terms:
    """Pay by the day (`daily`, fen a day) or by the month (`monthly`, base in fen)."""

    kind: str
    amount_fen: int


@dataclass(frozen=True, slots=True)
class Worked:
    """Half days worked of those due; `part_month` for who joined or left in it."""

    source: Source
    person_id: int
    half_days: int
    half_days_due: int
    part_month: bool


@dataclass(frozen=True, slots=True)
class Charge:
    """One person's part of a settled deduction. `half_wage` takes a part of the whole wage instead of an amount."""

    source: Source
    person_id: int
    kind: str
    clause: str
    amount_fen: int
    half_wage: bool = False
    part: str = "member"


def rounded(value: Fraction) -> int:
    """Half up to the fen, also below nothing."""
    sign = -1 if value < 0 else 1
    return sign * int(abs(value) + Fraction(1, 2))


# -- bonuses ------------------------------------------------------------------------------------------------------


def visit_lines(visits: Iterable[Visit], quotas: Quotas) -> list[Line]:
    """The visits of one person and month in the order they were confirmed: those beyond the quota earn (S20 (四) 个人1)."""
    seen = {True: 0, False: 0}
    lines = []
    for visit in sorted(visits, key=lambda v: (v.source.at, v.source.row)):
        kind = "call_visit_bonus" if visit.call_in else "visit_bonus"
        amount, why, values = 0, visit.nothing or "", {}
        if not why:
            seen[visit.call_in] += 1
            quota = quotas.call_visits if visit.call_in else quotas.visits
            values = {"nth": seen[visit.call_in], "quota": quota}
            why = "beyond_quota" if seen[visit.call_in] > quota else "within_quota"
            each = visit.policy.call_visit_bonus_fen if visit.call_in else visit.policy.visit_bonus_fen
            amount = each if why == "beyond_quota" else 0
        lines.append(
            Line(
                f"visit:{visit.source.code}",
                kind,
                visit.month,
                amount,
                "S20 (四) 个人1",
                visit.source,
                why,
                values,
                person_id=visit.person_id,
            )
        )
    return lines


def sale_lines(sold: Sold) -> list[Line]:
    """What a sale earns who brought the customer and the leader of their team; the reverse if it was called off."""
    policy, lines = sold.policy, []
    earners = [("deal_bonus", sold.seller_id, policy.deal_bonus_fen)]
    if sold.leader_id is not None and sold.leader_id != sold.seller_id:
        earners.append(("leader_bonus", sold.leader_id, policy.leader_bonus_fen))
    for kind, person_id, each in earners:
        if person_id is None:
            continue
        why = "partner" if sold.by_agreement else "units"
        amount = 0 if sold.by_agreement else each * sold.units
        values = {} if sold.by_agreement else {"units": sold.units, "each": each}
        cause = f"sale:{sold.source.code}:{kind}"
        clause = "S20 (四) 个人2"
        lines.append(
            Line(cause, kind, sold.month, amount, clause, sold.source, why, values, person_id=person_id)
        )
        if sold.rescinded and sold.rescinded_month and amount:
            lines.append(
                Line(
                    f"rescission:{sold.source.code}:{kind}",
                    kind,
                    sold.rescinded_month,
                    -amount,
                    clause,
                    sold.rescinded,
                    "rescinded",
                    person_id=person_id,
                    reverses=cause,
                )
            )
    return lines


# -- awards -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Tally:
    """Something counted for a team at an instant."""

    team_id: int
    at: datetime
    row: int
    count: int = 1


def award_lines(
    visits: Iterable[Visit], sales: Iterable[Sold], month: str, closing: Source, policy: Policy
) -> list[Line]:
    """The monthly awards of a project (S20 (四) 团队): most call-in visits, most other visits, most units."""
    counted = [v for v in visits if v.nothing is None and v.team_id is not None]
    calls = [Tally(v.team_id or 0, v.source.at, v.source.row) for v in counted if v.call_in]
    others = [Tally(v.team_id or 0, v.source.at, v.source.row) for v in counted if not v.call_in]
    units = [
        Tally(s.team_id, s.source.at, s.source.row, s.units)
        for s in sales
        if s.team_id is not None and not s.by_agreement and s.rescinded is None
    ]
    return [
        *_award("call_visit_award", calls, policy.call_visit_award_fen, month, closing),
        *_award("visit_award", others, policy.visit_award_fen, month, closing),
        *_award("deal_award", units, policy.deal_award_fen, month, closing),
    ]


def _award(kind: str, tallies: list[Tally], amount: int, month: str, closing: Source) -> list[Line]:
    """Most wins; a tie is shared in fen, the remainder to the team that reached the figure first."""
    figures: dict[int, int] = {}
    reached: dict[int, tuple[datetime, int]] = {}
    for tally in sorted(tallies, key=lambda t: (t.at, t.row)):
        figures[tally.team_id] = figures.get(tally.team_id, 0) + tally.count
        reached[tally.team_id] = (tally.at, tally.row)
    best = max(figures.values(), default=0)
    if best == 0 or amount == 0:
        return []
    winners = sorted((team for team in figures if figures[team] == best), key=lambda team: reached[team])
    values = {"figure": best, "teams": len(winners)}
    why = "award" if len(winners) == 1 else "award_tie"
    return [
        Line(
            f"award:{closing.code}:{kind}:{team}",
            kind,
            month,
            share,
            "S20 (四) 团队1",
            closing,
            why,
            values,
            team_id=team,
        )
        for team, share in zip(winners, shared(amount, len(winners)), strict=True)
    ]


def shared(amount: int, parts: int) -> list[int]:
    """An amount in equal parts; the remainder goes to the first. No fen is lost."""
    each, rest = divmod(amount, parts)
    return [each + rest] + [each] * (parts - 1)


# -- wage ---------------------------------------------------------------------------------------------------------


def day_wage(terms: Terms, policy: Policy, half_days: int) -> int:
    """The wage of so many half days: of the daily rate, or of base ÷ 21.75."""
    return rounded(_of_days(terms, policy, half_days))


def _of_days(terms: Terms, policy: Policy, half_days: int) -> Fraction:
    if terms.kind == "daily":
        return Fraction(terms.amount_fen * half_days, 2)
    return Fraction(terms.amount_fen * half_days * 100, 2 * policy.month_days_hundredths)


def month_wage(terms: Terms, worked: Worked, policy: Policy) -> Fraction:
    """The whole wage of a month, unrounded. Monthly staff get the base less the days they missed; who joined or left in
    the month gets the days they worked, at most the base."""
    if terms.kind == "daily":
        return _of_days(terms, policy, worked.half_days)
    if worked.part_month:
        return min(Fraction(terms.amount_fen), _of_days(terms, policy, worked.half_days))
    missed = max(0, worked.half_days_due - worked.half_days)
    return max(Fraction(0), Fraction(terms.amount_fen) - _of_days(terms, policy, missed))


def performance(policy: Policy, quotas: Quotas, calls: int, visits: int) -> Fraction:
    """The part of performance pay that was reached; a quota of nothing counts as reached (S20 (四) 个人3)."""

    def reached(done: int, quota: int) -> Fraction:
        return min(Fraction(1), Fraction(done, quota)) if quota else Fraction(1)

    weight = Fraction(policy.performance_call_percent, 100)
    return weight * reached(calls, quotas.call_visits) + (1 - weight) * reached(visits, quotas.visits)


def wage_lines(
    terms: Terms,
    worked: Worked,
    quotas: Quotas,
    visits: Sequence[Visit],
    month: str,
    closing: Source,
    policy: Policy,
) -> list[Line]:
    """Two lines: the fixed part of the wage, and the performance pay that was reached. Each is rounded once, so together
    they may differ from the wage by a fen."""
    wage = month_wage(terms, worked, policy)
    pay = wage * Fraction(policy.performance_percent, 100)
    fixed = rounded(wage - pay)
    counted = [v for v in visits if v.nothing is None]
    calls, others = sum(v.call_in for v in counted), sum(not v.call_in for v in counted)
    earned = rounded(pay * performance(policy, quotas, calls, others))
    how, values = _wage_said(terms, worked, policy)
    reached = {
        "calls": calls,
        "call_quota": quotas.call_visits,
        "visits": others,
        "quota": quotas.visits,
    }
    key, person = f"{closing.code}:{worked.person_id}", worked.person_id
    clause = "S20 (四) 个人3"
    return [
        Line(f"wage:{key}", "wage", month, fixed, "S20 (二)1", closing, how, values, person_id=person),
        Line(
            f"performance:{key}",
            "performance_pay",
            month,
            earned,
            clause,
            closing,
            "performance",
            reached,
            person_id=person,
        ),
    ]


def _wage_said(terms: Terms, worked: Worked, policy: Policy) -> tuple[str, dict[str, Any]]:
    percent = {"percent": policy.performance_percent}
    if terms.kind == "daily":
        return "wage_daily", {"half_days": worked.half_days, "day": terms.amount_fen, **percent}
    if worked.part_month:
        return "wage_part", {"half_days": worked.half_days, "base": terms.amount_fen, **percent}
    missed = max(0, worked.half_days_due - worked.half_days)
    return "wage_month", {"base": terms.amount_fen, "missed": missed, **percent}


# -- deductions ---------------------------------------------------------------------------------------------------


def most_deductible(wage: int, terms: Terms | None, worked: Worked | None, policy: Policy) -> int:
    """What the deductions of a month may take at most: 20 % of its wage, and never below the minimum wage.

    The minimum of monthly staff who worked part of a month is in proportion to the days; that of daily staff is by the
    day worked.
    """
    if terms is None or worked is None:
        return 0
    by_percent = wage * policy.deduction_cap_percent // 100
    return max(0, min(by_percent, wage - least_wage(terms, worked, policy)))


def least_wage(terms: Terms, worked: Worked, policy: Policy) -> int:
    if terms.kind == "daily":
        return rounded(Fraction(policy.minimum_day_fen * worked.half_days, 2))
    whole = Fraction(policy.minimum_wage_fen)
    if not worked.part_month:
        return rounded(whole)
    part = Fraction(worked.half_days * 100, 2 * policy.month_days_hundredths)
    return rounded(whole * min(Fraction(1), part))


def deduction_lines(
    charges: Iterable[Charge], wage: int, most: int, month: str, closing: Source, policy: Policy
) -> list[Line]:
    """One person's deductions of a month, in the order they were settled; what is over the limit is not taken."""
    lines, left = [], most
    for charge in sorted(charges, key=lambda c: (c.source.row, c.part)):
        full = charge.amount_fen
        if charge.half_wage:
            full = rounded(Fraction(wage * policy.bad_mood_serious_percent, 100))
        taken = min(full, left)
        left -= taken
        values = {} if taken == full else {"full": full, "percent": policy.deduction_cap_percent}
        lines.append(
            Line(
                f"deduction:{closing.code}:{charge.source.code}:{charge.part}",
                charge.kind,
                month,
                -taken,
                charge.clause,
                charge.source,
                "deduction" if taken == full else "capped",
                values,
                person_id=charge.person_id,
            )
        )
    return lines
