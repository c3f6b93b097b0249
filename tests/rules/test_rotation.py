"""The rotation (S20 (三)6): whose turn it is, and that the queue at any past moment can be recomputed from history."""

from __future__ import annotations

from datetime import datetime

import pytest
from sqlalchemy import select

from models.leads import Duty
from models.people import Project
from models.remembered import History
from tests.rules.office import Office, refusal
from workflows.engine import Ask, take
from workflows.rotation import DutyFlow, duty_of, queue_of


@pytest.fixture
def four(office: Office) -> Office:
    """Four on duty: 陈一鸣, 崔丹, 曹宇, 常乐."""
    for name in ("曹宇", "常乐"):
        office.hire(name, name, ["consultant"])
        duty(office, "join", name)
    return office


def duty(office: Office, event: str, who: str, by: str | None = None) -> None:
    place = duty_of(office.session, project_of(office), office.actors[who].id)
    take(
        office.session,
        Ask(DutyFlow, event, office.actors[by or who], office.now, code=place.code if place else None),
    )


def project_of(office: Office) -> int:
    return office.session.scalars(select(Project.id).order_by(Project.id)).first() or 0


def queue(office: Office) -> list[str]:
    return [place.person.name for place in queue_of(office.session, project_of(office))]


def offered(office: Office, code: str) -> str | None:
    office.session.expire_all()
    who = office.lead(code).offered_to
    return who.name if who else None


def visitor(office: Office) -> str:
    code = office.lead_in("screened")
    office.ask("visit", "reception", code)
    return code


def test_the_head_is_offered_and_signing_sends_to_the_tail(four: Office) -> None:
    code = visitor(four)
    assert offered(four, code) == "陈一鸣"
    assert queue(four) == ["陈一鸣", "崔丹", "曹宇", "常乐"]
    four.ask("accept", "consultant", code)
    assert queue(four) == ["崔丹", "曹宇", "常乐", "陈一鸣"]


def test_declining_keeps_the_place_and_asks_from_the_end(four: Office) -> None:
    code = visitor(four)
    for who, then in [("consultant", "常乐"), ("常乐", "曹宇"), ("曹宇", "崔丹"), ("other consultant", None)]:
        four.ask("decline", who, code)
        assert offered(four, code) == then
    assert queue(four) == ["陈一鸣", "崔丹", "曹宇", "常乐"]
    assert len(four.facts("lead.unattended")) == 1


def test_the_last_who_accepts_stays_at_the_tail(four: Office) -> None:
    code = visitor(four)
    four.ask("decline", "consultant", code)
    four.ask("accept", "常乐", code)
    assert queue(four) == ["陈一鸣", "崔丹", "曹宇", "常乐"]


def test_a_busy_last_one_is_skipped(four: Office) -> None:
    """陈, 崔, 曹, 常 each have an offer except 曹: what 陈 declines goes to 曹."""
    first = visitor(four)
    second = visitor(four)
    four.ask("appoint", "sales manager", second, consultant="常乐")
    assert offered(four, second) == "常乐"
    four.ask("decline", "consultant", first)
    assert offered(four, first) == "曹宇"


def test_waiting_customers_go_in_the_order_of_their_coming(office: Office) -> None:
    codes = []
    for _unused in range(4):
        codes.append(visitor(office))
        office.later(minutes=1)
    assert [offered(office, code) for code in codes] == ["陈一鸣", "崔丹", None, None]
    office.ask("accept", "other consultant", codes[1])
    assert [offered(office, code) for code in codes[2:]] == ["崔丹", None]
    office.ask("accept", "consultant", codes[0])
    assert offered(office, codes[3]) == "陈一鸣"


def test_who_joins_gets_the_waiting_customer(office: Office) -> None:
    codes = [visitor(office) for _unused in range(3)]
    assert offered(office, codes[2]) is None
    office.hire("曹宇", "曹宇", ["consultant"])
    duty(office, "join", "曹宇")
    assert offered(office, codes[2]) == "曹宇"


def test_who_leaves_is_passed_over_and_comes_back_at_the_tail(four: Office) -> None:
    duty(four, "leave", "consultant")
    assert queue(four) == ["崔丹", "曹宇", "常乐"]
    assert offered(four, visitor(four)) == "崔丹"
    duty(four, "join", "consultant")
    assert queue(four) == ["崔丹", "曹宇", "常乐", "陈一鸣"]


def test_the_sales_manager_may_take_somebody_off_duty(office: Office) -> None:
    duty(office, "leave", "consultant", by="sales manager")
    assert queue(office) == ["崔丹"]


def test_a_place_is_taken_once_and_only_by_consultants(office: Office) -> None:
    again = Ask(DutyFlow, "join", office.actors["consultant"], office.now)
    assert refusal(take, office.session, again).code == "conflict"
    member = Ask(DutyFlow, "join", office.actors["promoter"], office.now)
    assert refusal(take, office.session, member).code == "not_permitted"


def test_an_unanswered_offer_goes_on_after_fifteen_minutes(office: Office) -> None:
    code = visitor(office)
    office.later(minutes=14)
    office.fire()
    assert offered(office, code) == "陈一鸣"
    office.later(minutes=1)
    office.fire()
    assert offered(office, code) == "崔丹"
    declined = [row for row in office.history(code) if row.event == "decline"]
    assert [(row.by_role, row.facts["reason"]) for row in declined] == [("clock", "no_answer")]


def test_everybody_has_declined_then_the_sales_managers_are_told_once(office: Office) -> None:
    code = visitor(office)
    office.ask("decline", "consultant", code)
    office.ask("decline", "other consultant", code)
    visitor(office)
    assert [fact.case_code for fact in office.facts("lead.unattended")] == [code]


def test_the_queue_of_any_moment_is_recomputed_from_history(four: Office) -> None:
    seen: list[tuple[datetime, list[str]]] = []
    for who in ("consultant", "other consultant", "曹宇"):
        code = visitor(four)
        four.later(minutes=3)
        four.ask("accept", who, code)
        seen.append((four.now, queue(four)))
        four.later(minutes=3)
    duty(four, "leave", "常乐")
    seen.append((four.now, queue(four)))
    for moment, expected in seen:
        assert _recomputed(four, moment) == expected


def _recomputed(office: Office, at: datetime) -> list[str]:
    """Fold the history of all places up to a moment."""
    names = {place.id: place.person.name for place in office.session.scalars(select(Duty))}
    places: dict[int, dict[str, object]] = {}
    rows = select(History).where(History.flow == "duty", History.at <= at).order_by(History.id)
    for row in office.session.scalars(rows):
        places.setdefault(row.case_id, {}).update(row.changes, state=row.target)
    standing = [
        (place["position"], names[case]) for case, place in places.items() if place["state"] == "on_duty"
    ]
    return [name for _position, name in sorted(standing)]
