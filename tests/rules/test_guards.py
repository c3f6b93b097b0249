"""The guards: each holds where it should, says no where it should, and says by its name which one said no."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from models.leads import Lead
from models.people import Person
from tests.rules.office import Office, refusal
from workflows import policy, staff


def test_a_phone_of_the_staff_list_cannot_be_captured(office: Office) -> None:
    """S20 罚7."""
    staff.declare_phone(office.session, staff.person_named(office.session, "罗永强"), "13912349001", "self")
    refused = refusal(office.capture, phone="+86 139-1234-9001")
    assert (refused.code, refused.rule) == ("guard_failed", "phone_is_no_staff_phone")


def test_a_relatives_phone_cannot_be_captured_by_anybody(office: Office) -> None:
    staff.declare_phone(
        office.session, staff.person_named(office.session, "罗永强"), "13912349002", "relative"
    )
    for by in ("promoter", "manager", "reception", "public"):
        assert refusal(office.capture, by, phone="13912349002").code == "guard_failed"


def test_the_staff_phone_is_said_before_the_conflict(office: Office) -> None:
    office.capture(phone="13912349003")
    staff.declare_phone(
        office.session, staff.person_named(office.session, "罗永强"), "13912349003", "relative"
    )
    assert refusal(office.capture, phone="13912349003").code == "guard_failed"


@pytest.mark.parametrize(
    "spelling",
    [
        "13912349004",
        "+8613912349004",
        "139 1234 9004",
        "0086-139-1234-9004",
        "１３９１２３４９００４",
        13912349004,
    ],
)
def test_an_open_phone_is_a_conflict_in_every_spelling(office: Office, spelling: str | int) -> None:
    office.capture(phone="13912349004")
    refused = refusal(office.capture, "manager", phone=spelling)
    assert (refused.code, refused.rule) == ("conflict", "phone_is_free")


def test_what_a_phone_says_of_when_it_was_written_down_is_a_claim_within_limits(office: Office) -> None:
    """Not older than a draft may wait, not of the future beyond a clock that is a little fast; it starts nothing."""
    spans = {
        timedelta(0): True,
        timedelta(hours=-24): True,
        timedelta(hours=-24, seconds=-1): False,
        timedelta(minutes=5): True,
        timedelta(minutes=5, seconds=1): False,
    }
    for span, kept in spans.items():
        noted = (office.now + span).isoformat()
        if not kept:
            refused = refusal(office.capture, noted_at=noted)
            assert (refused.code, refused.rule) == ("guard_failed", "written_down_lately")
            continue
        code = office.capture(noted_at=noted, channel="call_in")
        assert office.lead(code).captured_at == office.now, "the registration counts from when it arrives"
        assert office.timers(code)["expire"].due_at == office.now + timedelta(days=14)
        assert office.history(code)[0].facts["noted_at"].startswith(f"{office.now + span:%Y-%m-%d}")


def test_the_conflict_says_since_when_and_until_when_but_not_by_whom(office: Office) -> None:
    office.capture(phone="13912349005", channel="call_in")
    refused = refusal(office.capture, "other member", phone="13912349005")
    said = refused.detail("zh") + refused.detail("en") + str(refused.values)
    assert "2026年3月2日" in said, "days are told as the reader writes them"
    assert "until 16 Mar 2026, 10:00." in said
    assert not [name for name in office.session.scalars(select(Person.name)) if name in said]


def test_a_closed_leads_phone_may_be_captured_and_points_back(office: Office) -> None:
    first = office.capture(phone="13912349006")
    office.ask("invalidate", "promoter", first)
    second = office.lead(office.capture("other member", phone="13912349006"))
    assert second.previous_id == office.lead(first).id


def test_a_web_lead_gives_way_until_it_is_screened(office: Office) -> None:
    web = office.capture("public", phone="13912349007")
    mine = office.capture(phone="13912349007")
    assert (office.lead(web).state, office.lead(web).outcome, office.lead(web).close_reason) == (
        "closed",
        "invalid",
        "duplicate",
    )
    assert office.lead(mine).state == "captured"
    screened = office.capture("public", phone="13912349008")
    office.ask("screen", "manager", screened)
    assert refusal(office.capture, phone="13912349008").code == "conflict"


def test_a_visit_needs_a_recorded_demand(office: Office) -> None:
    """S20 (三)7; screening asks for one, so only a row that lost it can come here without."""
    code = office.lead_in("screened")
    office.lead(code).demand = None
    office.session.flush()
    refused = refusal(office.ask, "visit", "reception", code)
    assert (refused.code, refused.rule) == ("guard_failed", "has_demand")


def test_only_consultants_are_appointed_or_take_over(office: Office) -> None:
    waiting = office.lead_in("visited")
    assert refusal(office.ask, "appoint", "sales manager", waiting, consultant="田静").rule == "is_consultant"
    office.ask("accept", "consultant", waiting)
    assert (
        refusal(office.ask, "reassign", "sales manager", waiting, consultant="梅晓琳", reason="换人").rule
        == "is_consultant"
    )
    assert (
        refusal(office.ask, "reassign", "sales manager", waiting, consultant="陈一鸣", reason="换人").rule
        == "is_another_consultant"
    )


def test_outreach_takes_over_not_a_consultant(office: Office) -> None:
    code = office.lead_in("unconverted")
    refused = refusal(office.ask, "reclaim", "manager", code, callback="仍有意向", holder="崔丹")
    assert (refused.code, refused.rule) == ("guard_failed", "holder_is_outreach")
    assert office.ask("reclaim", "manager", code, callback="仍有意向", holder="何丽华").approval


def test_pool_limits_come_from_the_policy_and_are_off_by_default(office: Office) -> None:
    codes = [office.lead_in("pool") for _unused in range(3)]
    for code in codes:
        office.ask("claim", "other member", code)
    office.ask("release", "other member", codes[0])
    office.ask("claim", "other member", codes[0])


@pytest.mark.parametrize(
    ("numbers", "rule"),
    [
        ({"pool_claims_per_day": 1}, "claims_left_today"),
        ({"pool_held_max": 1}, "may_hold_more"),
        ({"pool_return_days": 3}, "waited_after_losing_it"),
    ],
)
def test_each_pool_limit_says_its_name(office: Office, numbers: dict[str, int], rule: str) -> None:
    one, two = office.lead_in("pool"), office.lead_in("pool")
    policy.enact(office.session, numbers, office.now)
    office.ask("claim", "other member", one)
    if rule == "waited_after_losing_it":
        office.ask("release", "other member", one)
        two = one
    refused = refusal(office.ask, "claim", "other member", two)
    assert (refused.code, refused.rule) == ("guard_failed", rule)
    office.later(days=3)
    if rule != "may_hold_more":
        office.ask("claim", "other member", two)


def test_a_manager_releasing_for_somebody_counts_as_theirs(office: Office) -> None:
    """Who lost the lead waits, not the manager who took it away."""
    code = office.lead_in("pool")
    policy.enact(office.session, {"pool_return_days": 2}, office.now)
    office.ask("claim", "other member", code)
    office.ask("release", "manager", code)
    assert refusal(office.ask, "claim", "other member", code).code == "guard_failed"
    office.ask("claim", "other leader", code)


def test_a_stale_version_is_a_conflict_and_comes_last(office: Office) -> None:
    code = office.lead_in("captured")
    assert refusal(office.ask, "screen", "promoter", code, version=7).code == "conflict"
    assert refusal(office.ask, "screen", "finance", code, version=7).code == "not_permitted"
    assert office.ask("screen", "promoter", code, version=1).case.version == 2


def test_nobody_reserves_a_phone_twice_in_the_books(office: Office) -> None:
    office.capture(phone="13912349010")
    refusal(office.capture, phone="13912349010")
    assert len(office.session.scalars(select(Lead.id)).all()) == 1
