"""One step for many leads of a list: ticked, filled in once, tried first, then taken each for itself."""

from __future__ import annotations

import re
from typing import Any

import pytest
from sqlalchemy import func, select

from models import database as databases
from models.remembered import History
from tests.web.office.conftest import BOTH, Office, Page
from web.pages import many


def ticks(page: Page) -> dict[str, Any]:
    """What the ticked form of this page sends on: codes and the versions that were seen."""
    codes = re.findall(r'type="checkbox" name="pick" value="([^"]+)"', page.html)
    return {"pick": codes} | dict(re.findall(r'name="(v_[^"]+)" value="([^"]+)"', page.html))


def events(office: Office, event: str) -> int:
    with databases.read(office.engine) as session:
        return session.scalar(select(func.count()).where(History.event == event)) or 0


@BOTH
def test_many_are_closed_together_and_one_that_moved_on_harms_no_other(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    codes = [office.screened() for _ in range(3)]
    lin = office.seat("lin")
    sent = ticks(lin.get("/leads")) | {"event": "invalidate", "next": "/leads"}
    assert sorted(sent["pick"]) == sorted(codes)
    assert "For 3 leads together." in lin.post("/leads/together", **sent)
    wrong = lin.post("/leads/together/check", **sent)
    assert wrong.status == 422
    assert "Reason" in wrong

    office.act("mei", "invalidate", codes[1], reason="no_demand")  # others were at it meanwhile
    office.act("desk", "visit", codes[2])
    sent["reason"] = "unreachable"
    tried = lin.post("/leads/together/check", **sent)
    assert "1 will go through · 2 will not · nothing has happened yet" in tried
    assert events(office, "invalidate") == 1

    with monkeypatch.context() as fate:
        fate.setattr(many, "keep", lambda *_: None)  # the server dies before the results are kept
        assert lin.post("/leads/together/do", **sent, once="the-same-form").status == 404
    for _twice in range(2):
        assert "1 done · 2 not possible" in lin.post("/leads/together/do", **sent, once="the-same-form")
    assert events(office, "invalidate") == 2
    assert [office.lead(code).close_reason for code in codes] == ["unreachable", "no_demand", None]
    assert office.lead(codes[2]).state == "visited"


def test_of_the_pool_no_more_are_claimed_than_the_policy_leaves(office: Office) -> None:
    office.join("c1")
    for _ in range(3):
        office.pooled("mei")
    office.set_policy(pool_claims_per_day=2)
    hua = office.seat("hua")
    sent = ticks(hua.get("/pool?tick=all")) | {"event": "claim", "next": "/pool"}
    tried = hua.post("/leads/together", **sent)
    assert "2 will go through" in tried
    assert "1 will not" in tried
    assert "王先生" not in tried, "trying tells no name"
    assert events(office, "claim") == 0
    assert "2 done · 1 not possible" in hua.post("/leads/together/do", **sent)
    held = ticks(hua.get("/leads")) | {"event": "release", "next": "/leads", "reason": "没有时间"}
    assert len(held["pick"]) == 2
    assert "2 done" in hua.post("/leads/together/do", **held)


def test_where_consent_is_needed_it_is_asked_for_each(office: Office) -> None:
    office.join("c1")
    codes = [office.assigned() for _ in range(2)]
    office.pass_time(days=11)
    guo = office.seat("guo")
    sent = ticks(guo.get("/leads/all")) | {
        "event": "reclaim", "next": "/leads/all", "callback": "仍有意向", "holder": "mei",
    }  # fmt: skip
    tried = guo.post("/leads/together/check", **sent)
    assert "for 2 of them approval is asked" in tried
    assert "for 2 approval is asked" in guo.post("/leads/together/do", **sent)
    assert [office.lead(code).state for code in codes] == ["unconverted"] * 2
    assert office.seat("sun").get("/inbox").text.count("仍有意向") == 2


def test_who_only_looks_has_nothing_to_tick(office: Office) -> None:
    code = office.screened()
    for name in ("fei", "zhi", "desk"):
        seat = office.seat(name)
        assert "tick-all" not in seat.get("/leads/all").html
        assert (
            seat.post("/leads/together/do", pick=code, event="invalidate", reason="duplicate").status == 403
        )
    hua = office.seat("hua")
    stranger = hua.post("/leads/together/do", pick=code, event="invalidate", reason="duplicate")
    assert "1 not possible" in stranger
    assert hua.post("/leads/together", pick=code, event="capture").status == 400
    assert "Tick a lead first." in hua.post("/leads/together", event="claim", next="/pool")
    assert office.lead(code).state == "screened"
