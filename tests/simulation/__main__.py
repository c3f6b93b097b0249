"""Thousands of days of the office under faults, each made of one number.

    python -m tests.simulation --seeds 10000 [--first N] [--processes 2] [--database sqlite|postgresql]
    python -m tests.simulation --seed N [--database …]        one of them, told in full

What went wrong is printed with the command that repeats it, and ends the run with 1.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import random
import sys
import time
from queue import Empty
from typing import Any

from tests.simulation import house
from tests.simulation.ground import opened
from tests.simulation.playing import play, run
from tests.simulation.seen import Seen

ENOUGH = 5  # failures after which nobody wants to see more


def main() -> None:
    said = argparse.ArgumentParser(
        prog="python -m tests.simulation", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    said.add_argument("--seeds", type=int, default=1000)
    said.add_argument("--first", type=int, default=None)
    said.add_argument("--seed", type=int, default=None, help="one day, told in full")
    said.add_argument("--processes", type=int, default=1)
    said.add_argument("--database", choices=["sqlite", "postgresql"], default="sqlite")
    said.add_argument(
        "--server", default="", help="the address of a PostgreSQL server to use instead of one of its own"
    )
    given = said.parse_args()
    if given.seed is not None:
        with opened(given.database, given.server) as ground, house.opened(ground) as inside:
            seen = Seen()
            play(inside, given.seed, seen, loud=True)
            print(seen.told(reached=False))
        return
    first = given.first if given.first is not None else random.SystemRandom().randrange(1, 2**31)
    print(f"simulation: --first {first} --seeds {given.seeds} --database {given.database}", flush=True)
    sys.exit(many(given, first))


def many(given: argparse.Namespace, first: int) -> int:
    """Play them all, in some processes; 1 if something went wrong."""
    told: Any = multiprocessing.get_context("spawn").Queue()
    players = [
        multiprocessing.get_context("spawn").Process(
            target=run,
            args=(given.database, given.server, range(first + n, first + given.seeds, given.processes), told),
        )
        for n in range(given.processes)
    ]
    for player in players:
        player.start()
    seen, played, wrong, ended, began = Seen(), 0, 0, 0, time.monotonic()
    line = began
    while ended < len(players) and wrong < ENOUGH:
        try:
            what, *more = told.get(timeout=5)
        except Empty:
            if any(player.exitcode for player in players):
                return 1
            continue
        if what == "wrong":
            wrong += 1
            seed, trouble = more
            print(
                f"{trouble}\nseed {seed} went wrong: python -m tests.simulation --seed {seed} --database {given.database}",
                flush=True,
            )
            continue
        played, ended = played + more[0], ended + (what == "ended")
        seen += more[1]
        if time.monotonic() - line > 10:
            line = time.monotonic()
            rate = played / (line - began)
            print(
                f"  {played:,} of {given.seeds:,} days, {rate:.1f} /s, {sum(seen.faults.values()):,} faults",
                flush=True,
            )
    for player in players:
        player.terminate() if wrong >= ENOUGH else player.join()
    print(seen.told())
    seconds = time.monotonic() - began
    print(f"{played:,} days in {seconds:.0f} s ({played / seconds:.1f} /s), {wrong} went wrong", flush=True)
    return int(wrong > 0)


if __name__ == "__main__":
    if os.environ.get("PYTHONHASHSEED") != "0":  # or the order of sets would not be the seed's
        os.environ["PYTHONHASHSEED"] = "0"
        os.execv(sys.executable, [sys.executable, "-m", "tests.simulation", *sys.argv[1:]])
    main()
