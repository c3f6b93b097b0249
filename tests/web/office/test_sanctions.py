"""A sanction on its pages: who is concerned reads and answers it, others do not see it; and a praise that the whole team reads."""

from __future__ import annotations

import re
from datetime import timedelta
from zoneinfo import ZoneInfo

from models import database as databases
from tests.web.office.conftest import Office
from workflows import staff
from workflows.approval import ApprovalFlow
from workflows.office.commendation import CommendationFlow
from workflows.office.sanction import SanctionFlow


def imposed(office: Office) -> str:
    """A dismissal of mei that is in force."""
    told = {"person": "mei", "kind": "dismissal", "clause": "S20 罚7", "reason": "冒充客户"}
    code = office.act("guo", "propose", flow=SanctionFlow, **told)
    office.act("mei", "answer", code, flow=SanctionFlow, answer="不知情")
    asked = office.act("guo", "impose", code, flow=SanctionFlow)
    office.act("sun", "approve", asked, flow=ApprovalFlow)
    return str(code)


def test_who_is_concerned_answers_and_nobody_else_sees_it(office: Office) -> None:
    case = office.seat("guo").post(
        "/do/sanction/begin/propose", person="mei", kind="warning", clause="S20 罚5", reason="与客户争吵"
    )
    assert "Sanction · mei" in case
    assert "Time to answer ends" in case
    code = re.findall(r"/do/sanction/(Y\w+)/drop", case.html)[0]
    office.pass_time(minutes=1)
    mei = office.seat("mei")
    assert "say what you have to say" in mei.get("/notices")
    answered = mei.post(f"/do/sanction/{code}/answer", answer="客户先动手")
    assert "Heard" in answered
    for other in ("hua", "lin"):
        assert office.seat(other).get(f"/cases/sanction/{code}").status == 404


def test_a_dismissal_that_stands_is_a_task_of_the_staff_desk(office: Office) -> None:
    code = imposed(office)
    office.pass_time(minutes=1)
    assert "you may appeal" in office.seat("mei").get("/notices")
    office.pass_time(days=8)
    guo = office.seat("guo")
    assert "enter the last day at the staff desk" in guo.get("/notices")
    refused = guo.post(f"/do/sanction/{code}/carry_out")
    assert "mei is still on the staff without a last day" in refused
    with databases.begin(office.engine) as session:
        today = office.now.astimezone(ZoneInfo("Asia/Shanghai")).date()
        staff.end_employment(
            session, staff.person_named(session, "mei"), today + timedelta(days=9), office.now
        )
    assert "Carried out" in guo.post(f"/do/sanction/{code}/carry_out")


def test_a_praise_is_read_by_the_team_once_it_is_given(office: Office) -> None:
    told = {"person": "mei", "kind": "title", "title": "月度拓客之星", "reason": "二月到访第一"}
    code = office.act("lin", "propose", flow=CommendationFlow, **told)
    assert office.seat("hua").get(f"/cases/commendation/{code}").status == 404
    asked = office.act("guo", "give", code, flow=CommendationFlow)
    office.act("sun", "approve", asked, flow=ApprovalFlow)
    office.pass_time(minutes=1)
    assert "given in your team" in office.seat("lin").get("/notices")
    assert "given in your team" in office.seat("mei").get("/notices")
    assert "given in your team" not in office.seat("hua").get("/notices")
    assert "月度拓客之星" in office.seat("hua").get(f"/cases/commendation/{code}")
