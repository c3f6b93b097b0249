"""`tuoke worker`: does what is due."""

from __future__ import annotations

import click

from workers import ground


@click.command()
@click.option("--outward", is_flag=True, help="Send messages that leave the house, and nothing else.")
@click.option("--name", help="The name of this worker in the signs of life.")
def worker(name: str | None, outward: bool) -> None:
    """Work: fire due timers and deliver facts when the clock knocks, or send what is to leave the house."""
    ground.follow_parent()
    ground.log_to_stderr()
    from workers import worker
    from workers.queue import NAME, OUTWARD

    worker.run(ground.settings(), name, OUTWARD if outward else NAME)
