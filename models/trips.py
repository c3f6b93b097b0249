"""Away from the office: trips to customers, what goes wrong on them, and what they cost."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Index,
    Integer,
    String,
    Text,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.base import Base, Case
from models.people import Person

STANDS = "state NOT IN ('withdrawn', 'refused', 'called_off')"


class Trip(Case, Base):
    """A field trip (S9): planned and cleared, prepared, made, and filed with what came of it. Customers stand here by the codes of
    their leads alone. `visits` and `met` count what was recorded on the way, for the appraisal."""

    __tablename__ = "trip"
    __table_args__ = (CheckConstraint("ends_at > starts_at", name="ends_after_it_starts"),)

    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), index=True)
    place: Mapped[str] = mapped_column(String(120))
    purpose: Mapped[str] = mapped_column(Text)
    leads: Mapped[list[str]] = mapped_column(JSON)
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    papers: Mapped[bool] = mapped_column(default=False)
    tools: Mapped[bool] = mapped_column(default=False)
    cards: Mapped[bool] = mapped_column(default=False)
    gifts: Mapped[bool] = mapped_column(default=False)
    started_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    visits: Mapped[int] = mapped_column(Integer, default=0)
    met: Mapped[int] = mapped_column(Integer, default=0)
    filing_due_at: Mapped[datetime | None]
    late: Mapped[bool] = mapped_column(default=False)
    outcome: Mapped[str | None] = mapped_column(Text)
    reason: Mapped[str | None] = mapped_column(Text)
    person: Mapped[Person] = relationship(lazy="joined")


class Incident(Case, Base):
    """Something that went wrong outside (S9 3): told at once, answered within minutes, handled, and closed with what is learned from
    it. What happened is told in the history alone, sealed: it may say how somebody fares."""

    __tablename__ = "incident"

    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), index=True)
    kind: Mapped[str] = mapped_column(String(24), index=True)
    place: Mapped[str] = mapped_column(String(120))
    hurt: Mapped[bool] = mapped_column(default=False)
    trip_code: Mapped[str | None] = mapped_column(String(24))
    answer_due_at: Mapped[datetime]
    answered_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    answered_at: Mapped[datetime | None]
    late: Mapped[bool] = mapped_column(default=False)
    handling: Mapped[str | None] = mapped_column(Text)
    lesson: Mapped[str | None] = mapped_column(Text)
    person: Mapped[Person] = relationship(foreign_keys=[person_id], lazy="joined")


class Expense(Case, Base):
    """What a trip cost whoever made it (S9 6): claimed with its receipt, agreed, and reimbursed through the ledger in a month.
    `amount_fen` is in fen; a receipt counts once."""

    __tablename__ = "expense"
    __table_args__ = (
        # The last guard against two claims with one receipt at once.
        Index(
            "uq_expense_receipt",
            "receipt_no",
            unique=True,
            sqlite_where=text(STANDS),
            postgresql_where=text(STANDS),
        ),
        CheckConstraint("amount_fen > 0", name="amount_positive"),
    )

    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), index=True)
    trip_code: Mapped[str] = mapped_column(String(24), index=True)
    kind: Mapped[str] = mapped_column(String(24), index=True)
    amount_fen: Mapped[int] = mapped_column(BigInteger)
    what: Mapped[str] = mapped_column(Text)
    receipt_no: Mapped[str] = mapped_column(String(40))
    month: Mapped[str] = mapped_column(String(7), index=True)
    settled_month: Mapped[str | None] = mapped_column(String(7), index=True)
    reversed_month: Mapped[str | None] = mapped_column(String(7))
    reason: Mapped[str | None] = mapped_column(Text)
    person: Mapped[Person] = relationship(lazy="joined")
