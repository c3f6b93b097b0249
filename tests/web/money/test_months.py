"""A month on its page: what blocks it and where that is done, what it comes to, what changed, and its way to locked."""

from __future__ import annotations

from typing import Any

from tests.web.money.conftest import Books
from workflows.money.statements import yuan


def test_the_checklist_leads_to_what_blocks_and_what_is_missing(books: Books) -> None:
    dispute = books.act("hua", "dispute", "open_dispute", month=books.month, line="visit:?", reason="少一笔")
    report = books.act(
        "lin", "deduction", "report", kind="conduct", person="mei", day=f"{books.month}-02", reason="…"
    )
    page = books.office.seat("guo").get(f"/months/{books.month}")
    assert "Deductions are not settled, or an appeal is running 1" in page
    assert f"/cases/deduction/{report}" in page.html
    assert f"/cases/dispute/{dispute}" in page.html
    assert f"/do/attendance/begin/propose?person=hua&amp;month={books.month}" in page.html
    form = books.office.seat("guo").get(f"/do/attendance/begin/propose?person=hua&month={books.month}")
    assert f'value="{books.month}"' in form.html
    assert '<option selected value="hua">' in form.html, "the form already says for whom"


def test_what_blocks_a_month_is_said_when_it_is_submitted_all_the_same(books: Books) -> None:
    books.act("hua", "dispute", "open_dispute", month=books.month, line="visit:?", reason="少一笔")
    page = books.office.seat("guo").post(f"/do/month/{books.month_code()}/submit", in_spite="y")
    assert page.status == 422
    assert "1 things block it" in page


def test_a_month_of_nobodys_doing_offers_only_what_ones_role_may(books: Books) -> None:
    path = f"/months/{books.month}"
    assert "/submit" in books.office.seat("guo").get(path).html
    for name in ("sun", "fei", "zhi"):
        assert "/submit" not in books.office.seat(name).get(path).html, name
    assert "Months that wait for you" in books.office.seat("guo").get("/")
    assert "Months that wait for you" not in books.office.seat("fei").get("/")


def test_from_submitted_to_locked_the_sums_stand(books: Books) -> None:
    path, code = f"/months/{books.month}", books.month_code()
    steps: list[tuple[str, str, dict[str, Any], str]] = [
        ("guo", "submit", {"in_spite": "y"}, "Submitted"),
        ("sun", "approve", {}, "Approved"),
        ("fei", "pay", {"reference": "P-1"}, "Paid"),
        ("fei", "lock", {}, "Locked"),
    ]
    for name, event, facts, state in steps:
        page = books.office.seat(name).post(f"/do/month/{code}/{event}", next=path, **facts)
        assert page.status == 200, page.text
        assert state in page
        books.drain()
    page = books.office.seat("fei").get(path)
    assert page.text.count(yuan(books.earned())) >= 2, "earned, and paid out"
    assert yuan(books.earned()) in books.office.seat("fei").get("/months")


def test_what_changed_since_it_was_sent_back(books: Books) -> None:
    guo, path = books.office.seat("guo"), f"/months/{books.month}"
    books.close("submitted")
    assert "What changed since it was sent back" not in guo.get(path)
    books.act("sun", "month", "send_back", books.month_code(), reason="华的任务应为零")
    assert "Nothing: the sums are the same." in guo.get(path), "reckoned anew it comes to the same"
    books.approve("sun", books.act("guo", "quota", "change", books.codes["quota"], call_visits=0, visits=0))
    changed = (
        guo.get(path).text.split("What changed since it was sent back")[1].split("By person and team")[0]
    )
    assert "hua Bonus for a visit ¥0.00 ¥50.00 +¥50.00" in changed
    assert "mei" not in changed
    books.close("submitted")
    again = guo.get(path).text.split("What changed since it was sent back")[1].split("By person and team")[0]
    assert again == changed, "posted, it is what was foretold"


def test_each_month_has_its_downloads(books: Books) -> None:
    fei, mei = books.office.seat("fei"), books.office.seat("mei")
    month = fei.get(f"/months/{books.month}").html
    own = mei.get(f"/statement/mei/{books.month}").html
    for form in ("xlsx", "csv"):
        assert f"/months/{books.month}/payout.{form}" in month
        assert f"/statement/mei/{books.month}.{form}" in own
        for seat, path in ((fei, f"/months/{books.month}/payout"), (mei, f"/statement/mei/{books.month}")):
            with seat.client.get(f"{path}.{form}") as answer:
                assert answer.status_code == 200, path


def test_an_earlier_month_that_is_open_stands_before_a_later_one(books: Books) -> None:
    books.office.assigned()
    books.drain()
    page = books.office.seat("guo").get(f"/months/{books.next}")
    assert "An earlier month is still open" in page
    assert f'href="/months/{books.month}"' in page.html.split("Before it can be submitted")[1]
    books.close()
    assert "An earlier month is still open" not in books.office.seat("guo").get(f"/months/{books.next}")
