"""What may be kept of an error that parks a timer or a fact: its kind and its place, never the data in it; and what is no
error: a row that newer code wrote."""

from __future__ import annotations

import traceback
from datetime import timedelta
from pathlib import Path

from sqlalchemy.exc import DBAPIError

NOT_OURS = "not for this version"
NOT_OURS_SECONDS = 60  # after which newer code, or ours once it is brought up to date, looks again


def pause_after(tries: int) -> timedelta:
    """How long what broke so many times waits for its next try inside the house: doubled each time, five minutes at most."""
    return timedelta(seconds=min(300, 2**tries))


class NotThisVersion(Exception):
    """A row names a workflow, an event or a state that this code does not know: newer code wrote it, and it is left to that.
    Such a row is not tried out and never parked."""


def said(broken: Exception) -> str:
    """The error's kind, where it came up, and what the database said in its first line (which names constraints, not
    values). The message of other errors may quote somebody's data, so it is left out."""
    frames = traceback.extract_tb(broken.__traceback__)
    place = f" at {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    first = (
        f": {str(broken.orig).splitlines()[0]}" if isinstance(broken, DBAPIError) and str(broken.orig) else ""
    )
    return f"{type(broken).__name__}{place}{first}"[:500]
