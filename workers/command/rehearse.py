"""`tuoke rehearse`: play a scenario as a rehearsal of the real thing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import yaml

from workers.command import UserMistake
from workers.command.company import finish, say_json


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print what came of it as JSON.")
@click.option("--policy", type=click.Path(path_type=Path), help="Policy numbers (YAML) to play it under.")
def rehearse(file: Path, as_json: bool, policy: Path | None) -> None:
    """Play the scenario FILE on a scratch database with a virtual clock, and compare with what it expects.

    Exit status 1 where an expectation fails.
    """
    from workers import rehearse as stage

    try:
        played = stage.rehearse(stage.load(file), numbers_in(policy) if policy else None)
    except stage.WrongScenario as wrong:
        raise UserMistake(str(wrong)) from None
    if as_json:
        say_json(played.as_json())
    else:
        _say(file, played)
    finish(bool(played.failures))


def _say(file: Path, played: Any) -> None:
    from workers.rehearse import failures_said

    for name, lead in played.leads.items():
        said = ", ".join(f"{key} {value}" for key, value in lead.items() if value is not None)
        click.echo(f"  {name}: {said}")
    for line in failures_said(played):
        click.echo(line)
    verdict = "as expected" if not played.failures else f"{len(played.failures)} differences"
    click.echo(f"{file}: {verdict}")


def numbers_in(file: Path) -> dict[str, Any]:
    """Policy numbers from a YAML file. Raises `UserMistake`."""
    try:
        read = yaml.safe_load(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserMistake(f"{file}: {error.strerror}") from None
    except (yaml.YAMLError, UnicodeDecodeError):
        raise UserMistake(f"{file}: this is not YAML") from None
    numbers = read.get("policy", read) if isinstance(read, dict) else None
    if not isinstance(numbers, dict):
        raise UserMistake(f"{file}: write the numbers as a mapping, for example conversion_days: 10")
    return {str(key): value for key, value in numbers.items()}
