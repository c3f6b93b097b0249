"""How far long work is, reckoned from what the database counts: done, how fast, and how long it will still take."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil

from models.registers import RegisterImport
from web.pages.words import said, span
from workflows.registers.background import UNDER_WAY, done
from workflows.words import _


@dataclass(frozen=True, slots=True)
class Progress:
    """`rate` is rows a second since this phase began, or since it was gone on with; unknown until the first are done."""

    done: int
    total: int
    rate: float | None
    under_way: bool

    @classmethod
    def of(cls, found: RegisterImport, at: datetime) -> Progress:
        seconds = ((found.ended_at or at) - found.began_at).total_seconds()
        since = done(found) - found.began_with
        rate = since / seconds if seconds > 0 and since > 0 else None
        return cls(done(found), found.total, rate, found.state in UNDER_WAY)

    @property
    def remains(self) -> timedelta | None:
        """How long it still takes at this rate."""
        return timedelta(seconds=(self.total - self.done) / self.rate) if self.rate else None

    def line(self) -> str:
        """Rate and time left in words, as far as they are known."""
        if not self.under_way or self.rate is None or self.remains is None:
            return ""
        shown = f"{self.rate:.0f}" if self.rate >= 10 else f"{self.rate:.1f}"
        return said(_("%(rate)s rows a second · %(left)s left"), rate=shown, left=_short(self.remains))


def _short(length: timedelta) -> str:
    if length < timedelta(minutes=1):
        return said(_("%(seconds)s s"), seconds=max(1, ceil(length.total_seconds())))
    return span(length)
