"""A month from submitted to locked in a real browser, on a phone and on a desk, in both languages; and a line in dispute."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Browser

from tests.web.browsing import DESK, IN_A_BROWSER, PHONE, Visitor, address, browser
from tests.web.money.conftest import Books
from workflows.money.statements import yuan
from workflows.words import say

__all__ = ["address", "browser"]

pytestmark = IN_A_BROWSER


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
