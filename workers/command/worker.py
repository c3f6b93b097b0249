"""`tuoke worker`: does what is due."""

from __future__ import annotations

import click

from workers import ground


@click.command()
@click.option("--name", help="The name of this worker in the signs of life.")
def worker(name: str | None) -> None:
    """Work: fire due timers and deliver facts when the clock knocks."""
    ground.follow_parent()
    ground.log_to_stderr()
    from workers import worker

    worker.run(ground.settings(), name)
