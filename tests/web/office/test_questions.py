"""A clause in doubt: asked from its page, ruled, and from then on read by everybody where it is looked for."""

from __future__ import annotations

from tests.web.office.conftest import Office
from workflows.approval import ApprovalFlow
from workflows.office.question import QuestionFlow

CLAUSE = "S20 (三)9"


def ruled(office: Office) -> str:
    """A question of mei's on which the committee ruled."""
    code = office.act("mei", "pose", flow=QuestionFlow, clause=CLAUSE, question="签字当天算不算第一天")
    asked = office.act("zhi", "rule", code, flow=QuestionFlow, ruling="签字时刻起满十个二十四小时")
    office.act("sun", "approve", asked, flow=ApprovalFlow)
    return str(code)


def test_a_clause_in_doubt_is_asked_from_its_page(office: Office) -> None:
    mei = office.seat("mei")
    page = mei.get("/policies/S20")
    assert "Ten days without a deal" in page
    assert "Seen to by" in page
    assert "Days for the consultant to close the deal: 10 days" in page
    form = mei.get("/do/question/begin/pose?clause=S20+(三)9")
    assert f'<option selected value="{CLAUSE}">' in form.html
    wrong = mei.post("/do/question/begin/pose", clause="S20 (三)99", question="哪一天")
    assert wrong.status == 422
    assert "There is no such clause" in wrong
    case = mei.post("/do/question/begin/pose", clause=CLAUSE, question="签字当天算不算第一天")
    assert case.status == 200
    assert "签字当天算不算第一天" in case
    assert "Reminder to rule" in case
    assert "签字当天" not in office.seat("hua").get("/policies/S20")


def test_a_ruling_stands_at_its_clause_and_is_found_by_its_words(office: Office) -> None:
    code = ruled(office)
    hua = office.seat("hua")
    assert "满十个二十四小时" in hua.get("/policies/S20")
    assert "1 ruling" in hua.get("/policies")
    found = hua.post("/search", sought="二十四小时")
    assert code in found
    assert found.status == 200
    assert code in hua.post("/search", sought=code.lower())
    office.act("mei", "pose", flow=QuestionFlow, clause="S4", question="荣誉称号由谁评定")
    assert "荣誉称号" not in hua.post("/search", sought="荣誉称号").html.partition("<h2>")[2]
    assert hua.post("/search", sought="荣誉称号").status == 404
    assert office.seat("mei").post("/search", sought="荣誉称号").status == 200


def test_the_office_shows_what_waits_and_how_it_is_begun(office: Office) -> None:
    office.act("mei", "pose", flow=QuestionFlow, clause=CLAUSE, question="哪一天算第一天")
    page = office.seat("zhi").get("/office")
    assert "Question of interpretation" in page
    assert "Asked 1" in page
    assert "Ask the committee" in page
    assert "Office" in office.seat("mei").get("/more")


def test_a_policy_without_told_clauses_and_one_that_does_not_exist(office: Office) -> None:
    mei = office.seat("mei")
    assert "Its clauses are not told here yet" in mei.get("/policies/S1")
    assert mei.get("/policies/S21").status == 404
    assert mei.get("/policies/scenarios/nothing").status == 404


def test_a_scenario_is_told_step_by_step(office: Office) -> None:
    page = office.seat("mei").get("/policies/scenarios/question_is_ruled_by_the_committee_and_open_to_all")
    assert "What a clause means is asked by anybody" in page
    assert "Ask the committee" in page
    assert "refused invalid_data" in page
    assert "I1 Ruled" in page
