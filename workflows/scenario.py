"""Scenario files as people write them: read, and held against their shape before anything is played."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, Field, ValidationError

OURS = Path(__file__).parent / "scenarios"
KEYS = {"start", "policy", "people", "quotas", "steps", "expect", "title", "about", "timezone"}
STEP_KEYS = {
    "at",
    "by",
    "do",
    "as",
    "with",
    "lead",
    "event",
    "refused",
    "expect",
    "note",
    "case",
    "flow",
    "project",
}


class WrongScenario(Exception):
    """The file is no scenario; the message says where and what to write."""


class Expected(BaseModel):
    """What an `expect` looks like."""

    leads: dict[Any, dict[str, Any]] | None = None
    cases: dict[Any, dict[str, Any]] | None = None
    approvals: list[dict[str, Any]] | None = None
    ledger: list[dict[str, Any]] | None = None


class StepShape(BaseModel):
    """What a step looks like, as far as lists and mappings go."""

    facts: dict[str, Any] | None = Field(None, alias="with")
    expect: Expected | None = None


class Shape(BaseModel):
    """What a scenario file looks like, as far as lists and mappings go; the rest is said where it is read."""

    policy: dict[str, Any] | None = None
    people: list[dict[str, Any]] | None = None
    quotas: list[dict[str, Any]] | None = None
    steps: list[StepShape] | None = None
    expect: Expected | None = None


def of_ours(name: str) -> dict[str, Any] | None:
    """One of the scenarios that show how our own workflows go, by its name; None where there is none."""
    path = OURS / f"{name}.yaml"
    return load(path) if path.parent == OURS and path.is_file() else None


def load(path: Path) -> dict[str, Any]:
    """Read a scenario file; raises `WrongScenario`."""
    try:
        read = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise WrongScenario(f"{path}: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise WrongScenario(f"{path}: not YAML: {error}") from error
    if not isinstance(read, dict):
        raise WrongScenario(f"{path}: a scenario is a mapping with start, people and steps")
    if unknown := sorted(set(read) - KEYS):
        raise WrongScenario(f"{path}: unknown key {unknown[0]!r}; known are {', '.join(sorted(KEYS))}")
    if "start" not in read:
        raise WrongScenario(f"{path}: say when it starts (start: 2026-03-01T09:00)")
    try:
        Shape.model_validate(read)
    except ValidationError as error:
        first = error.errors()[0]
        raise WrongScenario(f"{path}: {'.'.join(map(str, first['loc']))}: {first['msg']}") from error
    return read


def day(value: Any) -> date | None:
    """A day as YAML or a person writes it."""
    if value is None or isinstance(value, date):
        return value
    try:
        return date.fromisoformat(str(value))
    except ValueError as error:
        raise WrongScenario(f"{value!r} is no day; write 2026-03-01") from error
