"""Counting no further than anybody wants to know: a figure on a page over a million rows reads some thousands of entries of an
index, and then says that there are more."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Select, bindparam, func, literal, select, union_all
from sqlalchemy.orm import Session

MOST = 10_000

K = TypeVar("K")


class Figure(int):
    """How many there are; with `more`, how many there are at least."""

    more: bool

    def __new__(cls, count: int, *, more: bool = False) -> Figure:
        made = super().__new__(cls, count)
        made.more = more
        return made

    def __add__(self, other: int) -> Figure:
        return Figure(int(self) + int(other), more=self.more or getattr(other, "more", False))

    __radd__ = __add__

    def __str__(self) -> str:
        return f"{int(self)}{'+' if self.more else ''}"


def counted(session: Session, kinds: Mapping[K, Sequence[Select[Any]]], most: int = MOST) -> dict[K, Figure]:
    """How many rows each kind has, in one statement. A kind may be told in parts that have no row in common; each is counted up
    to `most`."""
    parts = [(key, part) for key, parts in kinds.items() for part in parts]
    found = dict.fromkeys(kinds, Figure(0))
    if parts:
        counts = [_upto(place, part, most) for place, (_key, part) in enumerate(parts)]
        for place, count in session.execute(union_all(*counts) if counts[1:] else counts[0]):
            key = parts[place][0]
            found[key] += Figure(min(count, most), more=count > most)
    return {key: _held(figure, most) for key, figure in found.items()}


def _upto(place: int, rows: Select[Any], most: int) -> Select[int, int]:
    some = rows.with_only_columns(literal(1).label("one")).order_by(None).limit(most + 1).subquery()
    return select(fixed(place).label("place"), func.count().label("n")).select_from(some)


def _held(figure: Figure, most: int) -> Figure:
    return Figure(most, more=True) if figure > most else figure


def count(session: Session, rows: Select[Any], most: int = MOST) -> Figure:
    """How many rows there are, up to `most`."""
    return counted(session, {"": [rows]}, most)[""]


def fixed(value: Any) -> ColumnElement[Any]:
    """A value that stands in the statement itself, so that an index over a part of a table is found for it."""
    return bindparam(None, value, literal_execute=True)
