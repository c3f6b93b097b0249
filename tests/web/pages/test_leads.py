"""Registering, lists, the page of a lead: who sees what, what is refused and how it reads."""

from __future__ import annotations

import re
import threading
from typing import Any

import pytest
from sqlalchemy import func, select

from models import database as databases
from models.leads import Lead
from models.notices import AccessLog
from tests.web.office.conftest import Office, Seat
from workflows import staff

FIELDS: dict[str, Any] = {"phone": "138 0000 7777", "name": "王先生", "channel": "flyer", "consent": "y"}


def leads(office: Office) -> int:
    with databases.read(office.engine) as session:
        return session.scalar(select(func.count()).select_from(Lead)) or 0


def version(seat: Seat, path: str) -> str:
    return str(re.findall(r'name="version" value="(\d+)"', seat.get(path).html)[0])


def test_registering_takes_one_form_and_says_what_protects_the_lead(office: Office) -> None:
    saved = office.seat("mei").post("/register", **FIELDS)
    assert "Registered: 王先生" in saved
    assert "No clock runs until the customer visits." in saved
    called = office.seat("mei").post("/register", **{**FIELDS, "phone": "13800007778", "channel": "call_in"})
    assert "13 d 23 h left" in called
    assert "then it goes to the pool" in called


def test_a_registered_phone_is_refused_without_saying_whose_it_is(office: Office) -> None:
    office.seat("mei").post("/register", **FIELDS)
    hua = office.seat("hua")
    answer = hua.client.post(
        "/register/phone",
        data={"csrf_token": hua.token, "phone": "+86 13800007777"},
        headers={"HX-Request": "true"},
    )
    for said in (answer.text, hua.post("/register", **{**FIELDS, "name": "李女士"}).html):
        assert re.search(r"This phone is registered since \d+ \w+ \d{4} and protected until", said), (
            "as people write days"
        )
        assert "mei" not in said
        assert "王先生" not in said
    assert leads(office) == 1
    free = hua.client.post(
        "/register/phone",
        data={"csrf_token": hua.token, "phone": "13800009999"},
        headers={"HX-Request": "true"},
    )
    assert "Can be registered." in free.text


def test_what_was_typed_is_kept_and_each_error_stands_at_its_field(office: Office) -> None:
    page = office.seat("mei").post("/register", phone="139", name="王先生", channel="flyer", demand="三房")
    assert page.status == 422
    assert "Without the customer" in page
    assert "The number is too short." in page
    assert 'value="王先生"' in page.html
    assert 'value="三房"' in page.html
    assert 'href="#phone"' in page.html
    assert leads(office) == 0


def test_a_staff_phone_is_refused_with_the_reason(office: Office) -> None:
    with databases.begin(office.engine) as session:
        staff.declare_phone(session, staff.person_named(session, "hua"), "13800007777", "self")
    assert "on the staff list" in office.seat("mei").post("/register", **FIELDS)


def test_a_form_sent_twice_is_done_once(office: Office) -> None:
    mei = office.seat("mei")
    first, second = (mei.post("/register", once="the same", **FIELDS) for _unused in range(2))
    assert "Registered: 王先生" in first
    assert "Registered: 王先生" in second
    assert leads(office) == 1
    other = mei.post("/register", once="the same", **{**FIELDS, "phone": "13800007778"})
    assert other.status == 409
    assert "This form was sent before, with other contents." in other


def test_a_double_click_is_one_click(office: Office) -> None:
    mei, statuses = office.seat("mei"), []
    cookie = mei.client.get_cookie("tuoke")
    assert cookie is not None

    def click() -> None:
        client = office.app.test_client()
        client.set_cookie("tuoke", cookie.value)
        data = {"csrf_token": mei.token, "once": "one click", **FIELDS}
        statuses.append(client.post("/register", data=data).status_code)

    threads = [threading.Thread(target=click) for _unused in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses == [303] * 4
    assert leads(office) == 1


def test_a_stale_page_is_told_and_changes_nothing(office: Office) -> None:
    code = office.screened()
    office.join("c1")
    office.act("desk", "visit", code)
    office.act("c1", "accept", code, signature="c1")
    form = f"/do/lead/{code}/follow_up"
    c1 = office.seat("c1")
    seen = version(c1, form)
    office.act("c1", "follow_up", code, note="打过电话")
    late = c1.post(form, note="再联系", version=seen)
    assert late.status == 409
    assert "Somebody else changed this in the meantime." in late
    assert "再联系" in late.html, "what was typed is kept"
    assert "打过电话" in c1.get(f"/leads/{code}")


SEES = {
    "mei": (200, True), "hua": (404, False), "lin": (200, True), "guo": (200, True), "sun": (200, True), "desk": (200, False),
    "c1": (200, True), "c2": (404, False), "fei": (200, False), "zhi": (200, False), "root": (404, False),
}  # fmt: skip


@pytest.mark.parametrize("who", SEES)
def test_each_role_sees_a_lead_as_far_as_it_may(office: Office, who: str) -> None:
    office.join("c1", "c2")
    code = office.assigned("mei")
    status, clear = SEES[who]
    page = office.seat(who).get(f"/leads/{code}")
    assert page.status == status
    assert ("13800000001" in page.html.replace("138 0000 0001", "13800000001")) == clear
    assert ("三房" in page.html) == clear
    if status == 200 and not clear:
        assert "138****0001" in page
        assert "tel:" not in page.html


def test_the_page_of_a_lead_tells_its_story_its_clocks_and_what_may_be_done(office: Office) -> None:
    office.join("c1")
    code = office.assigned("mei")
    page = office.seat("c1").get(f"/leads/{code}")
    for words in (
        "Accept and sign Visited → Assigned",
        "Ten days without a deal",
        "Then: the consultant's time is over",
        "Unless: closed before, or a deal waits for its approval.",
        "Deal needs approval",
        "What is closed to you, and why",
        "✓ History is whole: 5 entries",
    ):
        assert words in page, words
    assert "flow-present" in page.html, "the machine's picture marks the present state"


def test_a_request_shows_on_the_page_and_the_approved_step_names_both(office: Office) -> None:
    office.join("c1")
    code = office.assigned("mei")
    c1 = office.seat("c1")
    asked = c1.post(
        f"/do/lead/{code}/deal", units="1", contract_no="HT-1", amount_fen="312.5万", next=f"/leads/{code}"
    )
    assert "Asked for: it happens when it is approved." in asked
    assert "“Deal” waits for approval" in asked
    assert "Held back now: “Deal” waits for its approval." in asked
    again = c1.post(f"/do/lead/{code}/deal", units="1", contract_no="HT-1", amount_fen="312.5万")
    assert again.status == 409
    assert "There is an open request for this already." in again
    approval = re.findall(r'value="(A[2-9A-Z]{8})"', office.seat("sun").get("/inbox").html)[0]
    office.seat("sun").post(f"/do/approval/{approval}/approve", note="已核", version="1")
    page = c1.get(f"/leads/{code}")
    assert "Closed · Deal" in page
    assert "approved by sun" in page
    assert "¥3,125,000" in page


def test_refusals_read_in_the_readers_language(office: Office) -> None:
    code = office.act("mei", "capture", name="王先生", phone="13800000001", channel="flyer", consent=True)
    mei = office.seat("mei")
    closed = mei.get(f"/do/lead/{code}/visit")
    assert "Not in this state; only when: Screened." in closed
    forced = mei.post(f"/do/lead/{code}/visit", party_size="1")
    assert forced.status == 409
    assert "is not possible now: the state is “Captured”" in forced
    assert office.lead(code).state == "captured"
    mei.client.set_cookie("tuoke_lang", "zh")
    empty = mei.post(f"/do/lead/{code}/screen", intent="A")
    assert empty.status == 422
    assert "需要填写" in empty or "必填" in empty or "请填写" in empty


def test_finance_and_auditor_read_in_clear_for_a_purpose_that_is_logged(office: Office) -> None:
    code = office.screened()
    fei = office.seat("fei")
    assert "For what purpose?" in fei.get(f"/leads/{code}")
    assert fei.post(f"/leads/{code}/reveal", purpose=" ").status == 422
    shown = fei.post(f"/leads/{code}/reveal", purpose="核对佣金")
    assert "13800000001" in shown.html
    assert "三房" in shown
    assert "13800000001" not in fei.get(f"/leads/{code}").html, "the next look is masked again"
    with databases.read(office.engine) as session:
        logged = session.scalars(select(AccessLog)).one()
        assert (logged.person_id, logged.kind, logged.case_code, logged.purpose) == (
            office.ids["fei"], "reveal", code, "核对佣金",
        )  # fmt: skip
    assert "核对佣金" in office.seat("zhi").get("/access")
    assert office.seat("desk").post(f"/leads/{code}/reveal", purpose="好奇看看").status == 403


def test_search_finds_by_code_or_phone_only_what_one_may_see(office: Office) -> None:
    code = office.screened()
    mei, hua = office.seat("mei"), office.seat("hua")
    assert "王先生" in mei.post("/search", sought="138-0000-0001")
    assert "What happened" in mei.post("/search", sought=code.lower())
    assert "No lead with the phone 13800000001 among those you may see" in hua.post(
        "/search", sought="13800000001"
    )
    assert hua.post("/search", sought=code).status == 404
    assert office.seat("root").get("/search").status == 403


def test_lists_stand_by_deadline_and_go_on_by_key(office: Office) -> None:
    for n in range(35):
        channel = "call_in" if n == 34 else "flyer"
        office.act("mei", "capture", name=f"客户{n}", phone=f"1390000{n:04d}", channel=channel, consent=True)
    mei = office.seat("mei")
    page = mei.get("/leads")
    seen = re.findall(r'href="/leads/(L[2-9A-Z]{8})">客户(\d+)', page.html)
    assert len(seen) == 30
    assert seen[0][1] == "34", "the only one with a clock comes first"
    following = re.findall(r'href="(/leads\?[^"]*after=[^"]+)"', page.html)[0].replace("&amp;", "&")
    rest = re.findall(r'href="/leads/(L[2-9A-Z]{8})">客户(\d+)', mei.get(following).html)
    assert len(rest) == 5
    assert not set(seen) & set(rest)
    assert "No lead stands here now." in office.seat("hua").get("/leads")


def test_notices_are_counted_read_one_by_one_and_at_once(office: Office) -> None:
    office.join("c1")
    code = office.assigned("mei")
    office.pass_time(minutes=1)
    mei = office.seat("mei")
    page = mei.get("/notices")
    assert "2 unread" in page
    number = re.findall(r'name="id" value="(\d+)"', page.html)[0]
    opened = mei.post("/notices/read", id=number, next=f"/leads/{code}")
    assert "What happened" in opened
    assert "1 unread" in mei.get("/notices")
    mei.post("/notices/read", upto="999999")
    assert "0 unread" in mei.get("/notices")
    other = office.seat("hua")
    assert other.post("/notices/read", id=number).status == 200


@pytest.mark.parametrize("who", ["mei", "lin", "guo", "sun", "desk", "c1", "fei", "zhi", "root", "chen"])
def test_everybody_has_a_first_page(office: Office, who: str) -> None:
    office.join("c1", "c2")
    office.assigned("mei")
    waiting = office.screened("mei")
    office.act("desk", "visit", waiting)
    page = office.seat(who).get("/")
    assert page.status == 200
    says = {
        "c1": "Offered to you now",
        "desk": "Arrivals expected",
        "sun": "Waiting for your approval",
        "root": "Health",
        "zhi": "Access log",
    }
    assert says.get(who, "Today") in page
    if who == "root":
        assert "王" not in page.text
