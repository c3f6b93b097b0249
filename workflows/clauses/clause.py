"""What a clause of the company's policies asks, and what in this house sees to it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Clause:
    """One clause by its number. `says` is what it asks, as a marked text; `by` what enforces it:

    - `lead.reclaim` an event with its guards and approvals, `lead:lapse` a timer, `lead` a workflow as a whole,
    - `policy visit_bonus_fen` a number of the policy, `page /access` a page.

    `shown` are scenarios in which that is to be seen. Where software cannot see to a clause, `not_ours` says why.
    """

    number: str
    says: str
    by: tuple[str, ...] = ()
    shown: tuple[str, ...] = ()
    not_ours: str = ""


@dataclass(frozen=True, slots=True)
class Rulebook:
    """One of the company's policies: its number, its name, and its clauses in order."""

    number: str
    title: str
    clauses: tuple[Clause, ...] = ()
