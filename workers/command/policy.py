"""`tuoke policy`: the policy numbers in force, and what a file of new ones would change."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from sqlalchemy import select

from models import database
from models.machinery import PolicyVersion
from models.money import PolicyDraft
from models.remembered import History
from workers import ground
from workers.command.company import LOCALE, finish, open_books, say_json
from workers.command.rehearse import numbers_in
from workflows import policy as policies
from workflows import views
from workflows.money.statements import yuan
from workflows.words import say


@click.group()
def policy() -> None:
    """Show the policy numbers, check a file of new ones, compare it with what is in force."""


@policy.command()
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def show(as_json: bool) -> None:
    """Show each number in force with its clause and since when."""
    current, since = _in_force()
    rows = [_row(name, getattr(current, name), since) for name in numbers()]
    if as_json:
        say_json({"version": current.version, "since": since, "numbers": rows})
        return
    click.echo(f"# version {current.version}, {_origin(current.version)}")
    for row in rows:
        money = yuan(row["value"]) if row["unit"] == "fen" else ""
        click.echo(
            f"{row['name']:<28} {row['value']:>7} {row['unit']:<9} {money:>10}  {row['clause']:<22} {row['since']:<12} {row['label']}"
        )


@policy.command()
@click.argument("file", type=click.Path(path_type=Path))
def check(file: Path) -> None:
    """Say whether the numbers in FILE could come into force; exit status 1 with each mistake."""
    errors = _errors(numbers_in(file))
    for name, why in errors.items():
        click.echo(f"{name}: {why}")
    click.echo(f"{file}: " + ("could come into force" if not errors else f"{len(errors)} mistakes"))
    finish(bool(errors))


@policy.command()
@click.argument("file", type=click.Path(path_type=Path))
def diff(file: Path) -> None:
    """Show what the numbers in FILE would change; exit status 1 where they could not come into force."""
    given = numbers_in(file)
    if errors := _errors(given):
        for name, why in errors.items():
            click.echo(f"{name}: {why}")
        finish(True)
    current, _since = _in_force()
    changed = {name: value for name, value in given.items() if getattr(current, name) != value}
    for name, value in changed.items():
        click.echo(f"{name}: {getattr(current, name)} -> {value}  ({_about(name)['clause']})")
    if not changed:
        click.echo("nothing would change")


def numbers() -> list[str]:
    """The names of all policy numbers."""
    return [name for name in policies.Policy.model_fields if name != "version"]


def _about(name: str) -> dict[str, Any]:
    extra = policies.Policy.model_fields[name].json_schema_extra
    return extra if isinstance(extra, dict) else {}


def _row(name: str, value: Any, since: str) -> dict[str, Any]:
    about = _about(name)
    return {
        "name": name,
        "value": value,
        "unit": about["unit"],
        "clause": about["clause"],
        "since": since,
        "label": say(about["label"], LOCALE),
    }


def _in_force() -> tuple[policies.Policy, str]:
    """The policy in force, and since when: the company's day, or "always" for the numbers we ship."""
    with database.read(open_books()) as session:
        current = policies.in_force(session, ground.company_now(session))
        row = session.scalar(select(PolicyVersion).where(PolicyVersion.id == current.version))
        since = f"{row.effective_at.astimezone(policies.zone(session)):%Y-%m-%d}" if row else "always"
    return current, since


def _origin(version: int) -> str:
    """Where a version comes from: the draft that became it and the people behind it, or the note it was written with."""
    with database.read(ground.engine()) as session:
        row = session.get(PolicyVersion, version)
        if row is None:
            return "the numbers we ship"
        draft = session.scalar(select(PolicyDraft).where(PolicyDraft.adopted_version == version))
        if draft is None:
            return row.note or "written without a draft"
        adopted = select(History.approved_by_id).where(History.flow == "policy", History.case_id == draft.id)
        approved_by = session.scalar(adopted.where(History.event == "adopt"))
        who = views.names(session)
        people = (("drafted", draft.author_id), ("checked", draft.checked_by_id), ("approved", approved_by))
        told = ", ".join(f"{deed} by {who.get(person)}" for deed, person in people)
        return f"draft {draft.code}: {told}; {' '.join((draft.why or '').split())}"


def _errors(given: dict[str, Any]) -> dict[str, str]:
    try:
        policies.checked(given)
    except policies.WrongPolicy as wrong:
        return wrong.errors
    return {}
