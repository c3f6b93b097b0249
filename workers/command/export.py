"""`tuoke export`: data leave the house, masked unless whoever asks is entitled, and never without a trace."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("what", type=click.Choice(["leads", "history", "ledger", "payout"]))
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
@click.option(
    "--month",
    metavar="YYYY-MM",
    help="The month of the payout; or only this month of the ledger.",
)
@click.option("--bom", is_flag=True, help="Mark a csv file as UTF-8 for spreadsheets that would guess.")
@click.option(
    "--lang",
    type=click.Choice(["zh", "en"]),
    default="zh",
    show_default=True,
    help="The language of messages.",
)
def export(
    what: str, file: Path, person: str | None, purpose: str, month: str | None, bom: bool, lang: str
) -> None:
    """Write leads, their history, the ledger or a month's payout to FILE: csv or xlsx, history also as xes for process mining.

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
    _check_month(what, month)
    if not file.absolute().parent.is_dir():
        raise UserMistake(f"{file}: there is no such folder")
    with database.read(engine()) as session:
        at = company_now(session)
    wanted = Wanted(what, file.absolute(), at, settings().timezone, person, purpose.strip(), bom, month, lang)
    try:
        count = take_out(engine(), wanted)
    except Refused as refusal:
        raise UserMistake(refusal.detail(lang)) from None
    except OSError as error:
        raise UserMistake(f"{file}: {error.strerror}") from None
    click.echo(say(_("%(count)s rows written to %(path)s."), lang, count=count, path=str(file)), err=True)


def _check_month(what: str, month: str | None) -> None:
    """The ledger may be narrowed to a month, a payout is one of a month, and nothing else has one; raises `UserMistake`."""
    from workers.command import UserMistake
    from workers.exporting import OF_MONTHS
    from workflows.money.months import WRITTEN

    if month is None and what == "payout":
        raise UserMistake("say which month's payout: --month 2026-03")
    if month is not None and what not in OF_MONTHS:
        raise UserMistake(f"--month goes with {' and '.join(OF_MONTHS)} only")
    if month is not None and not WRITTEN.fullmatch(month):
        raise UserMistake(f"--month {month}: a month is expected, such as 2026-03")
