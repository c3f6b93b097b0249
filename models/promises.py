"""What was promised to customers, and what the office sets out to do to win them."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.base import Base, Case
from models.leads import Lead
from models.sealed import Sealed


class Promise(Case, Base):
    """Something promised to a customer (S10 8): what in the words of whoever promised it (sealed), what it costs (fen, where it
    costs money), by when (UTC), and who keeps it."""

    __tablename__ = "promise"
    __table_args__ = (
        CheckConstraint("amount_fen IS NULL OR amount_fen > 0", name="amount_positive"),
        Index("ix_promise_due", "state", "due_at"),
    )

    lead_id: Mapped[int] = mapped_column(ForeignKey("lead.id"), index=True)
    lead_code: Mapped[str] = mapped_column(String(24), index=True)
    kind: Mapped[str] = mapped_column(String(16))
    promised: Mapped[str | None] = mapped_column(Sealed("promise.promised"))
    amount_fen: Mapped[int | None] = mapped_column(BigInteger)
    due_at: Mapped[datetime]
    owner_id: Mapped[int] = mapped_column(ForeignKey("person.id"), index=True)
    made_by_id: Mapped[int] = mapped_column(ForeignKey("person.id"), index=True)
    reason: Mapped[str | None] = mapped_column(Sealed("promise.reason"))
    lead: Mapped[Lead] = relationship(lazy="select")
