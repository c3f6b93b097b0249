"""Leads over HTTP: what is asked, what is answered, and in which order things are checked."""

from __future__ import annotations

from tests.web.api.conftest import CAPTURE, SCREEN, Company


def test_mei_captures_a_lead_and_reads_it_back(company: Company) -> None:
    said = company.mei.post("/leads", CAPTURE)
    assert said.status == 201
    assert said.json["state"] == "captured"
    assert said.json["phone"] == "13800000001"
    assert said.json["promoter"] == "mei"
    again = company.mei.get(f"/leads/{said.json['code']}")
    assert again.status == 200
    assert again.json == said.json


def test_without_a_token_nothing_is_said(company: Company) -> None:
    said = company.nobody.get("/leads")
    assert said.status == 401
    assert said.code == "no_token"
    assert said.raw.headers["WWW-Authenticate"].startswith("Bearer")
    assert said.raw.mimetype == "application/problem+json"


NO_OBJECT = (
    b"{", b"[]", b'"x"', b"1", b"null", b"\xff\xfe", b'{"name": NaN}', b'{"name": "\\ud800"}', b"[" * 5000, b"1" * 5000, b'{"a":' * 3000,
)  # fmt: skip


def test_a_body_that_is_no_json_object_is_400(company: Company) -> None:
    for body in NO_OBJECT:
        said = company.mei.post("/leads", body)
        assert (said.status, said.code) == (400, "not_json"), body[:20]


def test_state_is_checked_before_permission_before_data_before_guards(company: Company) -> None:
    code = company.lead()
    assert company.mei.post(f"/leads/{code}/visit", {"nonsense": 1}).code == "not_allowed_from_state"
    assert company.desk.post(f"/leads/{code}/screen", {"nonsense": 1}).code == "not_permitted"
    assert company.mei.post(f"/leads/{code}/screen", {"nonsense": 1}).code == "invalid_data"
    assert company.hua.post(f"/leads/{code}/screen", SCREEN).code == "not_found"
    assert company.mei.post("/leads/LNOSUCH/screen", {"nonsense": 1}).code == "not_found"
    assert company.mei.post(f"/leads/{code}/dance", {}).code == "not_found"


def test_a_refusal_is_said_in_the_readers_language(company: Company) -> None:
    said = company.mei.post("/leads", {"phone": "123"}, Accept_Language="en")
    assert said.status == 422
    assert said.raw.headers["Content-Language"] == "en"
    assert said.json["errors"]["phone"] == "The number is too short."
    assert said.json["errors"]["name"] == "This is needed."
    assert company.mei.post("/leads", {"phone": "123"}).raw.headers["Content-Language"] == "zh"


def test_a_second_capture_of_an_open_phone_says_until_when_but_not_by_whom(company: Company) -> None:
    company.lead()
    said = company.hua.post("/leads", CAPTURE, Accept_Language="en")
    assert (said.status, said.code) == (409, "conflict")
    assert "mei" not in said.raw.get_data(as_text=True)
    assert "protected until" in said.json["detail"]


def test_if_match_refuses_a_step_on_a_lead_that_has_moved(company: Company) -> None:
    code = company.lead()
    seen = company.mei.get(f"/leads/{code}").raw.headers["ETag"]
    assert company.mei.post(f"/leads/{code}/screen", SCREEN, If_Match='"7"').code == "conflict"
    assert company.mei.post(f"/leads/{code}/screen", SCREEN, If_Match=seen).status == 200
    assert company.mei.post(f"/leads/{code}/screen", SCREEN, If_Match="x").code == "invalid_data"
