"""The machinery's own rows: heartbeats, the movable clock, policy versions, imported rows, the key's fingerprint, backups
and drills."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import JSON, BigInteger, ForeignKey, Integer, String, func
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
    """The fingerprint of the data key this database is sealed with, and since when there is this database, by its own
    clock. The key is checked before a database is migrated: `made_at` is asked for only by who wants it."""

    __tablename__ = "key_print"
    __mapper_args__ = {"eager_defaults": False}
    id: Mapped[int] = mapped_column(Key, primary_key=True, default=1)
    fingerprint: Mapped[str] = mapped_column(String(16))
    made_at: Mapped[datetime] = mapped_column(server_default=func.now(), deferred=True)


class Backup(Base):
    """A backup that was made, or (with `error`) a try that failed. The same stands beside the file, and in it.

    `at` is the real instant of the state that is in it. `proof` says how it was proved: `restored` (laid down as a
    database of its own, and its books proved), `read` (read through to the end), `none`; `findings` is how many
    findings its books had.
    """

    __tablename__ = "backup"
    id: Mapped[int] = mapped_column(Key, primary_key=True)
    at: Mapped[datetime] = mapped_column(index=True)
    host: Mapped[str] = mapped_column(String(80))
    file: Mapped[str] = mapped_column(String(300))
    size: Mapped[int] = mapped_column(BigInteger, default=0)
    took_ms: Mapped[int] = mapped_column(Integer, default=0)
    sha256: Mapped[str] = mapped_column(String(64), default="")
    anchor: Mapped[str] = mapped_column(String(64), default="")
    proof: Mapped[str] = mapped_column(String(12), default="none")
    findings: Mapped[int] = mapped_column(Integer, default=0)
    error: Mapped[str | None] = mapped_column(String(200))


class Drill(Base):
    """A drill: what was broken on purpose, and what came of the probes that were under way. Times are real.

    `recovered_ms` is how long after the blow everything was told and the killed worker worked again; nothing while that
    is not so. `findings` counts what was wrong with the cases that moved meanwhile.
    """

    __tablename__ = "drill"
    id: Mapped[int] = mapped_column(Key, primary_key=True)
    at: Mapped[datetime] = mapped_column(index=True)
    host: Mapped[str] = mapped_column(String(80))
    worker: Mapped[str] = mapped_column(String(80))
    probes: Mapped[int] = mapped_column(Integer, default=0)
    lost: Mapped[int] = mapped_column(Integer, default=0)
    twice: Mapped[int] = mapped_column(Integer, default=0)
    findings: Mapped[int] = mapped_column(Integer, default=0)
    recovered_ms: Mapped[int | None] = mapped_column(Integer)

    @property
    def nothing_lost(self) -> bool:
        return self.recovered_ms is not None and not (self.lost or self.twice or self.findings)


class DrillProbe(Base):
    """A fact that a drill put into the outbox, and how often it was told. Nothing but counting keeps a second time out of
    it, so that it would show."""

    __tablename__ = "drill_probe"
    drill_id: Mapped[int] = mapped_column(ForeignKey("drill.id"), primary_key=True)
    number: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    told: Mapped[int] = mapped_column(Integer, default=0)


HOST = "host"  # the kind of sign of life that a machine leaves, beside those of its processes


@dataclass(frozen=True, slots=True)
class HostSign:
    """What only a process on a host can see: bytes free and in all where the data lie, the size of SQLite's database and of
    its log (none elsewhere), and the version of the time zone data."""

    host: str
    free: int
    total: int
    database: int | None = None
    wal: int | None = None
    zones: str = ""

    def __str__(self) -> str:
        """As a sign of life keeps it."""
        told = {"free": self.free, "total": self.total, "database": self.database, "wal": self.wal}
        words = [f"{name}={value}" for name, value in told.items() if value is not None]
        return " ".join([*words, f"zones={self.zones}"])

    @classmethod
    def of(cls, beat: Heartbeat) -> HostSign:
        """What a sign of life kept of it; what is not understood is left out."""
        told = dict(word.split("=", 1) for word in beat.detail.split() if "=" in word)
        sizes: dict[str, int] = {}
        for name in ("free", "total", "database", "wal"):
            with suppress(KeyError, ValueError):
                sizes[name] = int(told[name])
        return cls(
            beat.name,
            sizes.get("free", 0),
            sizes.get("total", 0),
            sizes.get("database"),
            sizes.get("wal"),
            told.get("zones", ""),
        )


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
