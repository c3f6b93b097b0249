"""A month as the desks look at it: what it comes to by person, team and kind, what its end would add while it is open, and
how it differs from the calculation that was sent back. Read only, from the ledger."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.money import Entry, Journal, Month
from models.people import Person, Team
from models.remembered import History
from workflows.money.reckoning import Scope
from workflows.money.statements import KINDS, preview

Who = tuple[int | None, int | None]
Sums = Counter[tuple[int | None, int | None, str]]
PAYOUT = "payout"


@dataclass(slots=True)
class Account:
    """What one person or team earned in a month, by kind; `to_come` is what the month's end would add. In fen."""

    person: Person | None
    team: Team | None
    earned: Counter[str] = field(default_factory=Counter)
    to_come: Counter[str] = field(default_factory=Counter)
    paid_fen: int = 0

    @property
    def name(self) -> str:
        owner = self.person or self.team
        return owner.name if owner else ""

    @property
    def earned_fen(self) -> int:
        return sum(self.earned.values())

    @property
    def to_come_fen(self) -> int:
        return sum(self.to_come.values())


@dataclass(frozen=True, slots=True)
class Change:
    """A sum of one account and kind that is not what it was when the month was sent back."""

    name: str
    kind: str
    before: int
    now: int


def accounts(session: Session, month: Month) -> list[Account]:
    """Everybody who has anything in this month, people by team and name first, then the teams."""
    people = {row.id: row for row in session.scalars(select(Person))}
    teams = {row.id: row for row in session.scalars(select(Team))}
    found: dict[Who, Account] = {}

    def account(person: int | None, team: int | None) -> Account:
        return found.setdefault((person, team), Account(people.get(person or 0), teams.get(team or 0)))

    for (person, team, kind), fen in sums(session, month).items():
        if kind == PAYOUT:
            account(person, team).paid_fen -= fen
        else:
            account(person, team).earned[kind] += fen
    if month.state == "open":
        for (person, team, kind), fen in _coming(session, month).items():
            account(person, team).to_come[kind] += fen
    return sorted(found.values(), key=_order)


def _order(account: Account) -> tuple[bool, str, str]:
    team = account.person.team if account.person else None
    return account.person is None, team.name if team else "~", account.name


def by_kind(found: list[Account]) -> list[tuple[str, int, int]]:
    """(kind, earned, to come) over all accounts, in the order of the statement."""
    earned, coming = Counter[str](), Counter[str]()
    for account in found:
        earned.update(account.earned)
        coming.update(account.to_come)
    return [(kind, earned[kind], coming[kind]) for kind in KINDS if earned[kind] or coming[kind]]


def totals(session: Session) -> dict[tuple[int, str], tuple[int, int]]:
    """(earned, paid out) of every project and month, in fen."""
    wanted = (
        select(Journal.project_id, Entry.month, Entry.kind, func.sum(Entry.amount_fen))
        .join(Journal, Journal.id == Entry.journal_id)
        .where(Entry.account != "company")
        .group_by(Journal.project_id, Entry.month, Entry.kind)
    )
    found: dict[tuple[int, str], tuple[int, int]] = {}
    for project, month, kind, fen in session.execute(wanted):
        earned, paid = found.get((project, month), (0, 0))
        found[project, month] = (earned, paid - int(fen)) if kind == PAYOUT else (earned + int(fen), paid)
    return found


def sums(session: Session, month: Month, upto: int | None = None) -> Sums:
    """Fen by person, team and kind, as the ledger stood after a journal (None: as it stands)."""
    wanted = (
        select(Entry.person_id, Entry.team_id, Entry.kind, func.sum(Entry.amount_fen))
        .join(Journal, Journal.id == Entry.journal_id)
        .where(Journal.project_id == month.project_id, Entry.month == month.month, Entry.account != "company")
        .group_by(Entry.person_id, Entry.team_id, Entry.kind)
    )
    if upto is not None:
        wanted = wanted.where(Journal.id <= upto)
    return Counter({(person, team, kind): int(fen) for person, team, kind, fen in session.execute(wanted)})


def _coming(session: Session, month: Month) -> Sums:
    """The same for what the end of an open month would post, as things stand."""
    sums: Sums = Counter()
    for line in preview(session, month.project_id, month.month):
        if line.amount_fen:
            sums[line.person_id, line.team_id, line.kind] += line.amount_fen
    return sums


def difference(session: Session, month: Month) -> list[Change] | None:
    """What is not as it was when the month was last sent back; None where it never was.

    While it is open again, the end of the month is reckoned as it would be now.
    """
    last = _before_sent_back(session, month)
    if last is None:
        return None
    before, now = sums(session, month, last), sums(session, month)
    if month.state == "open":
        now.update(_coming(session, month))
    names: dict[Who, str] = {(row.id, None): row.name for row in session.scalars(select(Person))}
    names |= {(None, row.id): row.name for row in session.scalars(select(Team))}
    order = list(KINDS)
    changed = [key for key in before.keys() | now.keys() if before[key] != now[key] and key[2] != PAYOUT]
    changed.sort(key=lambda key: (key[0] is None, names.get(key[:2], ""), order.index(key[2])))
    return [Change(names.get(key[:2], ""), key[2], before[key], now[key]) for key in changed]


def _before_sent_back(session: Session, month: Month) -> int | None:
    """The last journal that stood when the month was last sent back: the one before the reversals this brought about.

    The books are up to date when a month is sent back, and nothing is posted into it between its submission and then.
    """
    sent_back = select(func.max(History.at)).where(
        History.flow == "month", History.case_id == month.id, History.event == "send_back"
    )
    at = session.scalar(sent_back)
    if at is None:
        return None
    closing = Scope("closing", month.project_id, month.month).key
    first = select(func.min(Journal.id)).where(
        Journal.scope == closing, Journal.reverses_id.is_not(None), Journal.at >= at
    )
    if undone := session.scalar(first):
        return int(undone) - 1
    return session.scalar(select(func.max(Journal.id)).where(Journal.at <= at)) or 0
