"""`make bench-peers`: ours and our peers at the same work in the same run, round by round in turns, and the medians.

Ours is `take` in this process, one `screen` per transaction, and `fire_due` in this process until nothing is due. What ours
does besides, it does here too: the chained hash, sealed columns, the rule that no other lead may have the phone, the facts
that a timer was late.
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Iterator
from itertools import islice

from sqlalchemy import Engine

from models import database
from tests.bench import books, grounds, peers
from tests.bench.hand import Hand
from tests.bench.peers import work
from tests.bench.peers.work import DEMAND, WARM
from tests.bench.sweep import Sweep

GOALS = {"transition": 3.0, "sweep": 10.0}  # how many times as many a second as any peer


def main() -> None:
    asked = _asked()
    there = [peer for peer in peers.installed() if peer in asked.peers]
    for kind in asked.db:
        with grounds.opened(kind) as engine:
            url = engine.url.render_as_string(hide_password=False)
            ours, rounds = Ours(engine, asked), []
            for _unused in range(asked.rounds):
                own = ours.one_round()
                theirs = peers.one_round(there, kind, url, asked.transitions, asked.timers)
                rounds.append({row: {"ours": own[row], **theirs[row]} for row in peers.ROWS})
        for row, figures in peers.medians(rounds).items():
            show(kind, row, there, figures)


class Ours:
    """Our own books, with as many leads to screen and as many overdue ones as all rounds take."""

    def __init__(self, engine: Engine, asked: argparse.Namespace) -> None:
        self.each, self.timers = asked.transitions + WARM, asked.timers
        overdue, captured = 1 + asked.rounds * asked.timers, asked.rounds * self.each
        self.books = books.write(engine, 2 * overdue, captured)
        self.captured = iter(self.books.take("captured", captured))
        self.overdue: Iterator[str] = iter(self.books.take("assigned", overdue))
        self.sweep = Sweep(Hand.on(engine), self.books, next(self.overdue), database.batch(engine))

    def one_round(self) -> dict[str, float]:
        transition = work.paced(self.screen, list(islice(self.captured, self.each)))
        self.sweep.hand.quiet()
        return {
            "transition": transition,
            "sweep": self.sweep.by_itself(list(islice(self.overdue, self.timers))),
        }

    def screen(self, code: str) -> None:
        self.books.office.lead("screen", "guo", code, demand=DEMAND, intent="A")


def show(kind: str, row: str, there: list[str], figures: dict[str, float]) -> None:
    """One line for each, how many times as many ours does, and whether that is what is asked for."""
    print(f"\n{row} on {kind}, {GOALS[row]:.0f} times as many are asked for")
    ours = figures["ours"]
    print(f"  {'ours':<14}{ours:>8,.0f} /s")
    for peer in there:
        if reason := peers.why_not(peer, row, kind):
            print(f"  {peer:<14}{'-':>8}    {reason}")
        else:
            times = ours / figures[peer]
            verdict = "met" if times >= GOALS[row] else "MISSED"
            print(f"  {peer:<14}{figures[peer]:>8,.0f} /s {times:>7.1f} times  {verdict}")


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench-peers", description=(__doc__ or "").splitlines()[0])
    for name, known in (("db", grounds.KINDS), ("peers", tuple(peers.PEERS))):
        parser.add_argument(f"--{name}", type=_words, default=list(known), help=f"some of {','.join(known)}")
    parser.add_argument("--transitions", type=int, default=300, help="in each round (300)")
    parser.add_argument("--timers", type=int, default=1000, help="overdue at once, in each round (1000)")
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    for chosen, known in ((asked.db, grounds.KINDS), (asked.peers, tuple(peers.PEERS))):
        if unknown := [name for name in chosen if name not in known]:
            parser.error(f"{unknown[0]} is none of {', '.join(known)}")
    return asked


def _words(text: str) -> list[str]:
    return text.split(",")


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main()
