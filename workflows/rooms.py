"""The rooms of the house: where in the menu a workflow is found. A workflow says itself in which room it stands."""

from __future__ import annotations

from dataclasses import dataclass

from workflows.engine.flow import Flow
from workflows.flows import FLOWS
from workflows.words import _


@dataclass(frozen=True, slots=True)
class Room:
    """What it is called, and what stands in it."""

    label: str
    says: str


ROOMS: dict[str, Room] = {
    "money": Room(_("Money"), _("What earnings are reckoned from, and what is said about them.")),
    "goals": Room(_("Goals"), _("What is to be reached, by which means, and how far it has come.")),
    "customers": Room(
        _("Customers"), _("Who the customers are, how they are looked after, and what they say.")
    ),
    "office": Room(_("Office"), _("The work around the leads: what is asked, decided, promised and kept.")),
    "staffing": Room(
        _("Staffing"), _("Who joins, how work is judged and what follows from it, and who leaves.")
    ),
}


def standing_in(room: str) -> list[type[Flow]]:
    """The workflows of a room."""
    return [flow for flow in FLOWS.values() if flow.room == room]


def furnished() -> list[str]:
    """The rooms in which some workflow stands."""
    return [room for room in ROOMS if standing_in(room)]
