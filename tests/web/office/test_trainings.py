"""A training on its pages: planned, reminded, held; and a policy that everybody reads and confirms with one click."""

from __future__ import annotations

import re
from datetime import timedelta
from zoneinfo import ZoneInfo

from tests.web.office.conftest import Office

ZONE = ZoneInfo("Asia/Shanghai")


def test_a_training_is_planned_and_those_who_must_come_are_told(office: Office) -> None:
    guo = office.seat("guo")
    starts = (office.now.astimezone(ZONE) + timedelta(days=3)).strftime("%Y-%m-%dT%H:%M")
    case = guo.post(
        "/do/training/begin/plan",
        topic="项目说辞",
        kind="project",
        starts_at=starts,
        must_come=["mei", "hua"],
    )
    assert "Who must come mei · hua" in case
    assert "Still missing mei · hua" in case
    assert "Reminder of the training" in case
    office.pass_time(minutes=1)
    assert "You must come to a training" in office.seat("mei").get("/notices")
    assert "You must come to a training" not in office.seat("lin").get("/notices")
    office.pass_time(days=2)
    assert "begins soon" in office.seat("hua").get("/notices")
    office.pass_time(days=1)
    code = re.findall(r"/do/training/(H\w+)/hold", guo.get("/cases/training").html + case.html)[0]
    held = guo.post(f"/do/training/{code}/hold", came=["mei"])
    assert "Still missing hua" in held
    office.pass_time(minutes=1)
    assert "You missed a training" in office.seat("hua").get("/notices")


def test_a_policy_is_confirmed_by_one_click_and_who_has_not_is_to_be_seen(office: Office) -> None:
    case = office.seat("sun").post("/do/training/begin/have_read", policy="S20", must_come=["mei", "hua"])
    assert "S20" in case
    code = re.findall(r"H[2-9A-Z]{8}", case.html)[0]
    page = office.seat("mei").get(f"/cases/training/{code}")
    assert f'action="/do/training/{code}/confirm"' in page.html
    done = office.seat("mei").post(f"/do/training/{code}/confirm")
    assert "Still missing hua" in done
    assert "Who came mei" in done
    assert f"/do/training/{code}/confirm" not in office.seat("lin").get(f"/cases/training/{code}").html
    assert office.seat("root").get(f"/cases/training/{code}").status == 404


def test_help_says_how_long_before(office: Office) -> None:
    assert "1 d before the training begins" in office.seat("mei").get("/help/training")
