"""Who works here: projects, teams, people, their tokens and sessions, stand-ins, and phones that cannot be leads."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import JSON, ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.base import Base, Key
from models.sealed import Sealed


class Project(Base):
    """A 楼盘: its own rotation, quotas and awards. The one with the lowest id is the company's first."""

    __tablename__ = "project"
    id: Mapped[int] = mapped_column(Key, primary_key=True)
    code: Mapped[str] = mapped_column(String(40), unique=True)
    name: Mapped[str] = mapped_column(String(80))


class Team(Base):
    """An outreach team (拓客小组) under one leader."""

    __tablename__ = "team"
    id: Mapped[int] = mapped_column(Key, primary_key=True)
    name: Mapped[str] = mapped_column(String(40), unique=True)


class Person(Base):
    """One of the staff. `name` is unique in the company and is how people, files and programs refer to them."""

    __tablename__ = "person"
    id: Mapped[int] = mapped_column(Key, primary_key=True)
    name: Mapped[str] = mapped_column(String(40), unique=True)
    roles: Mapped[list[str]] = mapped_column(JSON)
    team_id: Mapped[int | None] = mapped_column(ForeignKey("team.id"), index=True)
    team: Mapped[Team | None] = relationship(lazy="joined")
    phone: Mapped[str | None] = mapped_column(Sealed("person.phone"))
    password_hash: Mapped[str | None] = mapped_column(String(200))
    locale: Mapped[str] = mapped_column(String(8), default="zh")
    hired_on: Mapped[date | None]
    left_on: Mapped[date | None]


class StaffPhone(Base):
    """A phone on the staff list, or declared as a relative's: it cannot be captured as a lead (S20 罚7)."""

    __tablename__ = "staff_phone"
    phone_index: Mapped[str] = mapped_column(String(64), primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), index=True)
    relation: Mapped[str] = mapped_column(String(20))


class StandIn(Base):
    """Who decides for an absent approver, from one instant until another."""

    __tablename__ = "stand_in"
    id: Mapped[int] = mapped_column(Key, primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), index=True)
    stand_in_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    named_at: Mapped[datetime]


class ApiToken(Base):
    """A bearer token; only its SHA-256 is kept."""

    __tablename__ = "api_token"
    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), index=True)
    made_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]


class WebSession(Base):
    """A log-in on the site, kept on the server so that it can be ended; only the SHA-256 of its token is kept."""

    __tablename__ = "web_session"
    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), index=True)
    made_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    agent: Mapped[str] = mapped_column(String(120), default="")
