"""The pool: what lies in it, what the policy leaves, and the race for a lead."""

from __future__ import annotations

import pytest

from tests.web.office.conftest import BOTH, Office

pytestmark = BOTH


@pytest.fixture
def office_on_duty(office: Office) -> Office:
    office.join("c1")
    return office


def test_the_second_of_two_is_told_that_somebody_was_faster(office_on_duty: Office) -> None:
    office = office_on_duty
    code = office.pooled()
    mei, hua = office.seat("mei"), office.seat("hua")
    page = hua.get("/pool")
    assert "王** 138****0001" in page
    assert "Claim" in page
    assert mei.post(f"/pool/claim/{code}", follow=False).status == 303
    lost = hua.post(f"/pool/claim/{code}")
    assert lost.status == 409
    assert "Somebody else was faster" in lost
    assert "The pool is empty" in lost
    assert office.lead(code).holder_id == office.ids["mei"]


def test_the_limits_of_the_policy_are_shown_and_hold(office_on_duty: Office) -> None:
    office = office_on_duty
    first, second = office.pooled("mei"), office.pooled("mei")
    office.set_policy(pool_claims_per_day=1, pool_return_days=7)
    hua, mei = office.seat("hua"), office.seat("mei")
    assert "Claimed today 0 / 1" in hua.get("/pool")
    assert "You lost or released this lead" in mei.get("/pool")
    hua.post(f"/pool/claim/{first}")
    assert "You claimed 1 leads today; the policy allows 1." in hua.get("/pool")
    refused = hua.post(f"/pool/claim/{second}")
    assert refused.status == 422
    assert "Claim again tomorrow." in refused


def test_what_falls_into_it_within_a_week(office_on_duty: Office) -> None:
    office = office_on_duty
    code = office.screened(channel="call_in")
    assert "Nothing that you see" in office.seat("mei").get("/pool")
    office.pass_time(days=8)
    page = office.seat("mei").get("/pool")
    assert code in page
    assert "then into the pool" in page
    assert code not in office.seat("hua").get("/pool"), "another team's"
    assert code in office.seat("guo").get("/pool")


def test_who_may_look(office: Office) -> None:
    seen = {name: office.seat(name).get("/pool").status for name in PERMITTED}
    assert seen == PERMITTED


PERMITTED = {"mei": 200, "lin": 200, "guo": 200, "sun": 200, "desk": 403, "c1": 403, "fei": 403, "root": 403}
