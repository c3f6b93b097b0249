"""The company's policies clause by clause: what each asks, what enforces it, in which scenario that is to be seen; and where
software cannot enforce it, why not."""

from __future__ import annotations

from workflows.clauses import s04, s09, s10, s14, s15, s19, s20
from workflows.clauses.clause import Clause, Rulebook
from workflows.words import _

RULEBOOKS: dict[str, Rulebook] = {
    book.number: book
    for book in (
        Rulebook("S1", _("The people who bring customers")),
        Rulebook("S2", _("Outreach: background, decisions, use")),
        Rulebook("S3", _("Outreach of the sales department: goals and campaigns")),
        s04.BOOK,
        Rulebook("S5", _("Outreach by situation")),
        Rulebook("S6", _("Outreach: targets, customers, control")),
        Rulebook("S7", _("Outreach for new buildings")),
        Rulebook("S8", _("Outreach of the sales department: leading it")),
        s09.BOOK,
        s10.BOOK,
        Rulebook("S11", _("Outreach: targets, strategy, plans")),
        Rulebook("S12", _("The outreach company: organisation")),
        Rulebook("S13", _("Outreach of the sales department: appraisal")),
        s14.BOOK,
        s15.BOOK,
        Rulebook("S16", _("Outreach staff: selection and work")),
        Rulebook("S17", _("The outreach company: people and finance")),
        Rulebook("S18", _("Customers as a resource")),
        s19.BOOK,
        s20.BOOK,
    )
}
CLAUSES: dict[str, Clause] = {clause.number: clause for book in RULEBOOKS.values() for clause in book.clauses}


def known_clause(number: str) -> str:
    """A clause, or a policy as a whole, by its number as it is written here. Raises `ValueError`."""
    if number not in CLAUSES and number not in RULEBOOKS:
        raise ValueError(_("There is no such clause: choose one of the list."))
    return number


__all__ = ["CLAUSES", "RULEBOOKS", "Clause", "Rulebook", "known_clause"]
