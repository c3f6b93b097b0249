"""A promise made to a customer: begun from the lead's page, seen there by whoever has the customer, and read by nobody else."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select

from models import database as databases
from models.promises import Promise
from models.remembered import Approval, History
from tests.web.office.conftest import Office
from workflows.approval import ApprovalFlow
from workflows.erasing import Erasure, erase
from workflows.office.promise import PromiseFlow
from workflows.verify import verify

SAID = "送王先生的母亲一台轮椅"


def promised(office: Office, lead: str, who: str = "mei", **more: Any) -> str:
    due = (office.now + timedelta(days=3)).isoformat()
    facts = {"lead": lead, "kind": "gift", "promised": SAID, "due_at": due} | more
    return str(office.act(who, "make", flow=PromiseFlow, **facts))


def panel(page: Any) -> str:
    return str(page.text.partition("Belongs to this lead")[2].partition("Whose it is, and why")[0])


def test_a_promise_is_begun_from_the_page_of_the_lead_and_stands_there(office: Office) -> None:
    code, mei = office.screened(), office.seat("mei")
    page = mei.get(f"/leads/{code}")
    assert "Nothing promised yet" in panel(page)
    found = re.findall(r'href="(/do/promise/begin/make[^"]*)"', page.html)[0].replace("&amp;", "&")
    form = mei.get(found)
    assert f'value="{code}"' in form.html
    assert "hua · B" in form.html, "anybody who deals with customers may keep it"
    assert "fei" not in form.html
    due = (office.now + timedelta(days=3)).astimezone(ZoneInfo("Asia/Shanghai"))
    facts: dict[str, Any] = {
        "lead": code,
        "kind": "answer",
        "promised": SAID,
        "due_at": f"{due:%Y-%m-%dT%H:%M}",
    }
    assert f'name="next" value="/leads/{code}"' in form.html
    told = panel(mei.post("/do/promise/begin/make", next=f"/leads/{code}", **facts))
    assert "Given" in told
    assert SAID in told
    assert "2 d 23 h left" in told
    assert "Kept by mei" in told


def test_who_reads_what_was_promised(office: Office) -> None:
    """Like the notes of the lead: whoever reads the customer in clear; and whoever keeps it, whosever the customer is."""
    lead = office.screened()
    code = promised(office, lead, owner="hua")
    for reader in ("mei", "lin", "guo", "sun"):
        assert SAID in office.seat(reader).get(f"/leads/{lead}"), reader
    for reader in ("desk", "fei", "zhi"):
        page = office.seat(reader).get(f"/leads/{lead}")
        assert code in page, reader
        assert SAID not in page, reader
        own = office.seat(reader).get(f"/cases/promise/{code}")
        assert SAID not in own, reader
        assert "not shown to your role" in own, reader
    assert SAID in office.seat("hua").get(f"/cases/promise/{code}")
    assert office.seat("hua").get(f"/leads/{lead}").status == 404
    assert office.seat("c1").get(f"/cases/promise/{code}").status == 404
    assert office.seat("root").get(f"/cases/promise/{code}").status == 404


def test_what_costs_money_waits_for_the_sales_manager(office: Office) -> None:
    lead = office.screened()
    code = promised(office, lead, kind="discount", amount_fen=500_000)
    assert "Proposed" in panel(office.seat("mei").get(f"/leads/{lead}"))
    inbox = office.seat("sun").get("/inbox")
    assert "Promise: Have it approved" in inbox
    assert SAID in inbox
    assert "¥5,000.00" in inbox
    with databases.read(office.engine) as session:
        asked = session.scalars(select(Approval.code).where(Approval.case_code == code)).one()
    office.act("sun", "approve", asked, flow=ApprovalFlow)
    page = office.seat("mei").get(f"/cases/promise/{code}")
    assert "Given" in page
    assert "Reminder to keep the promise" in page


def test_an_overdue_promise_is_told_to_whoever_keeps_it_and_the_manager(office: Office) -> None:
    promised(office, office.screened())
    office.pass_time(days=2, hours=1)
    assert "A promise to a customer is due soon." in office.seat("mei").get("/notices")
    assert "due soon" not in office.seat("guo").get("/notices")
    office.pass_time(days=1)
    for reader in ("mei", "guo"):
        assert "A promise to a customer is overdue." in office.seat(reader).get("/notices"), reader
    assert "overdue" not in office.seat("sun").get("/notices")
    office.pass_time(days=3)
    assert "long overdue: see that it is kept." in office.seat("sun").get("/notices")


def test_what_was_promised_is_forgotten_with_the_customer(office: Office) -> None:
    lead = office.screened()
    code = promised(office, lead)
    office.act("mei", "release", code, flow=PromiseFlow, reason="王先生不要了")
    with databases.begin(office.engine) as session:
        erase(session, Erasure(lead, office.now))
    with databases.read(office.engine) as session:
        kept = session.scalars(select(Promise).where(Promise.code == code)).one()
        assert (kept.promised, kept.reason, kept.state) == (None, None, "released")
        assert not [r for r in session.scalars(select(History).where(History.case_code == code)) if r.private]
        assert verify(session, office.now).clean


def test_the_case_file_tells_of_promises_too(office: Office) -> None:
    lead = office.screened()
    code = promised(office, lead)
    office.act("mei", "keep", code, flow=PromiseFlow, note="已送到")
    page = office.seat("mei").get(f"/leads/{lead}?part=cases")
    story = page.text.partition("What happened")[2]
    assert "Promise: Record a promise" in story
    assert "Promise: Keep" in story
    assert "已送到" in story
    assert "Capture" not in story.partition("Where it stands")[0]
