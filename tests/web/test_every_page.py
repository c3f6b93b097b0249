"""Every page in a real browser, in both languages, on a phone and a desk, light and dark: nothing wider than the screen, nothing
too small to hit, no other host asked, nothing that the content policy had to stop, nothing that axe finds against WCAG 2.2 AA,
nothing heavier than its budget, nothing that jumps while it is loaded, no instant or money as machines write them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, ViewportSize

from tests.web.browsing import BROWSER, DESK, PHONE, Visitor, address, browser, weighing
from tests.web.every_page import addresses, busy, not_shown
from tests.web.money.conftest import Books, books
from tests.web.office.conftest import office

__all__ = ["address", "books", "browser", "office"]

pytestmark = BROWSER
KIB = 1024
CAPTURE, ANY = 60 * KIB, 250 * KIB  # what comes over the wire for one page, charts of the reports aside
CHARTS = "vendor/echarts"
JUMPS = """() => new Promise(told => new PerformanceObserver(list => told(list.getEntries()
  .filter(e => !e.hadRecentInput).reduce((sum, e) => sum + e.value, 0))).observe({type: 'layout-shift', buffered: true})
  ?? setTimeout(() => told(0), 30))"""
MOST_JUMP = 0.1
# Examples for machines (pre, code) are as machines write them.
PROSE = """() => { const copy = document.querySelector('main').cloneNode(true);
  copy.querySelectorAll('pre, code, script, style, template').forEach(e => e.remove()); return copy.textContent; }"""
RAW = (
    (re.compile(r"\d{4}-\d\d-\d\dT\d\d:"), "an instant as machines write it"),
    (re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d"), "an instant as machines write it"),
    (re.compile(r"[¥￥]\d{4,}"), "money without groups"),
    (re.compile(r"[¥￥][\d,]+\.\d(?!\d)"), "money with one decimal"),
    (re.compile(r"\b\w+_fen\b"), "a name of ours for money"),
)
AXE = Path(__file__).parents[2] / ".venv" / "axe.min.js"
WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
SMALL = """() => [...document.querySelectorAll('main button, main a[role=button], nav.menu a, .top a, .top button')]
  .filter(e => e.getClientRects().length && e.getBoundingClientRect().height < 32).map(e => e.textContent.trim().slice(0, 30))"""
FINDS = """async ([tags, rules]) => {
  const only = rules.length ? {type: 'rule', values: rules} : {type: 'tag', values: tags};
  const found = await axe.run(document, {runOnly: only, resultTypes: ['violations']});
  return found.violations.map(v => v.id + ': ' + v.nodes.slice(0, 3).map(n => n.target.join(' ') + ' ' + (n.any[0]?.message ?? '')).join(' | '));
}"""


@pytest.mark.long
@pytest.mark.parametrize(
    ("language", "database_url"), [("zh", "sqlite"), ("en", "postgresql")], indirect=["database_url"]
)
def test_every_page_can_be_read_by_everybody(
    browser: Browser, address: str, books: Books, language: str
) -> None:
    seen = addresses(books.month, busy(books))
    assert not_shown(books.office.app, seen) == set()
    wrong = [
        found for name, paths in seen.items() for found in looked(browser, address, language, name, paths)
    ]
    assert not wrong, "\n".join(map(str, wrong))


def looked(
    browser: Browser, address: str, language: str, name: str, paths: list[str]
) -> list[tuple[str, str, str]]:
    """What is wrong with these pages as one reader sees them."""
    visitor = Visitor(browser, address, name, language, DESK)
    visitor.context.add_init_script(path=AXE)
    visitor.page.emulate_media(reduced_motion="reduce")  # colours that are still on their way are nobody's
    weighed = weighing(visitor.page)
    wrong = []
    for path in paths:
        weighed.clear()
        page = visitor.go(path)
        page.wait_for_load_state("networkidle") if path == "/register" else None
        wrong += [(name, path, found) for found in [*too_heavy(path, weighed), *raw(page)]]
        if (jump := page.evaluate(JUMPS)) > MOST_JUMP:
            wrong.append((name, path, f"jumps by {jump:.2f} while it is loaded"))
        wrong += [(name, path, found) for size in (DESK, PHONE) for found in at_width(page, size)]
        unroll(page, DESK if language == "en" else PHONE)
        wrong += [(name, path, found) for found in page.evaluate(FINDS, [WCAG, []])]
        if language == "zh":  # colours are the same in both languages
            page.emulate_media(color_scheme="dark")
            wrong += [
                (name, path, f"dark: {found}") for found in page.evaluate(FINDS, [WCAG, ["color-contrast"]])
            ]
            page.emulate_media(color_scheme="light")
    expected = "404" if "/leads/nobody-knows-this" in paths else None
    wrong += [(name, "", each) for each in visitor.complaints if not (expected and expected in each)]
    visitor.context.close()
    return wrong


def unroll(page: Page, size: ViewportSize) -> None:
    """Show it at this width and as high as it is long, so that no bar at the edge happens to lie over half a button."""
    page.set_viewport_size(size)
    height = page.evaluate("document.documentElement.scrollHeight")
    page.set_viewport_size({"width": size["width"], "height": max(size["height"], height)})


def raw(page: Page) -> list[str]:
    """What stands on the page as machines write it, as anybody sees it who opens all that can be opened."""
    text = page.evaluate(PROSE)
    return [f"{what}: {hit[0]}" for pattern, what in RAW if (hit := pattern.search(text))]


def too_heavy(path: str, weighed: dict[str, int]) -> list[str]:
    """What is wrong with what this page brought along."""
    charts = [url for url in weighed if CHARTS in url]
    heavy = sum(size for url, size in weighed.items() if url not in charts)
    most = CAPTURE if path.startswith("/register") else ANY
    wrong = [f"{heavy} bytes, of which at most {most}"] if heavy > most else []
    return wrong + (
        [f"charts, which only reports need: {charts}"] if charts and "/reports" not in path else []
    )


def at_width(page: Page, size: ViewportSize) -> list[str]:
    """What does not fit at this width."""
    page.set_viewport_size(size)
    wide = page.evaluate("document.documentElement.scrollWidth") > size["width"]
    small = [f"hard to hit at {size['width']}: {each}" for each in page.evaluate(SMALL)]
    return [*small, f"wider than {size['width']}"] if wide else small
