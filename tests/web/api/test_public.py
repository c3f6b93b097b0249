"""The public form: no oracle, no reservations, no flood."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine
from sqlalchemy import select

from models import database as databases
from models.leads import Lead
from tests.web.api.conftest import CAPTURE, Company, Reply
from web.api.limits import limiter
from workflows.forms import form_key

SENT = {"name": "赵女士", "phone": "13800000009", "consent": True}


@pytest.fixture
def key(company: Company) -> str:
    return form_key(company.app.config["SECRET_KEY"], "main")


def send(company: Company, key: str, wait: float = 5, **more: Any) -> Reply:
    """Load the form, fill it for some seconds, send it."""
    token = company.nobody.get(f"/public/form?key={key}").json["token"]
    with time_machine.travel(datetime.now().astimezone() + timedelta(seconds=wait)):
        return company.nobody.post("/public/leads", {**SENT, "key": key, "token": token, **more})


def leads(company: Company) -> list[tuple[str | None, str, bool, str]]:
    with databases.read(company.engine) as session:
        return [
            (lead.name, lead.state, lead.protected, lead.channel)
            for lead in session.scalars(select(Lead).order_by(Lead.id))
        ]


def test_a_capture_by_the_public_protects_nothing_yet(company: Company, key: str) -> None:
    said = send(company, key)
    assert (said.status, said.json) == (202, {"received": True})
    assert leads(company) == [("赵女士", "captured", False, "online")]
    assert company.mei.post("/leads", {**CAPTURE, "phone": "13800000009"}).status == 201
    assert [state for _name, state, *_rest in leads(company)] == ["closed", "captured"]


def test_the_answer_is_the_same_for_new_known_and_staff_phones(company: Company, key: str) -> None:
    company.lead(phone="13800000002")
    said = [send(company, key, phone=phone) for phone in ("13800000009", "13800000009", "13800000002")]
    assert {(reply.status, reply.raw.get_data()) for reply in said} == {(202, said[0].raw.get_data())}
    assert len(leads(company)) == 2


def test_a_machine_that_fills_the_trap_hears_the_same_and_leaves_nothing(company: Company, key: str) -> None:
    assert send(company, key, website="http://spam.example").json == {"received": True}
    assert leads(company) == []


TO_PUT_RIGHT: tuple[tuple[dict[str, Any], str], ...] = (
    ({"consent": False}, "consent"), ({"phone": "123"}, "phone"), ({"name": ""}, "name"), ({"intent": "A"}, "intent"), ({"token": "x"}, "token"),
    ({"token": 7}, "token"), ({"channel": "flyer"}, "channel"), ({"consent_text": "x"}, "consent_text"), ({"phone": None}, "phone"),
)  # fmt: skip


def test_what_the_sender_can_put_right_is_said(company: Company, key: str) -> None:
    for more, field in TO_PUT_RIGHT:
        limiter.reset()
        said = send(company, key, **more)
        assert (said.status, said.code) == (422, "invalid_data"), more
        assert field in said.json["errors"], more
    assert leads(company) == []


def test_too_quick_and_too_late_are_sent_again(company: Company, key: str) -> None:
    for wait in (1, 3 * 60 * 60):
        assert send(company, key, wait).json["errors"].keys() == {"token"}


def test_a_key_of_no_project_is_not_found(company: Company) -> None:
    for wrong in ("", "fk_x", "\x00", "é" * 10):
        assert company.nobody.get(f"/public/form?key={wrong}").status in (404, 422)
        assert company.nobody.post("/public/leads", {**SENT, "key": wrong, "token": "x"}).status in (404, 422)
    assert company.nobody.post("/public/leads").status == 404


def test_one_phone_is_taken_a_few_times_an_hour(company: Company, key: str) -> None:
    said = [
        send(company, key, phone=phone)
        for phone in (
            "13800000009",
            13800000009,
            "138 0000 0009",
            "+8613800000009",
            "1 3800000009",
            13800000009,
        )
    ]
    assert [reply.status for reply in said] == [202] * 5 + [429]
    assert said[-1].code == "too_many"
    assert 0 < int(said[-1].raw.headers["Retry-After"]) <= 3600


def test_one_network_is_heard_ten_times_a_minute(company: Company) -> None:
    said = [company.nobody.post("/public/leads", {"key": "x"}).status for _try in range(11)]
    assert said == [404] * 10 + [429]


def test_the_companys_own_site_may_call_from_a_browser(company: Company, key: str) -> None:
    said = company.nobody.ask(
        "OPTIONS", "/public/leads", Origin="https://example.com", Access_Control_Request_Method="POST"
    )
    assert said.status == 204
    assert said.raw.headers["Access-Control-Allow-Origin"] == "*"
    assert "Access-Control-Allow-Origin" not in company.mei.get("/leads").raw.headers


def test_who_probes_for_customers_by_capturing_is_stopped(company: Company) -> None:
    """30 conflicts an hour per person; others are not stopped by it."""
    company.lead()
    said = [company.hua.post("/leads", CAPTURE).status for _try in range(31)]
    assert said == [409] * 30 + [429]
    assert company.bao.post("/leads", CAPTURE).status == 409
