"""What outreach sets out to do to win customers."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, Integer, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, Case

OPEN = "state IN ('planned', 'approved', 'running')"


class OutreachEvent(Case, Base):
    """An outreach event with its goal (S10): `name` is the campaign as captured leads carry it, `goal` counts what `goal_kind`
    says, from one instant until another (UTC). `parts` gives what each does by person id. What it brought is counted by the
    house; only the lessons are written by people."""

    __tablename__ = "outreach_event"
    __table_args__ = (
        # Leads carry the name alone: of those that are not over, only one may bear it.
        Index(
            "uq_outreach_event_open_name",
            "name",
            unique=True,
            sqlite_where=text(OPEN),
            postgresql_where=text(OPEN),
        ),
        CheckConstraint("goal > 0", name="goal_positive"),
        CheckConstraint("starts_at < ends_at", name="begins_before_it_ends"),
    )

    name: Mapped[str] = mapped_column(String(80))
    goal_kind: Mapped[str] = mapped_column(String(16))
    goal: Mapped[int] = mapped_column(Integer)
    channels: Mapped[list[str]] = mapped_column(JSON)
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    in_charge_id: Mapped[int] = mapped_column(ForeignKey("person.id"), index=True)
    materials: Mapped[str | None] = mapped_column(Text)
    parts: Mapped[list[list[Any]]] = mapped_column(JSON, default=list)
    new_customers: Mapped[int | None] = mapped_column(Integer)
    visits: Mapped[int | None] = mapped_column(Integer)
    deals: Mapped[int | None] = mapped_column(Integer)
    reached_percent: Mapped[int | None] = mapped_column(Integer)
    lessons: Mapped[str | None] = mapped_column(Text)
    reason: Mapped[str | None] = mapped_column(Text)
