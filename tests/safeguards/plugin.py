"""pytest without one safeguard: `python -m pytest -p tests.safeguards.plugin --without "row lock" TEST`."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.safeguards.removal import SAFEGUARDS


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--without", choices=[safeguard.name for safeguard in SAFEGUARDS], help="the safeguard to take away"
    )


@pytest.fixture(scope="session", autouse=True)
def _without(request: pytest.FixtureRequest) -> Iterator[None]:
    name = request.config.getoption("--without")
    found = [safeguard for safeguard in SAFEGUARDS if safeguard.name == name]
    if not found:
        yield
        return
    with found[0].remove():
        yield
