"""Making the books say what happened: where the ledger says something else than `reckoning` does, a journal is added: a
reversal that names what it reverses, and a new one. Doing it again, or in another order, changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models import database
from models.leads import Lead
from models.money import Dispute, Entry, Journal, Month, Quota, Sale, Split
from models.people import Project
from models.remembered import Outbox
from models.trips import Expense
from workflows import policy as policies
from workflows.engine import CLOCK, Ask, take
from workflows.money.months import month_of
from workflows.money.reckoning import Posting, Scope, expected
from workflows.money.rules import Line

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
    session.flush()  # all of them at once
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


def _standing_id(session: Session, scope: Scope, cause: str) -> int | None:
    """The journal of this cause that still stands, which is the one to be reversed."""
    posted = select(Journal).where(Journal.scope == scope.key, Journal.cause == cause).order_by(Journal.id)
    left = standing(session.scalars(posted))
    return left[-1].id if left else None


# -- from facts to scopes -----------------------------------------------------------------------------------------


def post(session: Session, facts: Sequence[Outbox], at: datetime) -> None:
    """A consumer of facts: see that the ledger says what has happened. What several of them touch is reckoned once, for it is
    reckoned from history, which holds them all."""
    for scope in dict.fromkeys(scope for fact in facts for scope in scopes_of(session, fact)):
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
    told = select(Lead.assigned_at, Lead.promoter_id, Lead.project_id).where(Lead.code == fact.case_code)
    lead = session.execute(told).first()
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


def _of_expense(session: Session, fact: Outbox) -> Iterator[Scope]:
    case = session.scalars(select(Expense).where(Expense.code == fact.case_code)).one()
    yield Scope("expense", case.project_id, str(case.settled_month), case.code)


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
    "expense.reimbursed": _of_expense,
    "expense.called_off": _of_expense,
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
