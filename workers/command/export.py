"""`tuoke export`: data leave the house, masked unless whoever asks is entitled, and never without a trace."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("what", type=click.Choice(["leads", "history"]))
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--as",
    "person",
    metavar="PERSON",
    help="With whose eyes: only what they may see, in clear where they may.",
)
@click.option(
    "--purpose",
    default="",
    help="What it is for; finance and auditors read in clear only on a stated purpose.",
)
@click.option("--bom", is_flag=True, help="Mark a csv file as UTF-8 for spreadsheets that would guess.")
@click.option(
    "--lang",
    type=click.Choice(["zh", "en"]),
    default="zh",
    show_default=True,
    help="The language of messages.",
)
def export(what: str, file: Path, person: str | None, purpose: str, bom: bool, lang: str) -> None:
    """Write leads or their history to FILE: csv or xlsx, history also as xes for process mining.

    Names and phones are masked unless --as names somebody who reads them in clear. Every export is on the access log.
    """
    from models import database
    from workers.command import UserMistake
    from workers.exporting import FORMATS, Wanted
    from workers.exporting import export as take_out
    from workers.ground import company_now, engine, settings
    from workflows.engine import Refused
    from workflows.words import _, say

    form = file.suffix.lower().removeprefix(".")
    if form not in FORMATS[what]:
        raise UserMistake(f"{file.name}: {what} can be written as .{', .'.join(FORMATS[what])}")
    if not file.absolute().parent.is_dir():
        raise UserMistake(f"{file}: there is no such folder")
    with database.read(engine()) as session:
        at = company_now(session)
    wanted = Wanted(what, file.absolute(), at, settings().timezone, person, purpose.strip(), bom)
    try:
        count = take_out(engine(), wanted)
    except Refused as refusal:
        raise UserMistake(refusal.detail(lang)) from None
    except OSError as error:
        raise UserMistake(f"{file}: {error.strerror}") from None
    click.echo(say(_("%(count)s rows written to %(path)s."), lang, count=count, path=str(file)), err=True)
