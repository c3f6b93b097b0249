"""The machinery's own rows: heartbeats, the movable clock, policy versions, imported rows, the key's fingerprint."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import JSON, BigInteger, ForeignKey, Integer, String
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.base import Base, Key


class Heartbeat(Base):
    """The last sign of life of a process, or of Redis as a process saw it."""

    __tablename__ = "heartbeat"
    name: Mapped[str] = mapped_column(String(80), primary_key=True)
    kind: Mapped[str] = mapped_column(String(20), index=True)
    seen_at: Mapped[datetime]
    detail: Mapped[str] = mapped_column(String(200), default="")


class MovableClock(Base):
    """How far the company's clock has been moved, for demo and tests (`TUOKE_CLOCK=movable`)."""

    __tablename__ = "movable_clock"
    id: Mapped[int] = mapped_column(Integer, primary_key=True, default=1)
    offset_us: Mapped[int] = mapped_column(BigInteger, default=0)


class PolicyVersion(Base):
    """The policy numbers in force from an instant on; `id` is the version that cases and timers remember."""

    __tablename__ = "policy_version"
    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    effective_at: Mapped[datetime]
    numbers: Mapped[dict[str, Any]] = mapped_column(JSON)
    author_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    note: Mapped[str] = mapped_column(String(200), default="")


class ImportedRow(Base):
    """A row of a register that became a lead: importing it again adds nothing."""

    __tablename__ = "imported_row"
    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    lead_code: Mapped[str] = mapped_column(String(24))
    at: Mapped[datetime]


class KeyPrint(Base):
    """The fingerprint of the data key this database is sealed with."""

    __tablename__ = "key_print"
    id: Mapped[int] = mapped_column(Key, primary_key=True, default=1)
    fingerprint: Mapped[str] = mapped_column(String(16))


def offset(session: Session) -> timedelta:
    """How far the movable clock stands from the real one; nothing where it was never moved."""
    row = session.get(MovableClock, 1)
    return timedelta(microseconds=row.offset_us) if row else timedelta(0)


def move(session: Session, by: timedelta) -> None:
    """Move the movable clock forward. Raises `ValueError` on a move backward: what fired stays fired."""
    if by < timedelta(0):
        raise ValueError("the clock only moves forward")
    row = session.get(MovableClock, 1) or MovableClock(id=1, offset_us=0)
    row.offset_us += int(by / timedelta(microseconds=1))
    session.add(row)


def beat(session: Session, name: str, kind: str, at: datetime, detail: str = "") -> None:
    """Leave a sign of life."""
    session.merge(Heartbeat(name=name, kind=kind, seen_at=at, detail=detail))
