"""The case file of a lead: whose it is and why, who was told, what money followed; each as far as its reader may know."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from models import database as databases
from models.remembered import Approval
from tests.web.office.conftest import Office
from workflows.approval import ApprovalFlow
from workflows.engine import PUBLIC, Ask, take
from workflows.lead import LeadFlow
from workflows.money.quota import QuotaFlow

CONTRACT = {"units": 1, "contract_no": "HT-1", "amount_fen": 150_000_000}


def whose(office: Office, who: str, code: str) -> str:
    page = office.seat(who).get(f"/leads/{code}").text
    return page.partition("Whose it is, and why ")[2].partition("What is known")[0]


@pytest.fixture
def taken_over(office: Office) -> str:
    """Brought by mei, received by c1, ten days without a deal, taken over by hua of the other team."""
    office.join("c1")
    code = office.assigned("mei")
    office.pass_time(days=11)
    asked = office.act("guo", "reclaim", code, callback="仍有意向", holder="hua")
    office.act("sun", "approve", asked, flow=ApprovalFlow)
    return code


def test_whose_a_lead_is_changes_with_what_happens_and_says_why(office: Office) -> None:
    office.join("c1")
    code = office.screened()
    assert "Yours: you brought this customer." in whose(office, "mei", code)
    assert "A deal now would earn mei the bonus, who brought the customer." in whose(office, "mei", code)
    office.act("desk", "visit", code)
    assert "Waiting for you: this customer is offered to you." in whose(office, "c1", code)
    office.act("c1", "accept", code, signature="c1")
    assert "You brought this customer; c1 looks after it now." in whose(office, "mei", code)
    assert "Yours: you look after this customer." in whose(office, "c1", code)
    told = whose(office, "guo", code)
    assert "mei brought this customer; c1 looks after it now." in told
    assert "mei registered the customer first, and so is its promoter." in told
    assert "c1 received the customer in turn and signed" in told
    assert told.index("S20 (三)5") < told.index("S20 (三)6")


def test_who_takes_over_for_outreach_would_earn_the_deal(office: Office, taken_over: str) -> None:
    told = whose(office, "hua", taken_over)
    assert "guo called back and sun agreed: hua of outreach looks after it to the end." in told
    assert "A deal now would earn hua the bonus: whoever takes the customer over" in told
    office.act("hua", "release", taken_over, reason="暂不考虑")
    assert "It lies in the pool now, for whoever claims it." in whose(office, "mei", taken_over)
    told = whose(office, "hua", taken_over)
    assert "Nobody's: it lies in the pool" in told
    assert "hua gave it back to the pool." in told
    assert "A deal now would earn mei the bonus" in told


def test_a_web_form_is_nobodys_and_a_partners_deal_is_paid_otherwise(office: Office) -> None:
    partner = office.screened(channel="partner")
    assert "a deal is paid by the partner's agreement" in whose(office, "mei", partner)
    facts = {"name": "李", "phone": "13955556666", "channel": "online", "consent": True}
    with databases.begin(office.engine) as session:
        lead = take(session, Ask(LeadFlow, "capture", PUBLIC, office.now, facts=facts)).case.code
    told = whose(office, "guo", lead)
    assert "Nobody's yet: it was left on the web form." in told
    assert "Nobody brought the customer, so nobody earns a deal bonus." in told


def test_everything_stands_in_one_column_as_far_as_one_may_know(office: Office) -> None:
    office.join("c1")
    month = f"{office.now + timedelta(hours=8):%Y-%m}"
    office.act("guo", "propose", flow=QuotaFlow, person="mei", month=month, call_visits=0, visits=1)
    with databases.read(office.engine) as session:
        asked = session.scalars(select(Approval.code).where(Approval.flow == "quota")).one()
    office.act("sun", "approve", asked, flow=ApprovalFlow)
    within, beyond = office.assigned("mei"), office.assigned("mei")
    office.pass_time(minutes=1)
    mei = office.seat("mei")
    page = mei.get(f"/leads/{beyond}")
    assert "Bonus for a visit: ¥50.00" in page
    assert f"/statement/{office.ids['mei']}/{month}#line-visit-{beyond}" in page.html
    page = mei.get(f"/leads/{within}")
    assert "The visit earns no bonus" in page
    assert "within the quota of 1" in page
    assert "The visit is confirmed; the consultant has signed." in page
    assert "A customer is offered to you" not in mei.get(f"/leads/{within}?part=messages"), "told to c1 alone"
    overseen = office.seat("guo").get(f"/leads/{within}?part=messages")
    assert "A customer is offered to you" in overseen
    assert "c1 not read yet" in overseen
    assert "Bonus for a visit" not in office.seat("c1").get(f"/leads/{beyond}"), "another's money"
    assert "Bonus for a visit" not in mei.get(f"/leads/{beyond}?part=steps")


def test_a_decider_is_told_what_speaks_against_it(office: Office) -> None:
    office.join("c1")
    first, second = office.assigned(), office.assigned()
    for code in (first, second):
        office.act("c1", "deal", code, **CONTRACT)
    office.act("zhi", "expose", first, evidence="接电话的人说从未看过房")
    page = office.seat("sun").get("/inbox")
    assert page.text.count("Another deal that waits has the same contract number.") == 2
    assert "“Deal” waits for the same case, asked by c1." in page
    assert "“Expose” waits for the same case, asked by zhi." in page
    assert page.text.count("waits for the same case") == 2


def test_a_leader_is_told_that_the_own_team_asks(office: Office, taken_over: str) -> None:
    office.act("hua", "release", taken_over, reason="暂不考虑")
    office.act("mei", "claim", taken_over)
    office.act("c1", "lose", office.assigned(), reason="在隔壁楼盘认购了")
    office.act("mei", "lose", taken_over, reason="在隔壁楼盘认购了")
    assert office.seat("lin").get("/inbox").text.count("Asked for by your own team.") == 1


def test_a_customer_who_was_anothers_before_and_a_promoter_who_cheated(office: Office) -> None:
    office.join("c1")
    phone = "13700009999"
    facts: dict[str, Any] = {"name": "王先生", "phone": phone, "channel": "flyer", "consent": True}
    code = office.act("mei", "capture", **facts)
    asked = office.act("zhi", "expose", code, evidence="空号, 与登记姓名不符")
    office.act("sun", "approve", asked, flow=ApprovalFlow)
    again = office.act("hua", "capture", **facts)
    office.act("hua", "screen", again, demand="三房", intent="A")
    office.act("hua", "extend", again, days=3, reason="出差")
    page = office.seat("sun").get("/inbox")
    assert f"The same phone was mei's customer before ({code})." in page
    assert "found to be false before" not in page, "hua's leads were true"
    mine = office.screened("mei")
    office.act("mei", "extend", mine, days=3, reason="出差")
    assert "Leads of mei found to be false before: 1." in office.seat("sun").get("/inbox")
