"""Something goes wrong outside: told on a form in half a minute, read at once by those who answer."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from models import database as databases
from models.notices import Notification
from tests.web.office.conftest import Office
from workers.draining import drain_due
from workflows.office.incident import IncidentFlow


def told(office: Office, fact: str) -> set[str]:
    """Who found a notice of this fact."""
    drain_due(office.engine, office.now)
    names = {number: name for name, number in office.ids.items()}
    with databases.read(office.engine) as session:
        found = select(Notification.person_id).where(Notification.fact == fact)
        return {names[person] for person in session.scalars(found)}


def test_an_incident_is_told_at_once_and_answered_by_another(office: Office) -> None:
    mei = office.seat("mei")
    lacking = mei.post("/do/incident/begin/report", kind="quarrel", place="软件园南门")
    assert lacking.status == 422
    typed = {"kind": "quarrel", "place": "软件园南门", "happened": "保安推搡", "hurt": "y"}
    case = mei.post("/do/incident/begin/report", **typed)  # type: ignore[arg-type]
    assert "保安推搡" in case
    assert told(office, "incident.reported") == {"lin", "guo"}
    assert "软件园南门" in office.seat("guo").get("/cases/incident")
    assert "软件园南门" not in office.seat("hua").get("/cases/incident")


def test_what_nobody_answers_reaches_the_sales_manager_and_the_auditor(office: Office) -> None:
    facts: dict[str, Any] = {"kind": "illness", "place": "南门", "happened": "中暑", "hurt": True}
    code = office.act("mei", "report", flow=IncidentFlow, **facts)
    office.pass_time(minutes=31)
    assert told(office, "incident.unanswered") == {"sun", "chen", "zhi", "guo"}
    sun = office.seat("sun")
    assert "中暑" in sun.get(f"/cases/incident/{code}")
    answered = sun.post(f"/do/incident/{code}/answer", answer="送医院")
    assert "Answered late" in answered
    assert told(office, "incident.answered") == {"mei"}
