"""A month from submitted to locked in a real browser, on a phone and on a desk, in both languages; and every page about money:
nothing wider than the screen, nothing too small to hit, nothing the content policy had to stop."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Browser

from tests.web.money.conftest import Books
from tests.web.office.test_browser import CHROMIUM, DESK, PHONE, address, browser
from tests.web.pages.test_browser import SMALL, Visitor
from workflows.money.statements import yuan
from workflows.words import say

__all__ = ["address", "browser"]

pytestmark = [
    pytest.mark.browser,
    pytest.mark.parametrize("database_url", ["sqlite"], indirect=True),
    pytest.mark.skipif(not CHROMIUM, reason="there is no Chromium here"),
]


@pytest.mark.parametrize(
    ("language", "size", "script"),
    [("zh", PHONE, True), ("en", DESK, False)],
    ids=["zh-phone", "en-desk-without-scripts"],
)
def test_a_month_closes_in_the_browser(
    browser: Browser, address: str, books: Books, language: str, size: Any, script: bool
) -> None:
    steps = [
        ("guo", "Submit", "#in_spite", "Submitted"),
        ("sun", "Approve", None, "Approved"),
        ("fei", "Pay out", "#reference", "Paid"),
        ("fei", "Lock", None, "Locked"),
    ]
    complaints = []
    for name, event, field, state in steps:
        visitor = Visitor(browser, address, name, language, size, script)
        page = visitor.page
        page.locator("main a", has_text=month_named(books.month, language)).first.click()
        page.locator(".doing").get_by_role("button", name=say(event, language), exact=True).click()
        if field == "#in_spite":
            page.locator(field).check()
        elif field:
            page.fill(field, "P-2026")
        if field:
            visitor.press(say(event, language))
        page.locator("h1", has_text=say(state, language)).wait_for()
        books.drain()
        complaints += visitor.complaints
        visitor.context.close()
    fei = Visitor(browser, address, "fei", language, size, script)
    table = fei.go(f"/months/{books.month}").locator("table.sums-table").last
    assert table.locator("tfoot td").first.inner_text().endswith(yuan(books.earned()))
    for name in ("mei", "hua", "lin"):
        own = fei.go(f"/statement/{name}/{books.month}")
        assert own.locator(".total-sum").inner_text() == yuan(books.earned(name)), name
    assert complaints + fei.complaints == []


def month_named(month: str, language: str) -> str:
    """The year is enough to find the one month that waits on the first page."""
    return f"{month[:4]}年{int(month[5:])}月" if language == "zh" else month[:4]


def test_a_member_finds_the_line_disputes_it_and_sees_the_answer(
    browser: Browser, address: str, books: Books
) -> None:
    hua = Visitor(browser, address, "hua", "en", PHONE)
    page = hua.go("/")
    page.locator(".earned a").click()
    page.locator(".month-switch a[rel=prev]").click()
    page.locator(".disagree").first.click()
    page.fill("#reason", "客户是我带来的")
    hua.press("Open the dispute")
    code = books.case_of("dispute")
    assert f"/cases/dispute/{code}" in page.url
    books.act("guo", "dispute", "answer", code, answer="在任务之内")
    page.reload()
    assert "在任务之内" in page.inner_text("main")
    page.locator("dd a", has_text="Visit").click()
    page.locator("tr:target", has_text="within the quota of 5").wait_for()
    assert hua.complaints == []


@pytest.mark.parametrize("size", [PHONE, DESK], ids=["phone", "desk"])
@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_page_fits_and_the_content_policy_stops_nothing(
    browser: Browser, address: str, books: Books, language: str, size: Any
) -> None:
    dispute = books.act("mei", "dispute", "open_dispute", month=books.month, line="visit:?", reason="少一笔")
    books.act("guo", "dispute", "answer", dispute, answer="已核对")
    books.close("submitted")
    books.act("sun", "month", "send_back", books.month_code(), reason="再看一遍")
    books.close("approved")
    tomorrow = f"{books.next}-28"
    draft = books.act(
        "guo", "policy", "draft", numbers={"deal_bonus_fen": 60_000}, effective_on=tomorrow, why="行情"
    )
    asked = books.act("sun", "sale", "rescind", books.case_of("sale"), reason="退房")
    assert asked
    month = books.month
    seen = {
        "mei": (
            "/",
            f"/statement/mei/{month}",
            f"/statement/{month}/dispute",
            f"/statement/{month}/dispute?line=visit:{books.codes['beyond']}",
            f"/cases/deduction/{books.codes['deduction']}",
            f"/cases/dispute/{dispute}",
            "/money",
        ),
        "lin": (f"/team/{month}?equal=1", "/money", "/cases/deduction", "/do/deduction/begin/report"),
        "guo": (
            "/",
            "/months",
            f"/months/{month}",
            "/money",
            "/policy",
            "/policy/draft",
            f"/cases/policy/{draft}",
            *(
                f"/cases/{name}"
                for name in ("quota", "pay", "attendance", "sale", "dispute", "split", "policy")
            ),
            f"/do/quota/{books.codes['quota']}/change",
            "/do/quota/begin/propose",
        ),
        "fei": ("/", "/inbox", f"/cases/sale/{books.case_of('sale')}", f"/months/{month}"),
    }
    wrong = []
    for name, paths in seen.items():
        visitor = Visitor(browser, address, name, language, size)
        for path in paths:
            page = visitor.go(path)
            if page.evaluate("document.documentElement.scrollWidth") > size["width"]:
                wrong.append((name, path, "wider than the screen"))
            wrong += [(name, path, f"hard to hit: {each}") for each in page.evaluate(SMALL)]
        wrong += [(name, "", complaint) for complaint in visitor.complaints]
        visitor.context.close()
    assert wrong == []
