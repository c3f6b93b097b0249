"""Carrying messages out: signed, tried again, parked, never to an address inside, and at least once under one id."""

from __future__ import annotations

import base64
import hmac
import json
import os
import socket
import subprocess
import sys
import threading
import time
from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import pytest
from sqlalchemy import insert, update
from sqlalchemy.orm import Session
from standardwebhooks import Webhook, WebhookVerificationError

from models import database as databases
from models.messages import Endpoint, Message
from models.settings import Mail, Reach
from tests.conftest import DATA_KEY
from tests.telling.conftest import SECRET, Desk, Postbox, Receiver
from workers import sending
from workers.sending import mail as mailing
from workers.sending import wire
from workers.sending.wire import NotSent
from workflows.telling import posting
from workflows.telling.addresses import mail_address, outward, robot_address

SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def captured(desk: Desk, receiver: Receiver, **more: Any) -> int:
    """An endpoint that wants leads, and one fact for it."""
    endpoint = desk.endpoint(receiver.url, **more)
    desk.office.phones += 1
    phone = f"1380000{desk.office.phones:04d}"
    desk.office.act("mei", "capture", name="王先生", phone=phone, channel="flyer", consent=True)
    desk.tell()
    return endpoint


@SQLITE
def test_the_receiver_verifies_what_we_signed(desk: Desk, receiver: Receiver) -> None:
    captured(desk, receiver)
    desk.send()
    _path, headers, body = receiver.got[0]
    assert Webhook(SECRET).verify(body, headers)["type"] == "lead.captured"
    with pytest.raises(WebhookVerificationError):
        Webhook("whsec_" + "A" * 32).verify(body, headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(SECRET).verify(body.replace("captured", "closed"), headers)


@SQLITE
def test_while_a_secret_is_changed_both_are_good(desk: Desk, receiver: Receiver) -> None:
    endpoint = captured(desk, receiver)
    new = "whsec_" + "B" * 32
    until = desk.office.now + timedelta(hours=24)
    with databases.begin(desk.office.engine) as session:
        row = session.get_one(Endpoint, endpoint)
        row.secret, row.old_secret, row.old_until = new, row.secret, until
    desk.send()
    _path, headers, body = receiver.got[0]
    for secret in (new, SECRET):
        Webhook(secret).verify(body, headers)


def test_what_fails_is_tried_again_later_under_the_same_id(
    desk: Desk, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wire, "SECONDS", 1.0)
    receiver.answers = [500, 1.5, 503]
    captured(desk, receiver)
    errors = []
    for _unused in range(3):
        assert desk.send() == 1
        assert desk.send() == 0, "not at once again"
        errors.append(desk.messages[0].error)
        assert desk.states == ["pending"]
        desk.pass_time(minutes=2)
    assert errors == ["status 500", "time-out", "status 503"]
    desk.send()
    assert desk.states == ["sent"]
    assert len(receiver.got) == 4
    assert len(set(receiver.ids)) == 1


@SQLITE
def test_an_answer_that_drips_for_ever_is_cut_off(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "SECONDS", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as server:

        def drip() -> None:
            taken, _ = server.accept()
            with taken:
                for letter in b"HTTP/1.1 200 OK\r\nX: " + b"y" * 200:
                    try:
                        taken.sendall(bytes([letter]))
                    except OSError:
                        return
                    time.sleep(0.05)

        thread = threading.Thread(target=drip)
        thread.start()
        begun = time.monotonic()
        with pytest.raises(NotSent, match="time-out"):
            wire.post(f"http://127.0.0.1:{server.getsockname()[1]}/", b"", {}, desk.settings.reach)
        assert time.monotonic() - begun < 2
        thread.join()


def test_after_some_tries_it_is_parked_and_can_be_sent_again(desk: Desk, receiver: Receiver) -> None:
    endpoint = captured(desk, receiver)
    closed = receiver.url
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        closed = f"http://127.0.0.1:{nobody.getsockname()[1]}/"
        set_url(desk, endpoint, closed)
        for _unused in range(posting.TRIES):
            desk.send()
            desk.pass_time(hours=1.1)
    assert [(m.state, m.error, m.tries) for m in desk.messages] == [
        ("parked", "connection refused", posting.TRIES)
    ]
    assert desk.send() == 0
    set_url(desk, endpoint, receiver.url)
    with databases.begin(desk.office.engine) as session:
        assert posting.send_again(session, desk.messages[0].id, desk.office.now)
        assert not posting.send_again(session, desk.messages[0].id, desk.office.now)
    desk.send()
    assert desk.states == ["sent"]


def set_url(desk: Desk, endpoint: int, url: str) -> None:
    with databases.begin(desk.office.engine) as session:
        session.get_one(Endpoint, endpoint).url = url


@SQLITE
def test_a_receiver_that_is_gone_is_switched_off(desk: Desk, receiver: Receiver) -> None:
    receiver.answers = [410]
    endpoint = captured(desk, receiver)
    desk.send()
    with databases.read(desk.office.engine) as session:
        row = session.get_one(Endpoint, endpoint)
        assert (row.is_on, row.why_off) == (False, "status 410")
    desk.office.screened()
    desk.tell()
    desk.send()
    assert len(receiver.got) == 1
    assert desk.states == ["parked"], "and nothing more is written for it"


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_worker_killed_between_sending_and_writing_down_sends_the_same_id_again(
    desk: Desk, receiver: Receiver, database_url: str
) -> None:
    captured(desk, receiver)
    program = (
        "import os; from workers import sending, jobs; sending._settle = lambda *_: os._exit(9); jobs.send()"
    )
    env = {
        **os.environ,
        "DATABASE_URL": database_url,
        "TUOKE_DATA_KEY": DATA_KEY.hex(),
        "TUOKE_CLOCK": "movable",
        "TUOKE_INTERNAL_HOSTS": "127.0.0.1",
        "TUOKE_PLAIN_HTTP": "allowed",
    }
    ended = subprocess.run([sys.executable, "-c", program], env=env, check=False)
    assert ended.returncode == 9
    assert len(receiver.got) == 1
    assert [(m.state, m.tries) for m in desk.messages] == [("pending", 1)]
    assert desk.send() == 0, "it may still be under way"
    desk.pass_time(minutes=2)
    desk.send()
    assert len(receiver.ids) == 2
    assert len(set(receiver.ids)) == 1
    assert desk.states == ["sent"]


def test_who_comes_late_with_a_result_does_not_undo_what_another_did(desk: Desk, receiver: Receiver) -> None:
    captured(desk, receiver)
    with databases.begin(desk.office.engine) as session:
        (slow,) = posting.claim(session, desk.office.now, 10)
    desk.pass_time(minutes=2)
    desk.send()
    assert desk.states == ["sent"]
    with databases.begin(desk.office.engine) as session:
        late = posting.settle(session, slow, posting.Outcome("time-out"), desk.office.now, timedelta(0))
    assert not late
    assert desk.states == ["sent"]


@SQLITE
def test_a_receiver_that_is_down_is_asked_now_and_then_and_the_others_go_on(
    desk: Desk, receiver: Receiver
) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        down = desk.endpoint(f"http://127.0.0.1:{nobody.getsockname()[1]}/", "lead", name="down")
        desk.endpoint(receiver.url, "lead")
        for _unused in range(5):
            desk.office.screened()
        desk.tell()
        assert desk.send() == posting.AT_ONCE + 10
    assert len(receiver.got) == 10
    set_url(desk, down, receiver.url)
    desk.pass_time(minutes=1.1)
    desk.send()
    assert len(receiver.got) == 20
    assert set(desk.states) == {"sent"}


def test_two_at_once_share_the_work_and_a_receiver_has_a_few_turns_at_a_time(
    desk: Desk, receiver: Receiver
) -> None:
    loud, quiet = (
        desk.endpoint(receiver.url, "lead", name="loud"),
        desk.endpoint(receiver.url, "duty", name="quiet"),
    )
    for _unused in range(4):
        desk.office.screened()
    desk.office.join("c1")
    desk.tell()
    with databases.begin(desk.office.engine) as one:
        first = posting.claim(one, desk.office.now, 6)
        if one.get_bind().dialect.name == "postgresql":
            with databases.begin(desk.office.engine) as two:
                assert posting.claim(two, desk.office.now, 6) == [], (
                    "what somebody holds is skipped, not waited for"
                )
    with databases.begin(desk.office.engine) as two:
        second = posting.claim(two, desk.office.now, 6)
    assert not {p.id for p in first} & {p.id for p in second}
    of = {m.id: m.endpoint_id for m in desk.messages}
    assert [of[p.id] for p in first].count(loud) == posting.AT_ONCE
    assert [of[p.id] for p in first].count(quiet) == 1, (
        "whoever has little is not kept waiting by whoever has much"
    )


@SQLITE
def test_a_backlog_however_long_makes_the_next_turn_no_dearer(desk: Desk, receiver: Receiver) -> None:
    loud, quiet = (desk.endpoint(receiver.url, name=name) for name in ("loud", "quiet"))

    def wait_for(endpoint: int, how_many: int) -> None:
        at = desk.office.now
        rows = [
            {"uid": str(uuid4()), "endpoint_id": endpoint, "fact": "lead.captured", "fact_uid": str(uuid4())}
            for _unused in range(how_many)
        ]
        with databases.begin(desk.office.engine) as session:
            session.execute(insert(Message), [row | {"at": at, "next_at": at, "body": {}} for row in rows])

    def steps() -> int:
        """Of the database's machine, for one turn that is then given up."""
        counted: list[None] = []
        with desk.office.engine.connect() as connection, Session(bind=connection) as session:
            raw: Any = connection.connection.driver_connection
            raw.set_progress_handler(lambda: counted.append(None), 10)
            taken = posting.claim(session, desk.office.now, 16)
            raw.set_progress_handler(None, 0)
            session.rollback()
        assert len(taken) == posting.AT_ONCE + 1
        return len(counted)

    wait_for(quiet, 1)
    wait_for(loud, 20)
    few = steps()
    wait_for(loud, 4_000)
    assert steps() < 2 * few


@SQLITE
def test_mail_has_one_id_for_all_its_tries_and_a_refused_address_is_parked(
    desk: Desk, postbox: Postbox
) -> None:
    desk.channel("mei", "mail", "mei@example.com")
    desk.office.join("c1")
    desk.office.assigned()
    desk.tell()
    with databases.begin(desk.office.engine) as session:
        session.execute(update(Message).where(Message.fact == "lead.assigned").values(state="dropped"))
    postbox.refusals = ["451 later"]
    desk.send()
    assert (desk.messages[0].state, desk.messages[0].error) == ("pending", "mail 451")
    desk.pass_time(minutes=2)
    desk.send()
    (mail,) = postbox.mails
    assert mail["Message-ID"] == f"<{desk.messages[0].uid}@example.com>"
    assert mail["Auto-Submitted"] == "auto-generated"
    postbox.refusals = ["550 nobody of this name"]
    with databases.begin(desk.office.engine) as session:
        assert posting.send_again(session, desk.messages[1].id, desk.office.now)
    desk.send()
    assert (desk.messages[1].state, desk.messages[1].error) == ("parked", "mail 550")


@SQLITE
def test_a_password_is_not_sent_in_the_clear(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, postbox: Postbox
) -> None:
    monkeypatch.setattr(mailing, "HERE", ())
    desk.settings = replace(
        desk.settings,
        mail=Mail("127.0.0.1", postbox.port, "tuoke", "secret", tls=False, sender="t@example.com"),
    )
    desk.channel("mei", "mail", "mei@example.com")
    desk.office.join("c1")
    desk.office.assigned()
    desk.tell()
    desk.send()
    assert {m.error for m in desk.messages} == {"the mail server offers no TLS, so the password was not sent"}


@SQLITE
@pytest.mark.parametrize("kind", ["wecom", "dingtalk", "feishu"])
def test_a_robot_that_answers_200_and_refuses_has_not_been_told(
    desk: Desk, receiver: Receiver, kind: str
) -> None:
    secret = None if kind == "wecom" else "SEC123"
    desk.channel("mei", kind, receiver.url, secret=secret, locale="en")
    desk.office.join("c1")
    desk.office.assigned()
    desk.tell()
    receiver.says = b'{"errcode": 93000}' if kind != "feishu" else b'{"code": 19021}'
    desk.send()
    assert {m.error for m in desk.messages} == {
        f"refused by the robot: {93000 if kind != 'feishu' else 19021}"
    }
    receiver.says = b'{"errcode": 0}' if kind != "feishu" else b'{"code": 0}'
    desk.pass_time(minutes=1)
    desk.send()
    assert set(desk.states) == {"sent"}
    path, _headers, body = receiver.got[-1]
    text = json.loads(body)
    said = text["content"]["text"] if kind == "feishu" else text["text"]["content"]
    assert said.startswith("Tuoke: ")
    assert "https://tuoke.example.com/notices/" in said
    marks = {"dingtalk": dingtalk_mark(path), "feishu": feishu_mark(text), "wecom": (None, None)}
    given, expected = marks[kind]
    assert given == expected
    assert (given is None) == (kind == "wecom")


def dingtalk_mark(path: str) -> tuple[str | None, str | None]:
    """The signature in the address, and what the maker reckons from time stamp and secret."""
    query = parse_qs(urlsplit(path).query)
    if "sign" not in query:
        return None, None
    text = f"{query['timestamp'][0]}\nSEC123".encode()
    return query["sign"][0], base64.b64encode(hmac.new(b"SEC123", text, "sha256").digest()).decode()


def feishu_mark(said: dict[str, Any]) -> tuple[str | None, str | None]:
    if "sign" not in said:
        return None, None
    key = f"{said['timestamp']}\nSEC123".encode()
    return said["sign"], base64.b64encode(hmac.new(key, b"", "sha256").digest()).decode()


# -- never into the office's own network -------------------------------------------------------------------------


@SQLITE
def test_a_redirect_is_not_followed(desk: Desk, receiver: Receiver) -> None:
    receiver.answers, receiver.location = [302], receiver.url
    captured(desk, receiver)
    desk.send()
    assert len(receiver.got) == 1
    assert desk.messages[0].error == "status 302"


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1",
     "255.255.255.255", "::1", "::", "fe80::1%eth0", "fc00::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::"],
)  # fmt: skip
def test_addresses_inside_are_known(address: str) -> None:
    assert not outward(address)
    assert outward("101.32.118.25")
    assert outward("2408:4001::1")


def test_a_name_that_leads_inside_is_refused_before_anybody_is_called(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = Reach(plain=True)
    for host in ("localhost", "127.0.0.1", "[::ffff:127.0.0.1]", "2130706433", "127.1"):
        with pytest.raises(NotSent) as refused:
            wire.post(f"http://{host}:{receiver.server.server_port}/", b"", {}, plain)
        assert refused.value.kind in ("an address inside the network", "not an address we may send to"), host
        assert refused.value.final
    monkeypatch.setattr(
        socket,
        "getaddrinfo",
        lambda *_, **__: [(2, 1, 6, "", ("101.32.118.25", 80)), (2, 1, 6, "", ("10.0.0.1", 80))],
    )
    with pytest.raises(NotSent, match="inside"):
        wire.post("http://two.example/", b"", {}, plain)
    assert receiver.got == []


def test_a_name_that_changes_its_mind_gains_nothing(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Looked up once: the connection goes to the address that was looked at."""
    answers = [
        [(2, 1, 6, "", ("101.32.118.25", 80))],
        [(2, 1, 6, "", ("127.0.0.1", receiver.server.server_port))],
    ]
    called: list[Any] = []

    def connect(address: Any, _seconds: float) -> Any:
        called.append(address)
        raise ConnectionRefusedError

    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: answers.pop(0))
    monkeypatch.setattr(socket, "create_connection", connect)
    with pytest.raises(NotSent, match="refused"):
        wire.post("http://rebound.example/", b"", {}, Reach(plain=True))
    assert called == [("101.32.118.25", 80)]
    assert len(answers) == 1


@pytest.mark.parametrize(
    "url", ["http://a.example/", "ftp://a.example/", "https://u:p@a.example/", "https:///x", "https://a.example:0/",
            "https://a.example:99999/", "https://a.example/\r\nX: y", "file:///etc/passwd", "https://例え.example/", ""],
)  # fmt: skip
def test_what_is_no_address_for_us_is_not_called(url: str) -> None:
    with pytest.raises(NotSent, match="not an address"):
        wire.post(url, b"", {}, Reach())


def test_robots_live_at_their_makers_only() -> None:
    good = {
        "wecom": "https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=k",
        "dingtalk": "https://oapi.dingtalk.com/robot/send?access_token=t",
        "feishu": "https://open.feishu.cn/open-apis/bot/v2/hook/x",
    }
    for kind, url in good.items():
        assert robot_address(kind, url, Reach())
        for evil in (
            url.replace(".com", ".com.evil.example").replace(".cn", ".cn.evil.example"),
            url.replace("https://", "https://evil.example/"),
            url.replace("https://", "http://"),
            url.replace(".com/", ".com:8443/").replace(".cn/", ".cn:8443/"),
        ):
            assert not robot_address(kind, evil, Reach(plain=True)), evil
    assert robot_address(
        "wecom", "https://im.office.example/x", Reach(internal=frozenset({"im.office.example"}))
    )


def test_mail_addresses() -> None:
    assert mail_address("mei@example.com")
    for wrong in (
        "mei",
        "mei@",
        "a@b@c.com",
        "mei@example.com\nBcc: x@y.z",
        "Mei <mei@example.com>",
        "梅@example.com",
    ):
        assert not mail_address(wrong), wrong


def test_pauses_grow_and_differ() -> None:
    pauses = [sending.pause_after(tries).total_seconds() for tries in range(1, 12)]
    assert 5 <= pauses[0] <= 10
    assert 1800 <= pauses[-1] <= 3600
    assert len({sending.pause_after(5) for _unused in range(5)}) > 1
