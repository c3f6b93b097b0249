"""One office per test, on each kind of database."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from tests.rules.office import Office, open_office


@pytest.fixture
def office(database: Engine) -> Iterator[Office]:
    """An office with two consultants on duty, in one transaction."""
    with open_office(database, duty=("consultant", "other consultant")) as opened:
        yield opened
