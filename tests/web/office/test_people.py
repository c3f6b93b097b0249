"""The staff list, the policy and the health page."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import select

from models import database as databases
from models.notices import AccessLog
from models.people import ApiToken, Person, StandIn
from models.remembered import Outbox, Timer
from tests.web.office.conftest import Office


def test_somebody_new_is_added_and_can_log_in(office: Office) -> None:
    root = office.seat("root")
    wrong = root.post("/people/new", name="mei", roles=["member"], password="short")
    assert wrong.status == 422
    assert "at least 8 characters" in wrong
    page = root.post(
        "/people/new", name="小新", roles=["member"], team="A", phone="13500000009", password="long enough"
    )
    assert page.status == 200
    assert "小新 is on the staff list." in page
    assert "own: 1" in page
    seat = office.seat("mei")
    seat.post("/logout")
    token = seat.token
    answer = seat.client.post("/login", data={"csrf_token": token, "name": "小新", "password": "long enough"})
    assert answer.status_code in (303, 400)


def test_a_leaver_loses_place_tokens_and_log_in(office: Office) -> None:
    office.join("c1")
    c1, root = office.seat("c1"), office.seat("root")
    c1_id = office.ids["c1"]
    shown = root.post(f"/people/{c1_id}/token")
    assert "tk_" in shown.html
    assert "tk_" not in root.get(f"/people/{c1_id}").html, "a token is shown once"
    yesterday = (office.now - timedelta(days=1)).date()
    assert "The last day is noted." in root.post(f"/people/{c1_id}/end", last_day=str(yesterday))
    assert "Nobody is on duty" in office.seat("sun").get("/rotation")
    assert c1.client.get("/rotation").status_code in (302, 303), "back to the door"
    with databases.read(office.engine) as session:
        assert session.scalars(select(ApiToken.revoked_at)).one() is not None
        lines = session.scalars(select(AccessLog.purpose).where(AccessLog.kind == "staff")).all()
    assert any("ended the employment of c1" in line for line in lines)
    assert any("issued an API token" in line for line in lines)


def test_an_approver_names_a_stand_in_with_the_same_role(office: Office) -> None:
    sun, day = office.seat("sun"), office.now + timedelta(hours=1)
    times: dict[str, Any] = {
        "starts_at": f"{day:%Y-%m-%dT%H:%M}",
        "ends_at": f"{day + timedelta(days=2):%Y-%m-%dT%H:%M}",
    }
    own = f"/people/{office.ids['sun']}/stand-in"
    assert sun.post(own, stand_in="guo", **times).status == 422
    assert "The stand-in is named" in sun.post(own, stand_in="chen", **times)
    assert sun.post(f"/people/{office.ids['guo']}/stand-in", stand_in="chen", **times).status == 403
    with databases.read(office.engine) as session:
        assert session.scalars(select(StandIn.stand_in_id)).one() == office.ids["chen"]


def test_a_relatives_phone_cannot_be_captured(office: Office) -> None:
    root = office.seat("root")
    said = root.post(f"/people/{office.ids['mei']}/phone", phone="139-0000-0007", relation="relative")
    assert "relatives': 1" in said
    assert root.post(f"/people/{office.ids['mei']}/phone", phone="139", relation="relative").status == 422


def test_only_the_administrator_changes_and_the_managers_look(office: Office) -> None:
    mei = office.ids["mei"]
    for name in ("guo", "sun", "zhi"):
        seat = office.seat(name)
        assert seat.get("/people").status == 200
        assert "Set the password" not in seat.get(f"/people/{mei}")
        assert seat.post(f"/people/{mei}/password", password="long enough").status == 403
    member = office.seat("hua")
    assert member.get("/people").status == 403
    assert member.get(f"/people/{mei}").status == 404
    assert member.get("/people/new").status == 403
    with databases.read(office.engine) as session:
        assert session.get_one(Person, mei).password_hash is None


def test_the_policy_is_read_with_clause_and_beginning(office: Office) -> None:
    office.set_policy(conversion_days=12)
    page = office.seat("guo").get("/policy")
    assert "S20 (三)9" in page
    assert "as written: 10" in page
    assert "in force since" in page
    assert office.seat("mei").get("/policy").status == 403


def test_what_is_parked_is_shown_and_tried_again(office: Office) -> None:
    office.screened()
    with databases.begin(office.engine) as session:
        timer = session.scalars(select(Timer)).first()
        fact = session.scalars(select(Outbox)).first()
        assert timer
        assert fact
        timer.state = fact.state = "parked"
    root = office.seat("root")
    page = root.get("/health")
    assert "No sign of life from:" in page
    assert "Parked 2" in page
    assert "It is tried again." in root.post(f"/health/retry/timer/{timer.id}")
    assert "It is tried again." in root.post(f"/health/retry/fact/{fact.id}")
    assert "Nothing is parked." in root.get("/health")
    assert office.seat("sun").get("/health").status == 403
    assert office.seat("sun").post(f"/health/retry/fact/{fact.id}").status == 403
