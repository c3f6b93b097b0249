"""`tuoke clock`: sees what is due."""

from __future__ import annotations

import socket

import click

from workers import ground


@click.command()
@click.option("--name", help="The name of this clock in the signs of life (clock@ and the name of the host).")
@click.option(
    "--confirm-jump", is_flag=True, help="Say that the time which the clocks doubt is the right one, and end."
)
def clock(name: str | None, confirm_jump: bool) -> None:
    """Look twice a second whether anything is due, and knock. Any number may run, on any number of hosts: one works, the
    others stand by."""
    if confirm_jump:
        _confirm()
        return
    ground.follow_parent()
    ground.log_to_stderr()
    stop = ground.told_to_stop()
    from workers import clock

    clock.run(ground.settings(), stop, name or f"clock@{socket.gethostname()}")


def _confirm() -> None:
    from models import database, machinery
    from models.notices import AccessLog

    with database.begin(ground.engine()) as session:
        ahead = machinery.accept_jump(session)
        if ahead is not None:
            said = f"confirmed at the terminal that the time jumped ahead by {ahead} rightly"
            session.add(AccessLog(kind="staff", purpose=said[:200], at=ground.company_now(session)))
    click.echo("no time is in doubt" if ahead is None else f"confirmed: the time, {ahead} ahead, is right")
