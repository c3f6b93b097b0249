"""Arrival codes: shown on the promoter's phone, read at the desk; once, for ten minutes, at their own project."""

from __future__ import annotations

import re
from typing import Any

import pytest
import segno
from sqlalchemy import delete, select

from models import database as databases
from models.arrivals import ArrivalPass
from models.people import Project
from tests.web.office.conftest import Office, Page
from web.pages import reception
from web.pages.arrival import token_of
from web.pages.passwords import Patience
from workflows import staff
from workflows.engine import Ask, take
from workflows.lead import LeadFlow


@pytest.fixture(autouse=True)
def _fresh_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reception, "patience", Patience(per_name=8, per_place=60))


def shown(office: Office, code: str, by: str = "mei") -> tuple[str, str]:
    """The six digits and the address of the QR that this page shows."""
    page = office.seat(by).post(f"/leads/{code}/arrival")
    assert page.status == 200
    digits = re.sub(
        r"\D", "", re.findall(r'class="digits num".*?</p>', page.html, re.DOTALL)[0].split(">", 1)[1]
    )
    with databases.read(office.engine) as session, office.app.app_context():
        key = session.scalars(select(ArrivalPass.key).order_by(ArrivalPass.id.desc())).first() or ""
        path = f"/arrive/{token_of(key)}"
    drawn = segno.make(f"http://localhost{path}", error="m", micro=False).svg_inline(
        border=4, omitsize=True, svgclass="qr", lineclass=None, dark="#000", light="#fff"
    )
    assert drawn in page.html
    assert "style=" not in page.html
    return digits, path


def arrive(office: Office, page: Page, code: str, **more: Any) -> Page:
    """Tap the number of people on what the desk sees."""
    token = re.findall(r'name="pass" value="([^"]+)', page.html)[0]
    return office.seat("desk").post(
        f"/reception/arrived/{code}", **{"party_size": "2", "pass": token, **more}
    )


@pytest.mark.parametrize("way", ["digits", "camera"])
def test_the_desk_reads_the_code_sees_who_it_is_and_marks_the_arrival(office: Office, way: str) -> None:
    office.join("c1")
    office.screened("hua")
    code = office.screened("mei")
    digits, path = shown(office, code)
    desk = office.seat("desk")
    spelled = f" {digits[:3]} {digits[3:]}".translate(str.maketrans("0123456789", "０１２３４５６７８９"))
    page = desk.post("/reception/find", q=spelled) if way == "digits" else desk.get(path)
    assert "The arrival code is right" in page
    assert "王先生 138****0002" in page
    assert office.lead(code).state == "screened", "looking changes nothing"
    assert "offered to c1" in arrive(office, page, code)
    assert (office.lead(code).state, office.lead(code).party_size) == ("visited", 2)
    assert "Arrived" in office.seat("mei").get(f"/leads/{code}/arrival")
    assert "used before" in desk.post("/reception/find", q=digits)
    assert (desk.get(path).status, "used before" in desk.get(path)) == (422, True)
    assert arrive(office, page, code).status in (409, 422)


def test_a_code_runs_out_and_a_newer_one_takes_its_place(office: Office) -> None:
    code, other = office.screened(), office.screened()
    old, old_path = shown(office, code)
    digits, path = shown(office, code)
    desk = office.seat("desk")
    if old != digits:
        assert "no such arrival code" in desk.post("/reception/find", q=old)
    assert desk.get(old_path).status == 422
    page = desk.get(path)
    assert arrive(office, page, other).status == 422, "it is this customer's, not another's"
    assert office.lead(other).state == "screened"
    office.pass_time(minutes=10)
    assert "has run out" in desk.post("/reception/find", q=digits)
    assert "has run out" in desk.get(path)
    assert "has run out" in arrive(office, page, code)
    assert office.lead(code).state == "screened"
    assert "Show a new code" in office.seat("mei").get(f"/leads/{code}/arrival")
    assert office.seat("desk").post(f"/reception/arrived/{code}", party_size="1").status == 200, (
        "by phone, as ever"
    )


def test_a_code_is_for_its_own_project(office: Office) -> None:
    with databases.begin(office.engine) as session:
        session.add(Project(code="hill", name="××山庄"))
        session.flush()
        mei = staff.actor_named(session, "mei")
        facts: dict[str, Any] = {"name": "周", "phone": "13900000077", "channel": "flyer", "consent": True}
        code = take(session, Ask(LeadFlow, "capture", mei, office.now, facts=facts, project="hill")).case.code
    office.act("mei", "screen", code, demand="三房", intent="A")
    digits, path = shown(office, code)
    desk = office.seat("desk")
    assert "no such arrival code" in desk.post("/reception/find", q=digits)
    assert "for another project" in desk.get(path)


def test_who_may_show_and_who_may_read(office: Office) -> None:
    code = office.screened("mei")
    _digits, path = shown(office, code, "lin")
    assert {who: office.seat(who).get(path).status for who in ("desk", "sun", "mei", "c1", "root")} == {
        "desk": 200, "sun": 200, "mei": 403, "c1": 403, "root": 403,
    }  # fmt: skip
    assert {who: office.seat(who).post(f"/leads/{code}/arrival").status for who in ("hua", "guo", "desk", "c1")} == {
        "hua": 404, "guo": 200, "desk": 403, "c1": 403,
    }  # fmt: skip
    assert office.seat("hua").get(f"/leads/{code}/arrival").status == 404
    assert "Arrival code" in office.seat("mei").get(f"/leads/{code}")
    assert "Arrival code" not in office.seat("desk").get(f"/leads/{code}")
    fresh = office.act("mei", "capture", name="李", phone="13900000078", channel="flyer", consent=True)
    assert office.seat("mei").post(f"/leads/{fresh}/arrival").status == 409
    door = office.app.test_client().get(path)
    assert door.status_code == 302
    assert "王" not in path + door.headers["Location"]
    forged = path[:-2] + ("AA" if path[-2:] != "AA" else "BB")
    assert office.seat("desk").get(forged).status == 422


def test_guessing_is_slowed_down(office: Office) -> None:
    code = office.screened()
    digits, _path = shown(office, code)
    desk = office.seat("desk")
    wrong = [f"{(int(digits) + n) % 10**6:06d}" for n in range(1, 9)]
    assert {desk.post("/reception/find", q=each).status for each in wrong} == {422}
    slowed = desk.post("/reception/find", q=digits)
    assert (slowed.status, "Too many wrong arrival codes" in slowed) == (429, True)
    assert int(slowed.headers["Retry-After"]) > 0
    assert "王先生" in desk.post("/reception/find", q="13800000001"), "a whole number is still found"


def test_digits_are_sealed_and_mean_one_customer(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    one, two = office.screened(), office.screened()
    drawn = iter([123456, 123456, 654321])
    monkeypatch.setattr("workflows.arrival.secrets.randbelow", lambda most: next(drawn))
    assert shown(office, one)[0] == "123456"
    assert shown(office, two)[0] == "654321", "what another shows is drawn again"
    with office.engine.connect() as connection:
        stored = str(connection.exec_driver_sql("SELECT digits, digits_index, key FROM arrival_pass").all())
    assert "123456" not in stored
    with databases.begin(office.engine) as session:
        session.execute(delete(ArrivalPass))
