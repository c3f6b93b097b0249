"""What finance pays out for a month: so much to each account, of what kinds it is made up, and what was paid already."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.money import Month
from models.people import Person, Project, Team
from workflows.engine.actor import Actor
from workflows.engine.refusal import Refused
from workflows.money import overview, reckoning
from workflows.money.deduction import KINDS as DEDUCTIONS
from workflows.money.month import MonthFlow
from workflows.words import Text, _

GROUPS: dict[str, tuple[str, ...]] = {
    "wage": ("wage", "performance_pay"),
    "bonuses": ("call_visit_bonus", "visit_bonus", "deal_bonus", "leader_bonus"),
    "awards": ("call_visit_award", "visit_award", "deal_award", "award_share"),
    "deductions": tuple(DEDUCTIONS),
    "adjustments": ("adjustment",),
    "expenses": ("expense",),
}
FOREVER = 2**62  # later than any row of history
Owner = tuple[int | None, int | None]


@dataclass(frozen=True, slots=True)
class Account:
    """An account of a month in fen. `carried_fen` is what it brought along from earlier months (less than nothing where more
    was taken back than was there), `paid_fen` what was paid out for this month."""

    person: str | None
    team: str | None
    sums: dict[str, int]
    carried_fen: int
    paid_fen: int

    @property
    def kind(self) -> str:
        return "person" if self.person is not None else "team"

    @property
    def total_fen(self) -> int:
        """What the month brought."""
        return sum(self.sums.values())

    @property
    def held_fen(self) -> int:
        """What the account holds with what it brought along, before anything is paid."""
        return self.total_fen + self.carried_fen

    @property
    def to_pay_fen(self) -> int:
        """What is still to be paid; who owes is paid nothing, and the debt is carried on."""
        return max(0, self.held_fen) - self.paid_fen


def month_named(session: Session, actor: Actor, month: str, project: str | None = None) -> Month:
    """The month of the books under this name (`2026-03`), of the project named or the company's first, as far as this actor may
    see it. Raises `Refused` (not_found)."""
    wanted = (
        select(Month)
        .join(Project, Project.id == Month.project_id)
        .where(Month.month == month, MonthFlow.seen_by(actor))
        .order_by(Project.id)
        .limit(1)
    )
    found = session.scalar(wanted.where(Project.code == project) if project else wanted)
    if found is None:
        raise Refused(
            "not_found",
            Text(_("The month %(month)s is not in the books that you may see."), {"month": month}),
        )
    return found


def accounts(session: Session, month: Month) -> list[Account]:
    """Every account that has something in this month, people by team and name, then teams.

    Once finance has paid, the row of history says what was paid: also while its fact still waits to be posted.
    """
    sums = _sums(session, month)
    paying = reckoning.paying_row(session, month.project_id, month.month)
    held = reckoning.held_by(session, month.project_id, month.month, paying.id if paying else FOREVER)
    people = {p.id: p for p in session.scalars(select(Person))}
    teams = {t.id: t.name for t in session.scalars(select(Team))}
    found = []
    for owner in sums.keys() | held.keys():
        mine = sums.get(owner, Counter[str]())
        has, (person_id, team_id) = held.get(owner, 0), owner
        if not has and not any(mine.values()):
            continue
        person = people[person_id] if person_id is not None else None
        team = teams[team_id] if team_id is not None else person.team.name if person and person.team else None
        by_group = {group: mine[group] for group in GROUPS}
        carried = has - sum(by_group.values())
        paid = max(0, has) if paying else 0
        found.append(Account(person.name if person else None, team, by_group, carried, paid))
    return sorted(found, key=lambda a: (a.person is None, a.team or "", a.person or ""))


def _sums(session: Session, month: Month) -> dict[Owner, Counter[str]]:
    """Fen by account and group, of what was posted into the month; what was paid out is no part of it."""
    group_of = {kind: group for group, kinds in GROUPS.items() for kind in kinds}
    found: dict[Owner, Counter[str]] = {}
    for (person_id, team_id, kind), fen in overview.sums(session, month).items():
        if kind != overview.PAYOUT:
            found.setdefault((person_id, team_id), Counter())[group_of[kind]] += fen
    return found
