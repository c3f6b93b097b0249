"""`tuoke doctor`: whether everything is well, what is not, and how to set it right."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from workflows.health import Finding

RETRIED = ("all", "timers", "facts", "messages", "registers")
COLOURS = {"green": "green", "late": "yellow", "down": "red", "unknown": "magenta"}
CAUSES = 5  # of what was given up are told, the commonest first


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
@click.option(
    "--retry-parked",
    "retried",
    is_flag=False,
    flag_value="all",
    type=click.Choice(RETRIED),
    help="First let what was given up be tried again: all of it, or one kind.",
)
def doctor(as_json: bool, retried: str | None) -> None:
    """Look at everything that should happen by itself: each line with its figure, its threshold and, where something is not
    well, what sets it right.

    Exit status 1 where a line is not green. Each check takes two seconds at most.
    """
    from workers import doctor, ground
    from workers.command.company import finish, say_json

    settings = ground.settings()
    again = doctor.retry(settings, retried) if retried else {}
    findings = []
    for kind, count in again.items():
        if not as_json:
            click.echo(f"{count} parked {kind} tried again")
    for finding in doctor.examine(settings):
        findings.append(finding)
        if not as_json:
            _say(finding)
    healthy = all(finding.healthy for finding in findings)
    if as_json:
        said = [finding.as_json() for finding in findings]
        say_json({"healthy": healthy, "at": ground.real_now().isoformat(), "retried": again, "checks": said})
    else:
        click.echo("all is well" if healthy else f"{sum(not f.healthy for f in findings)} findings")
    finish(not healthy)


def _say(finding: Finding) -> None:
    from workflows.health import LABELS
    from workflows.health.work import causes

    standing = click.style(f"{finding.standing:<8}", fg=COLOURS[finding.standing])
    threshold = click.style(f"  ({finding.threshold})", dim=True) if finding.threshold else ""
    click.echo(f"{standing}{LABELS[finding.name]:<18}{finding.figure}{threshold}")
    found = causes(finding.items)
    for kind, what, error, count in found[:CAUSES]:
        click.echo(f"{'':26}{count} × {kind} {what}: {error or 'no reason kept'}")
    if len(found) > CAUSES:
        click.echo(f"{'':26}and {len(found) - CAUSES} other causes")
    if finding.remedy and not finding.healthy:
        click.echo(f"{'':26}→ {finding.remedy}")
