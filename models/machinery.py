"""The machinery's own rows: heartbeats, the lease of the clocks, the movable clock, policy versions, imported rows, the key's
fingerprint, backups and drills."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Connection,
    Engine,
    ForeignKey,
    Integer,
    String,
    delete,
    func,
    insert,
    select,
    text,
    update,
)
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.base import Base, Instant, Key
from models.version import version

PROCESSES = ("clock", "worker", "sender", "web")  # the kinds of signs of life that processes leave
FORGOTTEN = timedelta(days=7)  # a process that has been silent for so long is told of no more
CLOCK = "clock"  # the name of the lease of the clocks


class Heartbeat(Base):
    """The last sign of life of a process, or of Redis as a process saw it.

    `detail` is what it has to say, in words of the machine; `version` the code it runs; `ahead_ms` by how many milliseconds
    the clock of its host stands before that of the database (behind: negative).
    """

    __tablename__ = "heartbeat"
    name: Mapped[str] = mapped_column(String(80), primary_key=True)
    kind: Mapped[str] = mapped_column(String(20), index=True)
    seen_at: Mapped[datetime]
    detail: Mapped[str] = mapped_column(String(200), default="")
    version: Mapped[str] = mapped_column(String(40), default="", server_default="")
    ahead_ms: Mapped[int] = mapped_column(BigInteger, default=0, server_default=text("0"))


class Lease(Base):
    """Who of several does what one of them should do, and the time that the leader vouches for.

    The leader counts `turn` on, about once a second. Who has seen no turn for some seconds takes over, by the condition that
    the row still says what they saw: no clock of one host is ever compared with that of another.

    `vouched_at` is the real instant up to which timers may fire. It runs with the real time unless that jumped ahead: then
    `ahead_us` says by how much the hosts' clocks stand before it, and `accepted_us` which jump a person has declared right.
    `boot` and `boot_us` name the run of the leader's host and how long it had lasted.
    """

    __tablename__ = "lease"
    name: Mapped[str] = mapped_column(String(40), primary_key=True)
    holder: Mapped[str] = mapped_column(String(120), default="", server_default="")
    turn: Mapped[int] = mapped_column(BigInteger, default=0, server_default=text("0"))
    vouched_at: Mapped[datetime | None]
    ahead_us: Mapped[int] = mapped_column(BigInteger, default=0, server_default=text("0"))
    accepted_us: Mapped[int] = mapped_column(BigInteger, default=0, server_default=text("0"))
    boot: Mapped[str] = mapped_column(String(40), default="", server_default="")
    boot_us: Mapped[int] = mapped_column(BigInteger, default=0, server_default=text("0"))


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


MOVED = select(MovableClock.offset_us).where(MovableClock.id == 1)


def offset(session: Session | Connection) -> timedelta:
    """How far the movable clock stands from the real one; nothing where it was never moved."""
    return timedelta(microseconds=session.scalar(MOVED) or 0)


def move(session: Session, by: timedelta) -> None:
    """Move the movable clock forward. Raises `ValueError` on a move backward: what fired stays fired."""
    if by < timedelta(0):
        raise ValueError("the clock only moves forward")
    row = session.get(MovableClock, 1) or MovableClock(id=1, offset_us=0)
    row.offset_us += int(by / timedelta(microseconds=1))
    session.add(row)


def present(session: Session, real: datetime) -> datetime:
    """The present instant as the database has it, which is the same for all hosts; on SQLite there is one host, and its own
    time `real` is returned."""
    if session.get_bind().dialect.name != "postgresql":
        return real
    found: datetime = session.scalar(select(func.clock_timestamp(type_=Instant()))) or real
    return found


def beat(
    session: Session, name: str, kind: str, at: datetime, detail: str = "", real: datetime | None = None
) -> None:
    """Leave a sign of life. `at` is the instant on which all hosts agree, `real` what the clock of this one says."""
    ahead = round(((real or at) - at) / timedelta(milliseconds=1))
    session.merge(
        Heartbeat(name=name, kind=kind, seen_at=at, detail=detail, version=version(), ahead_ms=ahead)
    )


def leave(session: Session, name: str) -> None:
    """Take the sign of life away: a process that ended in order is not silent."""
    session.execute(delete(Heartbeat).where(Heartbeat.name == name))


def forget_the_silent(session: Session, at: datetime) -> None:
    """Take away what was left by processes that nobody has seen for a week."""
    session.execute(
        delete(Heartbeat).where(Heartbeat.kind.in_(PROCESSES), Heartbeat.seen_at < at - FORGOTTEN)
    )


def lease(session: Session, name: str = CLOCK) -> Lease | None:
    """The lease of this name as it stands now, to be kept; none where nobody has held it yet."""
    row = session.get(Lease, name, populate_existing=True)
    if row is not None:
        session.expunge(row)
    return row


def turn(engine: Engine, seen: Lease | None, holder: str, **vouched: Any) -> bool:
    """Take the lease of the clocks, hold it or (as nobody) let it go, if it still stands as it was seen; whether it did.

    One statement without a transaction about it: whoever is stopped in its midst holds up nobody.
    """
    values = {"holder": holder, "turn": (seen.turn if seen else 0) + 1, **vouched}
    with engine.execution_options(isolation_level="AUTOCOMMIT").begin() as connection:
        if seen is None:
            try:
                connection.execute(insert(Lease).values(name=CLOCK, **values))
            except IntegrityError:
                return False  # somebody else was the first
            return True
        as_seen = (Lease.name == CLOCK, Lease.holder == seen.holder, Lease.turn == seen.turn)
        return connection.execute(update(Lease).where(*as_seen).values(**values)).rowcount == 1


def accept_jump(session: Session) -> timedelta | None:
    """Declare the time right that the clocks doubt; by how much it jumped ahead, nothing where none is in doubt."""
    ahead = session.scalar(
        select(Lease.ahead_us).where(Lease.name == CLOCK, Lease.ahead_us > 0).with_for_update()
    )
    if not ahead:
        return None
    session.execute(update(Lease).where(Lease.name == CLOCK).values(accepted_us=ahead))
    return timedelta(microseconds=ahead)
