"""`tuoke restore`: the books of a backup take the place of those that are there, or of none."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from workers.keeping.restoring import Restored

SHOWN = 10


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--replace", is_flag=True, help="Keep the books that are there aside, and replace them.")
@click.option(
    "--erased",
    "lists",
    multiple=True,
    type=click.Path(path_type=Path),
    help="The .json beside a later backup: whoever is on its list is forgotten again.",
)
def restore(file: Path, replace: bool, lists: tuple[Path, ...]) -> None:
    """Put the books of the backup FILE in place: checked, migrated where they are older, proved, and without the customers who
    were erased since.

    Tuoke must not be running. Redis stays as it is. Exit status 1 where the backup is not whole or its books have findings.
    """
    from workers import ground
    from workers.command import UserMistake
    from workers.command.company import finish
    from workers.command.keeping import failures_said, progress
    from workers.keeping import restoring

    if not file.is_file():
        raise UserMistake(f"{file}: there is no such file")
    ours = (restoring.WouldReplace, restoring.AtWork, restoring.DoesNotFit)
    with failures_said(f"{file.name} was not restored"), progress() as told:
        try:
            done = restoring.restore(ground.settings(), file, replace=replace, lists=lists, told=told)
        except ours as why:
            raise UserMistake(f"{file.name} was not restored: {why}") from None
    _say(done)
    finish(not done.report.clean)


def _say(done: Restored) -> None:
    manifest = done.manifest
    click.echo(
        f"restored: the state of {manifest.made_at:%Y-%m-%d %H:%M:%S} UTC, {manifest.counts.get('history', 0)} rows of history"
    )
    click.echo(f"  proved: anchor {manifest.anchor}, as in the backup")
    click.echo(f"  customers who were erased and are forgotten again: {done.forgotten}")
    click.echo(f"  {_lost(done)}")
    if done.aside:
        click.echo(f"  what was there is kept in {done.aside}: delete it when nobody misses it")
    click.echo(
        "  what was due meanwhile happens late; messages that waited then go out again under the same ids"
    )
    for finding in done.report.findings[:SHOWN]:
        click.echo(f"FINDING {finding.what}: {finding.case}: {finding.detail}")


def _lost(done: Restored) -> str:
    from workers.keeping.restoring import BOOKS

    lost, since = done.lost, f"{done.manifest.made_at:%Y-%m-%d %H:%M:%S} UTC"
    if done.was != BOOKS:
        return (
            f"whatever happened after {since} is lost, as far as it did; who was erased after that is known only from"
            " lists beside later backups (--erased)"
        )
    if lost.strange:
        return "what was there does not go on from this backup: it is another company's, or another line of the same"
    steps = "no steps"
    if lost.last:
        last = f"{lost.last:%Y-%m-%d %H:%M:%S} UTC"
        steps = f"{lost.rows} steps of {lost.cases} cases, the last at {last}"
    rows = ", ".join(f"{count} of {name}" for name, count in sorted(lost.others.items()))
    if not lost.rows and not rows:
        return f"nothing happened after {since}"
    return f"not in it, for it came later: {steps}{f'; rows: {rows}' if rows else ''}"
