"""The approval inbox: who sees what, many decided at once, four eyes, what has been overtaken."""

from __future__ import annotations

from typing import Any

import pytest

from tests.web.office.conftest import Office
from workflows.approval import ApprovalFlow

CONTRACT = {"units": 1, "contract_no": "HT-1", "amount_fen": 150_000_000}


@pytest.fixture
def asked(office: Office) -> dict[str, str]:
    """Four requests: two deals, an extension, and an invalidation that ten days have overtaken."""
    office.join("c1")
    leads = [office.assigned() for _unused in range(3)]
    requests = {"invalid": office.act("c1", "invalidate", leads[2], reason="unreachable")}
    office.pass_time(days=10, minutes=1)
    late = office.assigned()
    later = office.assigned("hua")
    return requests | {
        "deal": office.act("c1", "deal", late, **CONTRACT),
        "deal2": office.act("c1", "deal", leads[1], **CONTRACT),
        "extend": office.act("hua", "extend", later, days=7, reason="等公积金"),
    }


def test_the_sales_manager_sees_who_asks_what_changes_and_who_gains(
    office: Office, asked: dict[str, str]
) -> None:
    page = office.seat("sun").get("/inbox")
    assert page.status == 200
    assert "c1 asks for Deal" in page
    assert "¥1,500,000" in page
    assert "Gain from it mei, c1" in page
    assert "approving would let the request expire" in page, "the invalidation is overtaken"
    assert "escalated" in page, "the invalidation has waited for ten days"
    only = office.seat("sun").get("/inbox?kind=extend")
    assert "asks for Extend" in only
    assert "asks for Deal" not in only


def test_many_are_decided_at_once_each_with_its_own_result(office: Office, asked: dict[str, str]) -> None:
    sun = office.seat("sun")
    office.act("chen", "reject", asked["deal2"], flow=ApprovalFlow, note="缺附件")
    page = sun.post(
        "/inbox", decision="approve", note="同意", pick=list(asked.values()), **versions(office, asked)
    )
    assert page.status == 200
    assert "1 not possible" in page
    assert "chen was first: Rejected." in page
    assert [office.approval(asked[k]).state for k in ("deal", "extend", "invalid", "deal2")] == [
        "approved", "approved", "expired", "rejected"
    ]  # fmt: skip
    assert office.approval(asked["deal"]).note == "同意"


def versions(office: Office, asked: dict[str, str]) -> dict[str, Any]:
    return {f"v_{code}": 1 for code in asked.values()}


def test_a_form_sent_twice_decides_once_and_shows_the_same(office: Office, asked: dict[str, str]) -> None:
    sun = office.seat("sun")
    fields: dict[str, Any] = {"decision": "approve", "pick": [asked["deal"]], "once": "the same key"}
    first, second = sun.post("/inbox", **fields), sun.post("/inbox", **fields)
    assert "Approved 1" in first
    assert "Approved 1" in second
    assert "not possible" not in second


def test_what_would_come_of_it_is_shown_and_nothing_is_decided(office: Office, asked: dict[str, str]) -> None:
    office.act("chen", "reject", asked["deal2"], flow=ApprovalFlow, note="缺附件")
    sun = office.seat("sun")
    page = sun.post(
        "/inbox/check", decision="approve", note="同意", pick=list(asked.values()), **versions(office, asked)
    )
    assert "2 will go through" in page
    assert "2 will not" in page, "one is overtaken and would expire, one was decided by somebody else"
    assert "chen was first: Rejected." in page
    assert [office.approval(asked[k]).state for k in ("deal", "extend", "invalid")] == ["pending"] * 3
    assert office.lead(office.approval(asked["deal"]).case_code).state == "assigned"
    assert 'name="note" value="同意"' in page.html, "the note goes along"


def test_a_screen_hears_who_was_faster_and_what_came_since(office: Office, asked: dict[str, str]) -> None:
    sun = office.seat("sun")
    office.act("chen", "reject", asked["deal"], flow=ApprovalFlow, note="缺附件")
    shown = "&".join(f"code={asked[key]}" for key in ("deal", "extend"))
    told = sun.client.get(f"/inbox/news?{shown}").json
    assert told == {"gone": {asked["deal"]: "chen was first: Rejected."}, "new": 2}
    assert office.seat("mei").get(f"/inbox/news?{shown}").status == 403


def test_the_case_beside_a_request_is_shown_to_who_decides_it(office: Office, asked: dict[str, str]) -> None:
    path = f"/inbox/beside/{asked['deal']}"
    assert "Accept and sign" in office.seat("sun").get(path)
    assert office.seat("mei").get(path).status == 403
    other_team = f"/inbox/beside/{asked['extend']}"
    assert office.seat("lin").get(other_team).status == 404, "a request that this leader may not see"


def test_nobody_decides_what_they_gain_from(office: Office) -> None:
    office.join("c1")
    code = office.screened()
    office.act("desk", "visit", code)
    office.act("sun", "appoint", code, consultant="chen")
    office.act("chen", "accept", code, signature="chen")
    deal = office.act("chen", "deal", code, **CONTRACT)
    chen = office.seat("chen")
    page = chen.get("/inbox")
    assert "You asked for this yourself" in page
    assert f'value="{deal}"' not in page.html, "there is nothing to tick"
    result = chen.post("/inbox", decision="approve", pick=[deal])
    assert "1 not possible" in result
    assert "somebody else must decide" in result
    assert office.approval(deal).state == "pending"


def test_the_requester_sees_their_own_and_takes_it_back(office: Office, asked: dict[str, str]) -> None:
    c1 = office.seat("c1")
    assert "What I asked for" in c1.get("/inbox")
    c1.post(f"/do/approval/{asked['deal']}/withdraw", next="/inbox")
    assert office.approval(asked["deal"]).state == "withdrawn"
    assert "Withdrawn" in c1.get("/inbox/decided")


@pytest.mark.parametrize(
    ("name", "status"), [("mei", 403), ("c1", 403), ("zhi", 403), ("lin", 200), ("guo", 200)]
)
def test_who_may_decide_at_all(office: Office, asked: dict[str, str], name: str, status: int) -> None:
    assert office.seat(name).post("/inbox", decision="approve", pick=[asked["deal"]]).status == status
    assert office.approval(asked["deal"]).state == "pending", "it needs a sales manager"


def test_the_auditor_sees_what_waits_too_long(office: Office, asked: dict[str, str]) -> None:
    page = office.seat("zhi").get("/inbox")
    assert "Waiting too long 1" in page
    assert "Invalidate" in page
    assert "王先生" not in page, "masked for the auditor"


def test_the_pages_are_for_those_concerned(office: Office) -> None:
    assert office.seat("desk").get("/inbox").status == 403
    assert office.seat("root").get("/inbox").status == 200, (
        "the administrator drafts policies and asks for consent"
    )
    assert office.seat("fei").get("/inbox").status == 200, "finance agrees to rescissions"
    assert office.seat("zhi").get("/inbox").status == 200
