"""Places in lists as addresses bear them: an instant in microseconds and a number."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from models.keyset import Place

NEVER = datetime(9999, 1, 1, tzinfo=UTC)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LAST = (NEVER - EPOCH) // timedelta(microseconds=1)


def written(place: Place) -> str:
    at, number = place
    return f"{(at - EPOCH) // timedelta(microseconds=1)}.{number}"


def read(text: str) -> Place | None:
    """The place that an address names; none where it makes no sense, so that an old link still opens."""
    micros, _dot, number = text.partition(".")
    if not (micros.isdecimal() and number.isdecimal() and len(text) < 40 and len(number) < 19):
        return None
    return EPOCH + timedelta(microseconds=min(int(micros), LAST)), int(number)
