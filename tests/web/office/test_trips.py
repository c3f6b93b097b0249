"""Away from the office: a trip is planned on a form, approved in the inbox, and what customers said is read by those it concerns
alone."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select

from models import database as databases
from models.remembered import History
from tests.web.office.conftest import Office
from workflows import policy
from workflows.approval import ApprovalFlow
from workflows.erasing import Erasure, erase
from workflows.office.trip import CHECKLIST, TripFlow
from workflows.verify import verify


def local(office: Office, at: datetime) -> str:
    """An instant as it is typed into a form."""
    with databases.read(office.engine) as session:
        return f"{at.astimezone(policy.zone(session)):%Y-%m-%dT%H:%M}"


def plan(office: Office, *leads: str, **other: Any) -> dict[str, Any]:
    start = office.now + timedelta(minutes=2)
    times = {"starts_at": start.isoformat(), "ends_at": (start + timedelta(hours=4)).isoformat()}
    return {"place": "高新区软件园", "purpose": "企业团购", "leads": list(leads), **times, **other}


def under_way(office: Office, *leads: str) -> str:
    """A trip of mei's that lin approved, and that has begun."""
    code = office.act("mei", "plan", flow=TripFlow, **plan(office, *leads))
    with databases.read(office.engine) as session:
        asked = session.scalars(select(ApprovalFlow.table.code)).one()
    office.act("lin", "approve", asked, flow=ApprovalFlow)
    office.act("mei", "confirm", code, flow=TripFlow, **dict.fromkeys(CHECKLIST, True))
    office.pass_time(minutes=5)
    return str(office.act("mei", "start", code, flow=TripFlow))


def test_a_trip_is_planned_on_a_form_and_waits_in_the_leaders_inbox(office: Office) -> None:
    lead, mei = office.screened(), office.seat("mei")
    start = office.now + timedelta(days=1)
    typed: dict[str, Any] = {
        "place": "高新区软件园",
        "purpose": "企业团购",
        "leads": f" {lead.lower()} ",
        "starts_at": local(office, start),
        "ends_at": local(office, start + timedelta(hours=3)),
    }
    wrong = mei.post("/do/trip/begin/plan", **typed | {"ends_at": local(office, start)})
    assert wrong.status == 422
    assert "The end must come after the beginning" in wrong
    assert lead.lower() in wrong.html
    unknown = mei.post("/do/trip/begin/plan", **typed | {"leads": "LNOBODYS"})
    assert "There is no lead LNOBODYS that you may see" in unknown
    case = mei.post("/do/trip/begin/plan", **typed)
    assert case.status == 200
    assert f'href="/leads/{lead}"' in case.html
    assert "Asked for approval" in case
    assert "高新区软件园" in office.seat("lin").get("/inbox")
    assert "高新区软件园" not in office.seat("hua").get("/cases/trip")


def test_the_checklist_shows_what_is_confirmed_already(office: Office) -> None:
    code = office.act("mei", "plan", flow=TripFlow, **plan(office))
    mei = office.seat("mei")
    assert "checked" not in mei.get(f"/do/trip/{code}/confirm").html
    mei.post(f"/do/trip/{code}/confirm", papers="y", cards="y")
    assert mei.get(f"/do/trip/{code}/confirm").html.count("checked") == 2
    again = mei.get(f"/do/trip/{code}/revise")
    assert "高新区软件园" in again.html


def test_what_a_customer_said_is_read_by_those_whom_it_concerns_alone(office: Office) -> None:
    lead, other = office.screened(), office.screened()
    code = under_way(office, lead)
    office.pass_time(minutes=30)
    for customer, said in ((lead, "想买学区房"), (other, "嫌远")):
        met = {"lead": customer, "met_at": (office.now - timedelta(minutes=10)).isoformat()}
        facts = {**met, "matters": "介绍户型", "result": "interested", "feedback": said}
        office.act("mei", "visit", code, flow=TripFlow, **facts)
    for reader in ("mei", "lin", "guo"):
        assert "想买学区房" in office.seat(reader).get(f"/cases/trip/{code}"), reader
    auditor = office.seat("zhi").get(f"/cases/trip/{code}")
    assert "想买学区房" not in auditor
    assert "Interested" in auditor
    assert office.seat("hua").get(f"/cases/trip/{code}").status == 404


def test_a_customer_who_is_forgotten_is_forgotten_in_the_trips_too(office: Office) -> None:
    lead, other = office.screened(), office.screened()
    code = under_way(office, lead, other)
    office.pass_time(minutes=30)
    for customer, said in ((lead, "想买学区房"), (other, "嫌远")):
        met = {"lead": customer, "met_at": (office.now - timedelta(minutes=10)).isoformat()}
        office.act("mei", "visit", code, flow=TripFlow, **met, matters=said, result="interested")
    office.act("mei", "finish", code, flow=TripFlow)
    office.act("mei", "file", code, flow=TripFlow, outcome="一位有意", feedback="王先生想买学区房")
    with databases.begin(office.engine) as session:
        erase(session, Erasure(lead, office.now))
    with databases.read(office.engine) as session:
        kept = [row.private for row in session.scalars(select(History).where(History.flow == "trip"))]
        assert verify(session, office.now).clean
    assert [each for each in kept if each] == [{"matters": "嫌远"}]
