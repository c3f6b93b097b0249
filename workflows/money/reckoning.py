"""What the books should say, from history alone. For each *scope* (a person's visits of a month, a sale, the closing of a
month, …) the lines are reckoned, and with them the month into which each is posted.

What was earned in a month that is closed when something about it changes is posted in the next open one. Which that was
follows from history alone, so that `verify` comes to the same result without looking at when it was posted.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.money import Entry, Journal, Month
from models.remembered import History
from workflows import policy as policies
from workflows.money import reading
from workflows.money.months import last_instant
from workflows.money.rules import (
    Line,
    Quotas,
    Source,
    award_lines,
    day_wage,
    deduction_lines,
    most_deductible,
    sale_lines,
    visit_lines,
    wage_lines,
)


@dataclass(frozen=True, slots=True)
class Scope:
    """What is reckoned together. `about` is a person's id (visits), a case's code, or nothing."""

    kind: str
    project_id: int
    month: str
    about: str = ""

    @property
    def key(self) -> str:
        return ":".join(part for part in (self.kind, str(self.project_id), self.month, self.about) if part)

    @classmethod
    def of(cls, key: str) -> Scope:
        kind, project, month, *about = key.split(":")
        return cls(kind, int(project), month, about[0] if about else "")


@dataclass(frozen=True, slots=True)
class Posting:
    """A line with the month into which it is posted; `undoes` marks the reversal of one posted before."""

    line: Line
    month: str
    undoes: bool = False


# -- what the books should say ------------------------------------------------------------------------------------


def expected(session: Session, scope: Scope) -> list[Posting]:
    """The postings of a scope, from history alone."""
    return RECKON[scope.kind](session, scope)


def _visits(session: Session, scope: Scope) -> list[Posting]:
    """The bonuses of one promoter and month, and how they changed after the month was closed."""
    person = int(scope.about)
    found = reading.confirmed(session, scope.project_id, scope.month, person)
    set_to = [
        (row, quota)
        for row, _who, quota in reading.quotas_set(session, scope.project_id, scope.month, None, person)
    ]
    return visit_postings(reading.timeline(session, scope.project_id), scope.month, found, set_to)


def visit_postings(
    times: reading.Timeline,
    month: str,
    found: Sequence[reading.Confirmed],
    set_to: Sequence[tuple[int, Quotas]],
) -> list[Posting]:
    """The same from all that history says of one promoter's visits and quotas of a month. Where nothing happened between two
    closings, nothing has changed."""
    rows = sorted([row for each in found for row in each.rows] + [row for row, _quota in set_to])
    standing: dict[str, Line] = {}
    posted: list[Posting] = []
    known = 0
    for upto in [*times.since(month), None]:
        known, before = len(rows) if upto is None else bisect_right(rows, upto), known
        if known == before:
            continue
        visits = [each.known_at(upto) for each in found if upto is None or each.visit.source.row <= upto]
        quotas = [quota for row, quota in set_to if upto is None or row <= upto]
        made = visit_lines(visits, quotas[-1] if quotas else Quotas())
        lines = {line.cause: line for line in made if line.amount_fen}
        posted += _changes(standing, lines, times.into(month, upto))
        standing = lines
    return posted


def visits_at(session: Session, scope: Scope, upto: int | None = None) -> list[Line]:
    """The lines of one promoter's visits of a month as they stood at a row of history, those of 0 fen too."""
    person = int(scope.about)
    quotas = reading.quotas(session, scope.project_id, scope.month, upto, person).get(person, Quotas())
    return visit_lines(reading.visits(session, scope.project_id, scope.month, upto, person), quotas)


def _changes(before: dict[str, Line], after: dict[str, Line], into: str) -> Iterator[Posting]:
    for cause in sorted(before.keys() | after.keys()):
        old, new = before.get(cause), after.get(cause)
        if old and new and (old.amount_fen, old.kind) == (new.amount_fen, new.kind):
            continue
        if old:
            yield Posting(replace(old, amount_fen=-old.amount_fen), into, undoes=True)
        if new:
            yield Posting(new, into)


def _sale(session: Session, scope: Scope) -> list[Posting]:
    times = reading.timeline(session, scope.project_id)
    lines = sales_at(session, scope.project_id, [scope.about])
    return [Posting(line, times.into(line.month, line.source.row)) for line in lines]


def sales_at(session: Session, project_id: int, codes: Collection[str]) -> list[Line]:
    """The lines of these sales, of those that are worth anything."""
    found = reading.sales(session, project_id, codes=codes)
    return [line for sold in found for line in sale_lines(sold) if line.amount_fen]


def _closing(session: Session, scope: Scope) -> list[Posting]:
    """Awards, wages and deductions: posted when the month is submitted, as history stood then."""
    row = closing_row(session, scope.project_id, scope.month)
    if row is None:
        return []
    lines = closing_lines(session, scope.project_id, scope.month, reading.source(row))
    return [Posting(line, scope.month) for line in lines if line.amount_fen]


def closing_row(session: Session, project_id: int, month: str) -> History | None:
    """The row by which this month was submitted, unless it was sent back."""
    wanted = (
        select(History)
        .join(Month, Month.id == History.case_id)
        .where(
            History.flow == "month",
            Month.project_id == project_id,
            Month.month == month,
            History.event.in_(tuple(reading.MOVES)),
        )
        .order_by(History.id.desc())
        .limit(1)
    )
    row = session.scalar(wanted)
    return row if row is not None and row.event == "submit" else None


def closing_lines(session: Session, project_id: int, month: str, closing: Source) -> list[Line]:
    """What the end of a month is worth, as history stood at its closing; before that, what it would be now."""
    upto = closing.row or None
    policy = policies.in_force(session, last_instant(month, policies.zone(session)))
    closing = replace(closing, version=policy.version)
    visits = reading.visits(session, project_id, month, upto)
    lines = award_lines(visits, reading.sales(session, project_id, month, upto), month, closing, policy)
    terms = reading.terms(session, project_id, month, upto)
    worked = reading.worked(session, project_id, month, upto)
    quotas = reading.quotas(session, project_id, month, upto)
    for person in sorted(terms.keys() & worked.keys()):
        mine = [visit for visit in visits if visit.person_id == person]
        lines += wage_lines(
            terms[person], worked[person], quotas.get(person, Quotas()), mine, month, closing, policy
        )
    wages: Counter[int] = Counter()
    for line in lines:
        if line.person_id is not None:
            wages[line.person_id] += line.amount_fen
    settled = reading.settled(session, project_id, month, upto)
    by_days = {
        each.case.id: day_wage(terms[each.case.person_id], policy, each.case.half_days)
        for each in settled
        if each.case.person_id in terms
    }
    charges = list(reading.charges(settled, by_days))
    for person in sorted({charge.person_id for charge in charges}):
        most = most_deductible(wages[person], terms.get(person), worked.get(person), policy)
        mine_to_bear = [charge for charge in charges if charge.person_id == person]
        lines += deduction_lines(mine_to_bear, wages[person], most, month, closing, policy)
    return lines


def _dispute(session: Session, scope: Scope) -> list[Posting]:
    found = reading.granted(session, scope.about)
    if found is None:
        return []
    case, row = found
    line = Line(
        f"dispute:{case.code}",
        "adjustment",
        str(case.settled_month),
        case.amount_fen or 0,
        "S16",
        reading.source(row),
        "adjustment",
        person_id=case.person_id,
    )
    return [Posting(line, line.month)]


def _expense(session: Session, scope: Scope) -> list[Posting]:
    """What was reimbursed, and its reversal where that was called off."""
    found = reading.reimbursed(session, scope.about)
    if found is None:
        return []
    case, row, called_off = found
    lines = [
        Line(
            f"expense:{case.code}",
            "expense",
            str(case.settled_month),
            case.amount_fen,
            "S9 6",
            reading.source(row),
            "expense",
            {"trip": case.trip_code},
            person_id=case.person_id,
        )
    ]
    if called_off is not None:
        reverse = replace(
            lines[0],
            cause=f"expense_off:{case.code}",
            month=str(case.reversed_month),
            amount_fen=-case.amount_fen,
            source=reading.source(called_off),
            why="called_off",
            values={},
            reverses=lines[0].cause,
        )
        lines.append(reverse)
    return [Posting(line, line.month) for line in lines]


def _split(session: Session, scope: Scope) -> list[Posting]:
    """The shares to the members, and as much from the team."""
    found = reading.divided(session, scope.about)
    if found is None or found[2]:
        return []
    case, row, _undone = found
    cause, origin = f"split:{case.code}", reading.source(row)
    lines = [
        Line(
            f"{cause}:{person}",
            "award_share",
            case.month,
            fen,
            "S20 (四) 团队1",
            origin,
            "share",
            person_id=person,
            team_id=case.team_id,
        )
        for person, fen in case.shares
    ]
    return [Posting(line, case.month) for line in lines]


def _payout(session: Session, scope: Scope) -> list[Posting]:
    """What was paid out for a month: what each account held from this and earlier months, if anything."""
    row = paying_row(session, scope.project_id, scope.month)
    if row is None:
        return []
    origin, found = reading.source(row), []
    accounts = held_by(session, scope.project_id, scope.month, row.id)
    for (person_id, team_id), held in sorted(accounts.items(), key=str):
        if held > 0:
            who = f"p{person_id}" if person_id else f"t{team_id}"
            line = Line(
                f"payout:{origin.code}:{who}",
                "payout",
                scope.month,
                -held,
                "S14",
                origin,
                "payout",
                person_id=person_id,
                team_id=team_id,
            )
            found.append(Posting(line, scope.month))
    return found


def paying_row(session: Session, project_id: int, month: str) -> History | None:
    """The row by which this month was paid, once it is."""
    wanted = (
        select(History)
        .join(Month, Month.id == History.case_id)
        .where(
            History.flow == "month",
            History.event == "pay",
            Month.project_id == project_id,
            Month.month == month,
        )
    )
    return session.scalar(wanted)


def held_by(
    session: Session, project_id: int, month: str, paying: int
) -> dict[tuple[int | None, int | None], int]:
    """What each account of a project holds from this and earlier months, without what was paid out for this one.

    What a team's award had been divided over members in a later month before the row of paying is not held by the team
    any more.
    """
    own_payout = (Entry.kind == "payout") & (Entry.month == month)
    sums = (
        select(Entry.person_id, Entry.team_id, func.sum(Entry.amount_fen))
        .join(Journal, Journal.id == Entry.journal_id)
        .where(
            Journal.project_id == project_id, Entry.account != "company", Entry.month <= month, ~own_payout
        )
        .group_by(Entry.person_id, Entry.team_id)
    )
    later = reading.divided_later(session, project_id, month, paying)
    return {
        (person, team): int(fen) - (later.get(team, 0) if team is not None else 0)
        for person, team, fen in session.execute(sums)
    }


RECKON: dict[str, Callable[[Session, Scope], list[Posting]]] = {
    "visits": _visits,
    "sale": _sale,
    "closing": _closing,
    "dispute": _dispute,
    "expense": _expense,
    "split": _split,
    "payout": _payout,
}
