"""Who acts: one of the staff, the clock, or an anonymous visitor of a web form."""

from __future__ import annotations

from dataclasses import dataclass

from models.people import Person
from workflows.words import _

ROLES = {
    "member": _("Outreach member"),
    "leader": _("Team leader"),
    "manager": _("Outreach manager"),
    "reception": _("Reception"),
    "consultant": _("Consultant"),
    "sales_manager": _("Sales manager"),
    "finance": _("Finance"),
    "auditor": _("Auditor"),
    "admin": _("Administrator"),
    "clock": _("Clock"),
    "public": _("Web form"),
}
STAFF_ROLES = tuple(ROLES)[:9]
WITH_CUSTOMERS = STAFF_ROLES[:6]  # from the member to the sales manager


@dataclass(frozen=True, slots=True)
class Actor:
    """Somebody who asks. `id` is the person's; the clock and the public have none."""

    id: int | None
    name: str
    roles: frozenset[str]
    team_id: int | None = None

    @classmethod
    def of(cls, person: Person) -> Actor:
        return cls(person.id, person.name, frozenset(person.roles), person.team_id)

    def has(self, *roles: str) -> bool:
        return not self.roles.isdisjoint(roles)

    @property
    def kind(self) -> str:
        """What history calls them: `clock`, `public` or `person`."""
        return "person" if self.id is not None else self.name


CLOCK = Actor(None, "clock", frozenset({"clock"}))
PUBLIC = Actor(None, "public", frozenset({"public"}))
