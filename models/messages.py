"""What leaves the house: where people want to be told, the company's webhook endpoints, and every message that was, is
to be, or could not be sent (the delivery log)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, Integer, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, Key
from models.remembered import PENDING
from models.sealed import Sealed


class Telling(Base):
    """How somebody wants to be told: when not, when the day's mail, in which language. Times are company-local `HH:MM`."""

    __tablename__ = "telling"
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), primary_key=True, autoincrement=False)
    locale: Mapped[str | None] = mapped_column(String(8))
    quiet_from: Mapped[str | None] = mapped_column(String(5))
    quiet_until: Mapped[str | None] = mapped_column(String(5))
    urgent_anyway: Mapped[bool] = mapped_column(default=False)
    digest_at: Mapped[str | None] = mapped_column(String(5))


class Channel(Base):
    """One way to one person: e-mail, or the robot of a group. Address and secret are sealed; no address: not in use."""

    __tablename__ = "channel"
    __table_args__ = (UniqueConstraint("person_id", "kind"),)

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    kind: Mapped[str] = mapped_column(String(12))
    address: Mapped[str | None] = mapped_column(Sealed("channel.address"))
    secret: Mapped[str | None] = mapped_column(Sealed("channel.secret"))
    topics: Mapped[list[str]] = mapped_column(JSON)


class Endpoint(Base):
    """An address of another system that is told facts by signed webhooks. `why_off` says what switched it off."""

    __tablename__ = "endpoint"
    id: Mapped[int] = mapped_column(Key, primary_key=True)
    name: Mapped[str] = mapped_column(String(60), unique=True)
    url: Mapped[str] = mapped_column(Sealed("endpoint.url"))
    secret: Mapped[str] = mapped_column(Sealed("endpoint.secret"))
    old_secret: Mapped[str | None] = mapped_column(Sealed("endpoint.old_secret"))
    old_until: Mapped[datetime | None]
    topics: Mapped[list[str]] = mapped_column(JSON)
    is_on: Mapped[bool] = mapped_column(default=True)
    why_off: Mapped[str | None] = mapped_column(String(40))
    made_at: Mapped[datetime]


class Message(Base):
    """Something that is to be sent to one channel or endpoint, once per fact however often the fact is delivered.

    `uid` goes out with it and is the same at every try, so that the receiver can tell a repeat. States: `pending`;
    `gathering` (waits for the day's mail), `gathered` (is in one, `digest_id`); `sent`, `parked`, `dropped`.
    """

    __tablename__ = "message"
    __table_args__ = (
        UniqueConstraint("channel_id", "fact_uid"),
        UniqueConstraint("endpoint_id", "fact_uid"),
        CheckConstraint("(channel_id IS NULL) <> (endpoint_id IS NULL)", name="one_receiver"),
        Index("ix_message_due", "state", "next_at", "id"),
        Index("ix_message_fact", "fact_uid"),
        *(
            Index(
                f"ix_message_for_{receiver}",
                f"{receiver}_id",
                "next_at",
                "id",
                sqlite_where=text(PENDING),
                postgresql_where=text(PENDING),
            )
            for receiver in ("channel", "endpoint")
        ),
    )

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    uid: Mapped[str] = mapped_column(String(36), unique=True)
    channel_id: Mapped[int | None] = mapped_column(ForeignKey("channel.id"))
    endpoint_id: Mapped[int | None] = mapped_column(ForeignKey("endpoint.id"))
    fact: Mapped[str] = mapped_column(String(40))
    fact_uid: Mapped[str] = mapped_column(String(36))
    flow: Mapped[str] = mapped_column(String(24), default="")
    case_code: Mapped[str] = mapped_column(String(24), default="")
    body: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    at: Mapped[datetime]
    state: Mapped[str] = mapped_column(String(12), default="pending")
    digest_id: Mapped[int | None] = mapped_column(ForeignKey("message.id"), index=True)
    next_at: Mapped[datetime]
    tries: Mapped[int] = mapped_column(Integer, default=0)
    error: Mapped[str | None] = mapped_column(String(120))
    ended_at: Mapped[datetime | None]
