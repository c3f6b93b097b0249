"""A consultant whose last day came while their name still stood in the queue."""

from __future__ import annotations

from datetime import date

from sqlalchemy import Engine

from models import database as databases
from tests.races.office import Office
from workflows import staff


def test_the_queue_passes_over_who_has_left(database: Engine) -> None:
    office = Office(database, consultants=2)
    with databases.begin(database) as session:
        staff.person_named(session, "c0").left_on = date(2026, 3, 2)
    assert office.offered_to(office.visited()) == "c1"
    waits = office.visited()
    assert office.offered_to(waits) == ""
    office.prove()
