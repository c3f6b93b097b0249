"""From the arrival to the signature: reception and the rotation board."""

from __future__ import annotations

import pytest

from tests.web.office.conftest import Office


def test_from_the_arrival_to_the_signature(office: Office) -> None:
    office.join("c1", "c2")
    code = office.screened()
    desk = office.seat("desk")
    found = desk.post("/reception/find", q="138 0000 0001")
    assert "王先生 138****0001" in found
    arrived = desk.post(f"/reception/arrived/{code}", party_size="3")
    assert "offered to c1" in arrived
    assert "15 min left" in arrived or "14 min left" in arrived

    c1 = office.seat("c1")
    board = c1.get("/rotation")
    assert "A customer is offered to you" in board
    assert "三房" in board
    assert "busy" in board
    assert "next: first in the queue without an open offer" in board
    c1.post(f"/do/lead/{code}/accept", signature="c1", version="4", next="/rotation")
    assert office.lead(code).state == "assigned"
    assert office.lead(code).party_size == 3


def test_a_decline_goes_to_the_last_and_then_to_the_sales_manager(office: Office) -> None:
    office.join("c1", "c2")
    code = office.screened()
    office.act("desk", "visit", code)
    office.seat("c1").post(f"/do/lead/{code}/decline", reason="正在签约", next="/rotation")
    office.seat("c2").post(f"/do/lead/{code}/decline", reason="走不开", next="/rotation")
    board = office.seat("sun").get("/rotation")
    assert "Nobody on duty is left to ask: the sales manager appoints." in board
    assert "正在签约" in board, "declined today"
    office.seat("sun").post(f"/do/lead/{code}/appoint", consultant="c2", next="/rotation")
    assert office.lead(code).offered_to_id == office.ids["c2"]


def test_a_customer_without_a_demand_cannot_arrive_and_is_told_why(office: Office) -> None:
    code = office.act("mei", "capture", name="李女士", phone="13900000001", channel="flyer", consent=True)
    desk = office.seat("desk")
    assert "Not screened yet" in desk.post("/reception/find", q="13900000001")
    assert desk.post(f"/reception/arrived/{code}", party_size="1").status == 409
    assert "Nobody is registered under this." in desk.post("/reception/find", q="13900000009")
    assert "The number is too short." in desk.post("/reception/find", q="139")
    assert code in desk.post("/reception/find", q=code.lower())


def test_the_number_never_stands_in_an_address(office: Office) -> None:
    office.screened()
    assert office.seat("desk").get("/reception/find?q=13800000001").status == 405


def test_consultants_join_and_leave_and_the_sales_manager_sets_others(office: Office) -> None:
    c1, sun = office.seat("c1"), office.seat("sun")
    assert "1 on duty" in c1.post("/rotation/join")
    assert "Set off duty" in sun.get("/rotation")
    assert "Set off duty" not in office.seat("desk").get("/rotation")
    code = next(
        part for part in sun.get("/rotation").html.split("/") if part.startswith("R") and len(part) == 9
    )
    sun.post(f"/do/duty/{code}/leave", next="/rotation")
    assert "Off duty c1" in sun.get("/rotation")
    assert "1 on duty" in c1.post("/rotation/join")
    assert "Nobody is on duty" in c1.post("/rotation/leave")


def test_the_sales_manager_seats_somebody_who_never_joined(office: Office) -> None:
    sun = office.seat("sun")
    assert "has no place yet" in sun.get("/rotation")
    assert "1 on duty" in sun.post("/rotation/join", consultant="c2")
    refused = office.seat("c1").post("/rotation/leave", consultant="c2")
    assert refused.status == 403
    assert "1 on duty" in sun.get("/rotation")


def test_a_consultant_reads_no_colleagues_customer(office: Office) -> None:
    office.join("c1", "c2")
    office.act("desk", "visit", office.screened())
    assert "王先生" in office.seat("c1").get("/rotation")
    assert "王" not in office.seat("c2").get("/rotation")


@pytest.mark.parametrize(
    ("path", "may", "may_not"),
    [
        ("/reception", ("desk", "sun"), ("mei", "c1", "root")),
        ("/rotation", ("c1", "desk", "sun", "guo", "zhi"), ("mei", "root")),
    ],
)
def test_who_may_look(office: Office, path: str, may: tuple[str, ...], may_not: tuple[str, ...]) -> None:
    assert {name: office.seat(name).get(path).status for name in may} == dict.fromkeys(may, 200)
    assert {name: office.seat(name).get(path).status for name in may_not} == dict.fromkeys(may_not, 403)
