"""A register through the pages: sent, checked, started, taken in the background once, and answered row by row."""

from __future__ import annotations

import json
import logging
from io import BytesIO
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from sqlalchemy import func, select, text

from models import database as databases
from models.leads import Lead
from models.registers import RegisterImport, RegisterRow
from tests.files import registers
from tests.web.office.conftest import BOTH, Office, Page, Seat
from workers.clock import waiting_now
from workers.draining import drain_due
from workers.leading import Time
from workflows.registers import background, taking
from workflows.registers.reading import read_register
from workflows.registers.taking import Terms, bring

GOOD = 40
BAD = registers.bad_among(GOOD)


@pytest.fixture
def register(tmp_path: Path) -> bytes:
    return registers.messy_workbook(tmp_path / "三月.xlsx", GOOD).read_bytes()


def send(seat: Seat, raw: bytes, name: str = "三月.xlsx", **more: Any) -> Page:
    fields = {"consent": "当面同意", "stand_in": "guo"} | more
    return seat.post("/import", file=(BytesIO(raw), name), **fields)


def found(office: Office) -> RegisterImport:
    with databases.read(office.engine) as session:
        row = session.scalars(select(RegisterImport).order_by(RegisterImport.id.desc())).first()
        assert row is not None
        session.expunge(row)
        return row


def leads(office: Office) -> int:
    with databases.read(office.engine) as session:
        return session.scalar(select(func.count()).select_from(Lead)) or 0


def batch(office: Office) -> int:
    return background.carry_on(office.engine, office.now, 25)


def test_the_preview_says_what_the_command_says_and_writes_nothing(
    office: Office, register: bytes, tmp_path: Path, timezone: Any
) -> None:
    office.act("mei", "capture", name="王", phone=registers.phone(3), channel="flyer", consent=True)
    guo = office.seat("guo")
    page = send(guo, register)
    assert "Being checked" in page
    drain_due(office.engine, office.now)
    rows = list(read_register(tmp_path / "三月.xlsx"))
    dry = bring(office.engine, rows, Terms(office.now, timezone, "当面同意", "guo", dry=True))
    told = found(office)
    assert (told.state, told.good, told.bad, told.already) == (
        "checked", dry.count("would"), dry.count("bad"), dry.count("already"),
    )  # fmt: skip
    assert leads(office) == 1
    page = guo.get(f"/import/{told.id}")
    assert "Nothing is written yet" in page
    first = next(o.reason for o in dry.outcomes.values() if o.result == "bad")
    assert str(first) in page, "every bad row has its reason"
    assert "电话" in page
    assert "Mobile phone" in page, "what the columns were taken for"
    assert registers.phone(1) not in guo.get(f"/import/{told.id}?result=all").html


@BOTH
def test_a_worker_that_dies_between_two_batches_loses_nothing_and_doubles_nothing(
    office: Office, register: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    guo = office.seat("guo")
    send(guo, register)
    drain_due(office.engine, office.now)
    assert "Stop" in guo.post(f"/import/{found(office).id}/start")
    assert batch(office) == 1
    assert leads(office) == found(office).good == 25

    class Dead(BaseException):
        pass

    def dies(*_: Any) -> None:
        raise Dead

    with monkeypatch.context() as fate:
        fate.setattr(background, "_count", dies)
        with pytest.raises(Dead):
            batch(office)
    assert leads(office) == found(office).good == 25, "the batch was undone as a whole"
    told = json.loads(guo.get(f"/import/{found(office).id}/news").html)
    assert (told["state"], told["done"], told["good"]) == ("running", 25 + BAD, 25)

    guo.post(f"/import/{found(office).id}/stop")
    drain_due(office.engine, office.now)
    assert leads(office) == 25, "stopped is stopped"
    guo.post(f"/import/{found(office).id}/start")
    drain_due(office.engine, office.now)
    end = found(office)
    assert (end.state, end.good, end.bad, end.already) == ("done", GOOD, BAD, 0)
    assert leads(office) == GOOD
    with databases.read(office.engine) as session:
        given = select(func.count()).select_from(RegisterRow).where(RegisterRow.given.is_not(None))
        assert session.scalar(given) == 0, "what the rows said is forgotten"
    answer = guo.client.get(f"/import/{end.id}/result.xlsx")
    sheet: Any = openpyxl.load_workbook(BytesIO(answer.data)).active
    refused = [row for row in sheet.iter_rows(min_row=2, values_only=True) if row[2] == "Not imported"]
    assert len(refused) == BAD
    assert all(row[4] for row in refused)

    send(guo, register)
    drain_due(office.engine, office.now)
    again = found(office)
    assert (again.good, again.already) == (0, GOOD), "the same register again adds nothing"
    office.pass_time(days=2)
    with databases.read(office.engine) as session:
        left = select(func.count()).select_from(RegisterRow).where(RegisterRow.import_id == again.id)
        assert session.scalar(left) == 0, "what nobody starts is forgotten"
    assert "forgotten" in guo.get(f"/import/{again.id}")


def test_a_small_register_does_not_wait_behind_a_long_one(office: Office, register: bytes) -> None:
    guo = office.seat("guo")
    send(guo, register)
    batch(office)
    send(guo, "姓名,电话,渠道\n赵,13755550001,来电\n".encode(), "small.csv")
    batch(office)
    assert (found(office).state, found(office).good) == ("checked", 1)


def test_what_is_stopped_and_left_alone_is_closed_with_what_was_taken(
    office: Office, register: bytes
) -> None:
    guo = office.seat("guo")
    send(guo, register)
    drain_due(office.engine, office.now)
    own = f"/import/{found(office).id}"
    guo.post(f"{own}/start")
    batch(office)
    assert "What was imported stays." in guo.post(f"{own}/stop")
    office.pass_time(days=2)
    end = found(office)
    assert (end.state, end.good, end.bad) == ("done", 25, BAD + GOOD - 25)
    assert "The import stopped before this row." in guo.get(own)
    assert leads(office) == 25
    office.pass_time(days=31)
    assert "The rows are forgotten by now" in guo.get(own)


def test_what_breaks_is_tried_later_and_then_waits_for_somebody(
    office: Office, register: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    guo = office.seat("guo")
    send(guo, register)
    with monkeypatch.context() as broken:
        broken.setattr(taking, "facts", lambda *_: 1 / 0)
        for _try in range(background.TRIES):
            office.pass_time(minutes=1)
    assert (found(office).state, found(office).error or "") > ("stopped", "ZeroDivisionError")
    assert "Nothing is written yet." in guo.get(f"/import/{found(office).id}")
    guo.post(f"/import/{found(office).id}/start")
    drain_due(office.engine, office.now)
    assert (found(office).state, found(office).good) == ("checked", GOOD)


def test_rubbish_is_refused_with_a_clear_word(
    office: Office, register: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    guo = office.seat("guo")
    bomb = registers.workbook(
        tmp_path / "b.xlsx", {"s": [registers.HEADER, *[["0" * 2000] * 8] * 300]}
    ).read_bytes()
    with monkeypatch.context() as limit:
        limit.setattr("workflows.registers.sheets.MAX_UNPACKED", 1_000_000)
        bombed = send(guo, bomb)
        limit.setattr("web.pages.imports.MOST_BYTES", 2**18)
        too_large = send(guo, b"x" * (2**18 + 1))
        limit.setattr("web.pages.imports.MOST_ROWS", GOOD)
        too_long = send(guo, register)
    for page, word in (
        (send(guo, b""), "The file is empty."),
        (send(guo, b"\x89PNG\r\n\x00\x00"), "neither"),
        (send(guo, b"PK\x03\x04 no archive"), "damaged"),
        (send(guo, "姓名,地址\n王,上海\n".encode()), "No header row with a phone column"),
        (too_large, "The file is larger than"),
        (too_long, "split it"),
        (bombed, "too large when unpacked"),
        (send(guo, register, consent=" "), "Name the basis of consent"),
        (send(guo, register, stand_in="c1"), "Choose somebody of outreach"),
        (guo.post("/import", consent="x", stand_in="guo"), "Choose a file."),
    ):
        assert page.status == 422, word
        assert word in page
    office.app.config["MAX_CONTENT_LENGTH"] = 2**18
    assert send(guo, b"x" * (2**18 + 1)).status == 413
    assert "No register has been sent yet." in guo.get("/import")


def test_only_managers_import(office: Office, register: bytes) -> None:
    send(office.seat("guo"), register)
    own = f"/import/{found(office).id}"
    for name in ("mei", "lin", "sun", "desk", "zhi", "root"):
        seat = office.seat(name)
        assert "/import" not in seat.get("/").html
        for path in ("/import", own, f"{own}/news", f"{own}/result.xlsx"):
            assert seat.get(path).status == 403, (name, path)
        assert seat.post(f"{own}/start").status == 403
        assert send(seat, register).status == 403
    assert found(office).state == "checking"


def test_nothing_personal_lies_in_clear(
    office: Office, register: bytes, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    guo = office.seat("guo")
    send(guo, register)
    drain_due(office.engine, office.now)
    guo.post(f"/import/{found(office).id}/start")
    with databases.read(office.engine) as session:
        waiting = waiting_now(session, Time(office.now))
        assert waiting["tuoke"] == 1, "the clock knocks for it, by a number"
        kept = str(session.execute(text("SELECT * FROM register_row")).all())
        kept += str(session.execute(text("SELECT * FROM register_import")).all())
    seen = kept + caplog.text + "".join(capsys.readouterr())
    assert registers.phone(1) not in seen
    assert "王0" not in seen
    assert "三月" not in seen
