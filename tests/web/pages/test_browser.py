"""One lead from the street to the approved deal, in a real browser against the real web server, in both languages; and every
page on a phone and a desk: nothing wider than the screen, nothing the content policy had to stop."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Browser, Page
from sqlalchemy import select

from models import database as databases
from models.leads import Lead
from tests.web.office.conftest import Office
from tests.web.office.test_browser import CHROMIUM, DESK, PHONE, address, browser
from workers.draining import drain_due
from workflows.words import say

__all__ = ["address", "browser"]

pytestmark = [
    pytest.mark.browser,
    pytest.mark.parametrize("database_url", ["sqlite"], indirect=True),
    pytest.mark.skipif(not CHROMIUM, reason="there is no Chromium here"),
]

SAYS = {
    "register": "Register", "free": "Can be registered.", "registered": "Registered", "screen": "Screen",
    "accept": "Accept and sign", "deal": "Deal", "ask": "Ask for approval", "approve": "Approve ticked", "closed": "Closed",
}  # fmt: skip


class Visitor:
    """Somebody in a browser of their own; what the browser complains about is kept."""

    def __init__(
        self, browser: Browser, address: str, name: str, language: str, size: Any, script: bool = True
    ) -> None:
        self.address, self.size = address, size
        self.context = browser.new_context(viewport=size, java_script_enabled=script)
        self.context.add_cookies([{"name": "tuoke_lang", "value": language, "url": address}])
        self.page: Page = self.context.new_page()
        self.complaints: list[str] = []
        self.page.on(
            "console", lambda said: self.complaints.append(said.text) if said.type == "error" else None
        )
        self.go("/login")
        self.page.locator(f"form[action='/login/as']:has(input[value='{name}']) button").click()

    def go(self, path: str) -> Page:
        self.page.goto(self.address + path)
        return self.page

    def press(self, words: str) -> None:
        self.page.locator("main").get_by_role("button", name=words, exact=True).or_(
            self.page.locator(f"main a[role=button]:has-text('{words}')")
        ).first.click()


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


@pytest.mark.parametrize("size", [PHONE, DESK], ids=["phone", "desk"])
@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_page_fits_and_the_content_policy_stops_nothing(
    browser: Browser, address: str, office: Office, language: str, size: Any
) -> None:
    office.join("c1", "c2")
    code = office.assigned()
    office.act("c1", "deal", code, units=1, contract_no="HT-1", amount_fen=150_000_000)
    open_lead = office.screened()
    seen = {
        "mei": (
            "/",
            "/register",
            "/leads",
            f"/leads/{open_lead}",
            f"/do/lead/{open_lead}/extend",
            "/notices",
            "/notices/how",
            "/search",
            "/more",
        ),
        "desk": ("/", "/leads/all"),
        "c1": ("/", f"/leads/{code}"),
        "zhi": ("/", f"/leads/{code}", "/access"),
        "root": ("/", "/webhooks", "/webhooks/log"),
    }
    wrong = []
    for name, paths in seen.items():
        visitor = Visitor(browser, address, name, language, size)
        for path in paths:
            page = visitor.go(path)
            if page.evaluate("document.documentElement.scrollWidth") > size["width"]:
                wrong.append((name, path, "wider than the screen"))
            small = page.evaluate(SMALL)
            wrong += [(name, path, f"hard to hit: {each}") for each in small]
        wrong += [(name, "", complaint) for complaint in visitor.complaints]
        visitor.context.close()
    assert wrong == []


SMALL = """() => [...document.querySelectorAll('main button, main a[role=button], nav.menu a, .top a, .top button')]
  .filter(e => e.getClientRects().length && e.getBoundingClientRect().height < 40).map(e => e.textContent.trim().slice(0, 30))"""
