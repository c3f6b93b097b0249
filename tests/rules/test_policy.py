"""The policy numbers: typed, with clause, versioned by the instant from which they are in force."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.rules.office import START, Office, refusal
from workflows import policy

# Typed from lead.md; the clause in S20 where there is one.
NUMBERS = {
    "conversion_days": 10, "call_in_days": 14, "visit_months": 1, "offer_minutes": 15, "approval_reminder_hours": 24,
    "approval_escalation_hours": 72, "screening_reminder_hours": 24, "extension_days_max": 30, "pool_claims_per_day": 0,
    "pool_held_max": 0, "pool_return_days": 0, "team_size_max": 20,
}  # fmt: skip


def test_the_defaults_are_those_of_the_rules() -> None:
    numbers = policy.Policy().model_dump()
    assert {name: numbers[name] for name in NUMBERS} == NUMBERS


@pytest.mark.parametrize("name", [name for name in policy.Policy.model_fields if name != "version"])
def test_every_number_has_its_clause_and_its_unit(name: str) -> None:
    extra = policy.Policy.model_fields[name].json_schema_extra
    assert isinstance(extra, dict)
    assert str(extra["clause"]).startswith(("S", "工资支付暂行规定"))
    assert extra["unit"]
    assert extra["label"]


@pytest.mark.parametrize(
    "wrong",
    [{"conversion_days": 0}, {"conversion_days": "10"}, {"conversion_days": 10.5}, {"call_in_days": -1}, {"visit_months": 0}, {"colour": 3},
     {"extension_days_max": 31}, {"offer_minutes": None}, {"pool_held_max": True}],
    ids=str,
)  # fmt: skip
def test_wrong_numbers_do_not_come_into_force(office: Office, wrong: dict[str, object]) -> None:
    with pytest.raises(policy.WrongPolicy) as error:
        policy.enact(office.session, wrong, START)
    assert set(error.value.errors) == set(wrong)


def test_a_version_is_in_force_from_its_instant(office: Office) -> None:
    first = policy.enact(office.session, {"conversion_days": 7}, START + timedelta(days=1))
    second = policy.enact(office.session, {"conversion_days": 5}, START + timedelta(days=2))
    days = [
        policy.in_force(office.session, START + timedelta(hours=hours)).conversion_days
        for hours in (0, 23, 24, 47, 48)
    ]
    assert days == [10, 10, 7, 7, 5]
    assert 1 < first.version < second.version


def test_a_case_and_its_clock_remember_the_version_they_started_under(office: Office) -> None:
    old = office.lead_in("assigned")
    version = policy.enact(office.session, {"conversion_days": 7}, START).version
    new = office.lead_in("assigned")
    assert (office.lead(old).policy_version, office.timers(old)["lapse"].policy_version) == (1, 1)
    assert (office.lead(new).policy_version, office.timers(new)["lapse"].policy_version) == (version, version)
    assert office.timers(new)["lapse"].due_at == START + timedelta(days=7)
    assert office.timers(old)["lapse"].due_at == START + timedelta(days=10)


def test_an_extension_is_bounded_by_the_policy(office: Office) -> None:
    policy.enact(office.session, {"extension_days_max": 5}, START)
    code = office.lead_in("assigned")
    assert refusal(office.ask, "extend", "promoter", code, days=6, reason="等").code == "invalid_data"
    assert office.ask("extend", "promoter", code, days=5, reason="等").approval


def test_every_number_of_the_lead_moves_its_clock(office: Office) -> None:
    numbers = {
        "conversion_days": 2,
        "call_in_days": 3,
        "visit_months": 2,
        "offer_minutes": 4,
        "screening_reminder_hours": 5,
    }
    policy.enact(office.session, numbers, START)
    call_in, visitor = office.capture(channel="call_in"), office.lead_in("visited")
    due = {
        name: timer.due_at - START
        for name, timer in (office.timers(call_in) | {"offer": office.timers(visitor)["offer"]}).items()
    }
    assert due == {
        "expire": timedelta(days=3),
        "screening_reminder": timedelta(hours=5),
        "offer": timedelta(minutes=4),
    }
    office.ask("accept", "consultant", visitor)
    assert office.timers(visitor)["lapse"].due_at - START == timedelta(days=2)
    assert office.timers(visitor)["expire"].due_at - START == timedelta(days=61)  # 2 March to 2 May
