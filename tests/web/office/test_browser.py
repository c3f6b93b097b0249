"""The office's pages in a real browser: with and without scripts, on a phone and on a desk, nothing wider than the screen."""

from __future__ import annotations

import os
import shutil
import socket
import urllib.request
from collections.abc import Iterator
from typing import Any
from urllib.error import URLError

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.conftest import Starter, eventually
from tests.web.office.conftest import Office
from workers.draining import drain_due

FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser") or ""
PHONE, DESK = {"width": 390, "height": 844}, {"width": 1440, "height": 900}
CONTRACT = {"units": 1, "contract_no": "HT-1", "amount_fen": 150_000_000}

pytestmark = [
    pytest.mark.browser,
    pytest.mark.parametrize("database_url", ["sqlite"], indirect=True),
    pytest.mark.skipif(not CHROMIUM, reason="there is no Chromium here"),
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield opened
        opened.close()


@pytest.fixture
def address(office: Office, tuoke: Starter, database_url: str) -> str:
    """The real web server on the office's database."""
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        port = str(door.getsockname()[1])
    tuoke("web", "--quiet", DATABASE_URL=database_url, TUOKE_PORT=port, TUOKE_CLOCK="movable")
    eventually(lambda: answers(f"http://127.0.0.1:{port}/healthz"), 60)
    return f"http://127.0.0.1:{port}"


def answers(url: str) -> bool:
    try:
        return bool(urllib.request.urlopen(url, timeout=2).status == 200)
    except (URLError, OSError):
        return False


def sit_down(
    browser: Browser, address: str, name: str, path: str, size: Any = DESK, script: bool = True
) -> Page:
    """A fresh browser in which somebody signs in and opens a page."""
    context = browser.new_context(viewport=size, java_script_enabled=script)
    context.add_cookies([{"name": "tuoke_lang", "value": "en", "url": address}])
    page = context.new_page()
    page.goto(address + "/login")
    page.locator("form[action='/login/as'] button", has_text=name).first.click()
    page.goto(address + path)
    return page


@pytest.mark.parametrize("size", [PHONE, DESK], ids=["phone", "desk"])
def test_from_the_arrival_to_the_signature_without_scripts(
    browser: Browser, address: str, office: Office, size: Any
) -> None:
    office.join("c1")
    code = office.screened()
    desk = sit_down(browser, address, "desk", "/reception", size, script=False)
    desk.get_by_text("Arrived", exact=True).first.click()
    desk.get_by_role("button", name="3", exact=True).click()
    assert "c1" in desk.locator(".arrived").inner_text()
    c1 = sit_down(browser, address, "c1", "/rotation", size, script=False)
    c1.get_by_role("button", name="Accept and sign").click()
    assert "Nobody waits at the desk." in c1.inner_text("main")
    assert office.lead(code).state == "assigned"
    assert office.lead(code).party_size == 3


def test_ticked_requests_are_decided_together(browser: Browser, address: str, office: Office) -> None:
    office.join("c1")
    asked = [office.act("c1", "deal", office.assigned(), **CONTRACT) for _unused in range(3)]
    page = sit_down(browser, address, "sun", "/inbox", PHONE, script=False)
    for box in page.get_by_role("checkbox").all()[:2]:
        box.check()
    page.get_by_role("button", name="Approve ticked").click()
    assert page.locator(".badge.s-approved").count() == 2
    assert sorted(office.approval(code).state for code in asked) == ["approved", "approved", "pending"]


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


@pytest.mark.parametrize("size", [PHONE, DESK], ids=["phone", "desk"])
@pytest.mark.parametrize("language", ["zh", "en"])
def test_nothing_is_wider_than_the_screen(
    browser: Browser, address: str, office: Office, size: Any, language: str
) -> None:
    office.join("c1", "c2")
    office.act("c1", "deal", office.assigned(), **CONTRACT)
    office.act("desk", "visit", office.screened())
    office.screened()
    wide = []
    for name, paths in SEEN.items():
        page = sit_down(browser, address, name, "/more", size)
        page.context.add_cookies([{"name": "tuoke_lang", "value": language, "url": address}])
        for path in paths:
            page.goto(address + path)
            if page.evaluate("document.documentElement.scrollWidth") > size["width"]:
                wide.append((name, path))
        page.context.close()
    assert wide == []


SEEN = {
    "sun": (
        "/inbox",
        "/inbox/decided",
        "/rotation",
        "/reception",
        "/pool",
        "/people/me",
        "/clock",
        "/notices/how",
    ),
    "root": ("/people", "/people/new", "/people/1", "/policy", "/health", "/webhooks", "/webhooks/log"),
    "c2": ("/rotation", "/inbox"),
}
