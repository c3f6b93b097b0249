"""A day of the office, each role at its own screen: on a phone and at a desk, in Chinese and English, with scripts and without.
What one of them does the next one finds; at the end the money is on the promoter's statement."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from playwright.sync_api import Browser, Page
from sqlalchemy import select

from models import database as databases
from models.leads import Lead
from models.notices import AccessLog
from models.people import Person
from models.remembered import Approval
from tests.web.browsing import DESK, IN_A_BROWSER, PHONE, Visitor, address, browser
from tests.web.office.conftest import Office
from workers.draining import drain_due
from workflows.words import say

__all__ = ["address", "browser"]

pytestmark = IN_A_BROWSER


class Day:
    """The screens of one day, in one language and size. `sit(name)` signs somebody in; `says` translates a label."""

    def __init__(
        self, browser: Browser, address: str, office: Office, language: str, size: Any, script: bool
    ):
        self.office, self.language, self.script, self.size = office, language, script, size
        self.browser, self.address = browser, address
        self.complaints: list[str] = []
        self.visitors: dict[str, Visitor] = {}

    def says(self, text: str, **values: Any) -> str:
        return say(text, self.language, **values)

    def sit(self, name: str) -> Visitor:
        if name not in self.visitors:
            self.visitors[name] = Visitor(
                self.browser, self.address, name, self.language, self.size, self.script
            )
        return self.visitors[name]

    def press(self, page: Page, text: str) -> None:
        page.locator("main").get_by_role("button", name=self.says(text), exact=True).first.click()

    def settle(self) -> None:
        drain_due(self.office.engine, self.office.now)

    def one(self, what: Any) -> Any:
        with databases.read(self.office.engine) as session:
            return session.scalars(what).one()

    def end(self) -> list[str]:
        return [complaint for visitor in self.visitors.values() for complaint in visitor.complaints]


@pytest.mark.long
@pytest.mark.parametrize(
    ("language", "size", "script"),
    [("zh", PHONE, True), ("en", DESK, False), ("en", PHONE, False)],
    ids=["zh-phone", "en-desk-without-scripts", "en-phone-without-scripts"],
)
def test_the_day_of_each_role(
    browser: Browser, address: str, office: Office, language: str, size: Any, script: bool
) -> None:
    office.join("c1")
    day = Day(browser, address, office, language, size, script)
    code = promoter_registers_and_screens(day)
    reception_lets_in(day, code)
    consultant_signs_and_asks_for_the_deal(day, code)
    manager_sets_a_quota(day)
    leader_agrees_to_a_loss(day)
    sales_manager_decides_what_waits(day, code)
    promoter_sees_the_deal_and_the_money(day, code)
    finance_reads_the_statement(day)
    auditor_reads_in_clear_for_a_purpose(day, code)
    administrator_adds_somebody(day)
    assert day.end() == []


def promoter_registers_and_screens(day: Day) -> str:
    """Half a minute on the street, the same phone again, and the first talk."""
    mei = day.sit("mei")
    page = mei.go("/register")
    page.fill("#phone", "138 1234 5678")
    page.fill("#name", "王先生")
    if day.script:
        page.locator("#phone-answer", has_text=day.says("Can be registered.")).wait_for()
    page.locator(".pick").first.click()
    page.locator("#consent").check()
    day.press(page, "Register")
    assert day.says("Registered") in page.locator(".saved").inner_text()
    if day.script:
        page.fill("#phone", "13812345678")
        page.fill("#name", "王")
        page.locator("#phone-answer .error").wait_for()
        assert "mei" not in page.locator("#phone-answer").inner_text()
    code = str(day.one(select(Lead.code)))
    mei.go(f"/leads/{code}")
    mei.press(day.says("Screen"))
    page.fill("#demand", "三房，南向")
    page.locator(".pick", has_text="A").first.click()
    page.fill("#budget_fen", "300万")
    mei.press(day.says("Screen"))
    assert "¥3,000,000" in page.inner_text("main")
    assert day.says("Yours: you brought this customer.") in page.locator(".standing").inner_text()
    return code


def reception_lets_in(day: Day, code: str) -> None:
    """Two taps: arrived, and with how many."""
    page = day.sit("desk").go("/reception")
    page.get_by_text(day.says("Arrived"), exact=True).first.click()
    page.get_by_role("button", name="3", exact=True).click()
    assert "c1" in page.locator(".arrived").inner_text()
    assert day.office.lead(code).party_size == 3


def consultant_signs_and_asks_for_the_deal(day: Day, code: str) -> None:
    c1 = day.sit("c1")
    page = c1.go("/")
    c1.press(day.says("Accept and sign"))
    page.fill("#signature", "c1")
    c1.press(day.says("Accept and sign"))
    c1.go(f"/leads/{code}")
    doing = page.locator(".doing a[role=button]")
    doing.filter(has_text=day.says("Follow up")).click()
    page.fill("#note", "约周六看样板间")
    c1.press(day.says("Follow up"))
    doing.filter(has_text=day.says("Deal")).click()
    for name, value in {"units": "1", "contract_no": "HT-1", "amount_fen": "3,125,000"}.items():
        page.fill(f"#{name}", value)
    c1.press(day.says("Ask for approval"))
    assert day.office.lead(code).state == "assigned"
    day.settle()


def manager_sets_a_quota(day: Day) -> None:
    guo = day.sit("guo")
    page = guo.go("/money")
    page.locator("a[href*='/quota/begin/']").first.click()
    page.select_option("#person", "hua")
    page.fill("#call_visits", "2")
    page.fill("#visits", "4")
    month = page.locator("#month")
    if month.input_value() == "":
        month.fill(f"{day.office.now + timedelta(hours=8):%Y-%m}")
    guo.press(day.says("Propose"))
    assert "hua" in page.inner_text("main")
    assert day.one(select(Approval.state).where(Approval.flow == "quota")) == "pending"
    page = guo.go("/pipeline")
    assert "¥" not in page.locator(".board").inner_text()
    assert page.locator(".column[data-state=assigned] .card").count() == 1


def leader_agrees_to_a_loss(day: Day) -> None:
    lost = day.office.assigned("mei")
    day.office.act("c1", "lose", lost, reason="在隔壁楼盘认购了")
    page = day.sit("lin").go("/inbox")
    decide(day, page, lambda: page.get_by_role("checkbox").first.check())
    assert day.office.lead(lost).outcome == "lost"


def sales_manager_decides_what_waits(day: Day, code: str) -> None:
    """The deal and the quota, ticked and agreed to together."""
    page = day.sit("sun").page
    assert code in page.inner_text("main"), "the first page of the one who decides names it"
    page = day.sit("sun").go("/inbox")
    assert "HT-1" in page.inner_text("main")

    def tick() -> None:
        for box in page.locator("#decide").get_by_role("checkbox").all():
            box.check()

    decide(day, page, tick)
    assert day.office.lead(code).outcome == "deal"
    assert day.one(select(Approval.state).where(Approval.flow == "quota")) == "approved"
    day.settle()


def decide(day: Day, page: Page, tick: Callable[[], None]) -> None:
    if day.script:
        page.evaluate("document.getElementById('decide').dataset.hold = 0.2")
    tick()
    day.press(page, "Approve ticked")
    dialog = page.locator("#check-dialog")
    if day.script and page.locator("#decide").get_by_role("checkbox", checked=True).count() > 1:
        dialog.locator("button").filter(has_text="2").first.click()
    page.wait_for_url("**/inbox/results/*")
    assert page.locator(".badge.s-approved").count() >= 1


def promoter_sees_the_deal_and_the_money(day: Day, code: str) -> None:
    mei = day.sit("mei")
    page = mei.go(f"/leads/{code}")
    text = page.inner_text("main")
    assert f"{day.says('Closed')} · {day.says('Deal')}" in text
    assert "¥3,125,000" in text
    assert "¥500.00" in page.locator("#story").inner_text(), "the bonus stands in the case file"
    mei.go("/")
    assert "¥600.00" in page.locator(".earned").inner_text(), "two visits of ¥50 and a deal of ¥500"
    page.locator(".earned a").click()
    assert page.locator(".total-sum").inner_text() == "¥600.00"


def finance_reads_the_statement(day: Day) -> None:
    fei = day.sit("fei")
    page = fei.go("/months")
    month = f"{day.office.now + timedelta(hours=8):%Y-%m}"
    page = fei.go(f"/statement/mei/{month}")
    assert page.locator(".total-sum").inner_text() == "¥600.00"
    assert "王先生" not in page.inner_text("main"), "finance reads it masked"


def auditor_reads_in_clear_for_a_purpose(day: Day, code: str) -> None:
    zhi = day.sit("zhi")
    page = zhi.go("/search")
    page.fill("main input[name=sought]", code.lower())
    page.locator("main form button").first.click()
    assert page.url.endswith(f"/leads/{code}")
    assert "13812345678" not in page.inner_text("main")
    page.locator("details.reveal summary").click()
    page.fill("#purpose", "核对合同")
    day.press(page, "Show")
    assert "13812345678" in page.inner_text("main").replace(" ", "")
    assert "核对合同" in zhi.go("/access").inner_text("main")
    assert day.one(select(AccessLog.purpose).where(AccessLog.kind == "reveal")) == "核对合同"


def administrator_adds_somebody(day: Day) -> None:
    root = day.sit("root")
    page = root.go("/people/new")
    page.fill("#name", "新人小周")
    page.locator("input[name=roles][value=member]").check()
    page.fill("#team", "A")
    page.fill("#password", "long enough 1")
    day.press(page, "Add")
    assert "新人小周" in page.inner_text("main")
    assert day.one(select(Person.roles).where(Person.name == "新人小周")) == ["member"]
