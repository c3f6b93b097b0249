"""Logging in and out: passwords, sessions that can be ended, forged forms, languages."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta

import pytest
from argon2 import PasswordHasher
from flask.testing import FlaskClient
from sqlalchemy import select, update
from werkzeug.test import TestResponse

from models import database as databases
from models.people import Person, WebSession
from tests.web.office.conftest import Office
from web.app import create_app, real_now
from web.pages import entry, passwords
from workflows.staff import hashed

PASSWORD = "correct horse"


@pytest.fixture
def strangers(office: Office, monkeypatch: pytest.MonkeyPatch) -> FlaskClient:
    """A browser at the door of a company that is no demo, where mei has a password."""
    monkeypatch.setattr(entry, "patience", passwords.Patience())
    monkeypatch.setattr(passwords, "HASHER", PasswordHasher(time_cost=1, memory_cost=1024))
    app = create_app(replace(office.app.extensions["settings"], clock="real"), office.engine)
    kept = passwords.hash_of(PASSWORD)
    with databases.begin(office.engine) as session:
        session.execute(update(Person).where(Person.name == "mei").values(password_hash=kept))
    client = app.test_client()
    client.set_cookie("tuoke_lang", "en")
    return client


def token(client: FlaskClient, path: str = "/login") -> str:
    return str(re.findall(r'csrf_token" value="([^"]+)', client.get(path).text)[0])


def knock(client: FlaskClient, name: str = "mei", password: str = PASSWORD, **more: str) -> TestResponse:
    return client.post(
        "/login", data={"csrf_token": token(client), "name": name, "password": password, **more}
    )


def test_the_right_password_opens_and_every_page_asks_for_it(strangers: FlaskClient) -> None:
    asked = strangers.get("/leads?state=all")
    assert asked.status_code == 302
    assert asked.location == "/login?next=/leads?state%3Dall"
    assert knock(strangers, next="/leads?state=all").location == "/leads?state=all"
    assert strangers.get("/leads").status_code == 200


def test_a_wrong_name_and_a_wrong_password_read_the_same(strangers: FlaskClient) -> None:
    wrong, nobody = knock(strangers, password="guess"), knock(strangers, name="nobody")
    assert wrong.status_code == nobody.status_code == 422
    for answer in (wrong, nobody):
        assert "Name and password do not fit together." in answer.text


def test_after_many_wrong_passwords_even_the_right_one_must_wait(strangers: FlaskClient) -> None:
    for _unused in range(8):
        knock(strangers, password="guess")
    late = knock(strangers)
    assert late.status_code == 429
    assert int(late.headers["Retry-After"]) > 0
    assert knock(strangers, name="hua").status_code == 422, "others are still heard"


def test_somebody_without_a_password_or_gone_cannot_enter(strangers: FlaskClient, office: Office) -> None:
    assert knock(strangers, name="hua", password="").status_code == 422
    with databases.begin(office.engine) as session:
        session.execute(
            update(Person).where(Person.name == "mei").values(left_on=real_now().date() - timedelta(days=2))
        )
    assert knock(strangers).status_code == 422


def test_one_click_log_ins_exist_in_the_demo_company_only(strangers: FlaskClient, office: Office) -> None:
    assert "/login/as" not in strangers.get("/login").text
    assert (
        strangers.post("/login/as", data={"csrf_token": token(strangers), "name": "mei"}).status_code == 404
    )
    assert "/login/as" in office.app.test_client().get("/login").text


def test_a_log_in_is_kept_on_the_server_by_its_digest_and_ends_there(
    strangers: FlaskClient, office: Office
) -> None:
    knock(strangers)
    with strangers.session_transaction() as cookie:
        secret = cookie["_user_id"]
    with databases.read(office.engine) as session:
        row = session.scalars(select(WebSession)).one()
        assert row.digest == hashed(secret) != secret
    stolen = strangers.get_cookie("tuoke")
    assert stolen is not None
    assert stolen.http_only
    assert stolen.same_site == "Lax"
    strangers.post("/logout", data={"csrf_token": token(strangers, "/more")})
    strangers.set_cookie("tuoke", stolen.value)
    assert strangers.get("/more").status_code == 302, "the old cookie opens nothing any more"


@pytest.mark.parametrize(("seen", "made"), [(13, 13), (0, 24 * 8)])
def test_a_log_in_ends_after_idle_hours_and_after_a_week(
    strangers: FlaskClient, office: Office, seen: int, made: int
) -> None:
    knock(strangers)
    at = real_now()
    times = {"seen_at": at - timedelta(hours=seen), "made_at": at - timedelta(hours=made)}
    with databases.begin(office.engine) as session:
        session.execute(update(WebSession).values(**times))
    assert strangers.get("/leads").status_code == 302


def test_moving_the_companys_clock_signs_nobody_out(office: Office) -> None:
    mei = office.seat("mei")
    office.pass_time(days=30)
    assert mei.get("/leads").status == 200


def test_a_form_without_its_token_changes_nothing(office: Office) -> None:
    mei = office.seat("mei")
    fields = {"phone": "13800000001", "name": "王先生", "channel": "flyer", "consent": "y"}
    forged = mei.client.post("/register", data=fields)
    assert forged.status_code == 400
    assert "The form was too old" in forged.text
    stolen = mei.client.post("/register", data={**fields, "csrf_token": "made up"})
    assert stolen.status_code == 400
    assert "No lead stands here now." in mei.get("/leads")


def test_nobody_is_led_to_another_site(strangers: FlaskClient) -> None:
    for evil in ("https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)"):
        assert knock(strangers, next=evil).location == "/"
        strangers.post("/logout", data={"csrf_token": token(strangers, "/more")})


def test_over_https_the_cookie_takes_the_host_prefix(office: Office) -> None:
    answer = office.app.test_client().get("/login", base_url="https://tuoke.example/")
    cookie = answer.headers["Set-Cookie"]
    assert cookie.startswith("__Host-tuoke=")
    assert "Secure" in cookie
    assert "HttpOnly" in cookie
    assert "Path=/" in cookie


def test_the_language_is_chosen_and_remembered_with_the_person(office: Office) -> None:
    mei = office.seat("mei")
    assert '<html lang="en">' in mei.get("/").html
    turned = mei.post("/language", language="zh", next="/leads")
    assert '<html lang="zh-CN">' in turned.html
    assert "我的客户" in turned
    elsewhere = office.app.test_client()
    assert 'lang="zh-CN"' in elsewhere.get("/login").text, "Chinese where nobody chose"
    with databases.read(office.engine) as session:
        assert session.scalars(select(Person.locale).where(Person.name == "mei")).one() == "zh"


def test_unknown_pages_and_closed_ones_say_what_to_do(office: Office) -> None:
    mei = office.seat("mei")
    assert mei.get("/nothing").status == 404
    closed = mei.get("/leads/all")
    assert closed.status == 403
    assert "It can be done by: Reception, Outreach manager, Sales manager, Finance, Auditor." in closed


def test_while_the_database_is_away_pages_say_so_and_when_to_come_back(office: Office) -> None:
    mei = office.seat("mei")
    away = databases.open_engine("postgresql+psycopg://nobody@127.0.0.1:1/nothing")
    office.app.extensions["engine"] = away
    for path in ("/", "/register", "/login"):
        page = mei.get(path)
        assert page.status == 503
        assert "The database is away" in page
        assert page.headers["Retry-After"] == "5"
    office.app.extensions["engine"] = office.engine
    assert mei.get("/register").status == 200, "and nobody was signed out by it"
    away.dispose()
