"""A day of the team at its pages: who leads shows the code, who stands there signs with it, and what came of it is told."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import select

from models import database as databases
from models.days import Presence, Signature
from models.money import Deduction
from models.remembered import History
from tests.web.office.conftest import Office
from workflows.approval import ApprovalFlow
from workflows.office.leave import LeaveFlow
from workflows.office.roster import RosterFlow

ZONE = ZoneInfo("Asia/Shanghai")


def to(office: Office, day: date, hour: int, minute: int = 0) -> None:
    """Move the clock to this time of the company's day."""
    there = datetime(day.year, day.month, day.day, hour, minute, tzinfo=ZONE)
    office.pass_time(seconds=(there - office.now).total_seconds())


def rostered(office: Office) -> date:
    """Mei and lin stand on the roster of a Tuesday to come; it is that morning, half past nine."""
    day = office.now.astimezone(ZONE).date() + timedelta(days=7)
    day += timedelta(days=1 - day.weekday())
    code = office.act("lin", "draft", flow=RosterFlow, week=day)
    for who, spot in (("mei", "万达广场"), ("lin", "人民路口")):
        hours = {"begins": "10:00", "ends": "16:00"}
        office.act("lin", "plan", code, flow=RosterFlow, person=who, spot=spot, tuesday=True, **hours)
    office.act("guo", "approve", office.act("lin", "publish", code, flow=RosterFlow), flow=ApprovalFlow)
    to(office, day, 9, 30)
    return day


def presence(office: Office, name: str) -> Presence:
    with databases.read(office.engine) as session:
        found = session.scalars(select(Presence).where(Presence.person_id == office.ids[name])).one()
        session.expunge_all()
        return found


def test_the_leader_shows_the_code_and_the_member_signs_with_it(office: Office) -> None:
    rostered(office)
    lin, mei = office.seat("lin"), office.seat("mei")
    shown = lin.get("/signing")
    assert "万达广场" in shown
    code = "".join(
        re.findall(r"<h3>万达广场.*?<span>(\d{3})</span> <span>(\d{3})</span>", shown.html, re.S)[0]
    )
    own = mei.get("/signing")
    assert "Spots of today" not in own, "who signs reads the code at the spot"
    case = presence(office, "mei").code
    assert f"/do/presence/{case}/sign_in" in own.html
    form = mei.get(f"/do/presence/{case}/sign_in")
    assert "device" not in form.html.lower().replace("device-width", "")
    wrong = mei.post(f"/do/presence/{case}/sign_in", code="1")
    assert wrong.status == 422
    assert "not the code shown at your spot" in wrong
    unasked = mei.post(f"/do/presence/{case}/sign_in", code=code, place="万达广场东门")
    assert "only kept where you agree" in unasked
    signed = mei.post(f"/do/presence/{case}/sign_in", code=code, place="万达广场东门", agreed="y")
    assert "Signed in" in signed
    assert "万达广场东门" in mei.get(f"/cases/presence/{case}"), "one's own place is read in clear"
    assert "万达广场东门" not in office.seat("zhi").get(f"/cases/presence/{case}"), (
        "others see that it is sealed"
    )
    with databases.read(office.engine) as session:
        row = session.scalars(
            select(History).where(History.flow == "presence", History.event == "sign_in")
        ).one()
        assert "device" not in row.facts
        assert "place" not in row.facts


def test_two_who_sign_in_at_one_browser_are_reported(office: Office) -> None:
    """The browser keeps its mark when the one goes and the other comes."""
    rostered(office)
    codes = {who: presence(office, who).code for who in ("mei", "lin")}
    shown = dict(
        re.findall(
            r"<h3>(\S+) .*?<span>(\d{3})</span> <span>\d{3}", office.seat("lin").get("/signing").html, re.S
        )
    )
    whole = re.findall(r"<span>(\d{3})</span> <span>(\d{3})</span>", office.seat("lin").get("/signing").html)
    digits = dict(zip(shown, ("".join(each) for each in whole), strict=True))
    mei = office.seat("mei")
    mei.post(f"/do/presence/{codes['mei']}/sign_in", code=digits["万达广场"])
    marks = [cookie for cookie in (mei.client.get_cookie("tuoke_device"),) if cookie]
    assert marks
    lin = office.seat("lin")
    lin.client.set_cookie("tuoke_device", marks[0].value)
    lin.post(f"/do/presence/{codes['lin']}/sign_in", code=digits["人民路口"])
    with databases.read(office.engine) as session:
        devices = set(session.scalars(select(Signature.device)))
        assert len(devices) == 1
        assert marks[0].value not in devices, "the mark itself is not kept"
        report = session.scalars(select(Deduction)).one()
        assert (report.state, report.kind) == ("reported", "attendance")
        assert {report.person_id, report.also_id} == {office.ids["mei"], office.ids["lin"]}
        assert report.day == presence(office, "mei").day


def test_who_did_not_come_is_looked_for_and_then_absent(office: Office) -> None:
    day = rostered(office)
    to(office, day, 10, 16)
    assert "Somebody of your team has not signed in" in office.seat("lin").get("/notices")
    to(office, day, 18)
    assert presence(office, "mei").state == "absent"
    assert "A day counts as absent" in office.seat("mei").get("/notices")
    page = office.seat("guo").get("/cases/deduction?state=reported")
    assert "Absent unnoticed" in page


def test_leave_is_asked_for_and_decided_in_the_inbox(office: Office) -> None:
    day = rostered(office)
    mei = office.seat("mei")
    late = mei.post(
        "/do/leave/begin/ask_leave", first_day=str(day), last_day=str(day), kind="sick", reason="发烧"
    )
    assert late.status == 422
    assert "Tell the manager at once" in late
    ahead = str(day + timedelta(days=3))
    asked = mei.post(
        "/do/leave/begin/ask_leave", first_day=ahead, last_day=ahead, kind="sick", reason="家有病人"
    )
    assert "waits for approval" in asked
    assert "家有病人" in office.seat("lin").get("/inbox/beside/" + waiting(office)), "who decides reads why"
    assert "家有病人" not in office.seat("zhi").get(asked_url(asked.html))


def waiting(office: Office) -> str:
    from models.remembered import Approval

    with databases.read(office.engine) as session:
        wanted = select(Approval.code).where(
            Approval.state == "pending", Approval.flow == LeaveFlow.flow_name
        )
        return str(session.scalars(wanted).one())


def asked_url(html: str) -> str:
    found = re.findall(r"<code>(G\w{8})</code>", html)
    return f"/cases/leave/{found[0]}"


def test_hours_are_policy_numbers_shown_as_times_of_day(office: Office) -> None:
    page = office.seat("guo").get("/policy")
    assert "Monday to Friday: begin" in page
    assert "10:00" in page
    draft = office.seat("guo").post(
        "/policy/draft",
        effective_on=str(office.now.date() + timedelta(days=9)),
        why="夏令",
        weekday_begin_minute="8:30",
    )
    assert "10:00 → 08:30" in draft
    wrong = office.seat("guo").post("/policy/draft", effective_on="", why="x", weekday_begin_minute="25:00")
    assert "A time of day is expected" in wrong
