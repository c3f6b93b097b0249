"""`tuoke verify`: prove the books."""

from __future__ import annotations

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from sqlalchemy import func, select

from models import database
from models.remembered import History
from workers import ground
from workers.command.company import finish, open_books, say_json
from workflows.verify import Report
from workflows.verify import verify as prove


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
def verify(as_json: bool) -> None:
    """Prove the books: every history row legal and chained, every case equal to its history, every timer fired once or
    pending or cancelled, every approval decided once, every fact told or explained.

    Exit status 1 with each finding where something is not right.
    """
    report = _prove()
    if as_json:
        say_json(report.as_json())
    else:
        _say(report)
    finish(not report.clean)


def _prove() -> Report:
    engine = open_books()
    columns = (TextColumn("proving history"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with (
        database.read(engine) as session,
        Progress(*columns, console=Console(stderr=True), transient=True) as bar,
    ):
        total = session.scalar(select(func.count()).select_from(History)) or 0
        task = bar.add_task("", total=total)
        return prove(session, ground.company_now(session), lambda done: bar.advance(task, done))


def _say(report: Report) -> None:
    for name, count in report.counts.items():
        click.echo(f"{count:>9}  {name}")
    for note in report.notes:
        click.echo(f"note: {note}")
    for finding in report.findings:
        click.echo(f"FINDING {finding.what}: {finding.case}: {finding.detail}")
    click.echo(f"anchor {report.anchor}")
    click.echo("the books are proved" if report.clean else f"{len(report.findings)} findings")
