"""`tuoke import`: office registers become leads."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click


@click.group()
def bring() -> None:
    """Bring in what an office has kept in spreadsheets."""


@bring.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--consent", required=True, help="The basis of consent under which these customers were written down."
)
@click.option(
    "--as", "stand_in", metavar="PERSON", help="Who captures the rows whose registrar is not on the staff."
)
@click.option("--dry-run", is_flag=True, help="Write nothing; report what would happen.")
@click.option("--json", "as_json", is_flag=True, help="Print the outcome as JSON.")
@click.option(
    "--lang",
    type=click.Choice(["zh", "en"]),
    default="zh",
    show_default=True,
    help="The language of the reasons.",
)
def leads(file: Path, consent: str, stand_in: str | None, dry_run: bool, as_json: bool, lang: str) -> None:
    """Make leads of a register (csv or xlsx) as people keep it.

    Good rows become leads; each bad row is reported with its sheet, row and reason, also in a workbook under
    var/import/. Running it twice brings in nothing twice. A registrar who is not on the staff is added as a member of
    the team in the register, without a log-in, unless --as names somebody.
    """
    from workers.command import UserMistake
    from workers.ground import company_now, engine, settings
    from workflows.registers.reading import read_register
    from workflows.registers.result import write_result
    from workflows.registers.sheets import NotATable
    from workflows.registers.taking import Terms
    from workflows.registers.taking import bring as bring_in

    if not consent.strip() or len(consent) > 200:
        raise UserMistake("--consent names the basis of consent in 1 to 200 characters")
    try:
        rows = list(read_register(file))
    except NotATable as wrong:
        raise UserMistake(f"{file.name}: {wrong.reason.say(lang)}") from None
    opened, zone = engine(), settings().timezone
    at = _ready(opened, company_now, stand_in)
    with Bar(len(rows), lang) as told:
        brought = bring_in(opened, rows, Terms(at, zone, consent.strip(), stand_in, dry_run), told)
    result = None
    if not dry_run:
        result = settings().var / "import" / f"{file.stem}-result.xlsx"
        write_result(result, rows, brought.outcomes, zone, lang)
    _report(brought, as_json, lang, dry_run, result)


def _ready(opened: Any, company_now: Any, stand_in: str | None) -> Any:
    """The instant of the import, once it is sure that the one who captures is on the staff."""
    from sqlalchemy import inspect

    from models import database
    from workers.command import UserMistake
    from workflows import policy, staff
    from workflows.engine import Refused

    if not inspect(opened).has_table("lead"):
        database.migrate(opened)
    with database.begin(opened) as session:
        staff.ensure_company(session)
    with database.read(opened) as session:
        if stand_in:
            try:
                person = staff.person_named(session, stand_in)
            except Refused:
                raise UserMistake(
                    f"--as: there is nobody called {stand_in} on the staff (see `tuoke person list`)"
                ) from None
            if not staff.works(person, company_now(session).astimezone(policy.zone(session)).date()):
                raise UserMistake(f"--as: {stand_in} has left the staff")
        return company_now(session)


class Bar:
    """A bar on standard error, where that is a terminal."""

    def __init__(self, total: int, lang: str) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        from workflows.words import _, say

        console = Console(stderr=True)
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        self.bar = Progress(*columns, console=console, disable=not console.is_terminal, transient=True)
        self.task = self.bar.add_task(say(_("Importing"), lang), total=total)

    def __enter__(self) -> Any:
        self.bar.start()
        return lambda count: self.bar.advance(self.task, count)

    def __exit__(self, *_error: object) -> None:
        self.bar.stop()


def _report(brought: Any, as_json: bool, lang: str, dry: bool, result: Path | None) -> None:
    from workflows.words import Text, _, say

    good, already = brought.count("good", "would"), brought.count("already")
    bad = [
        (place, outcome)
        for place, outcome in sorted(brought.outcomes.items(), key=_in_order)
        if outcome.result == "bad"
    ]
    told = [{"row": row, "sheet": sheet, "reason": outcome.reason.say(lang)} for (sheet, row), outcome in bad]
    if as_json:
        counts = {"good": good, "bad": len(bad), "already": already}
        click.echo(
            json.dumps({**counts, **({"dry_run": True} if dry else {}), "rows": told}, ensure_ascii=False)
        )
    else:
        for each in told:
            click.echo(say(_("%(sheet)s, row %(row)s: %(reason)s"), lang, **each))
        counted = _("%(good)s rows imported, %(bad)s not, %(already)s were imported before.")
        if dry:
            counted = _(
                "%(good)s rows would be imported, %(bad)s not, %(already)s were imported before. Nothing was written."
            )
        click.echo(say(counted, lang, good=good, bad=len(bad), already=already))
    for name, team in brought.hired.items():
        joined = _("%(name)s joins the staff as a member of team %(team)s, without a log-in.")
        click.echo(Text(joined, {"name": name, "team": team or "—"}).say(lang), err=True)
    if result:
        click.echo(say(_("Result workbook: %(path)s"), lang, path=str(result)), err=True)


def _in_order(item: Any) -> Any:
    return item[0]
