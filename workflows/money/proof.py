"""Proving the ledger: every journal balances, every reversal undoes what it names, and every scope says to the fen what
history says. Read in portions, so that what it takes of memory does not grow with the books."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session, aliased

from models.leads import Lead
from models.money import Dispute, Entry, Journal, Month, Sale, Split
from models.people import Person, Project
from models.remembered import Outbox
from models.trips import Expense
from workflows import policy as policies
from workflows.money import ledger, reading
from workflows.money.months import following, month_of
from workflows.money.reading import chunks
from workflows.money.reckoning import RECKON, Posting, Scope, expected, sales_at, visit_postings
from workflows.money.rules import Quotas

# How many sales, or scopes of the ledger, are looked at together.
AT_ONCE = 500
# What is posted for a cause into a month, by account.
Where = tuple[str, str]
Sums = dict[Where, Counter[str]]


@dataclass(frozen=True, slots=True)
class Wrong:
    """Something the ledger says that is not so: which case or scope, what is found."""

    what: str
    where: str
    detail: str


def prove(session: Session) -> Iterator[Wrong]:
    """Every way in which the ledger could be wrong; nothing if it is not."""
    yield from _unbalanced(session)
    yield from _false_reversals(session)
    explained = {scope.key for scope in waiting(session)}
    others = _others(session)
    for found in (_visits(session), _sales(session), _each(session, others), _strays(session, others)):
        for key, wrongs in found:
            if key not in explained:
                yield from wrongs


def waiting(session: Session) -> set[Scope]:
    """Scopes whose facts are not posted yet: what they lack is explained. A fact that is parked is a finding of its own."""
    unposted = select(Outbox).where(
        Outbox.state.in_(("pending", "parked")), Outbox.fact.in_(tuple(ledger.TOUCHES))
    )
    return {scope for fact in session.scalars(unposted) for scope in ledger.scopes_of(session, fact)}


def _unbalanced(session: Session) -> Iterator[Wrong]:
    sums = select(Entry.journal_id, func.sum(Entry.amount_fen).label("fen")).group_by(Entry.journal_id)
    for row in session.execute(sums.having(func.sum(Entry.amount_fen) != 0)):
        key = session.scalar(select(Journal.key).where(Journal.id == row.journal_id))
        yield Wrong("unbalanced journal", str(key), f"its entries add up to {row.fen} fen")
    entries = select(Entry.id).where(Entry.journal_id == Journal.id)
    for key in session.scalars(select(Journal.key).where(~entries.exists())):
        yield Wrong("empty journal", key, "it has no entries")
    astray = entries.where(Entry.month != Journal.month)
    for key in session.scalars(select(Journal.key).where(astray.exists())):
        yield Wrong("entry in another month", key, "an entry's month is not its journal's")


def _false_reversals(session: Session) -> Iterator[Wrong]:
    """A reversal is its journal the other way round, and no journal is reversed that does not stand."""
    undone = aliased(Journal)
    together = (
        select(Journal.id)
        .join(Entry, Entry.journal_id.in_((Journal.id, Journal.reverses_id)))
        .where(Journal.reverses_id.is_not(None))
        .group_by(Journal.id, Entry.account, Entry.person_id, Entry.team_id, Entry.kind)
        .having(func.sum(Entry.amount_fen) != 0)
    )
    false = set(session.scalars(together))
    gone: dict[int | None, bool] = {}
    reversals = (
        select(Journal.id, Journal.key, Journal.reverses_id, undone.key, undone.reverses_id)
        .outerjoin(undone, undone.id == Journal.reverses_id)
        .where(Journal.reverses_id.is_not(None))
        .order_by(Journal.id)
    )
    for journal_id, key, undone_id, undone_key, again in session.execute(reversals):
        if undone_key is None or journal_id in false:
            yield Wrong("false reversal", key, f"it does not undo journal {undone_id}")
            continue
        if gone.get(undone_id):
            yield Wrong("reversed twice", undone_key, f"journal {key} reverses it again")
        gone[undone_id] = True
        if again:
            gone[again] = False


# -- scope by scope -------------------------------------------------------------------------------------------------

Proved = Iterator[tuple[str, Iterable[Wrong]]]


def _visits(session: Session) -> Proved:
    """The visits of everybody, month by month."""
    staff = _staff(session)
    for project_id in session.scalars(select(Project.id).order_by(Project.id)).all():
        times = reading.timeline(session, project_id)
        for month in _months(session, project_id):
            mine: dict[int | None, list[reading.Confirmed]] = defaultdict(list)
            for each in reading.confirmed(session, project_id, month):
                mine[each.visit.person_id].append(each)
            set_to: dict[int, list[tuple[int, Quotas]]] = defaultdict(list)
            for row, person, quota in reading.quotas_set(session, project_id, month):
                set_to[person].append((row, quota))
            scopes = {person: Scope("visits", project_id, month, str(person)).key for person in staff}
            says = _said(session, scopes.values())
            for person, key in scopes.items():
                should = visit_postings(times, month, mine[person], set_to[person])
                yield key, _different(should, says.get(key, {}))


def _staff(session: Session) -> list[int]:
    return list(session.scalars(select(Person.id).order_by(Person.id)))


def _months(session: Session, project_id: int) -> list[str]:
    """The months in which visits were confirmed, from the first to the last."""
    span = select(func.min(Lead.assigned_at), func.max(Lead.assigned_at)).where(Lead.project_id == project_id)
    first, last = session.execute(span).one()
    if first is None or last is None:
        return []
    zone = policies.zone(session)
    months, end = [month_of(first, zone)], month_of(last, zone)
    while months[-1] < end:
        months.append(following(months[-1]))
    return months


def _sales(session: Session) -> Proved:
    """Every sale, some hundreds at a time."""
    after, zone = 0, policies.zone(session)
    while True:
        next_ones = select(Sale.id, Sale.code, Sale.project_id, Sale.signed_at).where(Sale.id > after)
        found = session.execute(next_ones.order_by(Sale.id).limit(AT_ONCE)).all()
        for project_id in {row.project_id for row in found}:
            scopes = {
                row.code: Scope("sale", project_id, month_of(row.signed_at, zone), row.code).key
                for row in found
                if row.project_id == project_id
            }
            yield from _sold(session, project_id, scopes)
        if not found:
            return
        after = found[-1].id


def _sold(session: Session, project_id: int, scopes: dict[str, str]) -> Proved:
    times, should = reading.timeline(session, project_id), defaultdict[str, list[Posting]](list)
    for line in sales_at(session, project_id, list(scopes)):
        should[line.source.code].append(Posting(line, times.into(line.month, line.source.row)))
    says = _said(session, scopes.values())
    for code, key in scopes.items():
        yield key, _different(should[code], says.get(key, {}))


def _others(session: Session) -> dict[str, Scope]:
    """What else history speaks of."""
    scopes = [
        Scope(kind, month.project_id, month.month)
        for month in session.scalars(select(Month).order_by(Month.id))
        for kind in ("closing", "payout")
    ]
    for case in session.scalars(select(Dispute).where(Dispute.state == "granted")).unique():
        scopes.append(Scope("dispute", case.project_id, str(case.settled_month), case.code))
    for spent in session.scalars(select(Expense).where(Expense.settled_month.is_not(None))).unique():
        scopes.append(Scope("expense", spent.project_id, str(spent.settled_month), spent.code))
    for split in session.scalars(select(Split)):
        scopes.append(Scope("split", split.project_id, split.month, split.code))
    return {scope.key: scope for scope in scopes}


def _each(session: Session, scopes: dict[str, Scope]) -> Proved:
    return ((key, differences(session, scope)) for key, scope in scopes.items())


def _strays(session: Session, others: dict[str, Scope]) -> Proved:
    """What only the ledger speaks of."""
    staff, months = set(map(str, _staff(session))), dict[int, list[str]]()
    sales: list[Scope] = []
    every = select(Journal.scope).distinct().execution_options(yield_per=AT_ONCE)
    for key in session.scalars(every):
        try:
            scope = Scope.of(key)
            known = scope.key == key and scope.kind in RECKON
        except ValueError:
            known = False
        if not known:
            yield key, [Wrong("journal of no scope", key, "there is nothing that it could be about")]
        elif scope.kind == "sale":
            sales.append(scope)
            if len(sales) == AT_ONCE:
                yield from _of_no_sale(session, sales)
                sales = []
        elif scope.kind == "visits":
            if scope.project_id not in months:
                months[scope.project_id] = _months(session, scope.project_id)
            if scope.about not in staff or scope.month not in months[scope.project_id]:
                yield key, differences(session, scope)
        elif key not in others:
            yield key, differences(session, scope)
    yield from _of_no_sale(session, sales)


def _of_no_sale(session: Session, scopes: Sequence[Scope]) -> Proved:
    codes = [scope.about for scope in scopes]
    known = set(session.scalars(select(Sale.code).where(Sale.code.in_(codes)))) if codes else set()
    for scope in scopes:
        if scope.about not in known:
            yield scope.key, differences(session, scope)


def differences(session: Session, scope: Scope) -> Iterator[Wrong]:
    """Where the ledger and history differ in this scope, by cause and month, to the fen."""
    return _different(expected(session, scope), _said(session, [scope.key]).get(scope.key, {}))


def _different(postings: Iterable[Posting], says: Sums) -> Iterator[Wrong]:
    should: Sums = {}
    for posting in postings:
        sums = should.setdefault((posting.line.cause, posting.month), Counter())
        for account, person, team, kind, fen in ledger.sides(posting.line):
            sums[f"{account} {person} {team} {kind}"] += fen
    for where in sorted(should.keys() | says.keys()):
        wanted, found = _plain(should.get(where)), _plain(says.get(where))
        if wanted != found:
            detail = f"{where[1]}: the ledger says {found or 'nothing'}, history says {wanted or 'nothing'}"
            yield Wrong("ledger and history differ", where[0], detail)


def _said(session: Session, keys: Collection[str]) -> dict[str, Sums]:
    """What the ledger says of these scopes."""
    account = Entry.account, Entry.person_id, Entry.team_id, Entry.kind
    wanted = (
        select(Journal.scope, Journal.cause, Journal.month, *account, func.sum(Entry.amount_fen))
        .join(Entry, Entry.journal_id == Journal.id)
        .group_by(Journal.scope, Journal.cause, Journal.month, *account)
    )
    found: dict[str, Sums] = {}
    for part in chunks(list(keys)):
        for key, cause, month, *account_of, fen in session.execute(wanted.where(Journal.scope.in_(part))):
            sums = found.setdefault(key, {}).setdefault((cause, month), Counter())
            sums["{} {} {} {}".format(*account_of)] += int(fen)
    return found


def _plain(sums: Counter[str] | None) -> dict[str, int]:
    return {
        account: fen for account, fen in (sums or {}).items() if fen and not account.startswith("company")
    }
