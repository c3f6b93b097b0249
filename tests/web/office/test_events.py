"""An outreach event at the desk of whoever plans it, and of those who have a part in it."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

from tests.web.office.conftest import Office
from workflows.approval import ApprovalFlow
from workflows.office.outreach_event import OutreachEventFlow

COMPANY = ZoneInfo("Asia/Shanghai")


def planned(office: Office, **more: Any) -> str:
    facts: dict[str, Any] = {
        "name": "春季看房节", "goal_kind": "new_customers", "goal": 2, "channels": ["flyer"], "in_charge": "lin",
        "starts_at": office.now + timedelta(hours=1), "ends_at": office.now + timedelta(days=2),
    }  # fmt: skip
    code = str(office.act("guo", "plan", flow=OutreachEventFlow, **(facts | more)))
    office.act("lin", "assign", code, flow=OutreachEventFlow, person="mei", part="发单")
    return code


def approved(office: Office, **more: Any) -> str:
    code = planned(office, **more)
    asked = office.act("guo", "propose", code, flow=OutreachEventFlow)
    office.act("sun", "approve", asked, flow=ApprovalFlow)
    return code


def test_a_plan_is_filled_in_with_several_channels_ticked(office: Office) -> None:
    guo = office.seat("guo")
    form = guo.get("/do/event/begin/plan").html
    assert (
        len(re.findall(r'type="checkbox"[^>]*name="channels"|name="channels"[^>]*type="checkbox"', form)) == 8
    )
    assert '<option value="lin"' in form
    assert '<option value="mei"' not in form, "a member leads nobody"
    begins = (office.now + timedelta(days=1)).astimezone(COMPANY)
    facts: dict[str, Any] = {
        "name": "春季看房节", "goal_kind": "visits", "goal": "30", "in_charge": "lin", "materials": "折页两千份",
        "starts_at": f"{begins:%Y-%m-%dT%H:%M}", "ends_at": f"{begins + timedelta(days=3):%Y-%m-%dT%H:%M}",
    }  # fmt: skip
    wrong = guo.post("/do/event/begin/plan", **facts)
    assert wrong.status == 422
    page = guo.post("/do/event/begin/plan", **facts, channels=["flyer", "online"])
    assert "Flyers · Online" in page
    assert "Goal counts Visits" in page
    code = re.findall(r"<code>(V\w{8})</code>", page.html)[0]
    again = guo.get(f"/do/event/{code}/rework").html
    assert f'value="{begins:%Y-%m-%dT%H:%M}"' in again, "in company time"
    ticked = re.findall(r"<input[^>]*\bchecked\b[^>]*>", again)
    assert sorted(re.findall(r'value="(\w+)"', " ".join(ticked))) == ["flyer", "online"]


def test_those_with_a_part_are_told_and_find_what_they_do(office: Office) -> None:
    code = planned(office)
    mei = office.seat("mei")
    assert mei.get(f"/cases/event/{code}").status == 404, "it is only a plan"
    asked = office.act("guo", "propose", code, flow=OutreachEventFlow)
    assert "Who does what mei 发单" in office.seat("sun").get("/inbox")
    office.act("sun", "approve", asked, flow=ApprovalFlow)
    office.pass_time(hours=2)
    page = mei.get(f"/cases/event/{code}")
    assert "Running" in page
    assert "mei 发单" in page
    told = mei.get("/notices")
    assert "You have a part in an outreach event." in told
    assert "An outreach event in which you take part has begun." in told
    assert "has begun" not in office.seat("hua").get("/notices")


def test_what_it_brought_is_counted_and_what_was_learned_is_found(office: Office) -> None:
    code = approved(office)
    office.pass_time(hours=2)
    office.screened()
    office.pass_time(days=2)
    page = office.seat("lin").get(f"/cases/event/{code}")
    assert "New customers 1" in page
    assert "Visits 0" in page
    assert "Percent of the goal 50" in page
    assert "write down what was learned" in office.seat("lin").get("/notices")
    lin = office.seat("lin")
    assert "lessons" in lin.get(f"/do/event/{code}/evaluate").html
    lin.post(f"/do/event/{code}/evaluate", lessons="商场门口效果最好")
    assert code in office.seat("hua").post("/search", sought="商场门口")


def test_help_says_by_what_its_clocks_go(office: Office) -> None:
    guo = office.seat("guo")
    assert "when it is to begin : it is running" in guo.get("/help/event")
    promise = guo.get("/help/promise")
    assert "1 d before the promise is due" in promise
    assert "3 d after the promise is due" in promise
