"""Proving the ledger: every journal balances, every reversal undoes what it names, and every scope says to the fen what
history says."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.leads import Lead
from models.money import Dispute, Entry, Journal, Month, Sale, Split
from models.remembered import History, Outbox
from workflows import policy as policies
from workflows.money import ledger
from workflows.money.months import month_of
from workflows.money.reckoning import Scope, expected

Where = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Wrong:
    """Something the ledger says that is not so: which case or scope, what is found."""

    what: str
    where: str
    detail: str


def scopes(session: Session) -> set[Scope]:
    """Everything that history or the ledger speaks of."""
    zone = policies.zone(session)
    visits = (
        select(History.at, Lead.project_id, Lead.promoter_id)
        .join(Lead, Lead.id == History.case_id)
        .where(History.flow == "lead", History.event == "accept", Lead.promoter_id.is_not(None))
    )
    found = {
        Scope("visits", row.project_id, month_of(row.at, zone), str(row.promoter_id))
        for row in session.execute(visits.execution_options(yield_per=1000))
    }
    for sale in session.scalars(select(Sale)):
        found.add(Scope("sale", sale.project_id, month_of(sale.signed_at, zone), sale.code))
    for month in session.scalars(select(Month)):
        found |= {Scope(kind, month.project_id, month.month) for kind in ("closing", "payout")}
    for case in session.scalars(select(Dispute).where(Dispute.state == "granted")):
        found.add(Scope("dispute", case.project_id, str(case.settled_month), case.code))
    for split in session.scalars(select(Split)):
        found.add(Scope("split", split.project_id, split.month, split.code))
    return found | {Scope.of(key) for key in session.scalars(select(Journal.scope).distinct())}


def waiting(session: Session) -> set[Scope]:
    """Scopes whose facts are not posted yet: what they lack is explained."""
    pending = select(Outbox).where(Outbox.state == "pending", Outbox.fact.in_(tuple(ledger.TOUCHES)))
    return {scope for fact in session.scalars(pending) for scope in ledger.scopes_of(session, fact)}


def prove(session: Session) -> Iterator[Wrong]:
    """Every way in which the ledger could be wrong; nothing if it is not."""
    yield from _unbalanced(session)
    yield from _false_reversals(session)
    explained = waiting(session)
    for scope in sorted(scopes(session) - explained, key=lambda s: s.key):
        yield from differences(session, scope)


def _unbalanced(session: Session) -> Iterator[Wrong]:
    sums = select(Entry.journal_id, func.sum(Entry.amount_fen).label("fen")).group_by(Entry.journal_id)
    for row in session.execute(sums.having(func.sum(Entry.amount_fen) != 0)):
        journal = session.get_one(Journal, row.journal_id)
        yield Wrong("unbalanced journal", journal.key, f"its entries add up to {row.fen} fen")
    empty = select(Journal).where(Journal.id.not_in(select(Entry.journal_id)))
    for journal in session.scalars(empty):
        yield Wrong("empty journal", journal.key, "it has no entries")
    astray = select(Journal).join(Entry).where(Entry.month != Journal.month).distinct()
    for journal in session.scalars(astray):
        yield Wrong("entry in another month", journal.key, "an entry's month is not its journal's")


def _false_reversals(session: Session) -> Iterator[Wrong]:
    """A reversal is its journal the other way round, and no journal is reversed that does not stand."""
    gone: dict[int, bool] = {}
    reversals = select(Journal).where(Journal.reverses_id.is_not(None)).order_by(Journal.id)
    for journal in session.scalars(reversals):
        undone = session.get(Journal, journal.reverses_id)
        if undone is None or _sums(journal) != {k: -v for k, v in _sums(undone).items()}:
            yield Wrong("false reversal", journal.key, f"it does not undo journal {journal.reverses_id}")
            continue
        if gone.get(undone.id):
            yield Wrong("reversed twice", undone.key, f"journal {journal.key} reverses it again")
        gone[undone.id] = True
        if undone.reverses_id:
            gone[undone.reverses_id] = False


def _sums(journal: Journal) -> Counter[str]:
    sums: Counter[str] = Counter()
    for e in journal.entries:
        sums[f"{e.account} {e.person_id} {e.team_id} {e.kind}"] += e.amount_fen
    return sums


def differences(session: Session, scope: Scope) -> Iterator[Wrong]:
    """Where the ledger and history differ in this scope, by cause and month, to the fen."""
    should: dict[Where, Counter[str]] = {}
    for posting in expected(session, scope):
        sums = should.setdefault((posting.line.cause, posting.month), Counter())
        for account, person, team, kind, fen in ledger.sides(posting.line):
            sums[f"{account} {person} {team} {kind}"] += fen
    says: dict[Where, Counter[str]] = {}
    for where, journals in ledger.journals_of(session, scope).items():
        for journal in journals:
            says.setdefault(where, Counter()).update(_sums(journal))
    for where in sorted(should.keys() | says.keys()):
        wanted, found = _plain(should.get(where)), _plain(says.get(where))
        if wanted != found:
            detail = f"{where[1]}: the ledger says {found or 'nothing'}, history says {wanted or 'nothing'}"
            yield Wrong("ledger and history differ", where[0], detail)


def _plain(sums: Counter[str] | None) -> dict[str, int]:
    return {
        account: fen for account, fen in (sums or {}).items() if fen and not account.startswith("company")
    }
