"""Who sees what: every role against every personal field, in the lead's own state and in the pool."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from models import database as databases
from models.notices import AccessLog
from tests.web.api.conftest import PEOPLE, Company
from tests.web.api.test_walk import fire

CLEAR = {"name": "王先生", "phone": "13800000001", "demand": "三房", "note": "下午联系"}
MASKED = {"name": "王**", "phone": "138****0001", "demand": None, "note": None}
AT_THE_DESK = {**MASKED, "name": "王先生"}
UNSEEN = None

HELD = {
    "mei": CLEAR, "lin": CLEAR, "guo": CLEAR, "sun": CLEAR, "c1": CLEAR, "desk": AT_THE_DESK, "fei": MASKED, "zhi": MASKED,
    "hua": UNSEEN, "bao": UNSEEN, "c2": UNSEEN, "root": UNSEEN,
}  # fmt: skip
IN_THE_POOL = {
    "mei": MASKED, "lin": MASKED, "hua": MASKED, "bao": MASKED, "guo": CLEAR, "sun": CLEAR, "desk": AT_THE_DESK, "fei": MASKED,
    "zhi": MASKED, "c1": UNSEEN, "c2": UNSEEN, "root": UNSEEN,
}  # fmt: skip


def seen(company: Company, name: str, code: str) -> dict[str, str | None] | None:
    """The personal fields as this person sees them, the same in the list, in the search and alone; None where unseen."""
    alone = company.by(name).get(f"/leads/{code}")
    listed = {lead["code"]: lead for lead in company.by(name).get("/leads").json["items"]}
    found = company.by(name).get("/leads?q=13800000001").json["items"]
    if alone.status == 404:
        assert code not in listed
        assert not found
        assert company.by(name).get(f"/leads/{code}/history").status == 404
        assert company.by(name).get(f"/leads/{code}/timers").status == 404
        assert company.by(name).post(f"/leads/{code}/screen").status == 404
        return None
    assert listed[code] == alone.json == found[0]
    return {field: alone.json[field] for field in CLEAR}


def in_history(company: Company, name: str, code: str) -> bool:
    """Whether history shows this person what the customer said."""
    rows = company.by(name).get(f"/leads/{code}/history").json["items"]
    return any("phone" in row["facts"] for row in rows)


@pytest.mark.parametrize("place", ["held", "pool"])
def test_every_role_sees_exactly_what_it_should(company: Company, place: str) -> None:
    code = company.assigned(note="下午联系")
    if place == "pool":
        company.move(days=40)
        fire(company)
    expected = HELD if place == "held" else IN_THE_POOL
    assert expected.keys() == PEOPLE.keys()
    assert {name: seen(company, name, code) for name in PEOPLE} == expected
    clear = {name: in_history(company, name, code) for name, fields in expected.items() if fields}
    assert clear == {name: fields == CLEAR for name, fields in expected.items() if fields}


def test_who_claims_from_the_pool_reads_in_clear(company: Company) -> None:
    code = company.assigned()
    company.move(days=40)
    fire(company)
    assert company.hua.get(f"/leads/{code}").json["masked"]
    claimed = company.hua.post(f"/leads/{code}/claim")
    assert claimed.json["phone"] == "13800000001"
    assert company.bao.get(f"/leads/{code}").json["masked"] is False
    assert company.lin.post(f"/leads/{code}/claim").code == "not_allowed_from_state"


@pytest.mark.parametrize("name", ["fei", "zhi"])
def test_finance_and_audit_unmask_on_a_purpose_that_is_logged(company: Company, name: str) -> None:
    code = company.assigned()
    said = company.by(name).get(f"/leads/{code}?purpose=核对奖金")
    assert said.json["phone"] == "13800000001"
    assert said.raw.headers["Cache-Control"] == "no-store"
    assert company.by(name).get(f"/leads/{code}").json["masked"]
    with databases.read(company.engine) as session:
        (row,) = session.scalars(select(AccessLog))
        assert (row.person_id, row.kind, row.case_code, row.purpose) == (
            company.ids[name],
            "unmask",
            code,
            "核对奖金",
        )


@pytest.mark.parametrize(("name", "status"), [("desk", 403), ("root", 404), ("hua", 404), ("mei", 200)])
def test_a_purpose_opens_nothing_to_others(company: Company, name: str, status: int) -> None:
    code = company.assigned()
    assert company.by(name).get(f"/leads/{code}?purpose=x").status == status
    with databases.read(company.engine) as session:
        assert session.scalars(select(AccessLog)).all() == []


def test_a_purpose_needs_words_and_a_case(company: Company) -> None:
    code = company.assigned()
    assert company.fei.get(f"/leads/{code}?purpose=%00").code == "invalid_data"
    assert company.fei.get(f"/leads/{code}?purpose={'x' * 201}").code == "invalid_data"
    assert company.fei.get("/leads/LNOSUCH?purpose=x").code == "not_found"
    assert company.fei.get(f"/leads/{code}?purpose=%20").json["masked"]
