"""The office around the leads: what is asked and ruled."""

from __future__ import annotations

from sqlalchemy import ForeignKey, String, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.base import Base, Case
from models.people import Person


class Question(Case, Base):
    """What a clause means, as somebody of the staff asked it and the committee ruled (S4 五)."""

    __tablename__ = "question"

    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), index=True)
    clause: Mapped[str] = mapped_column(String(24), index=True)
    question: Mapped[str] = mapped_column(Text)
    ruling: Mapped[str | None] = mapped_column(Text)
    reason: Mapped[str | None] = mapped_column(Text)
    person: Mapped[Person] = relationship(lazy="joined")
