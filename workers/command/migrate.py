"""`tuoke migrate`: brings the tables to the version that this code needs."""

from __future__ import annotations

import click

from workers import ground


@click.command()
@click.option(
    "--check",
    is_flag=True,
    help="Change nothing; exit status 1 where the tables are older than this code needs.",
)
def migrate(check: bool) -> None:
    """Bring the tables of the database to the version that this code needs, and complete what processes of older code left
    out meanwhile. From any host, at any time, any number of times; old processes go on.

    After the last of them has ended, once more.
    """
    from models import database, names, schema

    engine, needed = ground.engine(), schema.needed()
    before = schema.standing(engine)
    if check:
        suffices = schema.suffices(before)
        click.echo(f"the tables have version {before or 'none'}, this code needs {needed}")
        raise SystemExit(0 if suffices else 1)
    database.migrate(engine)
    after = schema.standing(engine)
    click.echo(
        f"tables: {before or 'none'} → {after}" if after != before else f"tables: {after}, nothing to do"
    )
    if after == needed:
        completed = names.complete(engine)
        click.echo(f"names made findable: {completed}")
