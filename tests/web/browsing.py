"""A real browser before the real web server, and somebody who sits at it."""

from __future__ import annotations

import os
import shutil
import socket
import urllib.request
from collections.abc import Iterator
from typing import Any
from urllib.error import URLError

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, ViewportSize, sync_playwright

from tests.conftest import Starter, eventually
from tests.web.office.conftest import Office

FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser") or ""
PHONE: ViewportSize = {"width": 390, "height": 844}
DESK: ViewportSize = {"width": 1440, "height": 900}
BROWSER = [pytest.mark.browser, pytest.mark.skipif(not CHROMIUM, reason="there is no Chromium here")]
IN_A_BROWSER = [*BROWSER, pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield opened
        opened.close()


@pytest.fixture
def address(office: Office, tuoke: Starter, database_url: str) -> str:
    """The real web server on the office's database."""
    port = str(free_port())
    tuoke("web", "--quiet", DATABASE_URL=database_url, TUOKE_PORT=port, TUOKE_CLOCK="movable")
    eventually(lambda: answers(f"http://127.0.0.1:{port}/healthz"), 60)
    return f"http://127.0.0.1:{port}"


def free_port() -> int:
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        return int(door.getsockname()[1])


def answers(url: str) -> bool:
    try:
        return bool(urllib.request.urlopen(url, timeout=2).status == 200)
    except (URLError, OSError):
        return False


class Visitor:
    """Somebody in a browser of their own, signed in unless the name is empty; what the browser complains about and asks of other hosts is kept."""

    def __init__(
        self, browser: Browser, address: str, name: str, language: str, size: Any, script: bool = True
    ) -> None:
        self.address, self.size = address, size
        self.context: BrowserContext = browser.new_context(viewport=size, java_script_enabled=script)
        self.complaints: list[str] = []
        self.speak(language)
        self.page: Page = self.context.new_page()
        self.page.on(
            "console", lambda said: self.complaints.append(said.text) if said.type == "error" else None
        )
        self.page.on("request", lambda asked: self._asked(asked.url))
        self.go("/login")
        if not name:
            return
        self.page.locator(f"form[action='/login/as']:has(input[value='{name}']) button").click()

    def _asked(self, url: str) -> None:
        if not url.startswith((self.address, "data:", "blob:")):
            self.complaints.append(f"asked another host: {url}")

    def speak(self, language: str) -> None:
        self.context.add_cookies([{"name": "tuoke_lang", "value": language, "url": self.address}])

    def go(self, path: str) -> Page:
        self.page.goto(self.address + path)
        return self.page

    def press(self, words: str) -> None:
        self.page.locator("main").get_by_role("button", name=words, exact=True).or_(
            self.page.locator(f"main a[role=button]:has-text('{words}')")
        ).first.click()


def weighing(page: Page) -> dict[str, int]:
    """What comes over the wire from now on, in bytes by address, as if nothing had been kept from the page before."""
    found: dict[str, int] = {}
    wire = page.context.new_cdp_session(page)
    wire.send("Network.enable")
    wire.send("Network.setCacheDisabled", {"cacheDisabled": True})
    page.on("response", lambda each: found.update({each.url: int(each.headers.get("content-length", 0))}))
    return found
