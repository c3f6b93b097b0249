"""What the arithmetic is made of, read out of history as it stood at any row of it (`upto`; None is now).

Columns of a case that never change after the row that set them are read from the case; `verify` proves that it equals the
fold of its history.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import Select, select
from sqlalchemy.orm import Session, aliased

from models.leads import Lead
from models.money import Attendance, Deduction, Dispute, Month, Pay, Quota, Sale, Split
from models.remembered import History
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


def visits(
    session: Session, project_id: int, month: str, upto: int | None = None, person_id: int | None = None
) -> list[Visit]:
    """The visits confirmed in a month, of one promoter or of all, with what is known of them at a row of history."""
    zone = policies.zone(session)
    accepted = (
        select(History, Lead)
        .join(Lead, Lead.id == History.case_id)
        .where(
            History.flow == "lead",
            History.event == "accept",
            History.project_id == project_id,
            History.at >= begins(month, zone),
            History.at < ends(month, zone),
        )
        .order_by(History.id)
    )
    if person_id is not None:
        accepted = accepted.where(Lead.promoter_id == person_id)
    found = session.execute(_until(accepted, History, upto)).all()
    void = _void(session, [row.case_id for row, _lead in found], upto)
    return [
        Visit(
            source(row),
            lead.promoter_id,
            lead.visit_team_id,
            lead.channel,
            _by_outreach(lead),
            month,
            policies.of_version(session, row.policy_version),
            void.get(row.case_id),
        )
        for row, lead in found
    ]


def _by_outreach(lead: Lead) -> bool:
    """Leads captured before this was written down count by the roles of their promoter."""
    if lead.by_outreach is None:
        return lead.promoter is not None and bool({"member", "leader", "manager"} & set(lead.promoter.roles))
    return lead.by_outreach


def _void(session: Session, cases: list[int], upto: int | None) -> dict[int, str]:
    """Which of these leads were closed after the visit so that they no longer count, and as what."""
    closings = select(History.case_id, History.event).where(
        History.flow == "lead",
        History.target == "closed",
        History.event.in_(("expose", "invalidate")),
    )
    found: dict[int, str] = {}
    for chunk in chunks(cases):
        rows = session.execute(_until(closings.where(History.case_id.in_(chunk)), History, upto))
        found |= {row.case_id: "fraud" if row.event == "expose" else "invalid" for row in rows}
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
    cases = select(Quota.id).where(Quota.project_id == project_id, Quota.month == month)
    if person_id is not None:
        cases = cases.where(Quota.person_id == person_id)
    return {
        figures["person_id"]: Quotas(figures["call_visits"], figures["visits"], True)
        for _case, _row, figures in _agreed(session, Quota, cases, upto)
    }


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
