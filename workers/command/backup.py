"""`tuoke backup`: the books in one file, proved."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from workers.keeping.making import Made

SHOWN = 10


@click.command()
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.option("--no-verify", is_flag=True, help="Do not lay the copy down and prove its books.")
@click.option(
    "--keep",
    type=click.IntRange(min=1),
    metavar="N",
    help="Afterwards take away the oldest backups of this company in the same folder beyond N.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the manifest as JSON.")
def backup(file: Path | None, no_verify: bool, keep: int | None, as_json: bool) -> None:
    """Copy the books into FILE while everybody goes on working: one state, packed, laid down again and proved (FILE may be a
    folder; without it the backup goes to var/backups/ under a name made of the instant).

    It holds no keys: keep the data key elsewhere. Exit status 1 where the books have findings or no backup came about.
    """
    from workers import ground
    from workers.command.company import finish, say_json
    from workers.command.keeping import failures_said, progress
    from workers.keeping import making

    settings = ground.settings()
    target = file or settings.var / "backups"
    if file is None:
        target.mkdir(parents=True, exist_ok=True, mode=0o700)
    with failures_said("no backup was made"), progress() as told:
        made = making.make(settings, target, not no_verify, told)
        gone = making.rotate(made.file.parent, made.manifest.key, keep) if keep else []
    if as_json:
        say_json(making.said(made) | {"taken_away": [each.name for each in gone]})
    else:
        _say(made, len(gone))
    finish(not made.report.clean)


def _say(made: Made, gone: int) -> None:
    from workflows.health.figures import size

    manifest = made.manifest
    click.echo(f"{made.file}")
    click.echo(
        f"  {manifest.database}, migration {manifest.head}: {size(manifest.size)}, packed {size(made.size)},"
        f" in {made.took_ms / 1000:.1f} s; state of {manifest.made_at:%Y-%m-%d %H:%M:%S} UTC"
    )
    click.echo(f"  {PROOFS[made.proof]}; anchor {manifest.anchor}")
    click.echo(f"  sealed with the data key {manifest.key}, which is not in it: keep it elsewhere")
    if gone:
        click.echo(f"  older ones taken away: {gone}")
    for finding in made.report.findings[:SHOWN]:
        click.echo(f"FINDING {finding.what}: {finding.case}: {finding.detail}")
    if made.report.findings:
        click.echo(f"the backup is a true copy, but the books have {len(made.report.findings)} findings")


PROOFS = {
    "restored": "proved: laid down as a database of its own, its chains and rows are those of the books",
    "read": "read through to the end; not laid down, for the role may not make databases",
    "none": "not proved",
}
