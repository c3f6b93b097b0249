"""Registers that somebody sent to be imported, while they are checked and taken, and what came of each of their rows."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, Key
from models.sealed import Sealed, SealedJson


class RegisterImport(Base):
    """One register. States: `checking`, `checked` (waits for its sender), `running`, `stopped`, `done`, `dropped`.

    The counters say how far the present phase is and change in the same transaction as the rows. `next_at` is when there
    is something to do: the next batch, or, once nothing is under way, the forgetting of rows.
    """

    __tablename__ = "register_import"
    id: Mapped[int] = mapped_column(Key, primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    stand_in_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    name: Mapped[str] = mapped_column(Sealed("register_import.name"))
    consent: Mapped[str] = mapped_column(String(200))
    columns: Mapped[Any] = mapped_column(SealedJson("register_import.columns"))
    state: Mapped[str] = mapped_column(String(12))
    total: Mapped[int] = mapped_column(Integer)
    good: Mapped[int] = mapped_column(Integer, default=0)
    bad: Mapped[int] = mapped_column(Integer, default=0)
    already: Mapped[int] = mapped_column(Integer, default=0)
    made_at: Mapped[datetime]
    began_at: Mapped[datetime]
    began_with: Mapped[int] = mapped_column(Integer, default=0)
    ended_at: Mapped[datetime | None]
    next_at: Mapped[datetime | None] = mapped_column(index=True)
    tries: Mapped[int] = mapped_column(Integer, default=0)
    error: Mapped[str | None] = mapped_column(String(500))


class RegisterRow(Base):
    """A row of a register. `given` is what it said, and is forgotten as soon as it is taken; `shown` is its masked image, which
    stays for the answer. `foreseen` and `result` are `good`, `bad` or `already`: after the check, and after the import."""

    __tablename__ = "register_row"
    __table_args__ = (
        Index("ix_register_row_foreseen", "import_id", "foreseen", "id"),
        Index("ix_register_row_result", "import_id", "result", "id"),
    )

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    import_id: Mapped[int] = mapped_column(ForeignKey("register_import.id"))
    given: Mapped[Any] = mapped_column(SealedJson("register_row.given"), nullable=True)
    shown: Mapped[Any] = mapped_column(SealedJson("register_row.shown"))
    reason: Mapped[Any] = mapped_column(SealedJson("register_row.reason"), nullable=True)
    foreseen: Mapped[str | None] = mapped_column(String(8))
    result: Mapped[str | None] = mapped_column(String(8))
    code: Mapped[str | None] = mapped_column(String(24))
