"""How figures are said: lengths of time, sizes, several texts in one."""

from __future__ import annotations

from datetime import timedelta

from workflows.words import Text, _

UNITS = ("B", "kB", "MB", "GB", "TB")


def lasting(length: timedelta) -> Text:
    """A length of time in its largest unit; days and hours are said together while they are few."""
    seconds = max(0, int(length.total_seconds()))
    if seconds < 120:
        return Text(_("%(seconds)s s"), {"seconds": seconds})
    if seconds < 7200:
        return Text(_("%(minutes)s min"), {"minutes": seconds // 60})
    hours, days = seconds // 3600, seconds // 86_400
    return Text(_("%(hours)s h"), {"hours": hours}) if hours < 72 else Text(_("%(days)s d"), {"days": days})


def size(count: int) -> str:
    """Bytes as people say them: `4.2 MB`."""
    amount, unit = float(count), 0
    while amount >= 1000 and unit < len(UNITS) - 1:
        amount, unit = amount / 1000, unit + 1
    return f"{amount:.0f} {UNITS[unit]}" if unit == 0 or amount >= 100 else f"{amount:.1f} {UNITS[unit]}"


def together(*parts: Text | None) -> Text:
    """Several texts as one, those that are none left out."""
    first, *rest = [part for part in parts if part is not None]
    for part in rest:
        first = Text(_("%(first)s; %(rest)s"), {"first": first, "rest": part})
    return first


def late_after(late: timedelta, down: timedelta | None = None) -> Text:
    """The threshold of what is measured in time."""
    if down is None:
        return Text(_("late after %(late)s"), {"late": lasting(late)})
    return Text(_("late after %(late)s, down after %(down)s"), {"late": lasting(late), "down": lasting(down)})
