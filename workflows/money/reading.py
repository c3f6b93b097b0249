"""What the arithmetic is made of, read out of history as it stood at any row of it (`upto`; None is now).

Columns of a case that never change after the row that set them are read from the case; `verify` proves that it equals the
fold of its history.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from sqlalchemy import Select, and_, func, select
from sqlalchemy.orm import Session, aliased

from models.leads import Lead
from models.money import Attendance, Deduction, Dispute, Month, Pay, Quota, Sale, Split
from models.people import Person
from models.remembered import History
from models.trips import Expense
from workflows import policy as policies
from workflows.money.deduction import KINDS
from workflows.money.months import begins, ends, following, month_of
from workflows.money.rules import Charge, Quotas, Sold, Source, Terms, Visit, Worked

T = TypeVar("T")
MOVES = {"submit": False, "send_back": True}


def source(row: History) -> Source:
    return Source(row.flow, row.case_code, row.id, row.at, row.policy_version)


def _until(query: Any, row: Any, upto: int | None) -> Any:
    return query if upto is None else query.where(row.id <= upto)


@dataclass(frozen=True, slots=True)
class Confirmed:
    """A visit that the sales office confirmed, with the row of history that took its worth away later, if one did."""

    visit: Visit
    voided: tuple[int, str] | None

    @property
    def rows(self) -> tuple[int, ...]:
        """The rows of history that it rests on."""
        return (self.visit.source.row, *([self.voided[0]] if self.voided else []))

    def known_at(self, upto: int | None) -> Visit:
        """What was known of it at a row of history (None: what is known now)."""
        if self.voided is None or (upto is not None and self.voided[0] > upto):
            return self.visit
        return replace(self.visit, void=self.voided[1])


def visits(
    session: Session, project_id: int, month: str, upto: int | None = None, person_id: int | None = None
) -> list[Visit]:
    """The visits confirmed in a month, of one promoter or of all, with what is known of them at a row of history."""
    found = confirmed(session, project_id, month, person_id)
    return [each.known_at(upto) for each in found if upto is None or each.visit.source.row <= upto]


def confirmed(session: Session, project_id: int, month: str, person_id: int | None = None) -> list[Confirmed]:
    """The visits confirmed in a month, of one promoter or of all, in the order of history."""
    zone = policies.zone(session)
    start, end = begins(month, zone), ends(month, zone)
    row, lead = History.__table__.c, Lead.__table__.c
    rows = select(
        row.id, row.case_id, row.case_code, row.at, row.policy_version,
        lead.promoter_id, lead.visit_team_id, lead.channel, lead.by_outreach, lead.outcome,
    )  # fmt: skip
    of_lead = and_(
        row.case_id == lead.id,
        row.flow == "lead",
        row.project_id == project_id,
        row.at >= start,
        row.at < end,
    )
    if person_id is None:
        wanted = rows.join_from(History.__table__, Lead.__table__, of_lead).where(row.event == "accept")
    else:
        # The promoter's leads first, then the row of each. Left to itself, SQLite reads for every single promoter what the
        # whole company did in the month: the event is told so that no index of events offers itself.
        signed = func.coalesce(row.event, "") == "accept"
        wanted = rows.outerjoin_from(Lead.__table__, History.__table__, and_(of_lead, signed))
        wanted = wanted.where(lead.promoter_id == person_id)
    # The instant of the row stands on the lead too, where the promoter's leads are looked through for it.
    wanted = wanted.where(lead.assigned_at >= start, lead.assigned_at < end).order_by(row.id)
    found = [each for each in session.execute(wanted) if each.id is not None]
    outreach = _outreach(session, {each.promoter_id for each in found if each.by_outreach is None})
    void = _void(session, [each.case_id for each in found if each.outcome in ("fraud", "invalid")])
    return [
        Confirmed(
            Visit(
                Source("lead", each.case_code, each.id, each.at, each.policy_version),
                each.promoter_id,
                each.visit_team_id,
                each.channel,
                each.promoter_id in outreach if each.by_outreach is None else each.by_outreach,
                month,
                policies.of_version(session, each.policy_version),
            ),
            void.get(each.case_id),
        )
        for each in found
    ]


def _outreach(session: Session, people: set[int | None]) -> set[int | None]:
    """Leads captured before it was written down who captured them count by the present roles of their promoter."""
    found = session.scalars(select(Person).where(Person.id.in_(people - {None}))) if people else ()
    return {person.id for person in found if {"member", "leader", "manager"} & set(person.roles)}


def _void(session: Session, cases: list[int]) -> dict[int, tuple[int, str]]:
    """Which of these leads were closed after the visit so that they no longer count: by which row, and as what."""
    closings = select(History.case_id, History.id, History.event).where(
        History.flow == "lead",
        History.target == "closed",
        History.event.in_(("expose", "invalidate")),
    )
    found: dict[int, tuple[int, str]] = {}
    for chunk in chunks(cases):
        for case_id, row_id, event in session.execute(closings.where(History.case_id.in_(chunk))):
            found[case_id] = row_id, "fraud" if event == "expose" else "invalid"
    return found


def chunks(values: Sequence[T], size: int = 500) -> Iterator[Sequence[T]]:
    """Parts of a list, each short enough to be named in one statement."""
    return (values[start : start + size] for start in range(0, len(values), size))


def sales(
    session: Session,
    project_id: int,
    month: str | None = None,
    upto: int | None = None,
    codes: Collection[str] | None = None,
) -> list[Sold]:
    """The sales signed in a month, or those under these codes."""
    zone = policies.zone(session)
    signing, calling_off = aliased(History), aliased(History)
    off = (calling_off.flow == "sale") & (calling_off.case_id == Sale.id) & (calling_off.event == "rescind")
    if upto is not None:
        off &= calling_off.id <= upto
    wanted = (
        select(Sale, signing, calling_off)
        .join(signing, (signing.flow == "sale") & (signing.case_id == Sale.id) & (signing.event == "sign"))
        .outerjoin(calling_off, off)
        .where(Sale.project_id == project_id)
        .order_by(signing.id)
    )
    if month is not None:
        wanted = wanted.where(signing.at >= begins(month, zone), signing.at < ends(month, zone))
    if codes is not None:
        wanted = wanted.where(Sale.code.in_(codes))
    return [
        Sold(
            source(signed),
            month_of(signed.at, zone),
            sale.seller_id,
            sale.team_id,
            sale.leader_id,
            sale.by_agreement,
            sale.units,
            policies.of_version(session, signed.policy_version),
            source(called_off) if called_off else None,
            month_of(called_off.at, zone) if called_off else None,
        )
        for sale, signed, called_off in session.execute(_until(wanted, signing, upto))
    ]


def _agreed(
    session: Session, table: Any, cases: Select[Any], upto: int | None
) -> Iterator[tuple[int, History, dict[str, Any]]]:
    """Every row by which figures came into force, with the figures as they then stood, in order."""
    name = table.__tablename__
    rows = select(History).where(History.flow == name, History.case_id.in_(cases)).order_by(History.id)
    folded: dict[int, dict[str, Any]] = {}
    for row in session.scalars(_until(rows, History, upto)):
        folded.setdefault(row.case_id, {}).update(row.changes)
        if row.target == "in_force":
            yield row.case_id, row, dict(folded[row.case_id])


def quotas(
    session: Session, project_id: int, month: str, upto: int | None = None, person_id: int | None = None
) -> dict[int, Quotas]:
    """The approved quotas of a month by person."""
    return {
        person: set_to for _row, person, set_to in quotas_set(session, project_id, month, upto, person_id)
    }


def quotas_set(
    session: Session, project_id: int, month: str, upto: int | None = None, person_id: int | None = None
) -> list[tuple[int, int, Quotas]]:
    """Every row of history by which somebody's quota of a month came into force, with whose and what it says, in order."""
    cases = select(Quota.id).where(Quota.project_id == project_id, Quota.month == month)
    if person_id is not None:
        cases = cases.where(Quota.person_id == person_id)
    return [
        (row.id, figures["person_id"], Quotas(figures["call_visits"], figures["visits"], True))
        for _case, row, figures in _agreed(session, Quota, cases, upto)
    ]


def terms(session: Session, project_id: int, month: str, upto: int | None = None) -> dict[int, Terms]:
    """On which terms each person is paid in a month: the last that came into force from it or an earlier one."""
    cases = select(Pay.id).where(Pay.project_id == project_id)
    found: dict[int, tuple[str, Terms]] = {}
    for _case, _row, figures in _agreed(session, Pay, cases, upto):
        known = found.get(figures["person_id"])
        if figures["since"] <= month and (known is None or known[0] <= figures["since"]):
            found[figures["person_id"]] = (figures["since"], Terms(figures["kind"], figures["amount_fen"]))
    return {person: each for person, (_since, each) in found.items()}


def worked(session: Session, project_id: int, month: str, upto: int | None = None) -> dict[int, Worked]:
    """The approved attendance of a month by person."""
    cases = select(Attendance.id).where(Attendance.project_id == project_id, Attendance.month == month)
    return {
        f["person_id"]: Worked(
            source(row), f["person_id"], f["half_days"], f["half_days_due"], f.get("part_month", False)
        )
        for _case, row, f in _agreed(session, Attendance, cases, upto)
    }


@dataclass(frozen=True, slots=True)
class Settled:
    """A settled deduction with the row that settled it."""

    case: Deduction
    row: History


def settled(session: Session, project_id: int, month: str, upto: int | None = None) -> list[Settled]:
    """The deductions settled into a month."""
    wanted = (
        select(Deduction, History)
        .join(History, (History.flow == "deduction") & (History.case_id == Deduction.id))
        .where(History.target == "settled", Deduction.project_id == project_id, Deduction.month == month)
        .order_by(History.id)
    )
    return [Settled(case, row) for case, row in session.execute(_until(wanted, History, upto))]


def charges(found: Iterable[Settled], by_day: dict[int, int]) -> Iterator[Charge]:
    """What each settled deduction costs whom; `by_day` is the wage of half a day by person, in half fen per half day."""
    for each in found:
        case, src = each.case, source(each.row)
        clause = KINDS[case.kind].clause
        member = by_day.get(case.id, 0) if case.half_days else case.member_fen
        if member or case.half_wage:
            yield Charge(src, case.person_id, case.kind, clause, member, case.half_wage)
        if case.also_id and case.also_fen:
            yield Charge(src, case.also_id, case.kind, clause, case.also_fen, part="also")
        if case.leader_id and case.leader_fen:
            yield Charge(src, case.leader_id, case.kind, clause, case.leader_fen, part="leader")


def granted(session: Session, code: str) -> tuple[Dispute, History] | None:
    """A dispute that was granted, with the row that did it."""
    wanted = (
        select(Dispute, History)
        .join(History, (History.flow == "dispute") & (History.case_id == Dispute.id))
        .where(Dispute.code == code, History.event == "grant")
    )
    found = session.execute(wanted).first()
    return (found[0], found[1]) if found else None


def reimbursed(session: Session, code: str) -> tuple[Expense, History, History | None] | None:
    """An expense that was reimbursed, with the row that did it, and the one that called it off, if any."""
    wanted = (
        select(Expense, History)
        .join(History, (History.flow == "expense") & (History.case_id == Expense.id))
        .where(Expense.code == code, History.event.in_(("reimburse", "call_off")))
        .order_by(History.id)
    )
    found = session.execute(wanted).all()
    if not found:
        return None
    return found[0][0], found[0][1], found[1][1] if found[1:] else None


def divided(session: Session, code: str) -> tuple[Split, History, bool] | None:
    """A division of a team award with the row that made it, and whether it was taken back."""
    wanted = (
        select(Split, History)
        .join(History, (History.flow == "split") & (History.case_id == Split.id))
        .where(Split.code == code, History.event == "divide")
    )
    found = session.execute(wanted).first()
    return (found[0], found[1], found[0].state == "undone") if found else None


def divided_later(session: Session, project_id: int, month: str, before: int) -> dict[int, int]:
    """Fen by team that were divided in months after this one, as it stood before a row of history."""
    rows = (
        select(Split, History.event)
        .join(History, (History.flow == "split") & (History.case_id == Split.id))
        .where(Split.project_id == project_id, Split.month > month, History.id < before)
        .order_by(History.id)
    )
    last: dict[Split, str] = dict(session.execute(rows).all())
    found: dict[int, int] = {}
    for split, event in last.items():
        if event == "divide":
            found[split.team_id] = found.get(split.team_id, 0) + sum(fen for _who, fen in split.shares)
    return found


@dataclass(frozen=True, slots=True)
class Move:
    """A month was closed or opened again at a row of history."""

    row: int
    month: str
    opens: bool


@dataclass(frozen=True, slots=True)
class Timeline:
    """When which month of a project was open."""

    moves: tuple[Move, ...]

    def is_open(self, month: str, before: int | None) -> bool:
        """Whether this month was open just before a row of history (None: is open now). A closed month closes those
        before it, also where nothing had happened in them."""
        last = {m.month: m.opens for m in self.moves if before is None or m.row < before}
        return all(opens for each, opens in last.items() if each >= month)

    def into(self, month: str, before: int | None) -> str:
        """The month into which something of this month was posted then: itself while open, else the next that was."""
        while not self.is_open(month, before):
            month = following(month)
        return month

    def since(self, month: str) -> list[int]:
        """The rows from the first closing of this month on, at which something may change where it is posted."""
        return [m.row for m in self.moves if m.month >= month]


def timeline(session: Session, project_id: int) -> Timeline:
    wanted = (
        select(History.id, History.event, Month.month)
        .join(Month, Month.id == History.case_id)
        .where(History.flow == "month", Month.project_id == project_id, History.event.in_(tuple(MOVES)))
        .order_by(History.id)
    )
    return Timeline(tuple(Move(r.id, r.month, MOVES[r.event]) for r in session.execute(wanted)))
