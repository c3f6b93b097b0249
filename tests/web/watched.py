"""Every list as each role opens it, and what that asks of the database."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine, event

from tests.web.office.conftest import Office, Page, Seat

READERS = ("mei", "lin", "guo", "sun", "desk", "c1", "fei", "zhi", "root")
LISTS = (
    "/", "/leads", "/leads?state=all", "/leads?channel=flyer", "/leads/all", "/leads/all?state=all", "/leads/all?state=closed&outcome=deal", "/leads/all?intent=A&who=mei",
    "/leads/all?state=all&since=2020-01-01&channel=flyer", "/leads/all?state=all&along=captured.closed.invalidate&days=28",
    "/pool", "/pipeline", "/pipeline/machine", "/reports", "/inbox", "/inbox/decided", "/rotation", "/reception", "/reception?all=1", "/people",
    "/notices", "/notices?all=1", "/months", "/money", "/access", "/health", "/webhooks/log", "/cases/quota", "/cases/sale", "/cases/dispute",
    "/cases/deduction", "/policy", "/search", "/register", "/statement",
)  # fmt: skip
SOUGHT = ("王", "文杰", "13000000020")


@dataclass(frozen=True, slots=True)
class Look:
    """One page as one reader opened it some times: what it asked the last time (statement, parameters), and the milliseconds
    of each."""

    reader: str
    page: str
    asked: tuple[tuple[str, Any], ...]
    took: tuple[float, ...]
    answer: Page


@contextmanager
def listening(engine: Engine) -> Iterator[list[tuple[str, Any]]]:
    """What the database is asked meanwhile."""
    heard: list[tuple[str, Any]] = []

    def hear(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_rest: Any) -> None:
        if statement.startswith(("SELECT", "WITH")):
            heard.append((statement, parameters))

    event.listen(engine, "before_cursor_execute", hear)
    yield heard
    event.remove(engine, "before_cursor_execute", hear)


def looks(
    office: Office, more: dict[str, list[str]], times: int = 1, readers: tuple[str, ...] = READERS
) -> Iterator[Look]:
    """Every list, its second page where it has one, searches, and `more` addresses, by each reader who may open them."""
    for reader in readers:
        seat = office.seat(reader)
        for path in dict.fromkeys([*LISTS, *more.get(reader, [])]):
            first = look_at(office, seat, reader, path, times)
            if first.answer.status != 200:
                continue
            yield first
            for link in re.findall(r'href="([^"]+)" rel="next"', first.answer.html)[:1]:
                yield look_at(office, seat, reader, link.replace("&amp;", "&"), times, name=f"{path} (2nd)")
        for sought in SOUGHT:
            found = look_at(office, seat, reader, "/search", times, sought=sought)
            if found.answer.status in (200, 404):
                yield found


def look_at(
    office: Office, seat: Seat, reader: str, path: str, times: int, name: str = "", sought: str = ""
) -> Look:
    """One page, opened so many times by somebody who has sat down. What nobody may open is opened once."""
    took = []
    for _time in range(times):
        with listening(office.engine) as heard:
            began = time.perf_counter()
            answer = seat.post(path, sought=sought, follow=False) if sought else seat.get(path)
            took.append((time.perf_counter() - began) * 1000)
        if answer.status not in (200, 404):
            break
    return Look(reader, f"search {sought}" if sought else name or path, tuple(heard), tuple(took), answer)
