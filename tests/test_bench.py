"""The benchmark is fair: its books are true, and its floor writes the very rows that the engine writes."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Engine

from models import database as databases
from models.settings import Settings
from tests.bench import books, deliver, sweep, transition
from tests.bench.bare import Captures
from tests.bench.capture import PHONE, Clients, issued
from tests.bench.hand import Hand, watched
from tests.web.applications import application
from workflows import timers
from workflows.verify import Report, verify

STATES = ("lead", "timer", "outbox")


def written(hand: Hand, act: Callable[[], Any]) -> Counter[str]:
    """How many rows more each table has after this, and how many more are in each state."""
    before = standing(hand)
    act()
    after = standing(hand)
    return Counter(
        {what: after[what] - before[what] for what in after | before if after[what] != before[what]}
    )


def standing(hand: Hand) -> Counter[str]:
    found = Counter(hand.counts())
    for table in STATES:
        for state, many in hand.run(f"SELECT state, count(*) FROM {table} GROUP BY state").fetchall():
            found[f"{table} {state}"] = many
    found["versions"] = hand.one("SELECT sum(version) FROM lead")
    return found


def test_books_that_were_written_in_bulk_are_proved_like_any_others(database: Engine) -> None:
    made = books.write(database, 12, captured=3, untold=books.VISITS)
    report = proved(database)
    assert made.size == report.counts["lead"] - len(books.AGES) == 15 + books.VISITS + books.ALONE
    assert report.counts["history"] > 5 * (6 + books.VISITS + books.ALONE) + 2 * 6 + 3
    assert len(report.notes) == 1
    assert report.notes[0].startswith(f"{books.VISITS + books.ALONE} facts wait")
    hand = Hand.on(database)
    work = deliver.Telling(hand, made, made.codes["alone"][0], batch=9)
    work.by_itself(made.codes["untold"] + made.codes["alone"][1:])
    hand.close()
    report = proved(database)
    assert (
        report.counts["journals"] == books.VISITS + books.ALONE + 2
    )  # two were lived before they were written again
    assert not report.notes


def proved(engine: Engine) -> Report:
    with databases.read(engine) as session:
        report = verify(session, datetime.now(UTC))
    assert report.clean, report.findings
    return report


def test_a_transition_by_hand_writes_what_the_engine_writes(database: Engine) -> None:
    acts = transition.Acts(books.write(database, 12, captured=3), 3)
    for event in transition.EVENTS:
        (ours,), (floor,) = acts.by_take(event, 1), acts.by_hand(event, 1)
        expected = written(acts.hand, ours)
        assert expected["history"] == expected["versions"] == 1
        assert expected["outbox"] == 1
        assert written(acts.hand, floor) == expected
    acts.hand.close()


def test_a_sweep_by_hand_writes_what_the_engine_writes(database: Engine) -> None:
    made = books.write(database, 12)
    hand, codes = Hand.on(database), made.codes["assigned"]
    work = sweep.Sweep(hand, made, codes[0], batch=2)
    ours = written(hand, lambda: work.by_itself(codes[1:3]))
    hand.quiet()
    floor = written(hand, lambda: work.by_hand(codes[3:5]))
    assert ours["lead unconverted"] == ours["timer fired"] == ours["history"] == 2
    assert floor == ours
    assert timers.fire_due(database, datetime.now(UTC)) == 0
    hand.close()


def test_telling_by_hand_writes_what_the_engine_writes(database: Engine) -> None:
    made = books.write(database, 2, untold=2 * books.VISITS)
    hand, codes = Hand.on(database), made.codes["untold"]
    work = deliver.Telling(hand, made, made.codes["alone"][0], batch=9)
    ours = written(hand, lambda: work.by_itself(codes[: books.VISITS]))
    floor = written(hand, lambda: work.by_hand(codes[books.VISITS :]))
    assert ours["journal"] == ours["outbox done"] == books.VISITS
    assert ours["entry"] == 2 * books.VISITS
    assert floor == ours
    hand.close()


def test_a_capture_by_hand_writes_what_the_engine_writes(database: Engine, settings: Settings) -> None:
    books.write(database, 2)
    client, hand = application(settings, database).test_client(), Hand.on(database)
    clients = Clients(0, issued(database))

    def capture(phone: str) -> str:
        headers, given = clients.asked(phone)
        answer = client.post("/api/v1/leads", headers=headers, data=given)
        assert answer.status_code == 201, answer.text
        return str(json.loads(answer.text)["code"])

    wrote = watched(hand, lambda: capture(PHONE))
    ours = written(hand, lambda: capture("13000000001"))
    assert ours["lead"] == ours["history"] == ours["answer"] == 1
    assert written(hand, lambda: Captures(hand, wrote).take("a key")) == ours
    hand.close()
