"""The pages: one's own ways to be told, the company's endpoints, the delivery log."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select, update
from standardwebhooks import Webhook

from models import database as databases
from models.messages import Channel, Endpoint, Message, Telling
from models.notices import AccessLog, Notification
from models.settings import Reach, Settings, WrongSetting
from tests.telling.conftest import Desk, Postbox, Receiver
from tests.web.office.conftest import Page

ONE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def find(pattern: str, page: Page) -> str:
    found = re.search(pattern, page.html)
    assert found, page.text
    return found[1]


@ONE
def test_somebody_chooses_mail_tests_it_and_is_told(desk: Desk, postbox: Postbox) -> None:
    mei = desk.office.seat("mei")
    assert "/notices/how" in mei.get("/notices").html
    wrong = mei.post("/notices/how/mail", address="no address", topics=["lead"])
    assert wrong.status == 422
    assert "This is no e-mail address." in wrong
    assert 'value="no address"' in wrong.html, "what was typed stays"
    assert "Send yourself a test" in mei.post("/notices/how/mail", address="mei@example.com", topics=["lead"])
    waiting = mei.post("/notices/how/mail", do="test")
    assert "On its way" in waiting
    assert 'hx-trigger="load delay:2s"' in waiting.html, "it looks again by itself"
    desk.send()
    assert postbox.mails[0]["To"] == "mei@example.com"
    with databases.read(desk.office.engine) as session:
        number = session.scalars(select(Message.id)).one()
        raw = session.connection().exec_driver_sql("SELECT address FROM channel").scalar()
    assert b"mei@" not in bytes(raw or b""), "sealed like everything personal"
    done = mei.get(f"/notices/how/tests/{number}")
    assert "It was accepted" in done
    assert "hx-trigger" not in done.html.split('id="result"')[1].split("</div>")[0]
    assert desk.office.seat("hua").get(f"/notices/how/tests/{number}").status == 404
    for _unused in range(5):
        mei.post("/notices/how/mail", do="test")
    assert "Enough tests" in mei.post("/notices/how/mail", do="test")
    mei.post("/notices/how/mail", do="out")
    with databases.read(desk.office.engine) as session:
        assert session.scalars(select(Channel.address)).all() == [None]


@ONE
def test_a_robot_and_its_secret_are_kept_and_never_shown_again(desk: Desk) -> None:
    mei = desk.office.seat("mei")
    good = "https://oapi.dingtalk.com/robot/send?access_token=verysecret"
    for wrong in (
        "https://evil.example/robot/send",
        "http://169.254.169.254/",
        "http://oapi.dingtalk.com/robot/send",
    ):
        assert mei.post("/notices/how/dingtalk", address=wrong, topics=["lead"]).status == 422
    assert mei.post("/notices/how/dingtalk", address=good, secret="SEC42", topics=["lead"]).status == 200
    page = mei.get("/notices/how")
    assert "verysecret" not in page.html
    assert "SEC42" not in page.html
    mei.post("/notices/how/dingtalk", topics=["lead", "month"])
    with databases.read(desk.office.engine) as session:
        row = session.scalars(select(Channel)).one()
        assert (row.address, row.secret, row.topics) == (good, "SEC42", ["lead", "month"])


@ONE
def test_quiet_hours_are_checked_as_they_are_chosen(desk: Desk) -> None:
    mei = desk.office.seat("mei")
    cases: tuple[tuple[dict[str, Any], str], ...] = (
        ({"quiet_from": "22:00"}, "Quiet hours have a beginning and an end."),
        ({"quiet_from": "22:00", "quiet_until": "T0700"}, "This is no time."),
        (
            {"quiet_from": "22:00", "quiet_until": "07:00", "digest_at": "06:00"},
            "This lies within your quiet hours.",
        ),
    )
    for typed, said in cases:
        page = mei.post("/notices/how/when", **typed)
        assert page.status == 422
        assert said in page
    whole: dict[str, Any] = {
        "quiet_from": "22:00",
        "quiet_until": "07:00",
        "digest_at": "18:00",
        "urgent_anyway": "1",
        "locale": "en",
    }
    assert "Saved." in mei.post("/notices/how/when", **whole)
    with databases.read(desk.office.engine) as session:
        row = session.scalars(select(Telling)).one()
        assert (row.quiet_from, row.quiet_until, row.digest_at) == ("22:00", "07:00", "18:00")
        assert (row.urgent_anyway, row.locale) == (True, "en")
    assert "Saved." in mei.post("/notices/how/when")
    with databases.read(desk.office.engine) as session:
        assert session.scalars(select(Telling.quiet_from)).one() is None


@ONE
def test_without_a_mail_server_the_page_says_why(desk: Desk) -> None:
    settings = replace(desk.settings, mail=None)
    desk.office.app.extensions["settings"] = settings
    mei = desk.office.seat("mei")
    assert "No mail server is set up here" in mei.get("/notices/how")
    refused = mei.post("/notices/how/mail", address="mei@example.com", topics=["lead"])
    assert refused.status == 422
    with databases.read(desk.office.engine) as session:
        assert session.scalars(select(Channel)).all() == []


@ONE
def test_a_link_in_a_message_leads_to_the_matter_and_only_for_its_reader(desk: Desk) -> None:
    desk.office.join("c1")
    code = desk.office.assigned()
    desk.tell()
    with databases.read(desk.office.engine) as session:
        mine = select(Notification.fact_uid).where(Notification.fact == "lead.visited")
        uid = session.scalars(mine).one()
    mei, hua = desk.office.seat("mei"), desk.office.seat("hua")
    assert mei.client.get(f"/notices/{uid}").location == f"/leads/{code}"
    assert hua.client.get(f"/notices/{uid}").location == "/notices"


def test_an_endpoint_is_added_tested_rotated_and_switched_off(desk: Desk, receiver: Receiver) -> None:
    root = desk.office.seat("root")
    wrong = root.post("/webhooks", name="erp", url="ftp://x", topics=["lead"])
    assert wrong.status == 422
    assert "An https address is needed" in wrong
    made = root.post("/webhooks", name="erp", url=receiver.url, topics=["lead"])
    secret = find(r"(whsec_[\w+/=]+)", made)
    with databases.read(desk.office.engine) as session:
        number = session.scalars(select(Endpoint.id)).one()
    path = f"/webhooks/{number}"
    assert secret not in root.get(path).html
    assert root.post("/webhooks", name="erp", url=receiver.url, topics=["lead"]).status == 422
    root.post(f"{path}/test")
    desk.send()
    _path, headers, body = receiver.got[-1]
    assert Webhook(secret).verify(body, headers)["type"] == "tuoke.test"
    new = find(r"(whsec_[\w+/=]+)", root.post(f"{path}/secret"))
    root.post(f"{path}/test")
    desk.send()
    _path, headers, body = receiver.got[-1]
    for each in (secret, new):
        Webhook(each).verify(body, headers)
    desk.office.screened()
    desk.tell()
    assert "Switched off: nothing is sent there" in root.post(f"{path}/off")
    assert desk.send() == 0
    page = root.get(path)
    assert "Switched off by hand." in page
    assert page.text.count("dropped") == 2
    assert "Send again all that did not arrive" in page
    root.post(f"{path}/on")
    root.post(f"{path}/again")
    desk.send()
    assert {event["type"] for event in receiver.events[-2:]} == {"lead.captured", "lead.screened"}
    with databases.read(desk.office.engine) as session:
        lines = session.scalars(
            select(AccessLog.purpose).where(AccessLog.case_code == f"endpoint:{number}")
        ).all()
    assert len(lines) == 7


@ONE
def test_the_log_is_filtered_paged_and_sends_again(desk: Desk, receiver: Receiver) -> None:
    erp = desk.endpoint(receiver.url, "lead")
    desk.endpoint(receiver.url, "lead", name="crm")
    desk.channel("mei", "mail", "mei@example.com")
    for _unused in range(12):
        desk.office.screened()
    desk.office.join("c1")
    desk.office.assigned()
    desk.tell()
    with databases.begin(desk.office.engine) as session:
        session.execute(
            update(Message).where(Message.endpoint_id == erp).values(state="parked", error="time-out")
        )
    root = desk.office.seat("root")
    first = root.get("/webhooks/log")
    assert first.html.count("<li><div>") == 40
    second = root.get(find(r'href="([^"]+)" rel="next"', first).replace("&amp;", "&"))
    assert second.html.count("<li><div>") == len(desk.messages) - 40
    parked = root.get(f"/webhooks/log?state=parked&to={erp}")
    assert "no answer in time" in parked
    assert "crm" not in re.sub(r"<option.*?</option>", "", parked.html)
    assert "mei · E-mail" in root.get("/webhooks/log?to=people")
    assert "mei@" not in root.get("/webhooks/log?to=people").html
    row = find(r'action="/webhooks/log/(\d+)"', parked)
    assert "It is sent again." in root.post(f"/webhooks/log/{row}", next="/webhooks/log?state=parked")
    desk.send()
    assert {m.state for m in desk.messages if m.id == int(row)} == {"sent"}
    assert "messages could not be sent" in root.get("/health")
    metrics = desk.office.app.test_client().get("/metrics").text
    assert (
        f'tuoke_messages{{state="parked"}} {len([m for m in desk.messages if m.state == "parked"])}'
        in metrics
    )
    assert "tuoke_messages_lag_seconds" in metrics


@ONE
def test_only_the_administrator_sees_endpoints_and_log(desk: Desk) -> None:
    root, sun = desk.office.seat("root"), desk.office.seat("sun")
    assert "/webhooks" in root.get("/more").html
    assert "/webhooks" not in sun.get("/more").html
    for path in ("/webhooks", "/webhooks/log", "/webhooks/1"):
        assert sun.get(path).status == 403
    for path in ("/webhooks", "/webhooks/1/off", "/webhooks/1/secret", "/webhooks/log/1"):
        assert sun.post(path).status == 403
    assert root.get("/webhooks/99").status == 404
    assert root.post("/webhooks/99/off").status == 404
    assert "lead.unattended" in root.get("/webhooks")


@ONE
def test_an_endpoint_inside_the_network_is_refused_as_it_is_typed(desk: Desk) -> None:
    desk.office.app.extensions["settings"] = replace(desk.settings, reach=Reach())
    refused = desk.office.seat("root").post(
        "/webhooks", name="erp", url="https://10.0.0.5/hook", topics=["lead"]
    )
    assert refused.status == 422
    assert "TUOKE_INTERNAL_HOSTS" in refused


def test_settings_of_mail_and_links() -> None:
    base = {"TUOKE_DATA_KEY": "00" * 32, "TUOKE_SECRET_KEY": "x"}
    mail = {
        "TUOKE_SMTP_URL": "smtp://tuoke:p%40ss@mail.example.com:587",
        "TUOKE_MAIL_FROM": "tuoke@example.com",
    }
    found = Settings.from_env({**base, **mail}).mail
    assert found
    assert (found.host, found.port, found.user, found.password, found.tls) == (
        "mail.example.com", 587, "tuoke", "p@ss", False,
    )  # fmt: skip
    assert "p@ss" not in repr(found)
    assert Settings.from_env(base).mail is None
    for wrong in (
        {"TUOKE_SMTP_URL": "mail.example.com", "TUOKE_MAIL_FROM": "tuoke@example.com"},
        {"TUOKE_SMTP_URL": "smtp://mail.example.com"},
        {"TUOKE_PUBLIC_URL": "tuoke.example.com"},
        {"TUOKE_PUBLIC_URL": "javascript:alert(1)"},
    ):
        with pytest.raises(WrongSetting):
            Settings.from_env({**base, **wrong})
