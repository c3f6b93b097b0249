"""E-mail through the office's mail server. A password is never sent without TLS, except to this machine itself."""

from __future__ import annotations

import smtplib
import ssl
from contextlib import suppress
from email.message import EmailMessage
from email.utils import format_datetime

from models.settings import Mail
from workers import ground
from workers.sending.wire import SECONDS, NotSent, kind_of
from workflows.telling.posting import SENT, Outcome, Parcel

HERE = ("localhost", "127.0.0.1", "::1")


def send(parcel: Parcel, server: Mail | None) -> Outcome:
    """Hand one mail to the server. Raises `NotSent`."""
    if server is None:
        raise NotSent("no mail server is set (TUOKE_SMTP_URL)")
    try:
        connection = _connected(server)
        try:
            connection.send_message(written(parcel, server))
        finally:
            with suppress(smtplib.SMTPException, OSError):  # it was accepted, however the farewell goes
                connection.quit()
    except smtplib.SMTPRecipientsRefused as refused:
        codes = [code for code, _said in refused.recipients.values()]
        raise NotSent(f"mail {codes[0]}", final=codes[0] >= 500) from None
    except smtplib.SMTPAuthenticationError:
        raise NotSent("the mail server refused our password") from None
    except smtplib.SMTPServerDisconnected:
        raise NotSent("connection lost") from None
    except smtplib.SMTPResponseException as error:
        raise NotSent(f"mail {error.smtp_code}") from None
    except OSError as error:  # smtplib's own errors are such, too
        raise NotSent(kind_of(error)) from None
    return SENT


def written(parcel: Parcel, server: Mail) -> EmailMessage:
    """The mail; its Message-ID is that of the message, the same at every try."""
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = server.sender, parcel.address, parcel.subject
    mail["Message-ID"] = f"<{parcel.uid}@{server.sender.rpartition('@')[2]}>"
    mail["Date"] = format_datetime(ground.real_now())
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(parcel.text)
    return mail


def _connected(server: Mail) -> smtplib.SMTP:
    """A connection, with TLS from the start or as soon as the server offers it, and logged in where we have a name."""
    trust = ssl.create_default_context()
    if server.tls:
        connection: smtplib.SMTP = smtplib.SMTP_SSL(server.host, server.port, timeout=SECONDS, context=trust)
    else:
        connection = smtplib.SMTP(server.host, server.port, timeout=SECONDS)
    try:
        _secured(connection, server, trust)
    except BaseException:
        connection.close()
        raise
    return connection


def _secured(connection: smtplib.SMTP, server: Mail, trust: ssl.SSLContext) -> None:
    connection.ehlo()
    if not server.tls and connection.has_extn("starttls"):
        connection.starttls(context=trust)
    elif not server.tls and server.user and server.host not in HERE:
        raise NotSent("the mail server offers no TLS, so the password was not sent")
    if server.user:
        connection.login(server.user, server.password)
