"""What nobody types on purpose gets a clear answer, never a page that says something broke."""

from __future__ import annotations

import pytest

from tests.web.office.conftest import Office

PATHS = (
    "/leads/%00",
    "/register?saved=%00",
    "/do/lead/%00/claim",
    "/inbox/results/%00",
    "/leads/all?after=%C2%B2",
    "/leads?after=1.%C2%B2",
    "/leads?after=1.99999999999999999999",
    "/notices?after=%C2%B2",
    "/notices/00000000-0000-0000-0000-000000000000",
    "/webhooks/log?after=%C2%B2&to=%C2%B2&state=x",
    "/import?before=%C2%B2",
    "/import/1?after=%C2%B2&result=x",
    "/leads/together/%00",
    "/leads?tick=all&_scheme=x&after=1",
    "/people/999999999999999999999999",
)


@pytest.mark.parametrize("path", PATHS)
def test_odd_addresses_are_no_fault_of_ours(office: Office, path: str) -> None:
    for name in ("mei", "guo", "root"):
        assert office.seat(name).client.get(path).status_code < 500


@pytest.mark.parametrize("path", ["//[", "http://[", "//elsewhere.example", "/\\elsewhere"])
def test_one_goes_on_only_to_pages_of_this_site(office: Office, path: str) -> None:
    assert office.app.test_client().get("/login", query_string={"next": path}).status_code == 200
    seat = office.seat("mei")
    answer = seat.client.post("/language", data={"csrf_token": seat.token, "language": "en", "next": path})
    assert answer.status_code < 500
    assert "elsewhere" not in answer.headers.get("Location", "")


@pytest.mark.parametrize("typed", ["Infinity", "1E999999", "NaN", "9" * 40])
def test_an_amount_that_is_none_is_said_to_be_none(office: Office, typed: str) -> None:
    fresh = office.act("mei", "capture", name="王女士", phone="13800004321", channel="flyer", consent=True)
    screened = office.seat("mei").post(
        f"/do/lead/{fresh}/screen", demand="三房", intent="A", budget_fen=typed
    )
    assert screened.status in (200, 422)
    assert office.lead(fresh).state == "captured"


def test_numbers_that_only_look_like_digits_are_no_version(office: Office) -> None:
    code = office.screened()
    answer = office.seat("mei").post(f"/do/lead/{code}/extend", version="²", days="3", reason="出差")
    assert answer.status < 500


def test_an_endless_phone_is_too_long(office: Office) -> None:
    answer = office.seat("mei").post("/register", phone="1" * 5000, name="王", channel="flyer", consent="y")
    assert answer.status == 422
