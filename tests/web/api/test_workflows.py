"""What the workflows say of themselves, and the rotation at the desk."""

from __future__ import annotations

from tests.web.api.conftest import Company
from workflows.flows import FLOWS


def test_every_workflow_tells_its_states_events_and_timers_in_two_languages(company: Company) -> None:
    names = [w["name"] for w in company.mei.get("/workflows").json["items"]]
    assert names == list(FLOWS)
    lead = company.mei.get("/workflows/lead").json
    assert lead["states"][0]["name"] == "captured"
    assert lead["states"][0]["label"] == {"zh": "已登记", "en": "Captured"}
    events = {e["name"]: e for e in lead["events"]}
    assert {e["name"] for e in lead["automatic"]} == {"offer", "lapse", "expire"}
    assert events["reclaim"]["approval"][0]["key"] == "sales_manager"
    assert events["screen"]["fields"]["required"] == ["demand", "intent"]
    assert events["screen"]["fields"]["properties"]["intent"]["enum"] == ["A", "B", "C"]
    assert {t["name"] for t in lead["timers"]} == {"lapse", "expire", "offer", "screening_reminder"}
    assert {e["name"] for e in company.mei.get("/workflows/approval").json["automatic"]} == {
        "request",
        "overtake",
    }
    assert company.mei.get("/workflows/nonsense").status == 404


def test_every_workflow_has_a_picture(company: Company) -> None:
    for name in FLOWS:
        said = company.mei.get(f"/workflows/{name}/picture.svg")
        assert said.raw.mimetype == "image/svg+xml"
        assert said.raw.get_data(as_text=True).startswith("<svg")
    assert company.mei.get("/workflows/nonsense/picture.svg").status == 404


def test_consultants_join_and_leave_and_the_sales_manager_does_it_for_them(company: Company) -> None:
    assert company.c1.post("/rotation/join").json["state"] == "on_duty"
    assert company.sun.post("/rotation/join", {"consultant": "c2"}).json["person"] == "c2"
    assert [p["name"] for p in company.desk.get("/rotation").json["queue"]] == ["c1", "c2"]
    assert company.sun.post("/rotation/leave", {"consultant": "c1"}).json["state"] == "off_duty"
    assert company.c1.post("/rotation/leave").code == "not_allowed_from_state"
    assert company.c1.post("/rotation/join").json["position"] == 3
    assert [p["name"] for p in company.desk.get("/rotation").json["queue"]] == ["c2", "c1"]


def test_nobody_else_takes_a_place(company: Company) -> None:
    assert company.sun.post("/rotation/join").code == "guard_failed"
    assert company.sun.post("/rotation/join", {"consultant": "mei"}).code == "guard_failed"
    assert company.sun.post("/rotation/join", {"consultant": "nobody"}).code == "invalid_data"
    assert company.sun.post("/rotation/leave", {"consultant": "nobody"}).code == "not_found"
    assert company.c1.post("/rotation/join", {"consultant": "c2"}).code == "guard_failed"
    assert company.mei.post("/rotation/join").code == "not_permitted"
    assert company.c1.post("/rotation/leave").code == "not_found"
    assert company.c1.post("/rotation/join", {"consultant": "\x00"}).code == "invalid_data"
    assert company.c1.post("/rotation/join", {"project": "elsewhere"}).code == "invalid_data"
    assert company.mei.get("/rotation?project=elsewhere").code == "invalid_data"


def test_the_offered_lead_is_named_to_those_who_may_see_it(company: Company) -> None:
    company.c1.post("/rotation/join")
    company.c2.post("/rotation/join")
    code = company.screened()
    company.desk.post(f"/leads/{code}/visit")
    assert [(p["state"], p["lead"]) for p in company.desk.get("/rotation").json["queue"]] == [
        ("busy", code),
        ("present", None),
    ]
    assert [(p["state"], p["lead"]) for p in company.c2.get("/rotation").json["queue"]] == [
        ("busy", None),
        ("present", None),
    ]
    assert company.mei.get("/rotation").json["queue"] == []


def test_the_generic_shape_serves_every_workflow(company: Company) -> None:
    place = company.c1.post("/duty")
    assert place.status == 201
    assert company.c1.post("/duty").code == "conflict"
    code = place.json["code"]
    assert company.desk.get("/duty").json["items"] == [place.json]
    assert company.desk.get(f"/duty/{code}").json == place.json
    assert company.c1.post(f"/duty/{code}/leave").json["state"] == "off_duty"
    assert company.c1.post(f"/duty/{code}/serve").code == "not_permitted"
    assert [row["event"] for row in company.desk.get(f"/duty/{code}/history").json["items"]] == [
        "join",
        "leave",
    ]
    assert company.desk.get(f"/duty/{code}/timers").json == {"items": []}
    assert company.desk.get("/duty?state=on_duty").json["items"] == []
    assert company.mei.get(f"/duty/{code}").code == "not_found"
    assert company.sun.get("/approval").json == {"items": [], "next": None}
    assert company.sun.post("/approval", {}).status == 405
