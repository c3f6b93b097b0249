"""How much is measured: quickly while something is being made faster, moderately (`make bench`), or all of it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Sizes:
    """`leads` lie in the books; the other numbers say how much each row of the table does of its own."""

    leads: int
    transitions: int  # of each event, in each round
    transition_rounds: int
    overdue: int
    sweep_rounds: int
    captures: int  # of each client, in each round
    capture_rounds: int


QUICK = Sizes(1_000, 10, 15, 600, 1, 10, 5)
MODERATE = Sizes(50_000, 20, 49, 4_000, 2, 50, 9)
FULL = Sizes(1_000_000, 20, 199, 100_000, 1, 400, 5)
