"""Leads, and the places of consultants in the rotation."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Index,
    Integer,
    String,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship, validates

from models.base import Base, Case
from models.names import NamePrint, prints
from models.people import Person, Project
from models.sealed import Sealed

OPEN = "state <> 'closed' AND protected"
POOL = "state = 'reclaimed' AND holder_id IS NULL"
LISTED = ("captured_at", "id", "channel", "intent", "outcome")
SINCE = ("screened", "visited", "assigned", "unconverted", "reclaimed")
AGES = tuple(f"{state}_at" for state in SINCE)


class Lead(Case, Base):
    """A customer on the way from the street to the contract. Name, phone and free texts are sealed."""

    __tablename__ = "lead"
    __table_args__ = (
        # One open lead per phone: the last guard against two captures at once.
        Index(
            "uq_lead_open_phone",
            "phone_index",
            unique=True,
            sqlite_where=text(OPEN),
            postgresql_where=text(OPEN),
        ),
        Index("ix_lead_waiting", "project_id", "state", "offered_to_id", "visited_at"),
        # The pool in the order in which it is shown.
        Index("ix_lead_pool", "lost_at", "id", sqlite_where=text(POOL), postgresql_where=text(POOL)),
        # Everybody's leads, and somebody's, by state in the order of lists, with what these are narrowed down by: rows of a
        # page are found, and figures counted, without the wide rows.
        Index("ix_lead_latest", "state", *LISTED, "promoter_id", "holder_id"),
        Index(
            "ix_lead_lists",
            "state",
            "channel",
            "intent",
            "outcome",
            "captured_at",
            "promoter_id",
            "holder_id",
        ),
        Index("ix_lead_promoter", "promoter_id", "state", *LISTED, "holder_id", *AGES),
        Index("ix_lead_holder", "holder_id", "state", *LISTED, "promoter_id", *AGES),
        # Since when the leads of a state have been in it; for captured ones that is the capture.
        *(
            Index(
                f"ix_lead_{state}",
                f"{state}_at",
                "id",
                "promoter_id",
                "holder_id",
                sqlite_where=text(f"state = '{state}'"),
                postgresql_where=text(f"state = '{state}'"),
            )
            for state in SINCE
        ),
        CheckConstraint("outcome IS NULL OR state = 'closed'", name="outcome_only_when_closed"),
        CheckConstraint("amount_fen IS NULL OR amount_fen >= 0", name="amount_not_negative"),
    )

    state: Mapped[str] = mapped_column(String(24))
    outcome: Mapped[str | None] = mapped_column(String(12))
    name: Mapped[str | None] = mapped_column(Sealed("lead.name"))
    phone: Mapped[str | None] = mapped_column(Sealed("lead.phone"))
    phone_index: Mapped[str] = mapped_column(String(64), index=True)
    protected: Mapped[bool] = mapped_column(default=True)
    channel: Mapped[str] = mapped_column(String(20))
    consent: Mapped[str] = mapped_column(String(200))
    consent_at: Mapped[datetime]
    demand: Mapped[str | None] = mapped_column(Sealed("lead.demand"))
    intent: Mapped[str | None] = mapped_column(String(1))
    budget_fen: Mapped[int | None] = mapped_column(BigInteger)
    area_m2: Mapped[int | None] = mapped_column(Integer)
    spot: Mapped[str | None] = mapped_column(String(80))
    campaign: Mapped[str | None] = mapped_column(String(80))
    note: Mapped[str | None] = mapped_column(Sealed("lead.note"))
    registered_on: Mapped[date | None]
    party_size: Mapped[int | None]
    promoter_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    by_outreach: Mapped[bool | None]
    visit_team_id: Mapped[int | None] = mapped_column(ForeignKey("team.id"))
    holder_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    offered_to_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"), index=True)
    offered_at: Mapped[datetime | None]
    declined_by: Mapped[list[int]] = mapped_column(JSON, default=list)
    previous_id: Mapped[int | None] = mapped_column(ForeignKey("lead.id"))
    captured_at: Mapped[datetime] = mapped_column(index=True)
    screened_at: Mapped[datetime | None]
    visited_at: Mapped[datetime | None]
    assigned_at: Mapped[datetime | None]
    unconverted_at: Mapped[datetime | None]
    reclaimed_at: Mapped[datetime | None]
    closed_at: Mapped[datetime | None]
    follow_up_at: Mapped[datetime | None]
    next_at: Mapped[datetime | None]
    lost_holder_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    lost_at: Mapped[datetime | None]
    close_reason: Mapped[str | None] = mapped_column(Text)
    units: Mapped[int | None]
    contract_no: Mapped[str | None] = mapped_column(Sealed("lead.contract_no"))
    amount_fen: Mapped[int | None] = mapped_column(BigInteger)

    project: Mapped[Project] = relationship(lazy="select")
    promoter: Mapped[Person | None] = relationship(foreign_keys=[promoter_id], lazy="select")
    holder: Mapped[Person | None] = relationship(foreign_keys=[holder_id], lazy="select")
    offered_to: Mapped[Person | None] = relationship(foreign_keys=[offered_to_id], lazy="select")
    name_prints: Mapped[list[NamePrint]] = relationship(cascade="all, delete-orphan", passive_deletes=True)

    @validates("name")
    def _print(self, _key: str, name: str | None) -> str | None:
        """However a name comes, changes or goes, what finds it follows."""
        wanted = prints(name)
        kept = [each for each in self.name_prints if each.print in wanted]
        self.name_prints = kept + [
            NamePrint(print=each) for each in sorted(wanted - {each.print for each in kept})
        ]
        return name


class Duty(Case, Base):
    """A consultant's place in the rotation (轮排) of one project; the lowest `position` on duty is the head."""

    __tablename__ = "duty"
    __table_args__ = (UniqueConstraint("project_id", "person_id"),)

    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), index=True)
    position: Mapped[int] = mapped_column(Integer, default=0)
    person: Mapped[Person] = relationship(lazy="joined")
