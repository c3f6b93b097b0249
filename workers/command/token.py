"""`tuoke token`: a new bearer token for the API."""

from __future__ import annotations

import click

from models import database
from workers import ground
from workers.command.company import open_books, refusals_said
from workflows import staff


@click.command()
@click.argument("person")
def token(person: str) -> None:
    """Print a new bearer token for PERSON, alone on standard output. It is shown this once; only its digest is kept."""
    with refusals_said(), database.begin(open_books()) as session:
        made = staff.issue_token(session, staff.person_named(session, person), ground.company_now(session))
    click.echo(made)
