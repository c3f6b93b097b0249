"""The team's account: what it holds, and how its leader divides it."""

from __future__ import annotations

from typing import Any

from tests.web.money.conftest import Books


def test_the_leader_divides_and_takes_back(books: Books) -> None:
    books.close("approved")
    lin, path = books.office.seat("lin"), f"/team/{books.month}"
    mei, own = f"p{books.office.ids['mei']}", f"p{books.office.ids['lin']}"
    assert 'value="800.00"' in lin.get(f"{path}?equal=1").html, "two members, equal parts"
    shares: dict[str, Any] = {mei: "1,000.50", own: "500"}
    page = lin.post(path, **shares)
    assert page.status == 200
    books.drain()
    assert (books.earned("mei", books.next), books.earned("lin", books.next)) == (100_050, 50_000)
    account = lin.get(f"/team/{books.next}")
    assert "¥99.50" in account, "what is left"
    lin.post(f"/do/split/{books.case_of('split')}/undo", next=path)
    books.drain()
    assert books.earned("mei", books.next) == 0


def test_more_than_the_account_holds_is_refused_and_nothing_is_lost_of_what_was_typed(books: Books) -> None:
    books.close("approved")
    lin, path = books.office.seat("lin"), f"/team/{books.month}"
    mei = f"p{books.office.ids['mei']}"
    much: dict[str, Any] = {mei: "1600.01"}
    odd: dict[str, Any] = {mei: "viel"}
    page = lin.post(path, **much)
    assert page.status == 422
    assert "holds ¥1,600.00, these shares are ¥1,600.01" in page
    assert 'value="1600.01"' in page.html
    assert lin.post(path, **odd).status == 422
    assert lin.post(path).status == 422
    assert books.earned("mei", books.next) == 0


def test_awards_that_may_still_be_sent_back_cannot_be_divided(books: Books) -> None:
    books.close("submitted")
    page = books.office.seat("lin").get(f"/team/{books.month}")
    assert "Can be divided now ¥0.00" in page
    assert "There is nothing to divide" in page
