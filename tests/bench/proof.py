"""Rows of history that `verify` proves in a second, with all else that it looks at; against a bare loop that reads the rows in
their order and hashes each over the one before."""

from __future__ import annotations

import hashlib
import json
import time
from datetime import UTC, datetime
from statistics import median
from typing import Any

from models import database
from tests.bench.books import Books
from tests.bench.hand import Hand
from tests.bench.measured import Result
from workflows.engine.chain import CHAINED
from workflows.verify import verify

INSTANTS = [place for place, name in enumerate(CHAINED) if name in ("at", "due_at")]
WRITTEN = [place for place, name in enumerate(CHAINED) if name in ("facts", "changes")]
READ = f"SELECT {', '.join(CHAINED)}, hash FROM history ORDER BY flow, case_id, seq"


def measure(books: Books, rounds: int) -> Result:
    """All rows by each in every round, in turns. The books must be true still: nothing was written by hand yet."""
    hand = Hand.on(books.engine)
    rows = hand.one("SELECT count(*) FROM history")
    ours: list[float] = []
    floor: list[float] = []
    for _number in range(rounds):
        floor.append(rows / _seconds(lambda: by_hand(hand)))
        ours.append(rows / _seconds(lambda: by_verify(books)))
    hand.close()
    result = Result("verify", books.engine.dialect.name, median(ours), median(floor))
    result.more = {"size": books.size, "rows": rows}
    return result


def _seconds(work: Any) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def by_verify(books: Books) -> None:
    with database.read(books.engine) as session:
        report = verify(session, datetime.now(UTC))
    assert report.clean, report.findings[:3]


def by_hand(hand: Hand) -> int:
    """Read and hash every row; how many there were. Raises `AssertionError` where one does not fit."""
    many, previous = 0, ""
    for row in hand.stream(READ):
        values = list(row[:-1])
        if hand.kind == "sqlite":
            for place in INSTANTS:
                if values[place]:
                    values[place] = f"{values[place].replace(' ', 'T')}+00:00"
            for place in WRITTEN:
                values[place] = json.loads(values[place])
        else:
            for place in INSTANTS:
                if values[place]:
                    values[place] = values[place].astimezone(UTC).isoformat(timespec="microseconds")
        assert values[-1] in ("", previous)
        text = json.dumps(
            dict(zip(CHAINED, values, strict=True)), sort_keys=True, ensure_ascii=False, separators=(",", ":")
        )
        previous = hashlib.sha256(text.encode()).hexdigest()
        assert previous == row[-1]
        many += 1
    return many
