"""How much is measured: quickly while something is being made faster, moderately (`make bench`), or all of it."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Sizes:
    """`leads` lie in the books; the other numbers say how much each row of the table does of its own. Growth is measured at the
    sizes of `grown`, which end with `leads`, with less of each."""

    leads: int
    transitions: int  # of each event, in each round
    transition_rounds: int
    overdue: int
    untold: int
    work_rounds: int
    captures: int  # of each client, in each round
    capture_rounds: int
    late_per_second: int
    late_seconds: int
    proof_rounds: int
    paged: int  # leads behind the pages
    paged_history: int  # rows of each
    grown: tuple[int, ...] = ()

    @property
    def small(self) -> Sizes:
        """The same at every size of the books, so that only these grow."""
        return replace(
            self, transition_rounds=15, overdue=1_000, untold=1_000, work_rounds=1, proof_rounds=1, grown=()
        )


QUICK = Sizes(1_000, 10, 15, 600, 600, 1, 10, 5, 500, 4, 3, 2_000, 5)
MODERATE = Sizes(100_000, 20, 49, 5_000, 3_000, 1, 50, 9, 500, 20, 1, 20_000, 10, (10_000, 100_000))
FULL = Sizes(
    1_000_000, 20, 199, 100_000, 10_000, 1, 400, 5, 500, 60, 1, 1_000_000, 10, (10_000, 100_000, 1_000_000)
)
