"""One lead from the street to the approved deal, in a real browser against the real web server, in both languages."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Browser
from sqlalchemy import select

from models import database as databases
from models.leads import Lead
from tests.web.browsing import DESK, IN_A_BROWSER, PHONE, Visitor, address, browser
from tests.web.office.conftest import Office
from workers.draining import drain_due
from workflows.words import say

__all__ = ["address", "browser"]

pytestmark = IN_A_BROWSER

SAYS = {
    "register": "Register", "free": "Can be registered.", "registered": "Registered", "screen": "Screen",
    "accept": "Accept and sign", "deal": "Deal", "ask": "Ask for approval", "approve": "Approve ticked", "closed": "Closed",
}  # fmt: skip


@pytest.mark.parametrize(
    ("language", "size", "script"),
    [("zh", PHONE, True), ("en", DESK, False)],
    ids=["zh-phone", "en-desk-without-scripts"],
)
def test_one_lead_from_the_street_to_the_deal(
    browser: Browser, address: str, office: Office, language: str, size: Any, script: bool
) -> None:
    says = {key: say(text, language) for key, text in SAYS.items()}
    office.join("c1")
    mei = Visitor(browser, address, "mei", language, size, script)
    register(mei, says, script)
    with databases.read(office.engine) as session:
        code = session.scalars(select(Lead.code)).one()
    own = f"/leads/{code}"

    mei.go(own)
    mei.press(says["screen"])
    mei.page.fill("#demand", "三房，南向")
    mei.page.locator(".pick", has_text="A").first.click()
    mei.page.fill("#budget_fen", "300万")
    mei.press(says["screen"])
    assert "¥3,000,000" in mei.page.inner_text("main")

    office.act("desk", "visit", code)
    c1 = Visitor(browser, address, "c1", language, size, script)
    c1.press(says["accept"])
    c1.page.fill("#signature", "c1")
    c1.press(says["accept"])
    c1.go(own)
    c1.page.locator(".doing a[role=button]", has_text=says["deal"]).click()
    for name, value in {"units": "1", "contract_no": "HT-1", "amount_fen": "3,125,000"}.items():
        c1.page.fill(f"#{name}", value)
    c1.press(says["ask"])

    drain_due(office.engine, office.now)
    sun = Visitor(browser, address, "sun", language, size, script)
    assert code in sun.page.inner_text("main"), "the first page of the one who decides names it"
    sun.go("/inbox").get_by_role("checkbox").first.check()
    sun.press(says["approve"])
    sun.page.wait_for_url("**/inbox/results/*")
    mei.go(own)
    assert f"{says['closed']} · {says['deal']}" in mei.page.inner_text("main")
    assert "¥3,125,000" in mei.page.inner_text("main")
    assert office.lead(code).state == "closed"
    assert [*mei.complaints, *c1.complaints, *sun.complaints] == []


def register(mei: Visitor, says: dict[str, str], script: bool) -> None:
    """Half a minute on the street, and the same phone again."""
    page = mei.go("/register")
    page.fill("#phone", "138 1234 5678")
    page.fill("#name", "王先生")
    if script:
        page.locator("#phone-answer", has_text=says["free"]).wait_for()
    page.locator(".pick").first.click()
    page.locator("#consent").check()
    mei.press(says["register"])
    assert says["registered"] in page.locator(".saved").inner_text()
    if script:
        page.fill("#phone", "13812345678")
        page.fill("#name", "王")
        page.locator("#phone-answer .error").wait_for()
        assert "mei" not in page.locator("#phone-answer").inner_text()
