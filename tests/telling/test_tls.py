"""Over real TLS: the certificate is checked against the name, for webhooks and for mail."""

from __future__ import annotations

import socket
import ssl
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

from models.settings import Mail, Reach
from tests.certificates import certificate as authority
from tests.telling.conftest import Postbox, Receiver
from workers.sending import mail, wire
from workers.sending.wire import NotSent
from workflows.telling.posting import SENT, Parcel

NEAR = Reach(internal=frozenset({"localhost", "127.0.0.1"}))
PARCEL = Parcel(1, "00000000-0000-0000-0000-000000000001", 1, "mail", "mei@example.com", (), "您好", "您好\n")


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A certificate for the name localhost (not for the address 127.0.0.1), signed by itself, with its key."""
    made = authority(tmp_path, "localhost")
    path = tmp_path / "certificate.pem"
    path.write_bytes(made.path.read_bytes() + made.key.read_bytes())
    return path


@pytest.fixture
def served(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


@pytest.fixture
def trusted(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """This machine trusts the certificate, as it does those of the great authorities."""
    make = ssl.create_default_context
    monkeypatch.setattr(ssl, "create_default_context", lambda *_, **__: make(cafile=str(certificate)))


@pytest.fixture
def secure(receiver: Receiver, served: ssl.SSLContext) -> Receiver:
    receiver.server.socket = served.wrap_socket(receiver.server.socket, server_side=True)
    return receiver


def test_a_certificate_nobody_vouches_for_is_refused(secure: Receiver) -> None:
    with pytest.raises(NotSent, match="certificate not trusted"):
        wire.post(f"https://localhost:{secure.server.server_port}/", b"{}", {}, NEAR)
    assert secure.got == []


@pytest.mark.usefixtures("trusted")
def test_the_certificate_must_be_of_the_name_that_was_asked_for(secure: Receiver) -> None:
    assert wire.post(f"https://localhost:{secure.server.server_port}/a?b=c", b"{}", {}, NEAR).status == 200
    path, headers, _body = secure.got[0]
    assert path == "/a?b=c"
    assert headers["host"] == f"localhost:{secure.server.server_port}"
    with pytest.raises(NotSent, match="certificate not trusted"):
        wire.post(f"https://127.0.0.1:{secure.server.server_port}/", b"{}", {}, NEAR)


class Guarded(Postbox):
    """A mail server that wants TLS and a password."""

    def __init__(self) -> None:
        super().__init__()
        self.given: list[Any] = []

    def check(self, _server: Any, _session: Any, _envelope: Any, _mechanism: str, login: Any) -> AuthResult:
        self.given.append((login.login, login.password))
        return AuthResult(success=login.password == b"right", handled=False)


@pytest.mark.usefixtures("trusted")
def test_mail_goes_by_tls_with_its_password(served: ssl.SSLContext) -> None:
    box = Guarded()
    controller = Controller(
        box, hostname="127.0.0.1", port=box.port, server_hostname="localhost", tls_context=served,
        require_starttls=True, auth_required=True, authenticator=box.check,
    )  # fmt: skip
    controller.start()
    try:
        assert (
            mail.send(PARCEL, Mail("localhost", box.port, "tuoke", "right", False, "t@example.com")) == SENT
        )
        with pytest.raises(NotSent, match="refused our password"):
            mail.send(PARCEL, Mail("localhost", box.port, "tuoke", "wrong", False, "t@example.com"))
        with pytest.raises(NotSent, match="certificate not trusted"):
            mail.send(PARCEL, Mail("127.0.0.1", box.port, "tuoke", "right", False, "t@example.com"))
    finally:
        controller.stop()
    assert [m["Subject"] for m in box.mails] == ["您好"]
    assert set(box.given) == {(b"tuoke", b"right"), (b"tuoke", b"wrong")}


def test_a_mail_server_that_is_away_is_told_apart() -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        port = nobody.getsockname()[1]
        with pytest.raises(NotSent, match="connection refused"):
            mail.send(PARCEL, Mail("127.0.0.1", port, "", "", False, "t@example.com"))
