"""Turns. Several threads play at once, and exactly one of them runs at any instant: who goes on is chosen by the director,
so that one seed is one play. A part hands the turn back wherever it pauses: before a statement, at a commit, at a door.

In PostgreSQL a statement may wait for another part's lock. Then the turn comes back without the part: it is left in the
database until the lock is free, and waits for its turn there and then.
"""

from __future__ import annotations

import sys
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

Until = Callable[[], bool]
PATIENCE = 60.0  # seconds after which a part that does not come back is given up
LOOK_AGAIN = 0.01  # seconds after which it is asked whether a statement waits for a lock


class Died(BaseException):
    """A process that is no more. Nothing that it does after this reaches the database."""


def shut() -> threading.Lock:
    """A lock that is held: whoever wants it waits until it is let go."""
    lock = threading.Lock()
    lock.acquire()
    return lock


@dataclass(eq=False)
class Part:
    """Something that one process does: a request, a worker's job, a look of the clock. `waits` says until when it cannot go
    on; `late` is by how much the clock of its machine is slow, `about` what it is about."""

    kind: str
    act: Callable[[], Any]
    late: timedelta = timedelta(0)
    about: Any = None
    waits: Until | None = None
    dead: bool = False
    ended: bool = False
    came_to: Any = None
    broke: BaseException | None = None
    place: str = ""
    connection: Any = None
    in_database: bool = False
    stuck: bool = False
    back: bool = False
    turn: threading.Lock = field(default_factory=shut)


class Hand(threading.Thread):
    """A thread that plays one part after the other. It keeps what a process keeps in memory (a machine per workflow), so it
    ends with a part that died."""

    def __init__(self, stage: Stage) -> None:
        super().__init__(daemon=True)
        self.stage, self.called = stage, shut()
        self.part: Part | None = None
        self.start()

    def run(self) -> None:
        while True:
            self.called.acquire()
            part = self.part
            if part is None:
                return
            part.turn.acquire()
            try:
                part.came_to = part.act()
            except BaseException as broke:
                part.broke = broke
            self.part = None
            part.ended = True
            if not isinstance(part.broke, Died):
                self.stage.hands.append(self)
            self.stage.hand_back(part)
            if isinstance(part.broke, Died):
                return


class Stage:
    """The parts that are being played. `holds_up(part)` says whether a part's statement waits for a lock in the database."""

    def __init__(self, holds_up: Callable[[Part], bool] | None = None) -> None:
        self.parts: list[Part] = []
        self.hands: list[Hand] = []
        self.playing: dict[int, Part] = {}
        self.holds_up = holds_up
        self._back = shut()
        self._mutex = threading.Lock()

    def enter(self, part: Part) -> Part:
        """A part that will play when it is given its turn."""
        hand = self.hands.pop() if self.hands else Hand(self)
        self.parts.append(part)
        hand.part = part
        assert hand.ident
        self.playing[hand.ident] = part
        hand.called.release()
        return part

    def here(self) -> Part | None:
        """The part that is played by the thread that asks; None in the director's."""
        return self.playing.get(threading.get_ident())

    def close(self) -> None:
        """The day is over: the hands that wait for a part go home."""
        while self.hands:
            self.hands.pop().called.release()

    # -- by the director --------------------------------------------------------------------------------------------

    def ready(self) -> list[Part]:
        """The parts that could go on now."""
        if self.holds_up:
            self._settle()
        return [p for p in self.parts if (p.back if p.stuck else p.waits is None or p.waits())]

    def go_on(self, part: Part) -> None:
        """Give it the turn, until it hands it back or waits in the database."""
        part.waits = None
        part.turn.release()
        end = time.monotonic() + PATIENCE
        while not self._back.acquire(timeout=LOOK_AGAIN if self.holds_up else PATIENCE):
            if self._left_in_database(part):
                return
            if time.monotonic() > end:
                raise AssertionError(f"{part.kind} {part.place} never came back:\n{self._where()}")
        if part.ended:
            self.parts.remove(part)

    def _where(self) -> str:
        """Where everybody stands."""
        frames = sys._current_frames()
        return "\n".join(
            "".join(traceback.format_stack(frames[ident])[-8:]) for ident in self.playing if ident in frames
        )

    def _left_in_database(self, part: Part) -> bool:
        with self._mutex:
            if part.in_database and self.holds_up and self.holds_up(part):
                part.stuck, part.back = True, False
                return True
        return False

    def _settle(self) -> None:
        """Wait until everybody in the database either waits for a lock or has come back: else the play would hang on time."""
        assert self.holds_up
        for part in self.parts:
            while part.stuck and not part.back and not self.holds_up(part):
                time.sleep(0.0002)

    # -- by a part --------------------------------------------------------------------------------------------------

    def hand_back(self, part: Part) -> None:
        self._back.release()

    def pause(self, until: Until | None = None) -> None:
        """Let others play, at least until this is so."""
        part = self.here()
        if part is not None:
            part.waits = until
            self._back.release()
            part.turn.acquire()

    def into_database(self, part: Part) -> None:
        part.in_database = True

    def out_of_database(self, part: Part) -> None:
        """Back from a statement; who was left there waits for its turn."""
        with self._mutex:
            part.in_database = False
            stuck = part.stuck
            part.back = stuck
        if stuck:
            part.turn.acquire()
            part.stuck = part.back = False


__all__ = ["Died", "Part", "Stage"]
