"""Days of the office under faults, a few of the thousands that `python -m tests.simulation` plays; in a process of their own, where
the order of sets is the seed's too. `TUOKE_FAULTS` is the number of days on SQLite; a tenth of it is played on PostgreSQL."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

DAYS = int(os.environ.get("TUOKE_FAULTS", "60"))
FIRST = int(os.environ.get("TUOKE_SEED", "0")) or 1


def play(*words: str) -> None:
    """Play these days; what went wrong says how to repeat it."""
    said = subprocess.run(
        [sys.executable, "-m", "tests.simulation", *words],
        env={**os.environ, "PYTHONHASHSEED": "0"},
        capture_output=True,
        text=True,
        check=False,
    )
    print(said.stdout[-6000:])
    assert said.returncode == 0, said.stdout[-6000:] + said.stderr[-3000:]


@pytest.mark.long
@pytest.mark.processes
@pytest.mark.timeout(900)
def test_nothing_is_lost_and_nothing_happens_twice_on_sqlite() -> None:
    play("--first", str(FIRST), "--seeds", str(DAYS))


@pytest.mark.processes
@pytest.mark.timeout(900)
def test_nothing_is_lost_and_nothing_happens_twice_on_postgresql(postgres_server: str) -> None:
    days = max(1, DAYS // 10)
    play("--first", str(FIRST), "--seeds", str(days), "--database", "postgresql", "--server", postgres_server)
