"""Two at once, one instant at a time: an act that stands still before a statement of its own until it is let go, and an act that
is watched: did it come to an end, or does it wait for somebody's lock?"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Engine, event, text

from tests.conftest import eventually
from workflows.engine import Refused

COMMIT = "COMMIT"


class Act(threading.Thread):
    """Something that somebody does meanwhile. `said` is "taken", or the code of the refusal; what else went wrong is `broke`."""

    def __init__(self, act: Callable[[], Any]) -> None:
        super().__init__(daemon=True)
        self.act, self.said = act, ""
        self.came_to: Any = None
        self.broke: BaseException | None = None
        self.stands, self.go = threading.Event(), threading.Event()

    def run(self) -> None:
        try:
            self.came_to, self.said = self.act(), "taken"
        except Refused as refusal:
            self.said = refusal.code
        except BaseException as broke:
            self.broke = broke

    def ended(self) -> Act:
        """Wait for its end; raises what broke it."""
        self.join(30)
        assert not self.is_alive(), "it never came to an end"
        if self.broke:
            raise self.broke
        return self


UNDER_WAY: list[Act] = []


def at_once(act: Callable[[], Any]) -> Act:
    """Begin it, beside whatever else goes on."""
    begun = Act(act)
    UNDER_WAY.append(begun)
    begun.start()
    return begun


def waits(engine: Engine, act: Act) -> bool:
    """Whether it waits for a lock of PostgreSQL; False when it came to its end without."""
    eventually(lambda: not act.is_alive() or held_up(engine))
    return act.is_alive()


def held_up(engine: Engine) -> bool:
    """Whether anybody waits for a lock now."""
    asked = text(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    with engine.connect() as connection:
        return bool(connection.scalar(asked))


@contextmanager
def held(engine: Engine, act: Callable[[], Any], before: str = COMMIT) -> Iterator[Act]:
    """This act, standing still before the first statement of its own that has these signs in it (or before it commits); when the
    block is left it goes on to its end, and what breaks it is raised."""
    first = Act(act)

    def stand() -> None:
        first.stands.set()
        assert first.go.wait(30), "it was never let go"

    def statement(_conn: Any, _cursor: Any, said: str, *_more: Any) -> None:
        if (
            threading.current_thread() is first
            and not first.stands.is_set()
            and re.search(before, said, re.S)
        ):
            stand()

    def commit(_conn: Any) -> None:
        if threading.current_thread() is first and before == COMMIT and not first.stands.is_set():
            stand()

    event.listen(engine, "before_cursor_execute", statement)
    event.listen(engine, "commit", commit)
    try:
        first.start()
        eventually(lambda: first.stands.is_set() or not first.is_alive())
        assert first.stands.is_set(), f"it came to its end without: {first.said or first.broke}"
        yield first
    finally:
        first.go.set()
        for each in (first, *UNDER_WAY):
            each.join(30)
        UNDER_WAY.clear()
        event.remove(engine, "before_cursor_execute", statement)
        event.remove(engine, "commit", commit)
    first.ended()
