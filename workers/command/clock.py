"""`tuoke clock`: sees what is due."""

from __future__ import annotations

import click

from workers import ground


@click.command()
@click.option(
    "--name", default="clock", show_default=True, help="The name of this clock in the signs of life."
)
def clock(name: str) -> None:
    """Look twice a second whether anything is due, and knock."""
    ground.follow_parent()
    ground.log_to_stderr()
    stop = ground.told_to_stop()
    from workers import clock

    clock.run(ground.settings(), stop, name)
