"""What people earn, over HTTP: statements, the ledger, the checklist; each role sees what it may, and no phone of anybody."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import jsonschema_rs
import pytest
from flask import Flask
from sqlalchemy import Engine, event, select

from models import database as databases
from models.money import Entry, Quota
from models.people import Person
from models.settings import Settings
from tests.money.books import Opened, books_at, postgres_books, sqlite_books
from tests.money.march import MONTH, NEXT, PEOPLE, PHONES
from tests.web.api.conftest import Company, Reply
from tests.web.applications import application
from workers.draining import drain_due
from workflows import staff

__all__ = ["books_at", "postgres_books", "sqlite_books"]
DESKS = ("guo", "sun", "fei", "zhi")
QUOTA = {"person": "mei", "month": "2031-05", "call_visits": 3, "visits": 4}


class Books(Company):
    """The people of March at the API."""

    def __init__(self, app: Flask, engine: Engine) -> None:
        self.app, self.engine = app, engine
        with databases.begin(engine) as session:
            people = {p.name: p for p in session.scalars(select(Person))}
            at = datetime.now(UTC)
            self.tokens = {name: staff.issue_token(session, p, at) for name, p in people.items()}
            self.ids = {name: p.id for name, p in people.items()}


@pytest.fixture
def at_the_api(books_at: Opened, settings: Settings) -> Callable[[str], Books]:
    def opened(stage: str) -> Books:
        engine = books_at(stage)
        return Books(application(settings, engine), engine)

    return opened


@pytest.fixture
def books(at_the_api: Callable[[str], Books]) -> Books:
    """March is paid; April has a rescission and what a dispute brought."""
    made: Books = at_the_api("later")
    return made


@pytest.fixture
def shape(books: Books) -> Any:
    """Holds an answer against the shape that the document gives it."""
    document = books.nobody.get("/openapi.json").json

    def hold(said: Reply, name: str) -> Any:
        assert said.status == 200, said.json
        jsonschema_rs.validate(
            {"$ref": f"#/components/schemas/{name}", "components": document["components"]}, said.json
        )
        return said.json

    return hold


def ledger_of(books: Books, month: str, name: str) -> Counter[str]:
    """What the ledger says of a person and month, by kind, in fen."""
    found: Counter[str] = Counter()
    with databases.read(books.engine) as session:
        mine = select(Entry).where(Entry.month == month, Entry.person_id == books.ids[name])
        for entry in session.scalars(mine):
            found[entry.kind] += entry.amount_fen
    return found


# -- statements ----------------------------------------------------------------------------------------------------


def test_a_statement_says_every_line_and_adds_up_to_the_ledger(books: Books, shape: Any) -> None:
    said = shape(books.mei.get(f"/statements/mei?month={MONTH}"), "Statement")
    assert said["by_kind"] == dict(ledger_of(books, MONTH, "mei"))
    earned = [line for line in said["lines"] if line["kind"] != "payout"]
    assert said["total_fen"] == sum(line["amount_fen"] for line in earned) == said["paid_fen"]
    assert said["state"] == "paid"
    (visit,) = (line for line in earned if line["kind"] == "visit_bonus")
    assert (visit["amount_fen"], visit["clause"], visit["customer"]) == (5000, "S20 (四) 个人1", "=**")
    assert visit["why"] == "本月第 2 组，任务 1 组。"
    assert {line["amount_fen"] for line in said["nothing"]} == {0}
    assert len(said["nothing"]) == 2, "the visit within the quota, and the walk-in"


def test_a_statement_speaks_the_readers_language(books: Books) -> None:
    said = books.mei.get(f"/statements/mei?month={MONTH}", Accept_Language="en").json
    assert "A walk-in: nobody brought the customer." in {line["why"] for line in said["nothing"]}


def test_a_late_line_names_what_it_reverses(books: Books, shape: Any) -> None:
    april = shape(books.mei.get(f"/statements/mei?month={NEXT}"), "Statement")
    (back,) = (line for line in april["lines"] if line["kind"] == "deal_bonus")
    march = books.mei.get(f"/statements/mei?month={MONTH}").json
    (deal,) = (line for line in march["lines"] if line["kind"] == "deal_bonus")
    assert back["amount_fen"] == -deal["amount_fen"] == -100_000
    entries = books.fei.get(f"/ledger?month={MONTH}&person=mei&kind=deal_bonus").json["items"]
    assert back["reverses"] == entries[0]["journal"]


def test_the_present_month_is_meant_where_none_is_named(books: Books, shape: Any) -> None:
    today = datetime.now(ZoneInfo("Asia/Shanghai"))
    assert shape(books.mei.get("/statements/mei"), "Statement")["month"] == f"{today:%Y-%m}"


def test_an_open_month_says_what_its_end_would_add(at_the_api: Callable[[str], Books]) -> None:
    books = at_the_api("open")
    said = books.lin.get(f"/teams/A/statement?month={MONTH}").json
    assert (said["state"], said["lines"]) == ("open", [])
    said = books.mei.get(f"/statements/mei?month={MONTH}").json
    assert {line["kind"] for line in said["lines"]} == {"visit_bonus", "call_visit_bonus", "deal_bonus"}
    assert said["total_fen"] == 106_000
    assert all(line["posted_at"] is None for line in said["to_come"])


MAY = {name: {name, *(PEOPLE if name in DESKS else ())} for name in PEOPLE}


def test_each_sees_the_statements_they_may_and_no_others(books: Books) -> None:
    found = {
        who: {
            whose for whose in PEOPLE if books.by(who).get(f"/statements/{whose}?month={MONTH}").status == 200
        }
        for who in PEOPLE
    }
    assert found == MAY
    refused = books.mei.get("/statements/hua")
    assert (refused.status, refused.code) == (404, "not_found")
    assert refused.json == books.mei.get("/statements/stranger").json, "who is on the staff is not told"


def test_a_teams_statement_is_for_its_leader_and_the_desks(books: Books, shape: Any) -> None:
    found = {who for who in PEOPLE if books.by(who).get(f"/teams/A/statement?month={MONTH}").status == 200}
    assert found == {"lin", *DESKS}
    said = shape(books.lin.get(f"/teams/A/statement?month={MONTH}"), "Statement")
    awards = {"call_visit_award": 30_000, "visit_award": 30_000, "deal_award": 100_000}
    assert said["by_kind"] == {**awards, "payout": -160_000}
    assert books.bao.get("/teams/A/statement").status == 404
    assert books.fei.get("/teams/Z/statement").status == 404


# -- the ledger ----------------------------------------------------------------------------------------------------


def test_pages_hold_every_entry_once_newest_first(books: Books, shape: Any) -> None:
    found, after = [], ""
    while True:
        page = shape(books.fei.get(f"/ledger?limit=7{after}"), "EntryPage")
        found += page["items"]
        if page["next"] is None:
            break
        after = f"&after={page['next']}"
    with databases.read(books.engine) as session:
        entries = list(session.scalars(select(Entry).order_by(Entry.id.desc())))
        assert [(e["id"], e["amount_fen"], e["journal"]) for e in found] == [
            (e.id, e.amount_fen, e.journal.key) for e in entries
        ]
    balanced: Counter[str] = Counter()
    for entry in found:
        balanced[entry["journal"]] += entry["amount_fen"]
    assert not any(balanced.values())


def test_filters_narrow_the_ledger(books: Books) -> None:
    def found(query: str) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = books.fei.get(f"/ledger?limit=200&{query}").json["items"]
        return items

    every = found("")
    assert found(f"month={NEXT}") == [e for e in every if e["month"] == NEXT] != []
    assert found("person=mei") == [e for e in every if e["person"] == "mei"] != []
    assert found("kind=payout") == [e for e in every if e["kind"] == "payout"] != []
    assert found(f"month={NEXT}&person=mei&kind=adjustment")[0]["amount_fen"] == 1234
    assert found("person=stranger") == []


SEES = {"mei": {"mei", "team A"}, "lin": {"lin", "team A"}, "hua": {"hua", "team B"}, "bao": {"team B"}}
ALL = {"mei", "hua", "lin", "team A", "team B", "company"}


def test_each_sees_the_entries_they_may_and_no_others(books: Books) -> None:
    def accounts(who: str) -> set[str]:
        items = books.by(who).get("/ledger?limit=200").json["items"]
        return {e["person"] or (f"team {e['team']}" if e["team"] else e["account"]) for e in items}

    found = {who: accounts(who) for who in PEOPLE}
    assert found == {who: ALL if who in DESKS else SEES.get(who, set()) for who in PEOPLE}
    assert books.mei.get("/ledger?person=hua").json["items"] == []


def test_a_long_ledger_takes_as_many_queries_as_a_short_one(books: Books) -> None:
    counted: list[str] = []
    event.listen(books.engine, "before_cursor_execute", lambda *args: counted.append(args[2]))

    def queries(query: str) -> int:
        counted.clear()
        assert books.fei.get(f"/ledger?{query}").status == 200
        return len(counted)

    queries("limit=2")  # a connection that has written is told once that it only reads now
    assert queries("limit=2") == queries("limit=200") <= 12


# -- the checklist -------------------------------------------------------------------------------------------------


def test_the_checklist_names_what_blocks_and_what_is_missing(
    at_the_api: Callable[[str], Books], shape: Any
) -> None:
    books = at_the_api("open")
    said = shape(books.guo.get(f"/months/{MONTH}/checklist", Accept_Language="en"), "Checklist")
    assert (said["state"], said["blockers"]) == ("open", [])
    missing = {item["kind"]: item["about"] for item in said["warnings"]}
    assert missing == {"quotas": ["hua"], "attendance": ["hua", "lin", "mei"]}
    dispute = books.mei.post("/dispute", {"month": MONTH, "line": "visit:L1", "reason": "算错了"}).json[
        "code"
    ]
    (blocker,) = books.guo.get(f"/months/{MONTH}/checklist").json["blockers"]
    assert (blocker["kind"], blocker["count"], blocker["about"]) == ("disputes", 1, [dispute])


def test_the_checklist_says_what_differs_from_the_calculation_that_was_sent_back(
    at_the_api: Callable[[str], Books], shape: Any
) -> None:
    books = at_the_api("submitted")
    assert books.fei.get(f"/months/{MONTH}/checklist").json["changes"] is None
    code = books.fei.get(f"/months/{MONTH}/checklist").json["code"]
    assert books.sun.post(f"/month/{code}/send_back", {"reason": "考勤"}).status == 200
    (sheet,) = (a for a in books.guo.get("/attendance").json["items"] if a["person"] == "hua")
    days = {"half_days": 22, "half_days_due": 44}
    asked = books.guo.post(f"/attendance/{sheet['code']}/change", days).json["approval"]["id"]
    assert books.sun.post(f"/approvals/{asked}/approve").json["status"] == "approved"
    drain_due(books.engine, datetime.now(UTC))
    said = shape(books.fei.get(f"/months/{MONTH}/checklist"), "Checklist")
    assert said["changes"] == [
        {"name": "hua", "kind": "wage", "before_fen": 50_400, "now_fen": 52_800},
        {"name": "hua", "kind": "performance_pay", "before_fen": 12_600, "now_fen": 13_200},
    ]


def test_the_checklist_is_for_the_desks(books: Books) -> None:
    found = {who for who in PEOPLE if books.by(who).get(f"/months/{MONTH}/checklist").status == 200}
    assert found == set(DESKS)
    for month in ("2031-01", "2026-13", "x", "%00", "2026-3"):
        said = books.fei.get(f"/months/{month}/checklist")
        assert (said.status, said.code) == (404, "not_found"), month
    assert books.fei.get(f"/months/{MONTH}/checklist?project=elsewhere").status == 404


# -- all of them ---------------------------------------------------------------------------------------------------

PATHS = ("/statements/mei", "/teams/A/statement", "/ledger", f"/months/{MONTH}/checklist")


def test_without_a_token_nothing_is_said(books: Books) -> None:
    for path in PATHS:
        assert books.nobody.get(path).code == "no_token"


NONSENSE = (
    "month=2026-13",
    "month=2026-3",
    "month=1999-01",
    "month=x",
    "month=%00",
    "month=２０２６-03",
    f"month={'1' * 30}",
)
OF_THE_LEDGER = (
    *NONSENSE,
    "kind=nonsense",
    "kind=%00",
    "person=%00",
    f"person={'x' * 90}",
    "limit=0",
    "limit=201",
    "after=x",
)


def test_a_query_that_makes_no_sense_is_refused(books: Books) -> None:
    for path, queries in (
        ("/ledger", OF_THE_LEDGER),
        ("/statements/mei", NONSENSE),
        ("/teams/A/statement", NONSENSE),
    ):
        for query in queries:
            said = books.zhi.get(f"{path}?{query}")
            assert (said.status, said.code) == (422, "invalid_data"), (path, query)
    for odd in ("month=2000-01", "month=2099-12", "after=cfffffffffffffff"):
        assert books.zhi.get(f"/ledger?{odd}").status == 200
        assert books.zhi.get(f"/statements/mei?{odd}").status == 200


def test_names_that_are_none_are_not_found(books: Books) -> None:
    for name in ("%00", "x" * 300, "%ED%A0%80", "'--", "mei%00"):
        assert books.fei.get(f"/statements/{name}").status == 404, name
        assert books.fei.get(f"/teams/{name}/statement").status == 404, name


def test_no_phone_and_no_whole_name_stands_anywhere(books: Books) -> None:
    for who in PEOPLE:
        for path in (
            *PATHS,
            f"/statements/mei?month={MONTH}",
            "/ledger?limit=200",
            "/sale",
            "/deduction",
            "/month",
        ):
            told = books.by(who).get(path).raw.get_data(as_text=True)
            assert not any(phone in told or phone[-4:] in told for phone in PHONES), (who, path)
            assert "王先生" not in told


# -- the workflows around money ------------------------------------------------------------------------------------


def test_a_quota_proposed_twice_under_one_key_is_one_quota(books: Books) -> None:
    first = books.guo.post("/quota", QUOTA, Idempotency_Key="q1")
    again = books.guo.post("/quota", dict(reversed(QUOTA.items())), Idempotency_Key="q1")
    assert (first.status, first.json) == (again.status, again.json) == (201, first.json)
    assert again.raw.headers["Idempotency-Replayed"] == "true"
    assert first.json["person"] == "mei"
    other = books.guo.post("/quota", {**QUOTA, "visits": 5}, Idempotency_Key="q1")
    assert (other.status, other.code) == (422, "invalid_data")
    assert books.guo.post("/quota", QUOTA).code == "conflict", "without the key it is asked anew"
    with databases.read(books.engine) as session:
        assert len(session.scalars(select(Quota).where(Quota.month == QUOTA["month"])).all()) == 1


def test_a_division_names_the_team_and_the_members(at_the_api: Callable[[str], Books]) -> None:
    books = at_the_api("submitted")
    (month,) = books.sun.get("/month?state=submitted").json["items"]
    assert books.sun.post(f"/month/{month['code']}/approve").status == 200
    made = books.lin.post("/split", {"shares": {"mei": 1000, "lin": 500}})
    assert made.status == 201, made.json
    assert (made.json["team"], made.json["shares"]) == ("A", {"mei": 1000, "lin": 500})
    assert books.mei.get(f"/split/{made.json['code']}").json == made.json
    (row,) = books.zhi.get(f"/split/{made.json['code']}/history").json["items"]
    assert (row["changes"]["team"], row["changes"]["shares"]) == ("A", {"mei": 1000, "lin": 500})
    assert books.hua.get(f"/split/{made.json['code']}").status == 404


def test_history_names_teams_and_decliners_and_nobody_for_a_number_that_is_no_person(books: Books) -> None:
    lead = next(
        e["code"] for e in books.fei.get("/ledger?kind=visit_bonus&person=mei").json["items"] if e["person"]
    )
    rows = books.zhi.get(f"/leads/{lead}/history").json["items"]
    visited = {k: v for row in rows for k, v in row["changes"].items() if k == "visit_team"}
    assert visited == {"visit_team": "A"}


ODD: tuple[tuple[str, dict[str, Any], str], ...] = (
    ("/policy", {"numbers": {"visit_bonus_fen": 1}, "effective_on": "0001-01-01", "why": "x"}, "effective_on"),
    ("/policy", {"numbers": {"visit_bonus_fen": 1}, "effective_on": "9999-12-31", "why": "x"}, "effective_on"),
    ("/policy", {"numbers": {"visit_bonus_fen": 10**400}, "effective_on": "2031-01-01", "why": "x"}, "numbers"),
    ("/policy", {"numbers": {"\x00": 1}, "effective_on": "2031-01-01", "why": "x"}, "numbers"),
    ("/policy", {"numbers": {"nonsense": 1}, "effective_on": "2031-01-01", "why": "x"}, "numbers"),
    ("/policy", {"numbers": {"version": 1}, "effective_on": "2031-01-01", "why": "x"}, "numbers"),
    ("/policy", {"numbers": {"visit_bonus_fen": True}, "effective_on": "2031-01-01", "why": "x"}, "numbers"),
    ("/policy", {"numbers": [], "effective_on": "2031-01-01", "why": "x"}, "numbers"),
    ("/quota", {**QUOTA, "visits": 10**400}, "visits"),
    ("/quota", {**QUOTA, "visits": -1}, "visits"),
    ("/quota", {**QUOTA, "visits": 1.5}, "visits"),
    ("/quota", {**QUOTA, "month": "2026-13"}, "month"),
    ("/quota", {**QUOTA, "month": 202603}, "month"),
    ("/quota", {**QUOTA, "month": "２０２６-03"}, "month"),
    ("/quota", {**QUOTA, "person": "\x00"}, "person"),
    ("/month", {"month": "9999-99"}, "month"),
    ("/pay", {"person": "bao", "kind": "monthly", "amount_fen": 10**400, "since": "2026-01"}, "amount_fen"),
    ("/pay", {"person": "bao", "kind": "monthly", "amount_fen": 1, "since": "2026-01"}, "amount_fen"),
    ("/attendance", {"person": "bao", "month": MONTH, "half_days": 63, "half_days_due": 63}, "half_days"),
    ("/deduction", {"kind": "conduct", "person": "mei", "day": "0001-01-01", "reason": "x"}, "day"),
    ("/deduction", {"kind": "conduct", "person": "mei", "day": "9999-12-31", "reason": "x"}, "day"),
    ("/deduction", {"kind": "conduct", "person": "mei", "day": "2026-03-09", "reason": "x", "lead": "\x00"}, "lead"),
)  # fmt: skip


def test_odd_data_are_refused_by_their_field(books: Books) -> None:
    for path, facts, field in ODD:
        said = books.guo.post(path, facts)
        assert (said.status, said.code) == (422, "invalid_data"), (facts, said.json)
        assert any(each.split(".")[0] == field for each in said.json["errors"]), said.json


SHARES: tuple[Any, ...] = (
    {}, {"mei": 0}, {"mei": -1}, {"mei": 10**400}, {"\x00": 1}, {"stranger": 1}, {"mei": "1"}, {"mei": True}, [], {"x" * 5000: 1},
)  # fmt: skip


def test_odd_shares_are_refused(books: Books) -> None:
    for shares in SHARES:
        said = books.lin.post("/split", {"shares": shares})
        assert (said.status, said.code) == (422, "invalid_data"), (shares, said.json)
        assert any(each.split(".")[0] == "shares" for each in said.json["errors"]), said.json
