"""From the street to the contract over HTTP, with everybody who takes part."""

from __future__ import annotations

from models import database as databases
from tests.web.api.conftest import CAPTURE, SCREEN, Company
from web.app import now
from workflows.timers import fire_due


def fire(company: Company) -> None:
    """What the clock would do now."""
    with company.app.app_context(), databases.read(company.engine) as session:
        at = now(session)
    fire_due(company.engine, at)


def test_a_lead_walks_from_capture_to_an_approved_deal(company: Company) -> None:
    """Mei captures, Lin screens, the desk receives, c1 declines, c2 accepts; ten days; Guo calls back, Sun agrees; Mei
    closes the deal, Sun agrees; finance and audit look on; the administrator sees nothing."""
    for consultant in (company.c1, company.c2):
        assert consultant.post("/rotation/join").status == 200
    code = company.mei.post("/leads", CAPTURE).json["code"]
    assert company.lin.post(f"/leads/{code}/screen", SCREEN).status == 200
    visited = company.desk.post(f"/leads/{code}/visit", {"party_size": 2})
    assert visited.json["offered_to"] == "c1"
    assert [p["state"] for p in company.desk.get("/rotation").json["queue"]] == ["busy", "present"]
    assert company.c2.post(f"/leads/{code}/accept", {"signature": "二"}).code == "not_found"
    company.c1.post(f"/leads/{code}/decline", {"reason": "正在接待"})
    accepted = company.c2.post(f"/leads/{code}/accept", {"signature": "陈二"})
    assert accepted.json["state"] == "assigned"
    assert [p["name"] for p in company.desk.get("/rotation").json["queue"]] == ["c1", "c2"]

    timers = {
        t["name"]: t for t in company.c2.get(f"/leads/{code}/timers").json["items"] if t["state"] == "pending"
    }
    assert timers.keys() - {"screening_reminder"} == {"lapse", "expire"}
    company.move(days=10, minutes=1)
    fire(company)
    assert company.guo.get(f"/leads/{code}").json["state"] == "unconverted"

    reclaim = company.guo.post(f"/leads/{code}/reclaim", {"callback": "仍有意向", "holder": "mei"})
    assert reclaim.status == 202
    approval = reclaim.json["approval"]["id"]
    assert company.guo.post(f"/approvals/{approval}/approve").code == "not_permitted"
    assert [a["id"] for a in company.sun.get("/approvals?mine=1").json["items"]] == [approval]
    assert company.sun.post(f"/approvals/{approval}/approve", {"note": "同意"}).json["status"] == "approved"
    assert company.mei.get(f"/leads/{code}").json["holder"] == "mei"

    company.mei.post(f"/leads/{code}/follow_up", {"note": "约周六看样板间"})
    deal = company.mei.post(
        f"/leads/{code}/deal", {"units": 1, "contract_no": "HT-001", "amount_fen": 198_000_000}
    )
    company.sun.post(f"/approvals/{deal.json['approval']['id']}/approve")
    closed = company.mei.get(f"/leads/{code}").json
    assert (closed["state"], closed["outcome"], closed["amount_fen"]) == ("closed", "deal", 198_000_000)

    happened = company.zhi.get(f"/leads/{code}/history").json["items"]
    assert [row["event"] for row in happened] == [
        "capture", "screen", "visit", "offer", "decline", "offer", "accept", "lapse", "reclaim", "follow_up", "deal",
    ]  # fmt: skip
    assert happened[8]["by"] == "guo"
    assert happened[8]["approved_by"] == "sun"
    assert "callback" not in happened[8]["facts"]
    assert company.fei.get(f"/leads/{code}").json["masked"]
    assert company.root.get(f"/leads/{code}").status == 404
    assert company.bao.get(f"/leads/{code}").status == 404


def test_an_approval_that_was_overtaken_ends_expired_and_is_no_refusal(company: Company) -> None:
    code = company.assigned()
    lost = company.c1.post(f"/leads/{code}/lose", {"reason": "买了别家"}).json["approval"]["id"]
    deal = company.c1.post(f"/leads/{code}/deal", {"units": 1, "contract_no": "x", "amount_fen": 1}).json[
        "approval"
    ]["id"]
    assert company.guo.post(f"/approvals/{lost}/approve").status == 200
    said = company.sun.post(f"/approvals/{deal}/approve")
    assert (said.status, said.json["status"]) == (200, "expired")
    assert said.json["reason"]


def test_a_decision_is_withdrawn_by_who_asked_and_by_nobody_else(company: Company) -> None:
    code = company.assigned()
    asked = company.c1.post(f"/leads/{code}/lose", {"reason": "x"}).json["approval"]["id"]
    assert company.sun.post(f"/approvals/{asked}/withdraw").code == "not_permitted"
    assert company.c1.post(f"/approvals/{asked}/withdraw", {"note": "再等等"}).json["status"] == "withdrawn"
    assert company.c1.post(f"/approvals/{asked}/withdraw").code == "not_allowed_from_state"
    assert company.c1.post(f"/approvals/{asked}/overtake", {"reason": "x"}).code == "not_found"
    assert company.c1.post(f"/approval/{asked}/overtake", {"reason": "x"}).status in (403, 409)
