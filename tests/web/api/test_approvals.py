"""The inbox: what waits for somebody's decision, with four eyes."""

from __future__ import annotations

from sqlalchemy import event

from tests.web.api.conftest import Company


def asked(company: Company, phone: str) -> str:
    """A request of c1 to lose a lead of mei's team."""
    code = company.assigned(phone=phone)
    return str(company.c1.post(f"/leads/{code}/lose", {"reason": "x"}).json["approval"]["id"])


def ids(company: Company, name: str, query: str = "mine=1") -> list[str]:
    return [a["id"] for a in company.by(name).get(f"/approvals?{query}").json["items"]]


def test_mine_is_what_i_may_decide_and_neither_asked_for_nor_gain_from(company: Company) -> None:
    one = asked(company, "13800000001")
    assert ids(company, "lin") == ids(company, "guo") == [one]
    assert (
        ids(company, "bao")
        == ids(company, "c1")
        == ids(company, "mei")
        == ids(company, "sun")
        == ids(company, "root")
        == []
    )
    own = company.assigned(phone="13800000002", by="lin")
    gains = company.c1.post(f"/leads/{own}/lose", {"reason": "x"}).json["approval"]["id"]
    assert ids(company, "lin") == [one]
    assert ids(company, "guo") == [gains, one]
    assert company.lin.post(f"/approvals/{gains}/approve").code == "guard_failed"


def test_the_list_is_filtered_by_status_and_seen_by_those_concerned(company: Company) -> None:
    one = asked(company, "13800000001")
    assert ids(company, "c1", "status=pending") == [one]
    assert ids(company, "c1", "status=approved") == []
    assert ids(company, "hua", "") == []
    company.guo.post(f"/approvals/{one}/reject", {"note": "再跟进"})
    assert ids(company, "c1", "status=rejected") == [one]
    assert company.c1.get("/approvals?status=nonsense").code == "invalid_data"
    assert company.c1.get("/approvals?mine=2").code == "invalid_data"


def test_frozen_data_about_the_customer_are_shown_to_those_who_read_the_lead_in_clear(
    company: Company,
) -> None:
    code = company.assigned()
    company.c1.post(f"/leads/{code}/deal", {"units": 1, "contract_no": "HT-1", "amount_fen": 5})
    (seen,) = company.sun.get("/approvals").json["items"]
    assert seen["data"]["contract_no"] == "HT-1"
    (masked,) = company.fei.get("/approvals").json["items"]
    assert masked["data"] == {"units": 1, "amount_fen": 5}


def test_pages_of_the_inbox_and_as_many_queries_for_many_as_for_few(company: Company) -> None:
    made = [asked(company, f"1380000000{n}") for n in range(1, 6)]
    first = company.guo.get("/approvals?mine=1&limit=2").json
    second = company.guo.get(f"/approvals?mine=1&limit=2&after={first['next']}").json
    third = company.guo.get(f"/approvals?mine=1&limit=2&after={second['next']}").json
    assert [a["id"] for p in (first, second, third) for a in p["items"]] == made[::-1]
    assert third["next"] is None

    counted: list[str] = []
    event.listen(company.engine, "before_cursor_execute", lambda *args: counted.append(args[2]))
    company.guo.get("/approvals?mine=1&limit=1")
    few = len(counted)
    company.guo.get("/approvals?mine=1")
    assert len(counted) - few <= few
