"""Each role sees only what it may: one's own statement, one's team's account, sums without phones."""

from __future__ import annotations

import re

import pytest

from tests.web.money.conftest import Books

PHONE = re.compile(r"1380000\d{4}|\+861")


def test_statements_are_for_oneself_and_the_desks(books: Books) -> None:
    path = f"/statement/mei/{books.month}"
    status = {
        name: books.office.seat(name).get(path).status
        for name in ("mei", "hua", "lin", "c1", "desk", "root", "guo", "sun", "fei", "zhi")
    }
    assert {name for name, code in status.items() if code == 200} == {"mei", "guo", "sun", "fei", "zhi"}
    assert {code for code in status.values() if code != 200} == {404}, (
        "to the others there is no such statement"
    )


def test_months_are_for_the_desks_and_the_team_is_its_leaders(books: Books) -> None:
    month, team = f"/months/{books.month}", f"/team/{books.month}"
    for name, sees_month, sees_team in (
        ("mei", 403, 403),
        ("lin", 403, 200),
        ("guo", 200, 404),
        ("fei", 200, 404),
        ("root", 403, 403),
    ):
        seat = books.office.seat(name)
        assert (seat.get(month).status, seat.get(team).status) == (sees_month, sees_team), name
    assert books.office.seat("fei").get(f"{team}?team=A").status == 200
    assert books.office.seat("lin").get(f"{team}?team=B").status == 404, "not another team"


def test_a_leader_sees_the_teams_account_and_nobodys_wage(books: Books) -> None:
    books.close("approved")
    page = books.office.seat("lin").get(f"/team/{books.month}")
    assert "¥1,600.00" in page, "two awards"
    assert "¥2,034.02" not in page, "the member's wage"


def test_finance_sees_amounts_and_never_a_phone(books: Books) -> None:
    books.act("hua", "dispute", "open_dispute", month=books.month, line="visit:?", reason="少一笔")
    fei = books.office.seat("fei")
    cases = [f"/cases/{flow}" for flow in ("quota", "pay", "attendance", "sale", "deduction", "dispute")]
    own = [f"/cases/deduction/{books.codes['deduction']}", f"/cases/quota/{books.codes['quota']}"]
    statements = [f"/statement/{name}/{books.month}" for name in ("mei", "hua", "lin")]
    for path in ["/", "/months", f"/months/{books.month}", "/money", "/inbox", *statements, *cases, *own]:
        page = fei.get(path)
        assert page.status == 200, path
        assert not PHONE.search(page.html), path
        assert "王先生" not in page.html, f"{path}: customers are masked"
    assert "¥500.00" in fei.get(f"/statement/mei/{books.month}")


def test_cases_are_seen_by_those_concerned(books: Books) -> None:
    charged = f"/cases/deduction/{books.codes['deduction']}"
    seen = {name: books.office.seat(name).get(charged).status for name in ("mei", "lin", "guo", "hua", "c1")}
    assert seen == {"mei": 200, "lin": 200, "guo": 200, "hua": 404, "c1": 404}
    assert books.codes["deduction"] not in books.office.seat("hua").get("/cases/deduction")


@pytest.mark.parametrize("path", ["/months/2026-13", "/months/1999-01", "/statement/mei/0", "/statement/nobody/2026-03",
                                  "/cases/none", "/cases/sale/S2345678", "/team/2026-99"])  # fmt: skip
def test_what_is_not_there_is_not_found(books: Books, path: str) -> None:
    seat = books.office.seat("lin" if path.startswith("/team") else "guo")
    assert seat.get(path).status == 404
