"""What people earn: the agreements it is reckoned from (quotas, pay, attendance), what happened (sales, deductions,
disputes), the months, and the ledger, which is only ever added to. All amounts are integers of fen."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Index,
    Integer,
    String,
    Text,
    UniqueConstraint,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.base import Base, Case, Key
from models.people import Person

MONTH = 7  # "2026-03"


class Quota(Case, Base):
    """How many visits one person is set for one month (S20 (四) 个人1). Only those beyond it earn."""

    __tablename__ = "quota"
    __table_args__ = (
        UniqueConstraint("project_id", "person_id", "month"),
        CheckConstraint("call_visits >= 0 AND visits >= 0", name="not_negative"),
    )

    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), index=True)
    month: Mapped[str] = mapped_column(String(MONTH), index=True)
    call_visits: Mapped[int] = mapped_column(Integer)
    visits: Mapped[int] = mapped_column(Integer)
    person: Mapped[Person] = relationship(lazy="joined")


class Pay(Case, Base):
    """What one person is paid for their work: by the day, or a base by the month (S20 (二)1)."""

    __tablename__ = "pay"
    __table_args__ = (CheckConstraint("amount_fen > 0", name="amount_positive"),)

    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), unique=True)
    kind: Mapped[str] = mapped_column(String(12))
    amount_fen: Mapped[int] = mapped_column(BigInteger)
    since: Mapped[str] = mapped_column(String(MONTH))
    person: Mapped[Person] = relationship(lazy="joined")


class Attendance(Case, Base):
    """How many half days one person worked in one month, of how many that were due."""

    __tablename__ = "attendance"
    __table_args__ = (
        UniqueConstraint("project_id", "person_id", "month"),
        CheckConstraint("half_days BETWEEN 0 AND 62 AND half_days_due BETWEEN 0 AND 62", name="a_month"),
    )

    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), index=True)
    month: Mapped[str] = mapped_column(String(MONTH), index=True)
    half_days: Mapped[int] = mapped_column(Integer)
    half_days_due: Mapped[int] = mapped_column(Integer)
    part_month: Mapped[bool] = mapped_column(default=False)
    person: Mapped[Person] = relationship(lazy="joined")


class Sale(Case, Base):
    """A deal that stands, or was called off (退房). Who earns from it was fixed at the moment it was approved."""

    __tablename__ = "sale"
    __table_args__ = (CheckConstraint("units > 0", name="units_positive"),)

    lead_id: Mapped[int] = mapped_column(ForeignKey("lead.id"), unique=True)
    lead_code: Mapped[str] = mapped_column(String(24), index=True)
    seller_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"), index=True)
    team_id: Mapped[int | None] = mapped_column(ForeignKey("team.id"), index=True)
    leader_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"), index=True)
    by_agreement: Mapped[bool] = mapped_column(default=False)
    units: Mapped[int] = mapped_column(Integer)
    signed_at: Mapped[datetime] = mapped_column(index=True)
    rescinded_at: Mapped[datetime | None]


class Deduction(Case, Base):
    """Something that costs wage (S14, S20 罚): reported, judged, open to appeal, then settled in a month."""

    __tablename__ = "deduction"
    __table_args__ = (CheckConstraint("member_fen >= 0 AND leader_fen >= 0", name="not_negative"),)

    kind: Mapped[str] = mapped_column(String(24), index=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), index=True)
    also_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"), index=True)
    leader_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"), index=True)
    day: Mapped[date] = mapped_column()
    serious: Mapped[bool] = mapped_column(default=False)
    half_days: Mapped[int] = mapped_column(Integer, default=0)
    member_fen: Mapped[int] = mapped_column(BigInteger, default=0)
    also_fen: Mapped[int] = mapped_column(BigInteger, default=0)
    leader_fen: Mapped[int] = mapped_column(BigInteger, default=0)
    half_wage: Mapped[bool] = mapped_column(default=False)
    dismissal: Mapped[bool] = mapped_column(default=False)
    lead_code: Mapped[str | None] = mapped_column(String(24), index=True)
    round_code: Mapped[str | None] = mapped_column(String(24))
    reported_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    judged_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    month: Mapped[str | None] = mapped_column(String(MONTH), index=True)
    person: Mapped[Person] = relationship(foreign_keys=[person_id], lazy="joined")


class Dispute(Case, Base):
    """Somebody disagrees with a line of their statement, or with one that is missing."""

    __tablename__ = "dispute"

    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), index=True)
    month: Mapped[str] = mapped_column(String(MONTH), index=True)
    line: Mapped[str] = mapped_column(String(80))
    amount_fen: Mapped[int | None] = mapped_column(BigInteger)
    settled_month: Mapped[str | None] = mapped_column(String(MONTH), index=True)
    person: Mapped[Person] = relationship(lazy="joined")


class Split(Case, Base):
    """A team award divided over members by the leader (S20 (四) 团队). `shares` gives fen by person id."""

    __tablename__ = "split"

    team_id: Mapped[int] = mapped_column(ForeignKey("team.id"), index=True)
    shares: Mapped[list[list[int]]] = mapped_column(JSON)
    month: Mapped[str] = mapped_column(String(MONTH), index=True)


class Month(Case, Base):
    """A month of the books: open → submitted → approved → paid → locked. Nothing is posted into it past open."""

    __tablename__ = "month"
    __table_args__ = (UniqueConstraint("project_id", "month"),)

    month: Mapped[str] = mapped_column(String(MONTH), index=True)
    submitted_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    submitted_at: Mapped[datetime | None]
    approved_at: Mapped[datetime | None]
    paid_at: Mapped[datetime | None]
    reference: Mapped[str | None] = mapped_column(String(80))


class PolicyDraft(Case, Base):
    """New policy numbers on their way into force: drafted, checked, approved, in force from a day."""

    __tablename__ = "policy_draft"

    numbers: Mapped[dict[str, Any]] = mapped_column(JSON)
    effective_on: Mapped[date]
    author_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    checked_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    why: Mapped[str | None] = mapped_column(Text)
    adopted_version: Mapped[int | None] = mapped_column(Integer)


class Journal(Base):
    """One cause, posted once: its entries add up to nothing. Never updated or deleted; a correction is a journal that
    names the one it reverses."""

    __tablename__ = "journal"
    __table_args__ = (Index("ix_journal_scope", "scope"), Index("ix_journal_cause", "cause"))

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    key: Mapped[str] = mapped_column(String(160), unique=True)
    scope: Mapped[str] = mapped_column(String(80))
    cause: Mapped[str] = mapped_column(String(120))
    project_id: Mapped[int] = mapped_column(ForeignKey("project.id"), index=True)
    month: Mapped[str] = mapped_column(String(MONTH), index=True)
    earned_month: Mapped[str] = mapped_column(String(MONTH))
    at: Mapped[datetime]
    history_id: Mapped[int] = mapped_column(Key)
    flow: Mapped[str] = mapped_column(String(24))
    case_code: Mapped[str] = mapped_column(String(24), index=True)
    policy_version: Mapped[int] = mapped_column(Integer)
    clause: Mapped[str] = mapped_column(String(40))
    reverses_id: Mapped[int | None] = mapped_column(ForeignKey("journal.id"), index=True)
    entries: Mapped[list[Entry]] = relationship(back_populates="journal", order_by="Entry.id")


class Entry(Base):
    """One side of a journal: so many fen to (positive) or from (negative) an account."""

    __tablename__ = "entry"
    __table_args__ = (
        CheckConstraint("amount_fen <> 0", name="amount_not_nothing"),
        CheckConstraint(
            "(account = 'person') = (person_id IS NOT NULL) AND (account = 'team') = (team_id IS NOT NULL)",
            name="account_named",
        ),
        Index("ix_entry_person_month", "person_id", "month"),
        Index("ix_entry_month", "month", "id"),
    )

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    journal_id: Mapped[int] = mapped_column(ForeignKey("journal.id"), index=True)
    account: Mapped[str] = mapped_column(String(12))
    person_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    team_id: Mapped[int | None] = mapped_column(ForeignKey("team.id"), index=True)
    kind: Mapped[str] = mapped_column(String(32), index=True)
    month: Mapped[str] = mapped_column(String(MONTH))
    amount_fen: Mapped[int] = mapped_column(BigInteger)
    journal: Mapped[Journal] = relationship(back_populates="entries", lazy="joined")
