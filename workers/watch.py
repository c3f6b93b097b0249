"""Waiting for somebody else, but not for ever: a database or a Redis that is frozen answers nothing and refuses nothing."""

from __future__ import annotations

from collections.abc import Callable
from threading import Thread
from typing import TypeVar

T = TypeVar("T")


class TookTooLong(Exception):
    """There was no answer in time. What was asked may still be under way, in a thread that ends with this process."""


def within(seconds: float, work: Callable[[], T]) -> T:
    """What `work` returns or raises; raises `TookTooLong` when it does neither in time."""
    came: list[T] = []
    broke: list[BaseException] = []

    def run() -> None:
        try:
            came.append(work())
        except BaseException as error:  # noqa: BLE001  (raised again where it was asked for)
            broke.append(error)

    thread = Thread(target=run, daemon=True)
    thread.start()
    thread.join(seconds)
    if broke:
        raise broke[0]
    if not came:
        raise TookTooLong
    return came[0]
