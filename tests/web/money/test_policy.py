"""The policy's numbers on a page, and a new version from its draft to the day it is in force."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

from models import database as databases
from models.money import PolicyDraft
from tests.web.office.conftest import Office
from web.pages.policies import GROUPS
from workers.draining import drain_due
from workflows.policy import Policy


def test_every_number_has_its_place_and_amounts_are_yuan(office: Office) -> None:
    named = [name for names in GROUPS.values() for name in names]
    assert sorted(named) == sorted(set(Policy.model_fields) - {"version"})
    page = office.seat("lin").get("/policy")
    assert "Bonus per unit sold" in page
    assert "¥500.00" in page
    assert "21.75 days" in page
    assert "Draft a new version" not in page, "leaders only read"
    assert office.seat("lin").get("/policy/draft").status == 403


def test_a_new_version_is_drafted_checked_adopted_and_in_force(office: Office) -> None:
    guo, form = office.seat("guo"), numbers(office)
    day = (office.now.astimezone(ZoneInfo("Asia/Shanghai")).date() + timedelta(days=3)).isoformat()
    form |= {"visit_bonus_fen": "60.50", "appeal_days": "5", "effective_on": day, "why": "行情变化"}
    page = guo.post("/policy/draft", **form)
    assert page.status == 200
    assert "¥50.00 → ¥60.50" in page
    with databases.read(office.engine) as session:
        draft = session.query(PolicyDraft).one()
        assert draft.numbers == {"visit_bonus_fen": 6050, "appeal_days": 5}, "only what was changed"
        code = draft.code
    own = f"/cases/policy/{code}"
    office.seat("fei").post(f"/do/policy/{code}/check", next=own)
    guo.post(f"/do/policy/{code}/adopt", next=own)
    sun = office.seat("sun")
    asked = re.findall(r"/do/approval/(\w+)/approve", sun.get(own).html)[0]
    assert "Adopted" in sun.post(f"/do/approval/{asked}/approve", next=own)
    assert "to come" in guo.get("/policy")
    office.pass_time(days=4)
    drain_due(office.engine, office.now)
    now = guo.get("/policy")
    assert "¥60.50" in now
    assert "as written: ¥50.00" in now


def test_numbers_that_cannot_stand_are_said_at_their_fields(office: Office) -> None:
    guo, form = office.seat("guo"), numbers(office)
    bad = guo.post("/policy/draft", **form | {"conversion_days": "0", "deal_bonus_fen": "viel", "why": "x"})
    assert bad.status == 422
    assert "At least 1 days." in bad
    assert "A number is expected." in bad
    assert 'value="viel"' in bad.html
    assert guo.post("/policy/draft", **form | {"why": "x", "effective_on": "2099-01-01"}).status == 422, (
        "no change"
    )
    late = guo.post("/policy/draft", **form | {"appeal_days": "4", "why": "x", "effective_on": "2020-01-01"})
    assert late.status == 422
    assert "must lie in the future" in late


def numbers(office: Office) -> dict[str, Any]:
    """The form as it comes."""
    html = office.seat("guo").get("/policy/draft").html
    found: dict[str, Any] = dict(
        re.findall(r'<input id="(\w+)" name="\w+" inputmode[^>]* value="([^"]*)"', html)
    )
    assert len(found) > 40
    return found
