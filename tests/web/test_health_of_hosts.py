"""What the administrator sees of several hosts: who leads, who runs which code, whose clock is wrong, and a time in doubt."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import select

from models import database as databases
from models import machinery
from models.machinery import Heartbeat, Lease
from models.notices import AccessLog
from models.version import version
from tests.web.office.conftest import Office, database_url, office

__all__ = ["database_url", "office"]


def test_who_leads_what_they_run_and_whose_clock_is_wrong(office: Office) -> None:
    at = datetime.now(UTC)
    with databases.begin(office.engine) as session:
        machinery.beat(session, "clock@one", "clock", at, "leads")
        machinery.beat(session, "clock@two", "clock", at, "stands-by redis-away", at + timedelta(minutes=3))
        machinery.beat(session, "worker@gone", "worker", at - timedelta(days=2))
    page = office.seat("root").get("/health")
    assert "at work" in page
    assert "stands by" in page
    assert "does not reach Redis" in page
    assert "its clock is 3 min fast" in page
    assert "worker@gone" not in page
    assert "old and new code run together" not in page
    with databases.begin(office.engine) as session:
        session.get_one(Heartbeat, "clock@two").version = "0.0.9+12345678"
        machinery.forget_the_silent(session, at + timedelta(days=6))
        assert session.get(Heartbeat, "worker@gone") is None
    page = office.seat("root").get("/health")
    assert f"old and new code run together: 0.0.9+12345678, {version()}" in page
    metrics = office.app.test_client().get("/metrics").text
    assert 'tuoke_processes{kind="clock"} 2.0' in metrics
    assert "tuoke_versions 2.0" in metrics
    assert "tuoke_host_clock_wrong_seconds 180.0" in metrics
    assert "clock@two" not in metrics


def test_a_time_in_doubt_is_shown_and_confirmed_by_the_administrator(office: Office) -> None:
    root = office.seat("root")
    assert "The time jumped ahead" not in root.get("/health")
    ahead = timedelta(days=30, hours=2)
    with databases.begin(office.engine) as session:
        session.add(
            Lease(
                name="clock", holder="one", vouched_at=office.now, ahead_us=ahead // timedelta(microseconds=1)
            )
        )
    assert "The time jumped ahead by 30 d 2 h." in root.get("/health")
    assert "tuoke_time_in_doubt_seconds 2.5992e+06" in office.app.test_client().get("/metrics").text
    assert office.seat("guo").post("/health/jump").status == 403
    assert "Confirmed" in root.post("/health/jump")
    with databases.read(office.engine) as session:
        lease = session.get_one(Lease, "clock")
        assert lease.accepted_us == lease.ahead_us
        assert "confirmed that the time jumped" in str(session.scalars(select(AccessLog.purpose)).all())
    assert "The time jumped ahead" not in root.get("/health"), "the clock sees it within a second"
