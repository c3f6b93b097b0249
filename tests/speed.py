"""`make speed`: how the capture page and two pages of a desk feel on a slow phone (a processor four times slower, 1.6 Mbit/s, 150 ms).

A picture of one machine at one moment, so it stands in no test: the largest thing in sight (LCP, at most 2.5 s), what jumps
(CLS, at most 0.1), how long a typed key takes to show (at most 200 ms), bytes over the wire. Of five visits the
table shows the second slowest: what four of five people get.
"""

from __future__ import annotations

import sys

from playwright.sync_api import Browser, Page, sync_playwright

from tests.screens import served
from tests.web.browsing import CHROMIUM, DESK, FLAGS, PHONE, Visitor, weighing

VISITS = 5
MBIT = 1_000_000 / 8
LIMITS = {"LCP ms": 2500.0, "CLS": 0.1, "key ms": 200.0}
PAGES = (
    ("mei", "/register", PHONE, "#phone"),
    ("sun", "/inbox", DESK, ""),
    ("guo", "/pipeline", DESK, ""),
    ("sun", "/search", DESK, "#sought"),
)
OBSERVE = """
  window.seen = {lcp: 0, cls: 0, keys: []};
  new PerformanceObserver(l => { for (const e of l.getEntries()) seen.lcp = e.startTime }).observe({type: 'largest-contentful-paint', buffered: true});
  new PerformanceObserver(l => { for (const e of l.getEntries()) if (!e.hadRecentInput) seen.cls += e.value }).observe({type: 'layout-shift', buffered: true});
  new PerformanceObserver(l => { for (const e of l.getEntries()) if (e.name.startsWith('key')) seen.keys.push(e.duration) }).observe({type: 'event', buffered: true, durationThreshold: 16});
"""


def main() -> int:
    """Print the table; 1 when a limit is passed."""
    passed = True
    with served() as (_seen, address), sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        print(f"{'page':<12} {'reader':<6} {'LCP ms':>7} {'CLS':>6} {'key ms':>7} {'KiB':>6}")
        for reader, path, size, field in PAGES:
            visits = [visit(browser, address, reader, path, size, field) for _visit in range(VISITS)]
            told = {name: sorted(each[name] for each in visits)[-2] for name in visits[0]}
            passed &= all(told[name] <= most for name, most in LIMITS.items())
            print(
                f"{path:<12} {reader:<6} {told['LCP ms']:>7.0f} {told['CLS']:>6.3f} {told['key ms']:>7.0f} {told['KiB']:>6.1f}"
            )
        browser.close()
    print(
        "within LCP 2500 ms, CLS 0.1, key 200 ms"
        if passed
        else "a limit is passed: LCP 2500 ms, CLS 0.1, key 200 ms"
    )
    return 0 if passed else 1


def visit(
    browser: Browser, address: str, reader: str, path: str, size: object, field: str
) -> dict[str, float]:
    """One visit with nothing kept from before."""
    visitor = Visitor(browser, address, reader, "zh", size)
    visitor.context.add_init_script(OBSERVE)
    page = visitor.page
    weighed = weighing(page)
    slow(page)
    visitor.go(path)
    page.wait_for_load_state("networkidle")
    if field:
        page.locator(field).press_sequentially("138 1234 5678", delay=120)
    page.wait_for_timeout(400)
    seen = page.evaluate("seen")
    visitor.context.close()
    return {
        "LCP ms": seen["lcp"],
        "CLS": seen["cls"],
        "key ms": max(seen["keys"], default=0),
        "KiB": sum(weighed.values()) / 1024,
    }


def slow(page: Page) -> None:
    wire = page.context.new_cdp_session(page)
    wire.send("Network.enable")
    line = {
        "offline": False,
        "latency": 150,
        "downloadThroughput": 1.6 * MBIT,
        "uploadThroughput": 0.75 * MBIT,
    }
    wire.send("Network.emulateNetworkConditions", line)
    wire.send("Emulation.setCPUThrottlingRate", {"rate": 4})


if __name__ == "__main__":
    sys.exit(main())
