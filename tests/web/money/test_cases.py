"""The pages of cases come from their workflows: any workflow has a list and a page, in both languages, without a word of its
own here."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.web.money.conftest import Books
from tests.web.office.conftest import Office
from web.pages import fields
from workflows.engine import Flow
from workflows.flows import FLOWS

GENERIC = [name for name in FLOWS if name not in ("lead", "approval", "month")]


@pytest.mark.parametrize("flow", FLOWS.values(), ids=FLOWS.keys())
def test_every_column_of_every_workflow_has_a_name(flow: type[Flow]) -> None:
    if flow.flow_name in ("lead", "approval"):
        return
    bare = [
        column
        for column in flow.remembers
        if column.removesuffix("_id") not in fields.titles(flow)
        and column.removesuffix("_id") not in fields.LABELS
        and column.removesuffix("_id") not in flow.labels
    ]
    assert bare == []


@pytest.mark.parametrize("name", GENERIC)
def test_every_workflow_has_a_list(office: Office, name: str) -> None:
    page = office.seat("guo").get(f"/cases/{name}")
    assert page.status == 200
    assert "Nothing here yet" in page


def test_a_case_says_who_what_when_and_what_follows(books: Books) -> None:
    page = books.office.seat("mei").get(f"/cases/deduction/{books.codes['deduction']}")
    assert "Deduction · mei" in page
    assert "Left the post" in page
    assert "Reported by lin" in page
    assert "part ¥10.00" in page, "the leader's"
    assert "Confirmed → Settled" in page, "the story"
    assert "History is whole: 3 entries" in page
    fresh = books.act(
        "lin", "deduction", "report", kind="conduct", person="mei", day=f"{books.month}-02", reason="…"
    )
    books.act("guo", "deduction", "confirm", fresh)
    running = books.office.seat("mei").get(f"/cases/deduction/{fresh}")
    assert "Time to appeal ends" in running
    assert "Then: it is settled and taken from the wage. Unless: an appeal comes before." in running
    assert f"/do/deduction/{fresh}/appeal" in running.html
    assert "What is closed to you, and why" in running


def test_after_a_step_one_is_back_at_the_case(books: Books) -> None:
    guo = books.office.seat("guo")
    begun = guo.post(
        "/do/attendance/begin/propose", person="hua", month=books.month, half_days="30", half_days_due="44"
    )
    assert "Attendance · hua" in begun
    assert "waits for approval" in begun
    code = re.findall(r"/cases/attendance/(A\w+)|<code>(A\w{8})</code>", begun.html)[0]
    own = f"/cases/attendance/{code[0] or code[1]}"
    sun = books.office.seat("sun")
    approve = re.findall(r'href="(/do/approval/[^"]+/approve[^"]*)"', sun.get(own).html)[0]
    decided = sun.post(approve.replace("&amp;", "&").split("?")[0], next=own)
    assert "In force" in decided
    assert "approved by sun" in decided


def test_a_change_begins_with_the_figures_that_stand(books: Books) -> None:
    form = books.office.seat("guo").get(f"/do/quota/{books.codes['quota']}/change").html
    assert re.search(r'name="call_visits"[^>]*value="2"', form)
    assert re.search(r'name="visits"[^>]*value="5"', form)
    less = books.office.seat("guo").get(f"/do/deduction/{books.codes['deduction']}/reduce").html
    assert not re.search(r'name="member_fen"[^>]*value="0"', less), "an amount left out stays as it is"


def test_lists_are_paged_by_key_and_filtered_by_state(books: Books) -> None:
    codes = [
        books.act(
            "lin", "deduction", "report", kind="conduct", person="mei", day=f"{books.month}-02", reason=str(i)
        )
        for i in range(31)
    ]
    guo = books.office.seat("guo")
    first = guo.get("/cases/deduction?state=reported")
    assert codes[0] not in first.html
    assert codes[-1] in first.html
    assert books.codes["deduction"] not in first.html, "it is settled"
    rest = guo.get(re.findall(r'href="([^"]+)" rel="next"', first.html)[0].replace("&amp;", "&"))
    assert codes[0] in rest.html
    assert codes[-1] not in rest.html


def test_who_may_not_begin_a_case_is_told_who_may(office: Office) -> None:
    page = office.seat("mei").get("/do/quota/begin/propose")
    assert "Only: Outreach manager." in page
    assert "<textarea" not in page.html
    assert office.seat("mei").post("/do/quota/begin/propose", person="mei").status == 403


def test_the_inbox_shows_what_stands_and_what_would_take_its_place(books: Books) -> None:
    asked = books.act("guo", "quota", "change", books.codes["quota"], call_visits=2, visits=1)
    page = books.office.seat("sun").get("/inbox")
    assert "Quota: Change" in page
    assert "Other visits 5 → 1" in page
    assert "Call-in visits 2" in page
    assert f"/cases/quota/{books.codes['quota']}" in page.html
    result = books.office.seat("sun").post("/inbox", decision="approve", pick=[asked])
    assert "Change" in result
    assert f"/cases/quota/{books.codes['quota']}" in result.html


def test_money_is_one_page_with_a_card_for_each_workflow(books: Books) -> None:
    page: Any = books.office.seat("guo").get("/money")
    for name in ("quota", "pay", "attendance", "deduction", "dispute", "sale", "policy"):
        assert f'href="/cases/{name}"' in page.html, name
    mine = books.office.seat("hua").get("/money")
    assert 'href="/cases/quota"' in mine.html
    assert 'href="/cases/sale"' not in mine.html, "hua sold nothing"


def test_figures_of_one_and_nought_are_told_too(books: Books) -> None:
    code = books.agree("quota", person="lin", month=books.next, call_visits=1, visits=0)
    story = books.office.seat("guo").get(f"/cases/quota/{code}").text.split("What happened")[1]
    assert "Call-in visits 1 Other visits 0" in story
