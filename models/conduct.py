"""How people work: their logs and reports, rounds of inspection, training, what is punished and what is praised."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import JSON, ForeignKey, Integer, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.base import Base, Case
from models.people import Person


class Log(Case, Base):
    """What somebody did on a day, or plans or reports of a week (S14 三4, S4 十七–二十). `day` is the day, or the week's Monday;
    `due_at` the instant by which it is to be handed in, `handed_in_at` that at which it first was. The figures are what the
    books say of that day or week; a plan has none."""

    __tablename__ = "log"
    __table_args__ = (UniqueConstraint("person_id", "kind", "day"),)

    kind: Mapped[str] = mapped_column(String(12))
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    day: Mapped[date] = mapped_column(index=True)
    leader_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"), index=True)
    due_at: Mapped[datetime]
    handed_in_at: Mapped[datetime | None]
    late: Mapped[bool] = mapped_column(default=False)
    captures: Mapped[int | None] = mapped_column(Integer)
    screenings: Mapped[int | None] = mapped_column(Integer)
    visits: Mapped[int | None] = mapped_column(Integer)
    deals: Mapped[int | None] = mapped_column(Integer)
    follow_ups: Mapped[int | None] = mapped_column(Integer)
    results: Mapped[str | None] = mapped_column(Text)
    problems: Mapped[str | None] = mapped_column(Text)
    next_steps: Mapped[str | None] = mapped_column(Text)
    goal: Mapped[str | None] = mapped_column(Text)
    strategy: Mapped[str | None] = mapped_column(Text)
    plan: Mapped[str | None] = mapped_column(Text)
    effect: Mapped[str | None] = mapped_column(Text)
    grade: Mapped[int | None] = mapped_column(Integer)
    comment: Mapped[str | None] = mapped_column(Text)
    graded_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    person: Mapped[Person] = relationship(foreign_keys=[person_id], lazy="joined")


class Round(Case, Base):
    """A supervisor's round at a spot on a day: who was there, what was found (S14, S20 罚). `there` are people's ids;
    `violations` counts the findings that became deductions, `spared` those that the weather kept from it."""

    __tablename__ = "round"

    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), index=True)
    day: Mapped[date] = mapped_column()
    spot: Mapped[str] = mapped_column(String(80), index=True)
    there: Mapped[list[int]] = mapped_column(JSON, default=list)
    findings: Mapped[int] = mapped_column(Integer, default=0)
    violations: Mapped[int] = mapped_column(Integer, default=0)
    spared: Mapped[int] = mapped_column(Integer, default=0)
    weather: Mapped[str | None] = mapped_column(Text)
    summary: Mapped[str | None] = mapped_column(Text)
    person: Mapped[Person] = relationship(lazy="joined")


class Training(Case, Base):
    """A training, or a policy that is to be read (S4 六, S9 8, S15 四, S20 (三)2). The lists are people's ids: who must come, who
    came (or read it), who is still missing, who passed the test and who did not."""

    __tablename__ = "training"

    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), index=True)
    kind: Mapped[str] = mapped_column(String(12), index=True)
    topic: Mapped[str] = mapped_column(String(120))
    policy: Mapped[str | None] = mapped_column(String(24))
    starts_at: Mapped[datetime | None]
    place: Mapped[str | None] = mapped_column(String(80))
    must_come: Mapped[list[int]] = mapped_column(JSON, default=list)
    came: Mapped[list[int]] = mapped_column(JSON, default=list)
    missing: Mapped[list[int]] = mapped_column(JSON, default=list)
    passed: Mapped[list[int]] = mapped_column(JSON, default=list)
    failed: Mapped[list[int]] = mapped_column(JSON, default=list)
    note: Mapped[str | None] = mapped_column(Text)
    person: Mapped[Person] = relationship(lazy="joined")


class Sanction(Case, Base):
    """A warning, demotion or dismissal: proposed, heard, in force, open to appeal (S15 九, S19 十三)."""

    __tablename__ = "sanction"

    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), index=True)
    kind: Mapped[str] = mapped_column(String(12))
    clause: Mapped[str] = mapped_column(String(24))
    reason: Mapped[str] = mapped_column(Text)
    proposed_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    answer: Mapped[str | None] = mapped_column(Text)
    imposed_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    objection: Mapped[str | None] = mapped_column(Text)
    decision: Mapped[str | None] = mapped_column(Text)
    person: Mapped[Person] = relationship(foreign_keys=[person_id], lazy="joined")


class Commendation(Case, Base):
    """A commendation or an honorary title for somebody who did well (S4 二十一, 二十三)."""

    __tablename__ = "commendation"

    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), index=True)
    kind: Mapped[str] = mapped_column(String(12))
    title: Mapped[str | None] = mapped_column(String(60))
    reason: Mapped[str] = mapped_column(Text)
    proposed_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"), index=True)
    decision: Mapped[str | None] = mapped_column(Text)
    person: Mapped[Person] = relationship(foreign_keys=[person_id], lazy="joined")
