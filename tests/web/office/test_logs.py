"""The day's log on its pages: figures from the books, handed in by who wrote it, read and graded by who leads them."""

from __future__ import annotations

import re
from datetime import timedelta
from zoneinfo import ZoneInfo

from tests.web.office.conftest import Office
from workflows.office.log import LogFlow

ZONE = ZoneInfo("Asia/Shanghai")


def today(office: Office) -> str:
    return office.now.astimezone(ZONE).date().isoformat()


def test_a_log_is_begun_with_the_figures_of_the_books_and_handed_in(office: Office) -> None:
    day = today(office)
    office.screened()
    office.screened()
    mei = office.seat("mei")
    assert "Begin a log" in mei.get("/office")
    begun = mei.post("/do/log/begin/begin", kind="day", day=day)
    assert "Log or report · mei" in begun
    assert "Leads captured 2 Leads screened 2 Visits brought 0" in begun
    own = re.findall(r'action="(/do/log/J\w+/hand_in)"|href="(/do/log/J\w+/hand_in)', begun.html)[0]
    form = mei.get(own[0] or own[1])
    assert 'name="captures"' not in form.html, "figures are not typed"
    assert "Hand in the plan" not in form
    case = mei.post(own[0] or own[1], results="派单两百份", problems="下雨", next_steps="回访")
    assert "派单两百份" in case
    assert "Handed in" in case
    again = mei.post("/do/log/begin/begin", kind="day", day=day)
    assert again.status == 409
    assert "one of this kind for this day already" in again


def test_the_leader_reads_and_grades_and_others_see_nothing(office: Office) -> None:
    code = office.act("mei", "begin", flow=LogFlow, kind="day", day=today(office))
    office.act("mei", "hand_in", code, flow=LogFlow, results="电话回访", problems="无", next_steps="约周末")
    lin = office.seat("lin")
    assert code in lin.get("/cases/log").html
    assert "Read and grade" in lin.get(f"/cases/log/{code}")
    assert lin.post(f"/do/log/{code}/grade", grade="6").status == 422
    graded = lin.post(f"/do/log/{code}/grade", grade="4", comment="清楚")
    assert "Grade (1 poor, 5 excellent) 4" in graded
    assert office.seat("hua").get(f"/cases/log/{code}").status == 404
    assert code in office.seat("guo").post("/search", sought="约周末")


def test_who_does_not_hand_in_is_told_then_the_leader_then_the_manager(office: Office) -> None:
    yesterday = (office.now.astimezone(ZONE).date() - timedelta(days=2)).isoformat()
    office.act("mei", "begin", flow=LogFlow, kind="day", day=yesterday)
    office.pass_time(minutes=1)
    assert "hand it in" in office.seat("mei").get("/notices")
    assert "A log or report of your team is not there" in office.seat("lin").get("/notices")
    assert "A log or report is still not there" in office.seat("guo").get("/notices")


def test_when_logs_are_due_is_a_time_of_day_in_the_policy(office: Office) -> None:
    guo = office.seat("guo")
    assert "17:30" in guo.get("/policy").text.partition("Time of day at which logs")[2][:90]
    form = guo.get("/policy/draft")
    assert re.search(r'name="log_due_minute"[^>]*value="17:30"', form.html)
    fields = dict(re.findall(r'<input[^>]*name="(\w+)"[^>]*value="([^"]*)"', form.html))
    fields = {name: value for name, value in fields.items() if name not in ("csrf_token", "once")}
    day = (office.now.astimezone(ZONE).date() + timedelta(days=3)).isoformat()
    fields |= {"effective_on": day, "why": "冬令时间"}
    assert "A time of day is expected" in guo.post("/policy/draft", **fields | {"log_due_minute": "24:30"})
    assert "17:30 → 18:05" in guo.post("/policy/draft", **fields | {"log_due_minute": "18:05"})


def test_help_says_from_which_time_a_clock_runs(office: Office) -> None:
    page = office.seat("mei").get("/help/log")
    assert "when it is due" in page
    assert "1 h after it is due" in page
