"""What people are told, who looked at what, and the filters that somebody keeps."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, Key

UNREAD = "read_at IS NULL"


class Notification(Base):
    """A line in somebody's inbox. One per fact and person, however often the fact is delivered."""

    __tablename__ = "notification"
    __table_args__ = (
        UniqueConstraint("fact_uid", "person_id"),
        Index("ix_notification_person", "person_id", "id"),
        Index(
            "ix_notification_unread",
            "person_id",
            "id",
            sqlite_where=text(UNREAD),
            postgresql_where=text(UNREAD),
        ),
        Index("ix_notification_case", "case_code"),
    )

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    fact: Mapped[str] = mapped_column(String(40))
    fact_uid: Mapped[str] = mapped_column(String(36))
    flow: Mapped[str] = mapped_column(String(24))
    case_code: Mapped[str] = mapped_column(String(24))
    body: Mapped[dict[str, Any]] = mapped_column(JSON)
    at: Mapped[datetime]
    read_at: Mapped[datetime | None]


class AccessLog(Base):
    """Every unmasking and every export: who, what, why, when."""

    __tablename__ = "access_log"
    id: Mapped[int] = mapped_column(Key, primary_key=True)
    person_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"), index=True)
    kind: Mapped[str] = mapped_column(String(20))
    case_code: Mapped[str | None] = mapped_column(String(24), index=True)
    purpose: Mapped[str] = mapped_column(String(200))
    rows: Mapped[int] = mapped_column(default=1)
    at: Mapped[datetime] = mapped_column(index=True)


class SavedFilter(Base):
    """What somebody often looks for in a list (`which`), under a name of their own: the parts of its address."""

    __tablename__ = "saved_filter"
    __table_args__ = (UniqueConstraint("person_id", "which", "name"),)

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    which: Mapped[str] = mapped_column(String(12))
    name: Mapped[str] = mapped_column(String(40))
    args: Mapped[dict[str, Any]] = mapped_column(JSON)
    made_at: Mapped[datetime]
