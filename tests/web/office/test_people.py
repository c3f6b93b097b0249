"""The staff list, the policy and the health page."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import select

from models import database as databases
from models.machinery import HOST, HostSign, beat
from models.notices import AccessLog
from models.people import ApiToken, Person, StandIn
from models.remembered import Outbox, Timer
from tests.web.office.conftest import Office
from workflows.health import LABELS


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
        one, other = session.scalars(select(Outbox).limit(2)).all()
        assert timer
        timer.state = one.state = other.state = "parked"
        timer.error = "KeyError at lead.py:1"
    root = office.seat("root")
    page = root.get("/health")
    assert "timers 1, facts 2, messages 0, registers 0" in page
    assert "KeyError at lead.py:1" in page
    assert "It is tried again." in root.post(f"/health/retry/timer/{timer.id}")
    assert "It was not parked any more." in root.post(f"/health/retry/timer/{timer.id}")
    assert "It is tried again." in root.post(f"/health/retry/fact/{one.id}")
    assert "Tried again: 1" in root.post("/health/retry")
    assert "Nothing is parked." in root.get("/health")
    assert root.post("/health/retry/person/1").status == 404
    assert office.seat("sun").get("/health").status == 403
    assert office.seat("sun").post(f"/health/retry/fact/{one.id}").status == 403
    assert office.seat("sun").post("/health/retry").status == 403
    with databases.read(office.engine) as session:
        lines = session.scalars(select(AccessLog.purpose).where(AccessLog.person_id == office.ids["root"]))
        assert sorted(lines) == [
            "retried 1 parked facts",
            f"retried a parked fact ({one.id})",
            f"retried a parked timer ({timer.id})",
        ]


def test_the_health_page_shows_every_check_and_what_sets_it_right(office: Office) -> None:
    root = office.seat("root")
    page = root.get("/health")
    assert "Needs somebody: Clock, Worker, Sender, Redis, Disk space" in page
    assert all(label in page for label in LABELS.values())
    assert "start it again: tuoke clock" in page
    with databases.begin(office.engine) as session:
        for name, kind, detail in (("clock", "clock", ""), ("w", "worker", "pid 1"), ("s", "sender", "")):
            beat(session, name, kind, datetime.now(UTC), detail)
        beat(session, "redis", "redis", datetime.now(UTC), "answers")
        beat(
            session, "here", HOST, datetime.now(UTC), str(HostSign("here", 10**11, 10**12, 10**6, 0, "2026c"))
        )
    assert "All is well." in root.get("/health")
    assert "1 of 1 alive" in root.get("/")
