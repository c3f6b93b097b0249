"""The days of the outreach team: the company's calendar, the rosters, who was there when, and leave."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, Integer, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.base import Base, Case, Key
from models.people import Person, Team

NOT_CANCELLED = "state <> 'cancelled'"


class CalendarDay(Case, Base):
    """Days that count otherwise than their weekday says: holidays, and weekends on which is worked (S20 (一))."""

    __tablename__ = "calendar_day"

    first_day: Mapped[date] = mapped_column(index=True)
    last_day: Mapped[date]
    kind: Mapped[str] = mapped_column(String(12))
    name: Mapped[str] = mapped_column(String(40))


class Roster(Case, Base):
    """The week of a team, from its Monday (S14 一3). `plan` holds, for each person's id, `[day, spot, begins, ends]` of every day
    on which they are to be there; the last two are minutes of the day."""

    __tablename__ = "roster"
    __table_args__ = (UniqueConstraint("project_id", "team_id", "week"),)

    team_id: Mapped[int] = mapped_column(ForeignKey("team.id"), index=True)
    week: Mapped[date] = mapped_column(index=True)
    plan: Mapped[list[list[Any]]] = mapped_column(JSON)
    team: Mapped[Team] = relationship(lazy="joined")


class Presence(Case, Base):
    """One person on one rostered day: where and from when to when they are expected, and when they signed in and out (S14 一)."""

    __tablename__ = "presence"
    __table_args__ = (
        # Nobody is at two places on one day.
        Index(
            "uq_presence_person_day",
            "person_id",
            "day",
            unique=True,
            sqlite_where=text(NOT_CANCELLED),
            postgresql_where=text(NOT_CANCELLED),
        ),
    )

    roster_id: Mapped[int] = mapped_column(ForeignKey("roster.id"), index=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), index=True)
    team_id: Mapped[int] = mapped_column(ForeignKey("team.id"), index=True)
    day: Mapped[date] = mapped_column(index=True)
    spot: Mapped[str] = mapped_column(String(80))
    begins_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    noticed_at: Mapped[datetime | None]
    in_at: Mapped[datetime | None]
    out_at: Mapped[datetime | None]
    late_minutes: Mapped[int] = mapped_column(Integer, default=0)
    early_minutes: Mapped[int] = mapped_column(Integer, default=0)
    leave_code: Mapped[str | None] = mapped_column(String(24), index=True)
    person: Mapped[Person] = relationship(lazy="joined")


class Signature(Base):
    """That a device signed for somebody; by it two who sign with one device are found (S14 一2). The device is a keyed digest
    of a random mark that its browser keeps."""

    __tablename__ = "signature"
    __table_args__ = (Index("ix_signature_device_at", "device", "at"),)

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    presence_id: Mapped[int] = mapped_column(ForeignKey("presence.id"), index=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    device: Mapped[str] = mapped_column(String(64))
    at: Mapped[datetime]


class Leave(Case, Base):
    """Leave of a person, from its first day to its last (S14 一4). Why, is sealed beside its history."""

    __tablename__ = "leave"

    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), index=True)
    team_id: Mapped[int | None] = mapped_column(ForeignKey("team.id"), index=True)
    first_day: Mapped[date] = mapped_column(index=True)
    last_day: Mapped[date]
    kind: Mapped[str] = mapped_column(String(12))
    person: Mapped[Person] = relationship(lazy="joined")
