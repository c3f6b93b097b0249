"""`tuoke alive`: for supervisors of containers, each of which is a host with one process."""

from __future__ import annotations

import platform
from datetime import timedelta

import click

from workers import ground

SILENT = timedelta(minutes=1)


@click.command()
def alive() -> None:
    """Whether the processes of this host left a sign of life within a minute; exit status 1 if one did not, or none is known.

    Where the database is away nobody can know, and nobody need be started again for that: exit status 0.
    """
    from sqlalchemy import or_, select

    from models import database, machinery
    from models.machinery import Heartbeat

    host = platform.node()
    ours = or_(Heartbeat.name.endswith(f"@{host}"), Heartbeat.name.contains(f"@{host}:"))
    try:
        with database.read(ground.engine()) as session:
            present = machinery.present(session, ground.real_now())
            lately = (
                Heartbeat.kind.in_(machinery.PROCESSES),
                Heartbeat.seen_at > present - timedelta(days=1),
            )
            beats = session.execute(select(Heartbeat.name, Heartbeat.seen_at).where(ours, *lately))
            ages = {name: present - seen_at for name, seen_at in beats}
    except Exception as error:
        if not database.away(error):
            raise
        click.echo("the database is away: nobody knows")
        return
    for name, age in sorted(ages.items()):
        click.echo(f"{name}: {int(age.total_seconds())} s ago{' (silent)' if age > SILENT else ''}")
    if not ages:
        click.echo(f"no process of {host} has left a sign of life")
    raise SystemExit(0 if ages and max(ages.values()) <= SILENT else 1)
