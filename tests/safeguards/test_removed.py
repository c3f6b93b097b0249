"""Without its safeguard each test is red: else it would not be seen if somebody took the safeguard away. Those that take long are
tried by `python -m tests.safeguards`, which also prints the list."""

from __future__ import annotations

import importlib
import inspect

import pytest
from sqlalchemy import Engine
from sqlalchemy.exc import IntegrityError, OperationalError

from tests.races.office import Office
from tests.safeguards.removal import SAFEGUARDS, Safeguard
from workflows.engine import Refused

RED = (AssertionError, pytest.fail.Exception, IntegrityError, OperationalError, Refused)
CHEAP = [safeguard for safeguard in SAFEGUARDS if safeguard.cheap]


@pytest.fixture
def anywhere(postgres: Engine) -> Office:
    """One database is enough to see it turn red."""
    return Office(postgres)


@pytest.mark.parametrize("safeguard", CHEAP, ids=lambda safeguard: safeguard.name)
def test_its_test_turns_red(safeguard: Safeguard, request: pytest.FixtureRequest) -> None:
    place, _colons, name = safeguard.test.partition("::")
    test = getattr(importlib.import_module(place.removesuffix(".py").replace("/", ".")), name)
    given = {each: request.getfixturevalue(each) for each in inspect.signature(test).parameters}
    with safeguard.remove(), pytest.raises(RED) as red:
        test(**given)
    print(f"{safeguard.name}: {red.type.__name__}")
