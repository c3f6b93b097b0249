"""Payouts and statements to take along: a workbook, or a csv file of its first sheet. Every one that leaves is on the access
log."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from typing import BinaryIO
from zoneinfo import ZoneInfo

from flask import Blueprint, Response, abort, request, send_file
from flask_login import current_user
from sqlalchemy.orm import Session

from models import database
from models.notices import AccessLog
from web.app import now, the_engine
from web.pages.sessions import signed_in
from web.pages.show import Desk, look
from web.pages.words import locale
from workflows.money import files
from workflows.money import payout as payouts
from workflows.money.agreed import DESKS
from workflows.money.months import WRITTEN
from workflows.money.statements import person_seen
from workflows.spreadsheet import Sheet, csv_into, xlsx_into

page = Blueprint("statements", __name__)
TYPES = {
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "csv": "text/csv",
}
Made = Callable[[Desk], Sequence[Sheet]]


@page.get("/months/<month>/payout.xlsx", defaults={"form": "xlsx"})
@page.get("/months/<month>/payout.csv", defaults={"form": "csv"})
@signed_in(*DESKS)
def payout(month: str, form: str) -> Response:
    """What finance pays out for a month: a row for every account; the workbook has every line behind them too."""

    project = request.args.get("project")

    def made(desk: Desk) -> list[Sheet]:
        found = payouts.month_named(desk.session, desk.actor, month, project)
        return files.payout_sheets(desk.session, found, locale())

    return _taken_along("-".join(part for part in ("payout", project, month) if part), form, made)


@page.get("/statement/<person>/<month>.xlsx", defaults={"form": "xlsx"})
@page.get("/statement/<person>/<month>.csv", defaults={"form": "csv"})
@signed_in()
def statement(person: str, month: str, form: str) -> Response:
    """Somebody's statement, for those who may see it."""

    def made(desk: Desk) -> list[Sheet]:
        whose = person_seen(desk.session, desk.actor, person)
        return files.statement_sheets(desk.session, whose, month, locale())

    if not WRITTEN.fullmatch(month):
        abort(404)
    return _taken_along(f"statement-{month}-{person}", form, made)


def _taken_along(name: str, form: str, made: Made) -> Response:
    """Write the file from one look at the books, put it on the access log, hand it out; nothing of it stays here."""
    file = io.BytesIO()
    with look() as desk:
        rows = _write(file, form, made(desk), desk.zone)
    database.in_transaction(the_engine(), lambda session: _log(session, f"{name}.{form}", rows))
    file.seek(0)
    said = send_file(file, TYPES[form], as_attachment=True, download_name=f"{name}.{form}")
    said.headers["Cache-Control"] = "no-store"
    return said


def _write(file: BinaryIO, form: str, sheets: Sequence[Sheet], zone: ZoneInfo) -> int:
    """How many rows its first sheet has. A csv file is marked as UTF-8, for spreadsheets that would guess."""
    if form == "xlsx":
        xlsx_into(file, sheets, zone)
    else:
        text = io.TextIOWrapper(file, encoding="utf-8", newline="")
        csv_into(text, sheets[0].header, sheets[0].rows, zone, bom=True)
        text.detach()
    return len(list(sheets[0].rows))


def _log(session: Session, name: str, rows: int) -> None:
    line = AccessLog(
        person_id=current_user.person.id,
        kind="export",
        case_code=None,
        purpose=f"download {name}"[:200],
        rows=rows,
        at=now(session),
    )
    session.add(line)
