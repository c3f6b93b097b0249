"""Making the books say what happened. For each *scope* (a person's visits of a month, a sale, the closing of a month, …) the
lines are reckoned from history; where the ledger says something else, a journal is added: a reversal that names what it
reverses, and a new one. Doing it again, or in another order, changes nothing.

What was earned in a month that is closed when something about it changes is posted in the next open one. Which that was
follows from history alone, so that `verify` comes to the same result without looking at when it was posted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models import database
from models.leads import Lead
from models.money import Dispute, Entry, Journal, Month, Quota, Sale, Split
from models.people import Project
from models.remembered import History, Outbox
from workflows import policy as policies
from workflows.engine import CLOCK, Ask, take
from workflows.money import reading
from workflows.money.months import last_instant, month_of
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
    times = reading.timeline(session, scope.project_id)
    standing: dict[str, Line] = {}
    found: list[Posting] = []
    for upto in [*times.since(scope.month), None]:
        lines = {line.cause: line for line in visits_at(session, scope, upto) if line.amount_fen}
        into = times.into(scope.month, upto)
        found += _changes(standing, lines, into)
        standing = lines
    return found


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
    found = reading.sales(session, scope.project_id, code=scope.about)
    lines = [line for sold in found for line in sale_lines(sold) if line.amount_fen]
    return [Posting(line, times.into(line.month, line.source.row)) for line in lines]


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
    "split": _split,
    "payout": _payout,
}


# -- making them say it -------------------------------------------------------------------------------------------

Sides = tuple[tuple[str, int | None, int | None, str, int], ...]


def sides(line: Line) -> Sides:
    """The entries of a line's journal: account, person, team, kind, fen. They add up to nothing."""
    if line.kind == "award_share":
        return (
            ("person", line.person_id, None, line.kind, line.amount_fen),
            ("team", None, line.team_id, line.kind, -line.amount_fen),
        )
    own = ("person", line.person_id, None) if line.person_id is not None else ("team", None, line.team_id)
    return (*((*own, line.kind, line.amount_fen),), ("company", None, None, line.kind, -line.amount_fen))


def reconcile(session: Session, scope: Scope, at: datetime) -> int:
    """Add the journals that make the ledger say what history says of this scope; how many were added."""
    database.hold(session, "ledger")
    wanted: dict[tuple[str, str], list[Posting]] = {}
    for posting in expected(session, scope):
        wanted.setdefault((posting.line.cause, posting.month), []).append(posting)
    booked = journals_of(session, scope)
    added = 0
    for key in dict.fromkeys([*booked, *wanted]):
        added += _settle(session, scope, key, wanted.get(key, []), booked.get(key, []), at)
    return added


def journals_of(session: Session, scope: Scope) -> dict[tuple[str, str], list[Journal]]:
    """The journals of a scope by cause and month, in order."""
    found: dict[tuple[str, str], list[Journal]] = {}
    rows = session.scalars(select(Journal).where(Journal.scope == scope.key).order_by(Journal.id))
    for journal in rows:
        found.setdefault((journal.cause, journal.month), []).append(journal)
    return found


def net(postings: list[Posting]) -> list[Posting]:
    """What is left of the postings of one cause and month when those that undo each other are taken out."""
    left: list[Posting] = []
    for posting in postings:
        opposite = next(
            (
                p
                for p in left
                if p.line.kind == posting.line.kind and p.line.amount_fen == -posting.line.amount_fen
            ),
            None,
        )
        if opposite:
            left.remove(opposite)
        else:
            left.append(posting)
    return left


def standing(journals: Iterable[Journal]) -> list[Journal]:
    """Those of these journals, in the order they were posted, that no other of them has undone. What reverses a reversal
    lets the first one stand again."""
    by_id: dict[int, Journal] = {}
    stands: dict[int, bool] = {}
    for journal in journals:
        undone = by_id.get(journal.reverses_id or 0)
        by_id[journal.id] = journal
        stands[journal.id] = undone is None
        if undone is not None:
            stands[undone.id] = False
            if undone.reverses_id in by_id:
                stands[undone.reverses_id] = True
    return [by_id[each] for each, still in stands.items() if still]


def says(journal: Journal) -> list[str]:
    """A journal's entries in a form that can be compared."""
    return sorted(str((e.account, e.person_id, e.team_id, e.kind, e.amount_fen)) for e in journal.entries)


def should_say(posting: Posting) -> list[str]:
    return sorted(map(str, sides(posting.line)))


def _settle(
    session: Session,
    scope: Scope,
    key: tuple[str, str],
    postings: list[Posting],
    booked: list[Journal],
    at: datetime,
) -> int:
    """One cause in one month: reverse what should not stand, post what is missing."""
    want, stand, added = net(postings), standing(booked), len(booked)
    for journal in list(stand):
        match = next((p for p in want if should_say(p) == says(journal)), None)
        if match is not None:
            want.remove(match)
            continue
        _reverse(session, journal, f"{key[0]}@{key[1]}#{added}", at)
        added += 1
    for posting in want:
        _post(session, scope, posting, f"{key[0]}@{key[1]}#{added}", at)
        added += 1
    return added - len(booked)


def _reverse(session: Session, journal: Journal, key: str, at: datetime) -> None:
    """The same journal the other way round, naming the one it reverses."""
    copied = ("scope", "cause", "project_id", "month", "earned_month", "history_id", "flow", "case_code")
    made = Journal(
        key=key,
        at=at,
        reverses_id=journal.id,
        policy_version=journal.policy_version,
        clause=journal.clause,
        **{name: getattr(journal, name) for name in copied},
    )
    made.entries = [
        Entry(
            account=e.account,
            person_id=e.person_id,
            team_id=e.team_id,
            kind=e.kind,
            month=e.month,
            amount_fen=-e.amount_fen,
        )
        for e in journal.entries
    ]
    session.add(made)
    session.flush()


def _post(session: Session, scope: Scope, posting: Posting, key: str, at: datetime) -> None:
    line = posting.line
    undone = line.reverses or (line.cause if posting.undoes else None)
    made = Journal(
        key=key,
        scope=scope.key,
        cause=line.cause,
        project_id=scope.project_id,
        month=posting.month,
        earned_month=line.month,
        at=at,
        history_id=line.source.row,
        flow=line.source.flow,
        case_code=line.source.code,
        policy_version=line.source.version,
        clause=line.clause,
        reverses_id=_standing_id(session, scope, undone) if undone else None,
    )
    made.entries = [
        Entry(account=account, person_id=person, team_id=team, kind=kind, month=posting.month, amount_fen=fen)
        for account, person, team, kind, fen in sides(line)
    ]
    session.add(made)
    session.flush()


def _standing_id(session: Session, scope: Scope, cause: str) -> int | None:
    """The journal of this cause that still stands, which is the one to be reversed."""
    posted = select(Journal).where(Journal.scope == scope.key, Journal.cause == cause).order_by(Journal.id)
    left = standing(session.scalars(posted))
    return left[-1].id if left else None


# -- from facts to scopes -----------------------------------------------------------------------------------------


def post(session: Session, fact: Outbox, at: datetime) -> None:
    """A consumer of facts: see that the ledger says what has happened."""
    for scope in scopes_of(session, fact):
        if reconcile(session, scope, at):
            _pay_again(session, scope, at)
        _open_months(session, scope, at)


def _pay_again(session: Session, scope: Scope, at: datetime) -> None:
    """What was paid out follows from what was posted before: where facts are told in another order than they happened,
    it is reckoned again. In the order of things nothing is posted into a month that was paid."""
    first = select(func.min(Journal.month)).where(Journal.scope == scope.key).scalar_subquery()
    paid = select(Month.month).where(
        Month.project_id == scope.project_id, Month.month >= first, Month.state.in_(("paid", "locked"))
    )
    for month in session.scalars(paid.order_by(Month.month)).all():
        reconcile(session, Scope("payout", scope.project_id, month), at)


def scopes_of(session: Session, fact: Outbox) -> list[Scope]:
    """What has to be reckoned again because of this fact."""
    find = TOUCHES.get(fact.fact)
    return list(find(session, fact)) if find else []


def _of_lead(session: Session, fact: Outbox) -> Iterator[Scope]:
    lead = session.scalar(select(Lead).where(Lead.code == fact.case_code))
    if lead is not None and lead.assigned_at is not None and lead.promoter_id is not None:
        month = month_of(lead.assigned_at, policies.zone(session))
        yield Scope("visits", lead.project_id, month, str(lead.promoter_id))


def _of_quota(session: Session, fact: Outbox) -> Iterator[Scope]:
    quota = session.scalars(select(Quota).where(Quota.code == fact.case_code)).one()
    yield Scope("visits", quota.project_id, quota.month, str(quota.person_id))


def _of_sale(session: Session, fact: Outbox) -> Iterator[Scope]:
    sale = session.scalars(select(Sale).where(Sale.code == fact.case_code)).one()
    yield Scope("sale", sale.project_id, month_of(sale.signed_at, policies.zone(session)), sale.code)


def _of_dispute(session: Session, fact: Outbox) -> Iterator[Scope]:
    case = session.scalars(select(Dispute).where(Dispute.code == fact.case_code)).one()
    yield Scope("dispute", case.project_id, str(case.settled_month), case.code)


def _of_split(session: Session, fact: Outbox) -> Iterator[Scope]:
    case = session.scalars(select(Split).where(Split.code == fact.case_code)).one()
    yield Scope("split", case.project_id, case.month, case.code)


def _closing_of(session: Session, fact: Outbox) -> Iterator[Scope]:
    yield Scope("closing", fact.body["project_id"], fact.body["month"])


def _payout_of(session: Session, fact: Outbox) -> Iterator[Scope]:
    yield Scope("payout", fact.body["project_id"], fact.body["month"])


TOUCHES: dict[str, Callable[[Session, Outbox], Iterator[Scope]]] = {
    "lead.assigned": _of_lead,
    "lead.closed": _of_lead,
    "quota.adopted": _of_quota,
    "quota.changed": _of_quota,
    "sale.signed": _of_sale,
    "sale.rescinded": _of_sale,
    "dispute.granted": _of_dispute,
    "split.divided": _of_split,
    "split.undone": _of_split,
    "month.submitted": _closing_of,
    "month.sent_back": _closing_of,
    "month.paid": _payout_of,
}


def _open_months(session: Session, scope: Scope, at: datetime) -> None:
    """The books have a case for each month that has postings."""
    from workflows.money.month import MonthFlow

    posted = select(Journal.month).where(Journal.scope == scope.key).distinct()
    known = select(Month.month).where(Month.project_id == scope.project_id)
    code = session.get_one(Project, scope.project_id).code
    for month in sorted(set(session.scalars(posted)) - set(session.scalars(known))):
        take(session, Ask(MonthFlow, "begin", CLOCK, at, facts={"month": month}, project=code, house=True))
