"""Lists: pages by keyset, filters, search, and a number of queries that does not grow."""

from __future__ import annotations

from sqlalchemy import event

from tests.web.api.conftest import Company


def phones(count: int) -> list[str]:
    return [f"138001{n:05d}" for n in range(count)]


def test_pages_hold_every_lead_once_though_leads_come_in_between(company: Company) -> None:
    made = [company.lead(phone=phone) for phone in phones(7)]
    first = company.mei.get("/leads?limit=3").json
    company.lead(phone="13900000001")
    second = company.mei.get(f"/leads?limit=3&after={first['next']}").json
    third = company.mei.get(f"/leads?limit=3&after={second['next']}").json
    assert [lead["code"] for page in (first, second, third) for lead in page["items"]] == made[::-1]
    assert third["next"] is None


def test_filters_and_search_stay_within_what_one_may_see(company: Company) -> None:
    one = company.screened(phone="13800000001")
    two = company.lead(by="hua", phone="13800000002")

    def found(name: str, query: str) -> list[str]:
        return [lead["code"] for lead in company.by(name).get(f"/leads?{query}").json["items"]]

    assert found("guo", "") == [two, one]
    assert found("guo", "state=screened") == [one]
    assert found("guo", "promoter=hua") == [two]
    assert found("guo", "promoter=nobody") == []
    assert found("guo", "holder=c1") == []
    assert found("guo", "q=138-0000-0002") == [two]
    assert found("guo", f"q={one.lower()}") == [one]
    assert found("mei", "q=13800000002") == []
    assert found("mei", f"q={two}") == []


def test_a_name_is_sought_in_the_body_and_found_as_far_as_one_reads_it(company: Company) -> None:
    codes = [company.lead(phone=phone, name="王文杰") for phone in phones(3)]
    first = company.mei.post("/leads/search?limit=2", {"q": "文杰"}).json
    rest = company.mei.post(f"/leads/search?limit=2&after={first['next']}", {"q": "文杰"}).json
    assert [lead["code"] for page in (first, rest) for lead in page["items"]] == codes[::-1]
    assert rest["next"] is None
    for name, expected in (("hua", 0), ("fei", 0), ("guo", 3)):
        assert len(company.by(name).post("/leads/search", {"q": "文杰"}).json["items"]) == expected, name
    assert len(company.by("fei").post("/leads/search", {"q": "王"}).json["items"]) == 3
    for nonsense in ({}, {"q": 3}, {"q": ""}, {"q": "w"}, {"q": "1390000"}):
        said = company.mei.post("/leads/search", nonsense)
        assert (said.status, said.code) == (422, "invalid_data"), nonsense


NONSENSE = (
    "limit=0", "limit=201", "limit=x", "limit=1e3", "limit=-1", "limit=99999999999999999999", "limit=５", "after=x", "after=c", "after=cg",
    "after=cffffffffffffffffffffff", "after=%00", "state=nonsense", "state=%00", "holder=%00", f"holder={'x' * 90}", "q=%00",
)  # fmt: skip
STRANGE = (
    "limit=200",
    "after=cfffffffffffffff",
    "holder=%ED%A0%80",
    "q=%FF%FE",
    "q='; drop table lead --",
    "after=",
    "x=y",
)


def test_a_query_that_makes_no_sense_is_refused_and_a_strange_one_answered(company: Company) -> None:
    for query in NONSENSE:
        said = company.mei.get(f"/leads?{query}")
        assert (said.status, said.code) == (422, "invalid_data"), query
    for query in STRANGE:
        assert company.mei.get(f"/leads?{query}").status == 200, query


def test_a_long_list_takes_as_many_queries_as_a_short_one(company: Company) -> None:
    """Leads that point to earlier ones, of several promoters: nothing is read row by row."""
    for number, phone in enumerate(phones(12)):
        code = company.lead(phone=phone, by="mei" if number % 2 else "hua")
        company.guo.post(f"/leads/{code}/invalidate", {"reason": "unreachable"})
        company.lead(phone=phone, by="hua" if number % 2 else "mei")
    counted: list[str] = []
    event.listen(company.engine, "before_cursor_execute", lambda *args: counted.append(args[2]))

    def queries(query: str) -> int:
        counted.clear()
        assert company.lin.get(f"/leads?{query}").status == 200
        return len(counted)

    queries("limit=2")  # a connection that has written is told once that it only reads now
    assert queries("limit=2") == queries("limit=200") <= 12


def test_paths_that_are_no_code_are_not_found(company: Company) -> None:
    for code in ("%00", "L%00", "x" * 300, "%ED%A0%80", "..", "'--", "LÄ"):
        for path in (
            f"/leads/{code}",
            f"/leads/{code}/history",
            f"/leads/{code}/timers",
            f"/duty/{code}",
            f"/approvals/{code}",
        ):
            assert company.guo.get(path).status == 404, path
        assert company.guo.post(f"/leads/{code}/screen").status == 404


def test_unknown_addresses_and_methods_are_told_as_problems(company: Company) -> None:
    assert company.mei.get("/nothing/here").code == "not_found"
    said = company.mei.ask("DELETE", "/leads")
    assert (said.status, said.code) == (405, "method_not_allowed")
    assert "GET" in said.raw.headers["Allow"]
    assert company.mei.post("/leads", b"x" * 300_000).code == "too_large"


ODD: tuple[dict[str, object], ...] = (
    {"phone": 10**400}, {"phone": 13800000001}, {"phone": []}, {"phone": {"a": 1}}, {"name": "\x00"}, {"name": 7}, {"note": "x" * 3000},
    {"channel": "\x00"}, {"channel": {}}, {"consent": "true"}, {"consent": 1}, {"registered_on": "0000-00-00"}, {"registered_on": 1e300},
    {"project": 5}, {"project": "\x00"}, {"project": "elsewhere"}, {"spot": ["x"]}, {"a\x00b": 1}, {"": 1}, {"campaign": {"x": [None] * 99}},
)  # fmt: skip


def test_data_of_any_kind_are_refused_and_never_break_anything(company: Company) -> None:
    for number, facts in enumerate(ODD):
        said = company.mei.post(
            "/leads",
            {"name": "王", "phone": f"138000001{number:02}", "channel": "flyer", "consent": True, **facts},
        )
        assert said.status in (201, 422), facts
        if said.status == 422:
            assert said.json["errors"].keys() & {*facts, "facts"}, facts


def test_dates_at_the_ends_of_the_calendar_are_refused(company: Company) -> None:
    code = company.assigned()
    for at in ("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00", "9999-12-31T23:59", 10**400, "x"):
        said = company.c1.post(f"/leads/{code}/follow_up", {"note": "x", "next_at": at})
        assert (said.status, said.code) == (422, "invalid_data")
    assert (
        company.c1.post(
            f"/leads/{code}/follow_up", {"note": "x", "next_at": "2026-12-01T09:00:00+08:00"}
        ).status
        == 200
    )
    deal = {"units": 10**30, "contract_no": "x", "amount_fen": 10**30}
    assert company.c1.post(f"/leads/{code}/deal", deal).json["errors"].keys() == {"units", "amount_fen"}
