"""Lengths of time and their medians, reckoned by the database itself, so that a report over a hundred thousand cases
brings home a handful of rows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, Float, Select, SQLColumnExpression, func, or_, select
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import Session
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement


class seconds_between(FunctionElement[float]):  # noqa: N801 (a function of SQL)
    """The seconds from one instant to another."""

    type = Float()
    inherit_cache = True
    name = "seconds_between"


@compiles(seconds_between, "postgresql")
def _postgresql(element: Any, compiler: SQLCompiler, **more: Any) -> str:
    since, until = list(element.clauses)
    return f"EXTRACT(EPOCH FROM {compiler.process(until, **more)} - {compiler.process(since, **more)})"


@compiles(seconds_between, "sqlite")
def _sqlite(element: Any, compiler: SQLCompiler, **more: Any) -> str:
    since, until = list(element.clauses)
    return f"(julianday({compiler.process(until, **more)}) - julianday({compiler.process(since, **more)})) * 86400.0"


@dataclass(frozen=True, slots=True)
class Spread:
    """How long something took: of how many, the median, the ninth decile (nine of ten were no longer) and the longest."""

    count: int
    median: timedelta
    p90: timedelta
    longest: timedelta


def spreads(
    session: Session, lengths: Select[Any], group: SQLColumnExpression[Any], length: ColumnElement[Any]
) -> dict[Any, Spread]:
    """The spread of `length` (seconds) in each group of a query; groups without any are left out.

    Nearest rank: of ten, the median is the fifth and the ninth decile the ninth.
    """
    found = lengths.with_only_columns(group.label("grp"), length.label("took")).where(length.is_not(None))
    base = found.subquery()
    rank = func.row_number().over(partition_by=base.c.grp, order_by=base.c.took)
    count = func.count().over(partition_by=base.c.grp)
    ranked = select(base.c.grp, base.c.took, rank.label("rank"), count.label("n")).subquery()
    middle, ninth = (ranked.c.n + 1) // 2, (ranked.c.n * 9 + 9) // 10
    wanted = select(ranked.c.grp, ranked.c.took, ranked.c.rank, ranked.c.n).where(
        or_(ranked.c.rank == middle, ranked.c.rank == ninth, ranked.c.rank == ranked.c.n)
    )
    by_group: dict[Any, dict[int, float]] = {}
    counts: dict[Any, int] = {}
    for grp, took, place, n in session.execute(wanted):
        by_group.setdefault(grp, {})[place] = float(took)
        counts[grp] = n
    return {grp: _spread(counts[grp], took) for grp, took in by_group.items()}


def _spread(count: int, took: dict[int, float]) -> Spread:
    at = [timedelta(seconds=round(took[rank])) for rank in ((count + 1) // 2, (count * 9 + 9) // 10, count)]
    return Spread(count, *at)
