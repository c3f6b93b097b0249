"""A statement: its sum is the ledger's, each line says why, what earned nothing says why not, and any line can be disputed."""

from __future__ import annotations

import re
from urllib.parse import parse_qs, urlsplit

from models import database as databases
from models.money import Dispute
from tests.web.money.conftest import Books
from tests.web.office.conftest import Page
from workflows.money.statements import yuan


def test_every_line_is_explained_and_the_sum_is_the_ledgers(books: Books) -> None:
    page = books.office.seat("mei").get(f"/statement/mei/{books.month}")
    assert total(page) == yuan(books.earned("mei")) == "¥600.00"
    assert "王** · Accept and sign" in page, "the customer masked, and the event"
    assert "Visit 2 of the month; the quota is 1." in page
    assert "1 × ¥500.00" in page
    assert "S20 (四) 个人2 · policy version 1" in page
    assert "Posted and taken back in this month: 2 lines, together ¥0.00" in page, (
        "the fraud's bonus and its reversal"
    )
    nothing = page.text.split("What earned nothing, and why")[1]
    assert "Visit 1 of the month is within the quota of 1." in nothing
    assert "Closed as fraud: it no longer counts." in nothing


def test_while_the_month_is_open_its_end_is_foretold(books: Books) -> None:
    page = books.office.seat("mei").get(f"/statement/mei/{books.month}")
    to_come = page.text.split("To come at the month's end")[1]
    assert "Base ¥2,800.00, 4 half days missed; 20% of it is performance pay." in to_come
    books.close()
    closed = books.office.seat("mei").get(f"/statement/mei/{books.month}")
    assert "To come at the month's end" not in closed
    assert total(closed) == yuan(books.earned("mei")) == "¥2,949.42"


def test_what_comes_late_stands_in_the_next_month_and_says_so(books: Books) -> None:
    books.close("approved")
    before = books.earned("mei")
    books.approve("sun", books.act("guo", "lead", "expose", books.codes["beyond"], evidence="冒充客户"))
    mei = books.office.seat("mei")
    old, new = mei.get(f"/statement/mei/{books.month}"), mei.get(f"/statement/mei/{books.next}")
    assert total(old) == yuan(before), "a closed month does not change"
    assert "The reversal stands in" in old
    assert total(new) == "-¥50.00"
    assert "which was closed by then" in new
    assert "posted late" in new


def test_the_dispute_button_opens_a_case_on_that_line(books: Books) -> None:
    hua = books.office.seat("hua")
    page = hua.get(f"/statement/hua/{books.month}")
    link = re.findall(r'class="disagree" href="([^"]+)"', page.html)[0].replace("&amp;", "&")
    form = hua.get(link)
    assert "Visit 1 of the month is within the quota of 5." in form, "the form says which line it is"
    line = parse_qs(urlsplit(link).query)["line"][0]
    case = hua.post(urlsplit(link).path, line=line, reason="客户是我带来的，任务应为零")
    assert case.status == 200
    assert "Opened" in case
    assert "客户是我带来的" in case
    with databases.read(books.office.engine) as session:
        opened = session.query(Dispute).one()
        assert (opened.line, opened.month, opened.state) == (
            f"visit:{books.codes['hua']}",
            books.month,
            "opened",
        )
    again = hua.post(urlsplit(link).path, line=line, reason="再说一次")
    assert again.status == 409
    assert "in dispute already" in again
    assert f"/cases/dispute/{books.case_of('dispute')}" in hua.get(f"/statement/hua/{books.month}").html


def test_a_dispute_needs_a_reason_and_a_missing_line_can_be_named(books: Books) -> None:
    hua, path = books.office.seat("hua"), f"/statement/{books.month}/dispute"
    refused = hua.post(path, line="3 月 3 日的到访")
    assert refused.status == 422
    assert 'aria-invalid="true"' in refused.html
    assert "3 月 3 日的到访" in refused.html, "what was typed is still there"
    assert "3 月 3 日的到访" in hua.post(path, line="3 月 3 日的到访", reason="没有记上")


def test_nobody_disputes_for_another(books: Books) -> None:
    page = books.office.seat("guo").get(f"/statement/mei/{books.month}")
    assert "disagree" not in page.html


def total(page: Page) -> str:
    return re.sub(r"<[^>]+>", "", re.findall(r'class="total-sum">(.*?)</b>', page.html)[0]).strip()
