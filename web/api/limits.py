"""How often somebody may try. Counted in the memory of each web process, so that no request needs another service; a
restart forgets them.

The check for duplicates must not become an oracle for who is a customer: captures that end in a conflict are counted
per person.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager

from flask import current_app, request
from limits import RateLimitItem, parse
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

from web.api.asking import actor
from web.api.problems import Problem
from workflows.engine.refusal import Refused
from workflows.words import Text, _

CONFLICTS = parse("30/hour")
GUESSED = ("capture",)


def client() -> str:
    """The network the request comes from: /24 of an IPv4 address, /64 of an IPv6 one."""
    address = request.remote_addr or "-"
    return ":".join(address.split(":")[:4]) if ":" in address else address.rpartition(".")[0] or address


class Tries(MovingWindowRateLimiter):
    """The tries of the last minute or hour, wherever it is cut. Counted only where a view counts: nothing is asked of the
    other requests."""

    def reset(self) -> None:
        self.storage.reset()


limiter = Tries(MemoryStorage())


def hit(item: RateLimitItem, *what: str) -> None:
    """Count one try; raises `Problem` (too_many) when there were too many."""
    if current_app.config.get("RATELIMIT_ENABLED", True) and not limiter.hit(item, *what):
        raise too_many(item, *what)


def too_many(item: RateLimitItem, *what: str) -> Problem:
    wait = max(1, math.ceil(limiter.get_window_stats(item, *what).reset_time - time.time()))
    return Problem(
        "too_many",
        Text(_("Too many tries; try again in %(wait)s seconds."), {"wait": wait}),
        {"Retry-After": str(wait)},
    )


def stop_guessing(event: str) -> None:
    """Raises `Problem` (too_many) for somebody whose captures ended in conflicts too often."""
    who = ("conflicts", str(actor().id))
    if event in GUESSED and not limiter.test(CONFLICTS, *who):
        raise too_many(CONFLICTS, *who)


@contextmanager
def counting_conflicts(event: str) -> Iterator[None]:
    try:
        yield
    except Refused as refusal:
        if refusal.code == "conflict" and event in GUESSED:
            limiter.hit(CONFLICTS, "conflicts", str(actor().id))
        raise
