"""Races run on a real PostgreSQL and on SQLite in a file, with statements that pause at random."""

from __future__ import annotations

import os
import random

import pytest
from sqlalchemy import Engine

from tests.races.office import Office, hesitate

ROUNDS = int(os.environ.get("TUOKE_RACES", "4"))
SEED = int(os.environ.get("TUOKE_SEED", "0")) or random.SystemRandom().randrange(1, 2**31)


@pytest.fixture
def rounds() -> range:
    """How often each race is run."""
    return range(ROUNDS)


@pytest.fixture
def rng() -> random.Random:
    print(f"TUOKE_SEED={SEED}")
    return random.Random(SEED)


@pytest.fixture
def office(database: Engine, rng: random.Random) -> Office:
    """An office on a database that hesitates."""
    made = Office(database)
    hesitate(database, rng)
    return made
