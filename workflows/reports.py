"""The pictures that a sales office looks at once a week: from the first word to the contract, by week of capture, by channel, by
manager, by consultant, by month of the books, and what the clock still has to do. Read only, over the leads that the
asker may see; a span of time counts leads by the day they were captured."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, and_, case, func, literal, or_, select
from sqlalchemy.orm import Session, aliased

from models.leads import Lead
from models.money import Dispute, Entry, Journal, Sale
from models.quantiles import Spread, seconds_between, spreads
from models.remembered import Approval, History, Timer
from workflows.engine.actor import Actor
from workflows.lead import LeadFlow
from workflows.views import names

STAGES = ("captured", "screened", "visited", "assigned", "deal")
REACHED: dict[str, Any] = {
    "captured": Lead.captured_at,
    "screened": Lead.screened_at,
    "visited": Lead.visited_at,
    "assigned": Lead.assigned_at,
    "deal": Lead.closed_at,
}
COHORT_DAYS = (7, 14, 30, 60)
DUE_WITHIN = (timedelta(hours=1), timedelta(days=1), timedelta(days=7))


@dataclass(frozen=True, slots=True)
class Stage:
    """A stage of the funnel: how many came so far, and how long the way from the stage before took."""

    key: str
    count: int
    of_before: float | None
    of_all: float | None
    took: Spread | None


@dataclass(frozen=True, slots=True)
class Cohort:
    """The leads captured in one week, and how many had bought so many days after their capture. A number is None while
    the youngest of them has not had so many days."""

    week: date
    captured: int
    visited: int
    bought: dict[int, int | None]


@dataclass(frozen=True, slots=True)
class Channel:
    """What came of the leads of one channel, and what was paid for them (bonuses, net of reversals), in fen."""

    key: str
    captured: int
    invalid: int
    visited: int
    deals: int
    cost_fen: int

    @property
    def per_visit_fen(self) -> int | None:
        return self.cost_fen // self.visited if self.visited else None

    @property
    def per_deal_fen(self) -> int | None:
        return self.cost_fen // self.deals if self.deals else None


@dataclass(frozen=True, slots=True)
class Backlog:
    """The timers of one kind: pending and overdue now, the oldest overdue, coming soon, and how late the last ones fired."""

    name: str
    overdue: int
    oldest: datetime | None
    coming: tuple[int, ...]
    pending: int
    late: Spread | None


@dataclass(frozen=True, slots=True)
class Turns:
    """What the rotation gave a consultant: accepted, of these declined by somebody before, declined or missed by
    themselves, and the even share of what all accepted."""

    name: str
    accepted: int
    declined: int
    even: float
    taken_over: int = 0


@dataclass(frozen=True, slots=True)
class Books:
    """A month of the books over all projects: earned, paid out, and lines in dispute. In fen."""

    month: str
    earned_fen: int
    paid_fen: int
    disputes: int


def deal() -> ColumnElement[bool]:
    return and_(Lead.state == "closed", Lead.outcome == "deal")


def _reached(stage: str) -> ColumnElement[bool]:
    """Whether a lead came to this stage; who came further came past it, also where a step was not taken by itself."""
    at = STAGES.index(stage)
    later = [REACHED[s].is_not(None) for s in STAGES[at:-1]]
    return or_(*later, deal())


def funnel(session: Session, actor: Actor, since: datetime) -> list[Stage]:
    """The leads captured since then, by how far they came."""
    mine = and_(LeadFlow.seen_by(actor), Lead.captured_at >= since)
    sums = [func.sum(case((_reached(stage), 1), else_=0)) for stage in STAGES]
    counts = [int(n or 0) for n in session.execute(select(*sums).where(mine)).one()]
    found = []
    for index, (stage, count) in enumerate(zip(STAGES, counts, strict=True)):
        before = counts[index - 1] if index else 0
        found.append(
            Stage(
                stage,
                count,
                count / before if before else None,
                count / counts[0] if index and counts[0] else None,
                _took(session, mine, STAGES[index - 1], stage) if index else None,
            )
        )
    return found


def _took(session: Session, mine: ColumnElement[bool], before: str, stage: str) -> Spread | None:
    length = seconds_between(REACHED[before], REACHED[stage])
    came = and_(mine, deal()) if stage == "deal" else mine
    passed = select(Lead.id).where(came, REACHED[stage] >= REACHED[before])
    return spreads(session, passed, literal(0), length).get(0)


def weeks(at: datetime, zone: ZoneInfo, count: int) -> list[date]:
    """The Mondays of the last weeks, the present one last, in company time."""
    today = at.astimezone(zone).date()
    monday = today - timedelta(days=today.weekday())
    return [monday - timedelta(weeks=back) for back in range(count - 1, -1, -1)]


def cohorts(session: Session, actor: Actor, at: datetime, zone: ZoneInfo, count: int) -> list[Cohort]:
    """By week of capture: how many bought within so many days."""
    mondays = weeks(at, zone, count)
    starts = [datetime.combine(monday, time(), zone) for monday in mondays]
    week = case(*((Lead.captured_at < end, index) for index, end in enumerate(starts[1:])), else_=count - 1)
    took = seconds_between(Lead.captured_at, Lead.closed_at)
    bought = [
        func.sum(case((and_(deal(), took <= days * 86400), 1), else_=0)).label(f"d{days}")
        for days in COHORT_DAYS
    ]
    wanted = (
        select(week.label("week"), func.count(), func.sum(case((_reached("visited"), 1), else_=0)), *bought)
        .where(LeadFlow.seen_by(actor), Lead.captured_at >= starts[0])
        .group_by(week)
    )
    by_week = {row[0]: row for row in session.execute(wanted)}
    found = []
    for index, monday in enumerate(mondays):
        row = by_week.get(index, (index, 0, 0, *([0] * len(COHORT_DAYS))))
        over = datetime.combine(monday + timedelta(weeks=1), time(), zone)
        numbers = {
            days: int(n) if over + timedelta(days=days) <= at else None
            for days, n in zip(COHORT_DAYS, row[3:], strict=True)
        }
        found.append(Cohort(monday, row[1], row[2], numbers))
    return found


def channels(session: Session, actor: Actor, since: datetime) -> list[Channel]:
    """By channel, the fullest first. What was paid is what the ledger says about these leads and their sales."""
    mine = and_(LeadFlow.seen_by(actor), Lead.captured_at >= since)
    wanted = (
        select(
            Lead.channel,
            func.count(),
            func.sum(case((Lead.outcome.in_(("invalid", "fraud")), 1), else_=0)),
            func.sum(case((_reached("visited"), 1), else_=0)),
            func.sum(case((deal(), 1), else_=0)),
        )
        .where(mine)
        .group_by(Lead.channel)
    )
    cost = _costs(session, mine)
    found = [
        Channel(key, int(n), int(invalid), int(visited), int(deals), cost.get(key, 0))
        for key, n, invalid, visited, deals in session.execute(wanted)
    ]
    return sorted(found, key=lambda each: -each.captured)


def _costs(session: Session, mine: ColumnElement[bool]) -> dict[str, int]:
    """Fen by channel: what was posted to people for these leads' visits and for the sales they led to."""
    found: dict[str, int] = {}
    paid = select(Lead.channel, func.sum(Entry.amount_fen)).where(mine, Entry.account == "person")
    visits = paid.join(Journal, and_(Journal.flow == "lead", Journal.case_code == Lead.code))
    sales = paid.join(Sale, Sale.lead_id == Lead.id).join(
        Journal, and_(Journal.flow == "sale", Journal.case_code == Sale.code)
    )
    for each in (visits, sales):
        for key, fen in session.execute(
            each.join(Entry, Entry.journal_id == Journal.id).group_by(Lead.channel)
        ):
            found[key] = found.get(key, 0) + int(fen)
    return found


def deciders(session: Session, since: datetime) -> list[tuple[str, Spread]]:
    """How long those who decide took for the requests decided since then, the slowest first."""
    mine = select(Approval.id).where(
        Approval.state.in_(("approved", "rejected")), Approval.decided_at >= since
    )
    took = spreads(
        session, mine, Approval.decided_by_id, seconds_between(Approval.requested_at, Approval.decided_at)
    )
    who = names(session)
    found = [(who.get(person, "—"), spread) for person, spread in took.items()]
    return sorted(found, key=lambda each: -each[1].p90)


def backlog(session: Session, at: datetime, fired_since: datetime) -> list[Backlog]:
    """Every kind of timer that is pending or has fired lately."""
    soon = [func.sum(case((Timer.due_at <= at + span, 1), else_=0)) for span in DUE_WITHIN]
    overdue = case((Timer.due_at <= at, 1), else_=0)
    oldest = func.min(case((Timer.due_at <= at, Timer.due_at)))
    wanted = select(Timer.flow, Timer.name, func.count(), func.sum(overdue), oldest, *soon)
    pending = {
        (flow, name): (int(count), int(late), first, tuple(int(n) - int(late) for n in coming))
        for flow, name, count, late, first, *coming in session.execute(
            wanted.where(Timer.state == "pending").group_by(Timer.flow, Timer.name)
        )
    }
    fired = select(Timer.id).where(Timer.state == "fired", Timer.ended_at >= fired_since)
    key = Timer.flow + "." + Timer.name
    late = spreads(session, fired, key, seconds_between(Timer.due_at, Timer.ended_at))
    every = sorted(pending.keys() | {tuple(text.split(".", 1)) for text in late})
    return [
        _backlog(flow, name, pending.get((flow, name)), late.get(f"{flow}.{name}")) for flow, name in every
    ]


def _backlog(flow: str, name: str, waiting: Any, late: Spread | None) -> Backlog:
    count, overdue, oldest, coming = waiting or (0, 0, None, (0,) * len(DUE_WITHIN))
    return Backlog(f"{flow}.{name}", overdue, oldest, coming, count, late)


def turns(session: Session, project_id: int, since: datetime) -> list[Turns]:
    """What the rotation of a project gave to whom since then."""
    taken = (
        select(History.by_id, func.count())
        .where(
            History.flow == "lead",
            History.project_id == project_id,
            History.event == "accept",
            History.at >= since,
        )
        .group_by(History.by_id)
    )
    accepted = {int(person): int(n) for person, n in session.execute(taken) if person}
    declined: dict[int, int] = {}
    refused = select(History.changes).where(
        History.flow == "lead",
        History.project_id == project_id,
        History.event == "decline",
        History.at >= since,
    )
    for changes in session.scalars(refused):
        who = int((changes.get("declined_by") or [0])[-1])
        declined[who] = declined.get(who, 0) + 1
    everybody = accepted.keys() | declined.keys()
    even = sum(accepted.values()) / len(everybody) if everybody else 0.0
    who_is, over = names(session), _taken_over(session, project_id, since)
    found = [
        Turns(who_is.get(p, "—"), accepted.get(p, 0), declined.get(p, 0), even, over.get(p, 0))
        for p in everybody
    ]
    return sorted(found, key=lambda each: (-each.accepted, each.name))


def _taken_over(session: Session, project_id: int, since: datetime) -> dict[int, int]:
    """How many customers each consultant accepted whom somebody else had declined before."""
    before = aliased(History)
    declined = select(before.id).where(
        before.flow == "lead",
        before.case_id == History.case_id,
        before.event == "decline",
        before.seq < History.seq,
        before.at >= since,
    )
    wanted = (
        select(History.by_id, func.count())
        .where(
            History.flow == "lead",
            History.project_id == project_id,
            History.event == "accept",
            History.at >= since,
            declined.exists(),
        )
        .group_by(History.by_id)
    )
    return {int(person): int(n) for person, n in session.execute(wanted) if person}


def overburdened(found: Sequence[Turns]) -> Turns | None:
    """Who took more than half of the customers whom others had declined, where these were three or more."""
    together = sum(each.taken_over for each in found)
    most = max(found, key=lambda each: each.taken_over, default=None)
    return most if most and together >= 3 and most.taken_over * 2 > together and len(found) > 1 else None


def books(session: Session, months: Sequence[str]) -> list[Books]:
    """What was earned and paid out in these months, and how many lines of them are in dispute."""
    sums = (
        select(Entry.month, Entry.kind, func.sum(Entry.amount_fen))
        .where(Entry.account != "company", Entry.month.in_(months))
        .group_by(Entry.month, Entry.kind)
    )
    earned: dict[str, int] = {}
    paid: dict[str, int] = {}
    for month, kind, fen in session.execute(sums):
        if kind == "payout":
            paid[month] = paid.get(month, 0) - int(fen)
        else:
            earned[month] = earned.get(month, 0) + int(fen)
    disputed = select(Dispute.month, func.count()).where(
        Dispute.month.in_(months), Dispute.state != "granted"
    )
    open_ones = {month: int(n) for month, n in session.execute(disputed.group_by(Dispute.month))}
    return [Books(m, earned.get(m, 0), paid.get(m, 0), open_ones.get(m, 0)) for m in months]
