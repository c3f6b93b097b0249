"""`make screens`: a picture of every page, as each reader sees it, on a phone and a desk, in both languages, light and dark.

They go to `var/screens/`, named `reader page width language light.png`, to be looked at: the tests see what is cut off, but not
what is ugly. `ARGS="--reader sun --only reports"` takes some of them.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright
from rich.progress import track

from models import database, sealed
from models.settings import Settings
from tests.conftest import DATA_KEY, eventually
from tests.web.browsing import CHROMIUM, DESK, FLAGS, PHONE, Visitor, answers, free_port
from tests.web.every_page import addresses, busy
from tests.web.money.conftest import a_month
from tests.web.office.conftest import Office
from web.app import create_app

SIZES = {390: PHONE, 1440: DESK}


def main() -> int:
    """Make the pictures; 0 when all pages answered."""
    asked = argparse.ArgumentParser(prog="python -m tests.screens", description=__doc__)
    asked.add_argument("--reader", default="", help="one reader by name, such as sun")
    asked.add_argument("--only", default="", help="only addresses that contain this")
    asked.add_argument("--into", type=Path, default=Path("var/screens"))
    chosen = asked.parse_args()
    chosen.into.mkdir(parents=True, exist_ok=True)
    with served() as (seen, address), sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        wanted = [
            (reader, language, [path for path in paths if chosen.only in path])
            for reader, paths in seen.items()
            for language in ("zh", "en")
            if chosen.reader in ("", reader)
        ]
        made = [
            name
            for reader, language, paths in track(wanted, "screens")
            for name in pictures(browser, address, reader, language, paths, chosen.into)
        ]
        browser.close()
    print(f"{len(made)} pictures in {chosen.into}")
    return 0 if made else 1


@contextmanager
def served() -> Iterator[tuple[dict[str, list[str]], str]]:
    """A busy company on a web server of its own; who looks at what, and where."""
    with tempfile.TemporaryDirectory(prefix="tuoke-screens-") as folder:
        port = free_port()
        env = {
            "TUOKE_VAR": folder,
            "TUOKE_DATA_KEY": DATA_KEY.hex(),
            "TUOKE_CLOCK": "movable",
            "TUOKE_PORT": str(port),
            "DATABASE_URL": f"sqlite:///{folder}/screens.sqlite3",
        }
        settings = Settings.from_env(env)
        sealed.use(DATA_KEY)
        engine = database.open_engine(settings.database_url)
        database.migrate(engine)
        books = a_month(Office(create_app(settings, engine), engine))
        seen = addresses(books.month, busy(books))
        command = [sys.executable, "-m", "workers.command", "web", "--quiet"]
        web = subprocess.Popen(command, env={**os.environ, **env}, stdout=subprocess.DEVNULL)
        try:
            eventually(lambda: answers(f"http://127.0.0.1:{port}/healthz"))
            yield seen, f"http://127.0.0.1:{port}"
        finally:
            web.terminate()
            web.wait(30)
            engine.dispose()


def pictures(
    browser: Browser, address: str, reader: str, language: str, paths: list[str], into: Path
) -> Iterator[str]:
    """One reader's pages in one language: at each width, light and dark."""
    visitor = Visitor(browser, address, reader, language, DESK)
    for path in paths:
        page = visitor.go(path)
        for width, size in SIZES.items():
            page.set_viewport_size(size)
            for scheme in ("light", "dark"):
                yield picture(
                    page, into / f"{reader or 'nobody'} {named(path)} {width} {language} {scheme}.png"
                )
    visitor.context.close()


def picture(page: Page, into: Path) -> str:
    page.emulate_media(color_scheme="dark" if "dark" in into.name else "light", reduced_motion="reduce")
    page.wait_for_timeout(150)
    page.screenshot(path=into, full_page=True)
    return into.name


def named(path: str) -> str:
    """An address as the name of a file; codes, which are others each time, as `_`."""
    plain = re.sub(r"\b[A-Z][0-9A-Z]{7,8}\b", "_", path)
    return re.sub(r"[^\w=]+", "-", plain).strip("-") or "home"


if __name__ == "__main__":
    sys.exit(main())
