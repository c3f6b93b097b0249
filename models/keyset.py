"""Pages of a list by key: the page begins beyond the last row of the one before, however much is added in between."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, literal, or_, true

from models.base import Instant

Place = tuple[datetime, int]


def beyond(
    instant: Any, row_id: Any, place: Place | None, *, newest: bool = False, exact: bool = False
) -> ColumnElement[bool]:
    """The rows after a place in a list by an instant, then by number; all of them where there is none. `exact` keeps to the
    plain disjunction, for an instant that is no column of an index."""
    if place is None:
        return true()
    at, last = literal(place[0], Instant()), place[1]
    further, number = (instant < at, row_id < last) if newest else (instant > at, row_id > last)
    found = or_(further, and_(instant == at, number))
    # The half that an index can use, said by itself: not every database finds it in the disjunction.
    return found if exact else and_(instant <= at if newest else instant >= at, found)
