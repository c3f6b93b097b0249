"""What is remembered of every case: history (append-only), outbox, timers, approvals, and answers already given."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import (
    JSON,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    String,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.base import Base, Case, Key
from models.people import Person
from models.sealed import SealedJson

PENDING = "state = 'pending'"
# Who is told of every fact, in the order in which they came: one is only ever added at the end. A fact says how many its
# writer knew, so that a process of the code before, which knows fewer, leaves it to those who know them all.
CONSUMERS = ("notices", "ledger", "webhooks")
# The clocks by which lists of leads are ordered.
CLOCKS = ("lapse", "expire", "offer")
CLOCK = f"state = 'pending' AND flow = 'lead' AND name IN ({', '.join(map(repr, CLOCKS))})"


class History(Base):
    """One thing that happened to one case. Never updated or deleted; chained by hash per case.

    `facts` holds what is not personal. What is personal is sealed in `private`; only its keyed digest `private_mac`
    is in the chain, so that erasing a person's data leaves the chain whole. `changes` says which columns of the case
    took which values: folding them over a case's rows gives the case.
    """

    __tablename__ = "history"
    __table_args__ = (
        UniqueConstraint("flow", "case_id", "seq"),
        Index("ix_history_case", "flow", "case_code"),
        # What happened lately, by its kind.
        Index("ix_history_lately", "event", "at"),
    )

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    flow: Mapped[str] = mapped_column(String(24))
    case_id: Mapped[int] = mapped_column(Key)
    case_code: Mapped[str] = mapped_column(String(24))
    project_id: Mapped[int] = mapped_column(Key)
    seq: Mapped[int] = mapped_column(Integer)
    event: Mapped[str] = mapped_column(String(40))
    source: Mapped[str | None] = mapped_column(String(24))
    target: Mapped[str] = mapped_column(String(24))
    by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"), index=True)
    by_role: Mapped[str] = mapped_column(String(24))
    approved_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    approval_code: Mapped[str | None] = mapped_column(String(24))
    timer_id: Mapped[int | None] = mapped_column(Key, unique=True)
    at: Mapped[datetime] = mapped_column(index=True)
    due_at: Mapped[datetime | None]
    facts: Mapped[dict[str, Any]] = mapped_column(JSON)
    private: Mapped[dict[str, Any] | None] = mapped_column(SealedJson("history.private"))
    private_mac: Mapped[str | None] = mapped_column(String(64))
    changes: Mapped[dict[str, Any]] = mapped_column(JSON)
    policy_version: Mapped[int] = mapped_column(Integer)
    previous: Mapped[str] = mapped_column(String(64))
    hash: Mapped[str] = mapped_column(String(64))


class Timer(Base):
    """Something that will happen by itself: due, then fired once, or cancelled. `waits_for` names an event whose
    pending approval holds it back."""

    __tablename__ = "timer"
    __table_args__ = (
        Index(
            "uq_timer_pending",
            "flow",
            "case_id",
            "name",
            unique=True,
            sqlite_where=text(PENDING),
            postgresql_where=text(PENDING),
        ),
        Index("ix_timer_due", "state", "due_at", "id"),
        # The clocks of leads in the order in which they run out.
        Index(
            "ix_timer_clock",
            "due_at",
            "case_id",
            "name",
            sqlite_where=text(CLOCK),
            postgresql_where=text(CLOCK),
        ),
        Index("ix_timer_case", "flow", "case_id"),
    )

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    flow: Mapped[str] = mapped_column(String(24))
    case_id: Mapped[int] = mapped_column(Key)
    case_code: Mapped[str] = mapped_column(String(24))
    name: Mapped[str] = mapped_column(String(40))
    state: Mapped[str] = mapped_column(String(12), default="pending")
    started_at: Mapped[datetime]
    due_at: Mapped[datetime]
    waits_for: Mapped[str | None] = mapped_column(String(40))
    ended_at: Mapped[datetime | None]
    result: Mapped[str | None] = mapped_column(String(40))
    tries: Mapped[int] = mapped_column(Integer, default=0)
    next_at: Mapped[datetime | None]
    error: Mapped[str | None] = mapped_column(Text)
    policy_version: Mapped[int] = mapped_column(Integer, default=1)


class Approval(Case, Base):
    """A request that somebody else must decide, with its data frozen. A case of its own."""

    __tablename__ = "approval"
    __table_args__ = (
        Index(
            "uq_approval_pending",
            "flow",
            "case_id",
            "event",
            unique=True,
            sqlite_where=text(PENDING),
            postgresql_where=text(PENDING),
        ),
        Index("ix_approval_open", "state", "requested_at"),
        # What waits, by who decides it and what is asked, the oldest first; and by who asked.
        Index(
            "ix_approval_waiting",
            "approver",
            "flow",
            "event",
            "requested_at",
            "id",
            sqlite_where=text(PENDING),
            postgresql_where=text(PENDING),
        ),
        Index(
            "ix_approval_asked",
            "requested_by_id",
            "requested_at",
            "id",
            sqlite_where=text(PENDING),
            postgresql_where=text(PENDING),
        ),
        Index("ix_approval_case", "flow", "case_code"),
        Index("ix_approval_decided", "decided_at", "id"),
    )

    flow: Mapped[str] = mapped_column(String(24))
    case_id: Mapped[int] = mapped_column(Key)
    case_code: Mapped[str] = mapped_column(String(24))
    event: Mapped[str] = mapped_column(String(40))
    frozen: Mapped[dict[str, Any]] = mapped_column(SealedJson("approval.frozen"))
    approver: Mapped[str] = mapped_column(String(80))
    requested_by_id: Mapped[int] = mapped_column(ForeignKey("person.id"), index=True)
    requested_at: Mapped[datetime]
    decided_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    decided_at: Mapped[datetime | None]
    note: Mapped[str | None] = mapped_column(Text)
    reason: Mapped[str | None] = mapped_column(Text)
    escalated_at: Mapped[datetime | None]
    requested_by: Mapped[Person] = relationship(foreign_keys=[requested_by_id], lazy="joined")
    decided_by: Mapped[Person | None] = relationship(foreign_keys=[decided_by_id], lazy="joined")


class Outbox(Base):
    """A fact that must still be told. `cause` names what made it, so that the same fact is never written twice; `consumers`
    says how many of `CONSUMERS` its writer knew."""

    __tablename__ = "outbox"
    __table_args__ = (UniqueConstraint("cause", "fact"), Index("ix_outbox_open", "state", "next_at", "id"))

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    uid: Mapped[str] = mapped_column(String(36), unique=True)
    fact: Mapped[str] = mapped_column(String(40), index=True)
    cause: Mapped[str] = mapped_column(String(80))
    flow: Mapped[str] = mapped_column(String(24))
    case_code: Mapped[str] = mapped_column(String(24))
    at: Mapped[datetime]
    body: Mapped[dict[str, Any]] = mapped_column(JSON)
    state: Mapped[str] = mapped_column(String(12), default="pending")
    next_at: Mapped[datetime]
    tries: Mapped[int] = mapped_column(Integer, default=0)
    error: Mapped[str | None] = mapped_column(Text)
    delivered_at: Mapped[datetime | None]
    consumers: Mapped[int] = mapped_column(SmallInteger, default=len(CONSUMERS), server_default=text("0"))


class Delivery(Base):
    """A consumer has done its work for a fact: the fence that makes at-least-once delivery take effect exactly once."""

    __tablename__ = "delivery"
    uid: Mapped[str] = mapped_column(String(36), primary_key=True)
    consumer: Mapped[str] = mapped_column(String(40), primary_key=True)
    at: Mapped[datetime]


class Answer(Base):
    """The answer once given to an Idempotency-Key, sealed, so that a repeat gets the same one."""

    __tablename__ = "answer"
    key: Mapped[str] = mapped_column(String(200), primary_key=True)
    person_id: Mapped[int] = mapped_column(Key, primary_key=True)
    request: Mapped[str] = mapped_column(String(64))
    status: Mapped[int] = mapped_column(Integer)
    body: Mapped[Any] = mapped_column(SealedJson("answer.body"))
    at: Mapped[datetime] = mapped_column(index=True)


class Erased(Base):
    """Whose personal data were erased, so that a restored backup can be made to forget them again."""

    __tablename__ = "erased"
    case_code: Mapped[str] = mapped_column(String(24), primary_key=True)
    at: Mapped[datetime]
    by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    proof: Mapped[bytes | None] = mapped_column(LargeBinary)
