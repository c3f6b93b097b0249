"""The short torture: real processes, killed at random while leads live over HTTP. The full one is `python -m tests.crash`."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from tests.crash.torture import Torture, table

LEADS = int(os.environ.get("TUOKE_STORM", "12"))
SEED = int(os.environ.get("TUOKE_SEED", "0")) or random.SystemRandom().randrange(1, 2**31)


@pytest.mark.long
@pytest.mark.processes
@pytest.mark.timeout(600)
def test_nothing_is_lost_and_nothing_happens_twice(database_url: str, tmp_path: Path) -> None:
    print(f"python -m tests.crash --leads {LEADS} --seed {SEED}")
    print(table(Torture(tmp_path, database_url, LEADS, SEED).run()))
