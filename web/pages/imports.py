"""Registers are brought in: sent, shown as they were understood, checked and taken in the background, and answered row by row."""

from __future__ import annotations

import io
from itertools import islice
from pathlib import PurePosixPath, PureWindowsPath
from typing import Any

from flask import Blueprint, Response, abort, request, send_file, url_for
from flask_login import current_user
from sqlalchemy import select
from sqlalchemy.orm import Session

from models import database
from models.notices import AccessLog
from models.people import Person
from models.registers import RegisterImport
from web.app import now, the_engine
from web.pages.asking import STATUS, once
from web.pages.forms import OUTREACH
from web.pages.health import works_now
from web.pages.payouts import TYPES
from web.pages.progress import Progress
from web.pages.sessions import signed_in
from web.pages.show import Desk, look, show
from web.pages.words import locale, said
from workflows import policy
from workflows.engine import Refused
from workflows.lead_facts import CHANNELS
from workflows.registers import background, result
from workflows.registers.background import DONE, DROPPED, Paper
from workflows.registers.reading import BadRow, GoodRow, Register
from workflows.registers.sheets import NotATable, Sent
from workflows.spreadsheet import xlsx_into
from workflows.staff import works
from workflows.views import names
from workflows.words import Text, _

page = Blueprint("imports", __name__)
IMPORTERS = ("manager",)
MOST_BYTES, MOST_ROWS = 5 * 2**20, 20_000
LINES, LISTED = 50, 30
STATES = {
    "checking": _("Being checked"),
    "checked": _("Checked, not started"),
    "running": _("Being imported"),
    "stopped": _("Stopped"),
    "done": _("Finished"),
    "dropped": _("Thrown away"),
}
FIELDS = {
    "name": _("Customer's name"), "phone": _("Mobile phone"), "channel": _("Channel"), "spot": _("Spot"),
    "date": _("Date in the register"), "registrar": _("Registrar"), "team": _("Team"), "intent": _("Intent"),
    "note": _("Note"),
}  # fmt: skip
FORESEEN = {"good": _("Can be imported"), "bad": _("Not possible"), "already": _("There already")}


@page.get("/import")
@signed_in(*IMPORTERS)
def imports() -> Any:
    """Send a register, and those that were sent before."""
    with look() as desk:
        return _page(desk)


def _page(desk: Desk, refusal: Refused | None = None) -> Any:
    before = request.args.get("before", "")
    wanted = select(RegisterImport).order_by(RegisterImport.id.desc()).limit(LISTED + 1)
    if before.isdecimal() and len(before) < 10:
        wanted = wanted.where(RegisterImport.id < int(before))
    found = list(desk.session.scalars(wanted))
    html = show(
        "imports.html",
        imports=found[:LISTED],
        states=STATES,
        names=names(desk.session),
        stand_ins=_stand_ins(desk),
        most=MOST_BYTES // 2**20,
        most_rows=MOST_ROWS,
        typed=request.form,
        refusal=refusal.detail(locale()) if refusal else "",
        errors={k: said(v) for k, v in refusal.errors.items()} if refusal else {},
        first=url_for("imports.imports") if before else None,
        following=url_for("imports.imports", before=found[LISTED - 1].id) if len(found) > LISTED else None,
    )
    return html, STATUS[refusal.code] if refusal else 200


def _stand_ins(desk: Desk) -> list[Person]:
    """Who may capture what no registrar on the staff did: oneself first, then outreach."""
    today = desk.at.astimezone(desk.zone).date()
    people = desk.session.scalars(select(Person).order_by(Person.name))
    outreach = [p for p in people if set(OUTREACH) & set(p.roles) and works(p, today)]
    return [desk.person, *(p for p in outreach if p.id != desk.person.id)]


@page.post("/import")
@signed_in(*IMPORTERS)
def send() -> Any:
    """Read what was sent, and lay it down to be checked."""
    try:
        consent = request.form.get("consent", "").strip()
        name, register = _register()
        rows, how = _rows(register), register.understood()
        _require_consent(consent)

        def work(session: Session) -> tuple[str, str]:
            at = now(session)
            stand_in = _stand_in(session, at)
            paper = Paper(current_user.person.id, stand_in, name, consent, at)
            found = background.lay_down(session, rows, how, paper)
            return url_for("imports.of", import_id=found.id), ""

        return once(work)
    except Refused as refusal:
        with look() as desk:
            return _page(desk, refusal)


def _register() -> tuple[str, Register]:
    """The name of the file and the register in it. Raises `Refused` with a clear word at the file's field."""
    upload = request.files.get("file")
    if upload is None or not upload.filename:
        raise _wrong("file", Text(_("Choose a file.")))
    raw = upload.stream.read(MOST_BYTES + 1)
    if len(raw) > MOST_BYTES:
        raise _wrong("file", Text(_("The file is larger than %(most)s MB."), {"most": MOST_BYTES // 2**20}))
    if not raw:
        raise _wrong("file", Text(_("The file is empty.")))
    name = PureWindowsPath(PurePosixPath(upload.filename).name).name[-120:]
    try:
        register = Register(Sent(PurePosixPath(name).stem, raw))
    except NotATable as wrong:
        raise _wrong("file", wrong.reason) from None
    return name, register


def _rows(register: Register) -> list[GoodRow | BadRow]:
    """Its rows, read before anything is locked. Raises `Refused` where they are too many to be laid down at once."""
    rows = list(islice(register.rows(), MOST_ROWS + 1))
    if len(rows) > MOST_ROWS:
        raise _wrong("file", Text(_("The file has more than %(most)s rows: split it."), {"most": MOST_ROWS}))
    return rows


def _require_consent(consent: str) -> None:
    if not 0 < len(consent) <= 200:
        raise _wrong("consent", Text(_("Name the basis of consent, in 1 to 200 characters.")))


def _stand_in(session: Session, at: Any) -> Person:
    """Who captures the rows whose registrar is not on the staff."""
    named = session.scalar(select(Person).where(Person.name == request.form.get("stand_in", "")))
    fits = named is not None and (named.id == current_user.person.id or set(OUTREACH) & set(named.roles))
    if named is None or not fits or not works(named, at.astimezone(policy.zone(session)).date()):
        raise _wrong("stand_in", Text(_("Choose somebody of outreach, or yourself.")))
    return named


def _wrong(field: str, why: Text) -> Refused:
    return Refused("invalid_data", Text(_("The data are not complete or not right")), errors={field: why})


@page.get("/import/<int(max=2147483647):import_id>")
@signed_in(*IMPORTERS)
def of(import_id: int) -> Any:
    """How far a register is, how it was understood, and what comes or came of each of its rows."""
    with look() as desk:
        found = _found(desk, import_id)
        counts = {"good": found.good, "bad": found.bad, "already": found.already}
        wanted = request.args.get("result", "")
        wanted = wanted if wanted in (*counts, "all") else "bad" if found.bad else "all"
        after = request.args.get("after", "")
        key = int(after) if after.isdecimal() and len(after) < 19 else 0
        rows = list(background.lines(desk.session, found, "" if wanted == "all" else wanted, key, LINES + 1))
        foreseen = background.only_foreseen(desk.session, found)
        here: dict[str, Any] = {"import_id": found.id, "result": wanted}
        return show(
            "import.html",
            found=found,
            state=STATES[found.state],
            progress=Progress.of(found, desk.at),
            idle=found.state in background.UNDER_WAY and not works_now(desk.session, "worker"),
            counts=counts,
            wanted=wanted,
            rows=rows[:LINES],
            forgotten=found.state == DROPPED or (found.state == DONE and found.next_at is None),
            foreseen=foreseen,
            labels=FORESEEN if foreseen else result.RESULTS,
            fields=FIELDS,
            channels=CHANNELS,
            names=names(desk.session),
            locale_now=locale(),
            first=url_for("imports.of", **here) if key else None,
            following=url_for("imports.of", **here, after=rows[LINES - 1][0]) if len(rows) > LINES else None,
        )


@page.get("/import/<int(max=2147483647):import_id>/news")
@signed_in(*IMPORTERS)
def news(import_id: int) -> Any:
    """How far it is now, for a page that looks again by itself."""
    with look() as desk:
        found = _found(desk, import_id)
        progress = Progress.of(found, desk.at)
        return {
            "state": found.state,
            "done": progress.done,
            "total": found.total,
            "good": found.good,
            "bad": found.bad,
            "already": found.already,
            "line": progress.line(),
            "idle": not works_now(desk.session, "worker"),
        }


def _found(desk: Desk, import_id: int) -> RegisterImport:
    return desk.session.get(RegisterImport, import_id) or abort(404)


@page.post("/import/<int(max=2147483647):import_id>/<act>")
@signed_in(*IMPORTERS)
def change(import_id: int, act: str) -> Any:
    """Start it or go on, stop it, or throw it away."""
    if act not in ("start", "stop", "throw_away"):
        abort(404)

    def work(session: Session) -> tuple[str, str]:
        at = now(session)
        if act == "start":
            background.start(session, import_id, current_user.person.id, at)
        elif act == "stop":
            background.stop(session, import_id, at)
        else:
            background.throw_away(session, import_id, at)
            return url_for("imports.imports"), said(_("Thrown away: nothing of it was imported."))
        return url_for("imports.of", import_id=import_id), ""

    return once(work)


@page.get("/import/<int(max=2147483647):import_id>/result.xlsx")
@signed_in(*IMPORTERS)
def answer(import_id: int) -> Response:
    """The answer to a register as a workbook: one line per row, its code or the one reason why it is none. On the access log."""
    file = io.BytesIO()
    with look() as desk:
        found = _found(desk, import_id)
        if found.state != DONE or found.next_at is None:
            abort(404)
        told = ((line, outcome) for _key, line, outcome in background.lines(desk.session, found))
        xlsx_into(file, [result.table(told, locale())], desk.zone)
        total = found.total
    database.in_transaction(the_engine(), lambda session: _log(session, import_id, total))
    file.seek(0)
    name = f"import-{import_id}-result.xlsx"
    return send_file(file, TYPES["xlsx"], as_attachment=True, download_name=name)


def _log(session: Session, import_id: int, rows: int) -> None:
    line = AccessLog(
        person_id=current_user.person.id,
        kind="export",
        purpose=f"result of import {import_id}",
        rows=rows,
        at=now(session),
    )
    session.add(line)
