"""Asking `tuoke …` in this process: the same commands, without the seconds that a new process takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from click.testing import CliRunner
from sqlalchemy import Engine

from models import database as databases
from models.settings import Settings
from tests.conftest import _warm
from workers import ground
from workers.command import main


@dataclass(frozen=True, slots=True)
class Said:
    """What a command said, on both streams, and its exit status."""

    text: str
    status: int

    def __contains__(self, words: str) -> bool:
        return words in self.text


def ask(settings: Settings, *words: str) -> Said:
    """What `tuoke` says to these words in an installation with these settings. A traceback fails the test."""
    opened: list[Engine] = []

    def engine() -> Engine:
        opened.append(databases.engine(settings))
        return opened[-1]

    open_engine = databases.open_engine
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(databases, "open_engine", lambda url: _warm(open_engine(url)))
        patch.setattr(ground, "settings", lambda: settings)
        patch.setattr(ground, "engine", engine)
        done: Any = CliRunner().invoke(main, [str(word) for word in words])
    for each in opened:
        each.dispose()
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    return Said(done.output, done.exit_code)
