"""Two people do the same thing at one instant: exactly one wins, the other is told why not."""

# ruff: noqa: B023, E731 (what is raced is called before the loop goes on)

from __future__ import annotations

import random
from datetime import timedelta

from sqlalchemy import func, select

from models import database
from models.leads import Lead
from models.remembered import History
from tests.races.office import Office, together
from workflows import policy


def open_leads(office: Office, phone: int) -> list[Lead]:
    from models.sealed import sealer

    index = sealer().blind("phone", f"+86{phone}")
    with database.begin(office.engine) as session:
        return list(session.scalars(select(Lead).where(Lead.phone_index == index, Lead.state != "closed")))


def test_two_captures_of_one_phone_have_one_winner(office: Office, rounds: range) -> None:
    for _unused in rounds:
        phone = next(office.phones)
        answers = together(
            lambda: office.capture("mei", phone),
            lambda: office.capture("tao", phone),
            lambda: office.capture("desk", phone),
        )
        assert sorted(answers) == ["conflict", "conflict", "taken"]
        assert len(open_leads(office, phone)) == 1
    office.prove()


def test_two_captures_through_the_web_form_have_one_winner(office: Office, rounds: range) -> None:
    for _unused in rounds:
        phone = next(office.phones)
        answers = together(lambda: office.capture("public", phone), lambda: office.capture("public", phone))
        assert sorted(answers) == ["conflict", "taken"]
        assert len(open_leads(office, phone)) == 1
    office.prove()


def test_a_capture_by_staff_stands_whatever_the_web_form_does(office: Office, rounds: range) -> None:
    """Either the visitor's comes first and gives way as a duplicate, or it comes second and is refused."""
    for _unused in rounds:
        phone = next(office.phones)
        staff, public = together(
            lambda: office.capture("mei", phone), lambda: office.capture("public", phone)
        )
        assert staff == "taken"
        assert public in ("taken", "conflict")
        assert [lead.promoter_id for lead in open_leads(office, phone)] == [office.actors["mei"].id]
    office.prove()


def test_screening_what_came_by_the_web_form_against_a_capture_by_staff(
    office: Office, rounds: range
) -> None:
    """The phone is protected for one of them, never for both."""
    for _unused in rounds:
        phone = next(office.phones)
        code = office.capture("public", phone)
        screen, capture = together(
            lambda: office.lead("screen", "guo", code, demand="三房", intent="A"),
            lambda: office.capture("mei", phone),
        )
        assert (screen, capture) in [("taken", "conflict"), ("not_allowed_from_state", "taken")]
        assert len(open_leads(office, phone)) == 1
    office.prove()


def test_closing_what_came_by_the_web_form_against_a_capture_by_staff(office: Office, rounds: range) -> None:
    for _unused in rounds:
        phone = next(office.phones)
        code = office.capture("public", phone)
        _close, capture = together(
            lambda: office.lead("invalidate", "guo", code, reason="unreachable"),
            lambda: office.capture("mei", phone),
        )
        assert capture == "taken"
        assert [lead.promoter_id for lead in open_leads(office, phone)] == [office.actors["mei"].id]
    office.prove()


def test_two_managers_with_two_clicks_each_decide_once(office: Office, rounds: range) -> None:
    for _unused in rounds:
        code = office.assigned()
        holder = office.named(office.see(code).holder_id)
        asked = office.lead("deal", holder, code, units=1, contract_no="HT-1", amount_fen=1)
        clicks = [
            lambda who=who: office.decide(who, "approve", asked.code)
            for who in ("sun", "qian", "sun", "qian")
        ]
        assert sorted(together(*clicks)) == ["not_allowed_from_state"] * 3 + ["taken"]
        assert office.see(code).outcome == "deal"
    office.prove()
    with database.read(office.engine) as session:
        assert session.scalar(select(func.count()).where(History.event == "deal")) == len(rounds)


def test_approved_rejected_and_withdrawn_at_once(office: Office, rounds: range) -> None:
    for _unused in rounds:
        code = office.assigned()
        holder = office.named(office.see(code).holder_id)
        asked = office.lead("deal", holder, code, units=1, contract_no="HT-1", amount_fen=1)
        answers = together(
            lambda: office.decide("sun", "approve", asked.code),
            lambda: office.decide("qian", "reject", asked.code),
            lambda: office.decide(holder, "withdraw", asked.code),
        )
        assert sorted(answers) == ["not_allowed_from_state", "not_allowed_from_state", "taken"]
        state = ("approved", "rejected", "withdrawn")[answers.index("taken")]
        assert office.approval(asked.code).state == state
        assert (office.see(code).state == "closed") == (state == "approved")
    office.prove()


def test_one_request_is_opened_by_a_double_click(office: Office, rounds: range) -> None:
    for _unused in rounds:
        code = office.assigned()
        holder = office.named(office.see(code).holder_id)
        click = lambda: office.lead("deal", holder, code, units=1, contract_no="HT-1", amount_fen=1)
        assert sorted(together(click, click)) == ["conflict", "taken"]
    office.prove()


def test_two_approvals_of_one_lead_close_it_once(office: Office, rounds: range) -> None:
    """A deal and an exposure are agreed to at one instant: one happens, the other is overtaken."""
    for _unused in rounds:
        code = office.assigned()
        holder = office.named(office.see(code).holder_id)
        deal = office.lead("deal", holder, code, units=1, contract_no="HT-1", amount_fen=1)
        fraud = office.lead("expose", "an", code, evidence="朋友冒充")
        answers = together(
            lambda: office.decide("sun", "approve", deal.code),
            lambda: office.decide("qian", "approve", fraud.code),
        )
        assert answers == ["taken", "taken"]
        assert {office.approval(deal.code).state, office.approval(fraud.code).state} == {
            "approved",
            "expired",
        }
    office.prove()


def test_two_claims_of_one_lead_have_one_winner(office: Office, rounds: range) -> None:
    """The loser no longer sees the lead, or (a leader whose member won) sees that it is not in the pool."""
    codes = [office.screened() for _unused in rounds]
    office.now += timedelta(days=14)
    office.drain()
    for code in codes:
        answers = together(
            *[lambda who=who: office.lead("claim", who, code) for who in ("mei", "tao", "lin")]
        )
        assert answers.count("taken") == 1
        assert set(answers) <= {"taken", "not_found", "not_allowed_from_state"}
        winner = ("mei", "tao", "lin")[answers.index("taken")]
        assert office.named(office.see(code).holder_id) == winner
    office.prove()


def test_the_policy_on_claims_holds_against_two_clicks_at_once(office: Office, rounds: range) -> None:
    """One claim a day, one lead held: two claims by one person at one instant are one claim."""
    with database.begin(office.engine) as session:
        policy.enact(session, {"pool_claims_per_day": 1, "pool_held_max": 1}, office.now)
    codes = [(office.screened(), office.screened()) for _unused in rounds]
    office.now += timedelta(days=14)
    office.drain()
    for one, other in codes:
        office.now += timedelta(days=1)
        office.drain()
        assert sorted(
            together(lambda: office.lead("claim", "mei", one), lambda: office.lead("claim", "mei", other))
        ) == ["guard_failed", "taken"]
        mine = one if office.see(one).holder_id else other
        office.lead("release", "mei", mine, reason="没有时间")
    office.prove()


def test_a_double_click_with_one_version_happens_once(office: Office, rounds: range) -> None:
    for _unused in rounds:
        code = office.assigned()
        version = office.see(code).version
        click = lambda: office.lead("follow_up", "guo", code, version, note="电话")
        assert sorted(together(click, click, click)) == ["conflict", "conflict", "taken"]
        assert office.see(code).version == version + 1
    office.prove()


def test_visits_at_one_instant_go_to_different_consultants(office: Office, rounds: range) -> None:
    """Four customers arrive at once for three consultants: one waits, and goes to the first who becomes free."""
    for _unused in rounds:
        codes = [office.screened() for _each in range(4)]
        assert (
            together(*[lambda code=code: office.lead("visit", "desk", code) for code in codes])
            == ["taken"] * 4
        )
        offered = [office.offered_to(code) for code in codes]
        assert sorted(offered) == ["", *office.consultants]
        waiting = codes[offered.index("")]
        for code, consultant in zip(codes, offered, strict=True):
            if consultant:
                office.lead("accept", consultant, code, signature="陈一")
        office.lead("accept", office.offered_to(waiting), waiting, signature="陈一")
    office.prove()


def test_answers_and_arrivals_at_once_never_offer_twice(
    office: Office, rounds: range, rng: random.Random
) -> None:
    """Accepting, declining, arriving, joining and leaving at one instant: nobody ever has two offers."""
    for _unused in rounds:
        first, second, third = office.visited(), office.visited(), office.screened()
        one, two = office.offered_to(first), office.offered_to(second)
        together(
            lambda: office.lead("accept", one, first, signature="陈一"),
            lambda: office.lead("decline", two, second, reason="在签约"),
            lambda: office.lead("visit", "desk", third),
            lambda: office.lead("appoint", "sun", second, consultant=rng.choice(office.consultants)),
        )
        with database.begin(office.engine) as session:
            offers = list(
                session.scalars(
                    select(Lead.offered_to_id).where(Lead.state == "visited", Lead.offered_to_id.is_not(None))
                )
            )
            open_codes = list(session.scalars(select(Lead.code).where(Lead.state == "visited")))
        appointed = [o for o in set(offers) if offers.count(o) > 1]
        assert len(appointed) <= 1, "only somebody appointed by name may have a second offer"
        office.now += timedelta(days=60)
        office.drain()
        assert all(office.see(code).state != "visited" for code in open_codes)
    office.prove()
