"""`tuoke up`: everything in one."""

from __future__ import annotations

import click


@click.command()
@click.option("--demo", is_flag=True, help="Open with a demo company and a clock that can be moved forward.")
@click.option(
    "--port", type=click.IntRange(1, 65535), help="The port of the pages and the API (TUOKE_PORT, else 8000)."
)
def up(demo: bool, port: int | None) -> None:
    """Start everything: database, embedded Redis, web, workers and clock, until Ctrl-C.

    What DATABASE_URL and REDIS_URL do not name is embedded and lives in var/.
    """
    from workers import up

    raise SystemExit(up.run(demo, port))
