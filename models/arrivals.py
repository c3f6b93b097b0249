"""Arrival codes (到访码): what a promoter's customer shows at the desk."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.base import Base, Key
from models.leads import Lead
from models.sealed import Sealed

UNUSED = "used_at IS NULL"


class ArrivalPass(Base):
    """One code for one customer at one project: `key` stands, signed, in the QR; the six digits are sealed, and found by
    their blind index. It is good once, until `expires_at`."""

    __tablename__ = "arrival_pass"
    __table_args__ = (
        # Six digits mean one customer at a desk.
        Index(
            "uq_arrival_pass_digits",
            "project_id",
            "digits_index",
            unique=True,
            sqlite_where=text(UNUSED),
            postgresql_where=text(UNUSED),
        ),
    )

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    key: Mapped[str] = mapped_column(String(32), unique=True)
    digits: Mapped[str] = mapped_column(Sealed("arrival_pass.digits"))
    digits_index: Mapped[str] = mapped_column(String(64))
    project_id: Mapped[int] = mapped_column(ForeignKey("project.id"))
    lead_id: Mapped[int] = mapped_column(ForeignKey("lead.id"), index=True)
    made_by_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    made_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
    used_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))

    lead: Mapped[Lead] = relationship(lazy="select")
