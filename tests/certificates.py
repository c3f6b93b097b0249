"""Certificates of the tests' own making, and a door of TLS before a server that speaks none."""

from __future__ import annotations

import ipaddress
import select
import socket
import ssl
import sys
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Thread

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


@dataclass(frozen=True)
class Certificate:
    """A certificate with its key, in two files."""

    path: Path
    key: Path
    signed: x509.Certificate
    private: ec.EllipticCurvePrivateKey


def certificate(folder: Path, name: str, by: Certificate | None = None, *also: str) -> Certificate:
    """A certificate for this name (and other names and addresses), signed by another one or by itself."""
    private, subject = ec.generate_private_key(ec.SECP256R1()), _named(name)
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder().subject_name(subject).issuer_name(by.signed.subject if by else subject)
        .public_key(private.public_key()).serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([_alternative(each) for each in (name, *also)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=by is None, path_length=None), critical=True)
        .sign(by.private if by else private, hashes.SHA256())
    )  # fmt: skip
    made = Certificate(folder / f"{name}.pem", folder / f"{name}.key", signed, private)
    made.path.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    made.key.touch(mode=0o600)
    plain = serialization.NoEncryption()
    made.key.write_bytes(
        private.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    )
    return made


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _alternative(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


class TlsDoor:
    """Takes TLS on one address, shows this certificate, asks for one of this authority, and hands what it reads to a plain
    server: what stunnel does before a Redis that was built without TLS."""

    def __init__(self, address: tuple[str, int], server: tuple[str, int], shown: Path, key: Path, authority: Path | None) -> None:  # fmt: skip
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(shown, key)
        if authority:
            self.context.load_verify_locations(authority)
            self.context.verify_mode = ssl.CERT_REQUIRED
        self.server = server
        self.listening = socket.create_server(address, backlog=64)
        self.port = int(self.listening.getsockname()[1])

    def open(self) -> None:
        """Serve until closed."""
        while True:
            try:
                visitor, _address = self.listening.accept()
            except OSError:
                return
            Thread(target=self._hand_on, args=(visitor,), daemon=True).start()

    def close(self) -> None:
        with suppress(OSError):
            self.listening.shutdown(socket.SHUT_RDWR)
        self.listening.close()

    def _hand_on(self, visitor: socket.socket) -> None:
        visitor.settimeout(10)
        with suppress(OSError), self.context.wrap_socket(visitor, True, False) as inside:
            try:
                inside.do_handshake()
            except ssl.SSLError:
                _let_it_read(inside)
                return
            inside.settimeout(None)
            with socket.create_connection(self.server) as behind:
                _pump(inside, behind)


def _let_it_read(refused: socket.socket) -> None:
    """Close the door so that whoever is refused still reads why: what they had sent already is taken first."""
    refused.shutdown(socket.SHUT_WR)
    while socket.socket.recv(refused, 65536):
        pass


def _pump(inside: ssl.SSLSocket, behind: socket.socket) -> None:
    """Carry bytes both ways until one side has ended."""
    while True:
        ready = [inside] if inside.pending() else select.select([inside, behind], [], [])[0]
        for one in ready:
            got = one.recv(65536)
            if not got:
                return
            (behind if one is inside else inside).sendall(got)


if __name__ == "__main__":
    host, port, to, cert, key_file, ca = sys.argv[1:]
    TlsDoor((host, int(port)), ("127.0.0.1", int(to)), Path(cert), Path(key_file), Path(ca)).open()
