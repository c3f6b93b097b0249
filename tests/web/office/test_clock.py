"""The movable clock: one row is changed, and everything follows."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from models.settings import Settings
from tests.web.office.conftest import Office
from workers.draining import drain_due


def test_to_the_next_deadline_and_the_offer_passes_on(office: Office) -> None:
    office.join("c1", "c2")
    code = office.screened()
    office.act("desk", "visit", code)
    drain_due(office.engine, office.now)
    desk = office.seat("desk")
    assert "To the next deadline" in desk.get("/reception")
    page = desk.post("/clock", by="next", next="/reception")
    assert "1 timers are due" in page
    assert "HX-Refresh" not in desk.get("/clock/bar").headers
    drain_due(office.engine, office.now)
    settled = desk.get("/clock/bar")
    assert settled.headers["HX-Refresh"] == "true"
    assert "timers are due" not in settled
    assert office.lead(code).offered_to_id == office.ids["c2"]


def test_an_hour_and_a_day(office: Office) -> None:
    before = office.now
    mei = office.seat("mei")
    mei.post("/clock", by="hour")
    mei.post("/clock", by="day")
    assert timedelta(hours=25) <= office.now - before < timedelta(hours=25, minutes=5)
    assert mei.post("/clock", by="year").status == 400


def test_where_time_is_real_there_is_no_clock_to_move(office: Office, settings: Settings) -> None:
    seat = office.seat("mei")
    office.app.extensions["settings"] = replace(settings, clock="real")
    page = seat.get("/pool")
    assert page.status == 200
    assert "To the next deadline" not in page
    assert seat.get("/clock").status == 404
    assert seat.post("/clock", by="day").status == 404
