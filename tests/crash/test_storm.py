"""The short torture: real processes, struck by every kind of fault while leads live over HTTP; the kinds are dealt to the two
databases by the seed. The long one is `python -m tests.crash --minutes 30`."""

from __future__ import annotations

import os
import random

import pytest

from tests.crash.__main__ import opened
from tests.crash.torture import Torture, table

LEADS = int(os.environ.get("TUOKE_STORM", "6"))
SEED = int(os.environ.get("TUOKE_SEED", "0")) or random.SystemRandom().randrange(1, 2**31)


@pytest.mark.long
@pytest.mark.processes
@pytest.mark.timeout(600)
@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_nothing_is_lost_and_nothing_happens_twice(kind: str) -> None:
    print(f"python -m tests.crash --brief --leads {LEADS} --seed {SEED} --database {kind}")
    with opened(kind) as (folder, store):
        print(table(Torture(folder, store, LEADS, SEED, brief=True).run()))
