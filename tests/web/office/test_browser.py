"""The office's work in a real browser: with and without scripts, on a phone and on a desk."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page
from sqlalchemy import select

from models import database as databases
from models.leads import Lead
from tests.conftest import eventually
from tests.files import registers
from tests.web.browsing import DESK, IN_A_BROWSER, PHONE, Visitor, address, browser
from tests.web.office.conftest import Office
from workers.draining import drain_due
from workflows.approval import ApprovalFlow

__all__ = ["address", "browser"]

CONTRACT = {"units": 1, "contract_no": "HT-1", "amount_fen": 150_000_000}

pytestmark = IN_A_BROWSER


def sit_down(
    browser: Browser, address: str, name: str, path: str, size: Any = DESK, script: bool = True
) -> Page:
    """A fresh browser in which somebody signs in and opens a page."""
    return Visitor(browser, address, name, "en", size, script).go(path)


def test_six_digits_from_the_promoters_phone_to_the_desk(
    browser: Browser, address: str, office: Office
) -> None:
    office.join("c1")
    code = office.screened()
    mei = sit_down(browser, address, "mei", f"/leads/{code}", PHONE)
    mei.get_by_role("button", name="Arrival code").click()
    digits = mei.locator(".digits").inner_text()
    assert mei.evaluate("document.querySelector('.qr').getBoundingClientRect().width") > 200
    desk = sit_down(browser, address, "desk", "/reception", PHONE)
    desk.fill("#q", digits)
    desk.keyboard.press("Enter")
    assert "王先生" in desk.locator(".shown").inner_text()
    desk.locator(".shown").get_by_role("button", name="2", exact=True).click()
    assert "c1" in desk.locator(".arrived").inner_text()
    mei.locator("#arrival .saved", has_text="c1").wait_for(timeout=10_000)
    assert office.lead(code).party_size == 2


def test_ticked_requests_are_decided_together(browser: Browser, address: str, office: Office) -> None:
    office.join("c1")
    asked = [office.act("c1", "deal", office.assigned(), **CONTRACT) for _unused in range(3)]
    page = sit_down(browser, address, "sun", "/inbox", PHONE, script=False)
    for box in page.get_by_role("checkbox").all()[:2]:
        box.check()
    page.get_by_role("button", name="Approve ticked").click()
    assert page.locator(".badge.s-approved").count() == 2
    assert sorted(office.approval(code).state for code in asked) == ["approved", "approved", "pending"]


def test_the_inbox_is_worked_by_keys_and_a_decision_can_be_taken_back(
    browser: Browser, address: str, office: Office
) -> None:
    office.join("c1")
    asked = [office.act("c1", "deal", office.assigned(), **CONTRACT) for _unused in range(4)]
    sun = Visitor(browser, address, "sun", "en", DESK)
    page = sun.go("/inbox")
    page.keyboard.press("j")
    page.locator("#beside .story li").first.wait_for()
    page.keyboard.press("a")
    page.locator("#hold", has_text="Approving 1 in a few seconds.").wait_for()
    page.keyboard.press("u")
    page.locator("#hold", has_text="nothing was decided").wait_for()
    assert [office.approval(code).state for code in asked] == ["pending"] * 4

    office.act("chen", "reject", asked[3], flow=ApprovalFlow, note="缺附件")
    page.evaluate("dispatchEvent(new Event('focus'))")
    page.locator(f"#r-{asked[3]} .gone-line", has_text="chen was first: Rejected.").wait_for()

    page.evaluate("document.getElementById('decide').dataset.hold = 1")
    page.keyboard.press("j")
    page.keyboard.press("x")
    page.keyboard.press("a")
    page.locator("#check-dialog", has_text="2 will go through").get_by_role(
        "button", name="Approve these 2"
    ).click()
    page.wait_for_url("**/inbox/results/*")
    assert [office.approval(code).state for code in asked] == ["approved", "approved", "pending", "rejected"]

    page = sun.go("/inbox")
    page.keyboard.press("?")
    page.locator("#keys-help .tick").click()
    page.get_by_role("button", name="Close").click()
    page.keyboard.press("j")
    page.keyboard.press("x")
    assert page.get_by_role("checkbox", checked=True).count() == 0, "the keys are switched off"
    page.get_by_role("checkbox").first.check()
    page.get_by_role("button", name="Approve ticked").click()
    page.locator("#hold", has_text="Approving 1").wait_for()
    sun.go("/leads/all")
    eventually(lambda: office.approval(asked[2]).state == "approved", 10)
    assert sun.complaints == []


def test_the_clock_moves_and_the_page_settles_by_itself(
    browser: Browser, address: str, office: Office
) -> None:
    office.join("c1", "c2")
    code = office.screened()
    office.act("desk", "visit", code)
    drain_due(office.engine, office.now)
    page = sit_down(browser, address, "desk", "/reception")
    assert "c1" in page.locator(".desk-row").inner_text()
    page.get_by_role("button", name="To the next deadline").click()
    page.get_by_text("1 timers are due").wait_for()
    drain_due(office.engine, office.now)
    page.locator(".desk-row b", has_text="c2").wait_for(timeout=10_000)
    assert page.locator(".clock-due").count() == 0


def test_a_card_is_dragged_to_the_form_that_leads_there_or_told_why_not(
    browser: Browser, address: str, office: Office
) -> None:
    code = office.act("mei", "capture", name="王", phone="13900000001", channel="flyer", consent=True)
    guo = Visitor(browser, address, "guo", "en", DESK)
    page = guo.go("/pipeline")
    card, column = page.locator("[data-card]"), ".column[data-state={}]".format
    page.evaluate("ended = 0; document.addEventListener('dragend', () => ended++)")
    card.drag_to(page.locator(column("assigned")))
    page.locator("#drag-note", has_text="Accept and sign: Not in this state; only when: Visited.").wait_for()
    page.wait_for_function("ended == 1")
    card.drag_to(page.locator(column("unconverted")))
    page.locator("#drag-note", has_text="Nobody sends a lead there by hand").wait_for()
    page.wait_for_function("ended == 2")
    card.drag_to(page.locator(column("screened")))
    page.wait_for_url(f"**/do/lead/{code}/screen**")
    assert office.lead(code).state == "captured", "nothing moves before the form was sent"
    page.fill("#demand", "三房")
    page.locator(".pick", has_text="A").first.click()
    guo.press("Screen")
    page.wait_for_url("**/pipeline")
    assert page.locator(column("screened")).locator("[data-card]").count() == 1
    assert guo.complaints == []


def test_a_register_is_brought_in_and_its_leads_are_closed_together(
    browser: Browser, address: str, office: Office, tmp_path: Path
) -> None:
    guo = Visitor(browser, address, "guo", "en", DESK)
    page = guo.go("/import")
    page.set_input_files("#file", registers.messy_workbook(tmp_path / "三月.xlsx", 12))
    page.fill("#consent", "纸质登记表签字")
    guo.press("Send and check")
    page.locator("h1", has_text="Being checked").wait_for()
    drain_due(office.engine, office.now)
    page.locator("h1", has_text="Checked").wait_for(timeout=10_000)
    page.get_by_role("button", name="Import 12 rows").click()
    page.locator("h1", has_text="Being imported").wait_for()
    drain_due(office.engine, office.now)
    page.locator("h1", has_text="Finished").wait_for(timeout=10_000)
    with page.expect_download() as answer:
        guo.press("Download the result")
    assert answer.value.suggested_filename.endswith(".xlsx")

    page = guo.go("/leads/all")
    page.get_by_text("Tick all on this page").click()
    page.get_by_text("12 ticked").wait_for()
    page.get_by_role("checkbox", checked=True).first.uncheck()
    page.get_by_text("11 ticked").wait_for()
    guo.press("Invalidate: all that are ticked")
    page.select_option("#reason", "unreachable")
    guo.press("Check first what will go through")
    page.get_by_text("11 will go through").wait_for()
    with databases.read(office.engine) as session:
        assert not session.scalars(select(Lead.id).where(Lead.state == "closed")).all(), "only tried"
    guo.press("Invalidate: these 11")
    assert page.locator(".badge", has_text="Invalid").count() == 11
    with databases.read(office.engine) as session:
        assert len(session.scalars(select(Lead.id).where(Lead.outcome == "invalid")).all()) == 11
    assert guo.complaints == []
