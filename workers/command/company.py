"""What the commands that work on the company's books stand on: a migrated database, and answers as lines or JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

import click
from sqlalchemy import Engine

from models import database, schema
from workers import ground
from workers.command import UserMistake
from workflows import staff
from workflows.engine import Refused

LOCALE = "zh"


def open_books() -> Engine:
    """The database of this installation, with its tables and its first project in place."""
    engine = ground.engine()
    if engine.dialect.name == "sqlite" or schema.standing(engine) is None:
        database.migrate(engine)  # one host, or a new company: nobody else works on older tables
    schema.see_that_it_suffices(engine)
    with database.begin(engine) as session:
        staff.ensure_company(session)
    return engine


@contextmanager
def refusals_said() -> Iterator[None]:
    """A refusal is the user's to put right: one line on standard error, exit status 2."""
    try:
        yield
    except Refused as refusal:
        errors = "".join(f" [{field}]" for field in refusal.errors)
        raise UserMistake(f"{refusal.detail('zh')} / {refusal.detail('en')}{errors}") from None


def say_json(value: Any) -> None:
    """Print JSON for programs, readable for people."""
    click.echo(json.dumps(value, ensure_ascii=False, indent=2, default=str))


def finish(found: bool) -> NoReturn:
    """End with 1 where there is a finding, with 0 where there is none."""
    raise SystemExit(1 if found else 0)


class Failed(UserMistake):
    """What was asked for did not come about, by nobody's mistake: one line on standard error, exit status 1."""

    exit_code = 1
