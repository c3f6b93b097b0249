"""The same Idempotency-Key and body gives the same answer again, however the requests come."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from sqlalchemy import func, select

from models import database as databases
from models.leads import Lead
from models.remembered import Answer, History
from tests.web.api.conftest import CAPTURE, SCREEN, Company, Reply


def count(company: Company, table: type) -> int:
    with databases.read(company.engine) as session:
        return session.scalar(select(func.count()).select_from(table)) or 0


def test_the_same_key_and_body_captures_once_and_answers_alike(company: Company) -> None:
    first = company.mei.post("/leads", CAPTURE, Idempotency_Key="k1")
    again = company.mei.post("/leads", dict(reversed(CAPTURE.items())), Idempotency_Key="k1")
    assert (first.status, first.json) == (again.status, again.json)
    assert again.raw.headers["Idempotency-Replayed"] == "true"
    assert "Idempotency-Replayed" not in first.raw.headers
    assert count(company, Lead) == 1


def test_another_body_or_path_under_the_same_key_is_refused(company: Company) -> None:
    code = company.mei.post("/leads", CAPTURE, Idempotency_Key="k1").json["code"]
    for said in (
        company.mei.post("/leads", {**CAPTURE, "name": "李"}, Idempotency_Key="k1"),
        company.mei.post(f"/leads/{code}/screen", CAPTURE, Idempotency_Key="k1"),
    ):
        assert (said.status, said.code) == (422, "invalid_data")
        assert "Idempotency-Key" in said.json["errors"]


def test_keys_are_ones_own(company: Company) -> None:
    assert company.mei.post("/leads", CAPTURE, Idempotency_Key="k1").status == 201
    assert company.hua.post("/leads", {**CAPTURE, "phone": "13800000002"}, Idempotency_Key="k1").status == 201


def test_a_refusal_leaves_the_key_free(company: Company) -> None:
    assert company.mei.post("/leads", {}, Idempotency_Key="k1").status == 422
    assert count(company, Answer) == 0
    assert company.mei.post("/leads", CAPTURE, Idempotency_Key="k1").status == 201


def test_after_a_day_a_key_is_new_and_old_answers_are_forgotten(company: Company) -> None:
    company.hua.post("/leads", CAPTURE, Idempotency_Key="old")
    company.mei.post("/leads", {**CAPTURE, "phone": "13800000002"}, Idempotency_Key="k1")
    company.move(hours=23)
    assert company.mei.post("/leads", {**CAPTURE, "phone": "13800000002"}, Idempotency_Key="k1").raw.headers[
        "Idempotency-Replayed"
    ]
    company.move(hours=2)
    said = company.mei.post("/leads", {**CAPTURE, "phone": "13800000003"}, Idempotency_Key="k1")
    assert said.status == 201
    assert count(company, Answer) == 1


def test_an_opened_approval_is_answered_again_with_the_same_approval(company: Company) -> None:
    code = company.assigned()
    deal = {"units": 1, "contract_no": "HT-1", "amount_fen": 200_000_000}
    first = company.c1.post(f"/leads/{code}/deal", deal, Idempotency_Key="d")
    assert first.status == 202
    assert company.c1.post(f"/leads/{code}/deal", deal, Idempotency_Key="d").json == first.json
    assert company.c1.post(f"/leads/{code}/deal", deal).code == "conflict"


def test_a_key_that_is_none_is_refused(company: Company) -> None:
    for key in ("", " ", "schlüssel", "x" * 201):
        assert company.mei.post("/leads", CAPTURE, Idempotency_Key=key).code == "invalid_data"


def at_once(company: Company, many: int, **headers: str) -> list[Reply]:
    with ThreadPoolExecutor(many) as pool:
        return list(pool.map(lambda _each: company.mei.post("/leads", CAPTURE, **headers), range(many)))


def test_many_at_once_with_one_key_do_it_once_and_all_hear_the_same(company: Company) -> None:
    for round_ in range(3):
        facts = {**CAPTURE, "phone": f"1380000010{round_}"}
        with ThreadPoolExecutor(8) as pool:
            said = list(
                pool.map(
                    lambda _n, f=facts, r=round_: company.mei.post("/leads", f, Idempotency_Key=f"race{r}"),
                    range(8),
                )
            )
        assert {reply.status for reply in said} == {201}
        assert len({reply.json["code"] for reply in said}) == 1
    assert count(company, Lead) == 3
    assert count(company, History) == 3


def test_many_at_once_without_a_key_have_one_winner(company: Company) -> None:
    said = at_once(company, 8)
    assert sorted(reply.status for reply in said) == [201] + [409] * 7
    assert count(company, Lead) == 1


def test_two_screenings_of_the_version_both_saw_have_one_winner(company: Company) -> None:
    code = company.lead()
    with ThreadPoolExecutor(4) as pool:
        said = list(
            pool.map(lambda _n: company.mei.post(f"/leads/{code}/screen", SCREEN, If_Match='"1"'), range(4))
        )
    assert sorted(reply.status for reply in said) == [200, 409, 409, 409]
