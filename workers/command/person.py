"""`tuoke person`: the staff list from a terminal."""

from __future__ import annotations

import sys
from datetime import datetime
from typing import Any

import click
from sqlalchemy import select

from models import database
from models.people import Person
from workers.command.company import open_books, refusals_said, say_json
from workflows import staff
from workflows.engine.actor import STAFF_ROLES


@click.group()
def person() -> None:
    """Add people to the staff list, and show it."""


@person.command()
@click.argument("name")
@click.option(
    "--role",
    "--roles",
    "roles",
    multiple=True,
    required=True,
    help=f"One or more of: {', '.join(STAFF_ROLES)}.",
)
@click.option("--team", help="The outreach team; made where there is none of this name.")
@click.option("--phone", help="Their own phone: it cannot be captured as a lead.")
@click.option(
    "--relative", "relatives", multiple=True, help="A relative's phone: it cannot be captured either."
)
@click.option("--hired", type=click.DateTime(["%Y-%m-%d"]), help="The day of joining.")
@click.option(
    "--password",
    is_flag=True,
    help="Read a password for the site from standard input (asked for on a terminal).",
)
def add(
    name: str,
    roles: tuple[str, ...],
    team: str | None,
    phone: str | None,
    relatives: tuple[str, ...],
    hired: datetime | None,
    password: bool,
) -> None:
    """Take NAME onto the staff list. Names are unique in the company."""
    wanted = [role for group in roles for role in group.replace(" ", ",").split(",") if role]
    hashed = _password_hash() if password else None
    with refusals_said(), database.begin(open_books()) as session:
        added = staff.add_person(
            session,
            name,
            wanted,
            team,
            phone=phone,
            hired_on=hired.date() if hired else None,
            password_hash=hashed,
        )
        for relative in relatives:
            staff.declare_phone(session, added, relative, "relative")
    click.echo(f"{added.name}: {', '.join(added.roles)}" + (f", {team}" if team else ""))


@person.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print the list as JSON.")
def listing(as_json: bool) -> None:
    """Show who is on the staff list."""
    with database.read(open_books()) as session:
        staff_list: list[dict[str, Any]] = [
            {"name": each.name, "roles": each.roles, "team": each.team.name if each.team else None}
            for each in session.scalars(select(Person).order_by(Person.id))
        ]
    if as_json:
        say_json(staff_list)
        return
    for each in staff_list:
        click.echo(f"{each['name']:<16} {', '.join(each['roles']):<24} {each['team'] or ''}")
    if not staff_list:
        click.echo("nobody yet: tuoke person add NAME --role ROLE", err=True)


def _password_hash() -> str:
    from argon2 import PasswordHasher

    given = (
        click.prompt("Password", hide_input=True, confirmation_prompt=True)
        if sys.stdin.isatty()
        else sys.stdin.readline().strip()
    )
    if len(given) < 8:
        raise click.UsageError("a password needs at least 8 characters")
    return PasswordHasher().hash(given)
