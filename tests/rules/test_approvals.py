"""Approvals: asked for, decided by others in the same transaction, overtaken, called to mind, escalated; four eyes."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from models.notices import Notification
from models.people import Person
from models.remembered import Approval, Outbox
from tests.rules.office import Office, refusal
from workflows import facts

SENDERS = {
    "reclaim": ("unconverted", "manager"), "extend": ("assigned", "consultant"), "deal": ("assigned", "consultant"),
    "invalidate": ("assigned", "consultant"), "lose": ("assigned", "consultant"), "expose": ("captured", "auditor"),
}  # fmt: skip
ENDS = {
    "reclaim": "reclaimed",
    "extend": "assigned",
    "deal": "closed",
    "invalidate": "closed",
    "lose": "closed",
    "expose": "closed",
}


def approval(office: Office, code: str, event: str) -> Approval:
    office.session.expire_all()
    mine = (
        select(Approval)
        .where(Approval.case_code == code, Approval.event == event)
        .order_by(Approval.id.desc())
    )
    return office.session.scalars(mine).first() or pytest.fail("no approval")


def told(office: Office, fact: str) -> set[str]:
    """Whose inbox a fact reached."""
    for row in office.session.scalars(select(Outbox).where(Outbox.state == "pending").order_by(Outbox.id)):
        facts.deliver(office.session, [row], office.now)
    reached = (
        select(Person.name)
        .join(Notification, Notification.person_id == Person.id)
        .where(Notification.fact == fact)
    )
    return set(office.session.scalars(reached))


@pytest.mark.parametrize("event", SENDERS)
def test_asking_changes_nothing_but_opens_a_frozen_request(office: Office, event: str) -> None:
    face, by = SENDERS[event]
    code = office.lead_in(face)
    version, timers = office.lead(code).version, set(office.timers(code))
    taken = office.ask(event, by, code)
    lead = office.lead(code)
    assert taken.approval
    assert (taken.approval.state, lead.state, lead.version, set(office.timers(code))) == (
        "pending",
        face,
        version,
        timers,
    )
    assert len(office.facts("approval.requested")) == 1


@pytest.mark.parametrize("event", SENDERS)
def test_approving_fires_the_event_with_both_people_in_its_history(office: Office, event: str) -> None:
    face, by = SENDERS[event]
    code = office.lead_in(face)
    office.ask(event, by, code)
    office.later(hours=2)
    decider = "team leader" if event == "lose" else "sales manager"
    office.decide(code, event, decider)
    row = office.history(code)[-1]
    assert (row.event, row.target, row.at) == (event, ENDS[event], office.now)
    assert (row.by_id, row.approved_by_id) == (office.actors[by].id, office.actors[decider].id)
    done = approval(office, code, event)
    assert (done.state, done.decided_by_id, row.approval_code) == (
        "approved",
        office.actors[decider].id,
        done.code,
    )
    assert office.timers(done.code) == {}


@pytest.mark.parametrize("event", SENDERS)
@pytest.mark.parametrize("how", ["reject", "withdraw"])
def test_rejected_or_withdrawn_the_lead_stays_and_may_be_asked_again(
    office: Office, event: str, how: str
) -> None:
    face, by = SENDERS[event]
    code = office.lead_in(face)
    office.ask(event, by, code)
    version = office.lead(code).version
    decider = by if how == "withdraw" else "manager" if event == "lose" else "sales manager"
    office.decide(code, event, decider, how)
    assert (office.lead(code).state, office.lead(code).version) == (face, version)
    assert approval(office, code, event).state == {"reject": "rejected", "withdraw": "withdrawn"}[how]
    assert refusal(office.decide, code, event).code == "not_found"
    assert office.ask(event, by, code).approval


def test_the_data_are_frozen_when_asked(office: Office) -> None:
    code = office.lead_in("assigned")
    office.ask("deal", "consultant", code, units=2, contract_no="HT-7", amount_fen=5)
    office.decide(code, "deal")
    lead = office.lead(code)
    assert (lead.units, lead.contract_no, lead.amount_fen) == (2, "HT-7", 5)


def test_one_pending_request_per_lead_and_event(office: Office) -> None:
    code, other = office.lead_in("assigned"), office.lead_in("captured")
    office.ask("extend", "consultant", code)
    assert refusal(office.ask, "extend", "promoter", code).code == "conflict"
    assert office.ask("expose", "auditor", code).approval
    assert office.ask("expose", "auditor", other).approval


@pytest.mark.parametrize("event", SENDERS)
def test_wrong_people_may_not_decide(office: Office, event: str) -> None:
    face, by = SENDERS[event]
    code = office.lead_in(face)
    office.ask(event, by, code)
    wrong = {"promoter", "manager", "reception", "finance", "auditor", "team leader"} - {by}
    wrong = (wrong | {"sales manager"}) - {"manager", "team leader"} if event == "lose" else wrong
    assert {who: refusal(office.decide, code, event, who).code for who in wrong} == dict.fromkeys(
        wrong, "not_permitted"
    )
    hidden = {"other member", "other leader", "other consultant", "admin"}
    assert {who: refusal(office.decide, code, event, who).code for who in hidden} == dict.fromkeys(
        hidden, "not_found"
    )
    assert approval(office, code, event).state == "pending"


@pytest.mark.parametrize("gain", ["asked", "promoted", "holds", "would hold"])
def test_four_eyes(office: Office, gain: str) -> None:
    """Whoever asked, promoted, holds or would hold cannot give it; the other sales manager can."""
    if gain == "promoted":
        office.hire("both", "宋佳", ["member", "sales_manager"], "一组")
        code = office.capture("both")
        for event, by in [("screen", "both"), ("visit", "reception"), ("accept", "consultant")]:
            office.ask(event, by, code)
        office.ask("deal", "consultant", code)
    elif gain == "holds":
        office.hire("both", "宋佳", ["consultant", "sales_manager"])
        code = office.lead_in("assigned")
        office.ask("reassign", "sales manager", code, consultant="宋佳", reason="换人")
        office.ask("extend", "promoter", code)
    else:
        office.hire("both", "宋佳", ["member", "manager", "sales_manager"], "二组")
        code = office.lead_in("unconverted")
        asker = "both" if gain == "asked" else "manager"
        office.ask(
            "reclaim", asker, code, callback="仍有意向", holder="徐小曼" if gain == "asked" else "宋佳"
        )
    event = {"promoted": "deal", "holds": "extend"}.get(gain, "reclaim")
    refused = refusal(office.decide, code, event, "both")
    assert (refused.code, refused.rule) == ("guard_failed", "has_four_eyes")
    assert approval(office, code, event).state == "pending"
    office.decide(code, event)
    assert approval(office, code, event).state == "approved"


def test_an_overtaken_request_expires_with_the_reason(office: Office) -> None:
    """Approving it is no refusal: nothing happens to the lead, and the reason is on record."""
    code = office.lead_in("unconverted")
    office.ask("reclaim", "manager", code)
    office.ask("expire", "clock", code)
    version = office.lead(code).version
    office.decide(code, "reclaim")
    done = approval(office, code, "reclaim")
    assert (done.state, bool(done.reason), office.lead(code).version) == ("expired", True, version)
    assert len(office.facts("approval.expired")) == 1
    assert office.timers(done.code) == {}


def test_a_former_holders_request_no_longer_fits(office: Office) -> None:
    code = office.lead_in("assigned")
    office.ask("deal", "consultant", code)
    office.ask("reassign", "sales manager", code)
    office.decide(code, "deal")
    assert approval(office, code, "deal").state == "expired"
    assert office.lead(code).state == "assigned"


def test_reminded_after_a_day_escalated_after_three_never_decided_by_itself(office: Office) -> None:
    office.hire("second", "宋佳", ["sales_manager"])
    code = office.lead_in("assigned")
    office.ask("deal", "consultant", code)
    start = office.now
    office.fire(start + timedelta(hours=23, minutes=59))
    assert told(office, "approval.reminder") == set()
    office.fire(start + timedelta(hours=24))
    assert told(office, "approval.reminder") == {"孙志远", "宋佳"}
    office.fire(start + timedelta(hours=72))
    assert told(office, "approval.escalated") == {"孙志远", "宋佳", "乔安", "陈一鸣"}
    office.fire(start + timedelta(days=400))
    assert approval(office, code, "deal").state == "pending"
    assert office.lead(code).state == "assigned"


def test_a_decided_request_is_not_called_to_mind(office: Office) -> None:
    code = office.lead_in("assigned")
    office.ask("extend", "consultant", code)
    office.decide(code, "extend")
    office.fire(office.now + timedelta(days=5))
    assert told(office, "approval.reminder") == set()
