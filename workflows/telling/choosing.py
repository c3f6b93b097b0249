"""What people and the administrator may choose: their own ways to be told, the company's webhook endpoints. Each raises
`Refused` with what is wrong, by field."""

from __future__ import annotations

import base64
import ipaddress
import re
import secrets
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.messages import Channel, Endpoint, Message, Telling
from models.settings import Reach
from workflows.engine.refusal import Refused
from workflows.flows import kinds_of_facts
from workflows.telling import writing
from workflows.telling.addresses import host_allowed, mail_address, outward, parts_of, robot_address
from workflows.telling.topics import CHANNELS, MAIL, SIGNED_ROBOTS, TEST, TOPICS
from workflows.words import LOCALES, Text, _

TESTS_AN_HOUR = 6
CLOCK_TIME = re.compile(r"(?:[01][0-9]|2[0-3]):[0-5][0-9]")
BOTH_SECRETS = timedelta(hours=24)  # how long the old secret signs beside the new one


def wrong(errors: Mapping[str, str]) -> Refused:
    return Refused("invalid_data", Text(_("Something is missing or wrong.")), errors=errors)


def set_telling(session: Session, person_id: int, typed: Mapping[str, str], urgent_anyway: bool) -> None:
    """How somebody wants to be told. Quiet hours have both ends or none; the day's mail does not come within them."""
    found = {name: typed.get(name, "").strip() for name in ("quiet_from", "quiet_until", "digest_at")}
    errors = {name: _("This is no time.") for name, text in found.items() if text and not _is_time(text)}
    start, end = found["quiet_from"], found["quiet_until"]
    if not errors and bool(start) != bool(end):
        errors["quiet_until" if start else "quiet_from"] = _("Quiet hours have a beginning and an end.")
    if not errors and start and start == end:
        errors["quiet_until"] = _("Quiet hours have a beginning and an end.")
    if not errors and start and found["digest_at"] and _within(found["digest_at"], start, end):
        errors["digest_at"] = _("This lies within your quiet hours.")
    if errors:
        raise wrong(errors)
    locale = typed.get("locale", "")
    row = session.get(Telling, person_id) or Telling(person_id=person_id)
    row.quiet_from, row.quiet_until, row.digest_at = start or None, end or None, found["digest_at"] or None
    row.urgent_anyway, row.locale = urgent_anyway, locale if locale in LOCALES else None
    session.add(row)


def set_channel(
    session: Session, person_id: int, kind: str, typed: Mapping[str, str], topics: Iterable[str], reach: Reach
) -> Channel:
    """Use this address for these topics. An empty address keeps the one there is, an empty secret too."""
    address, secret = typed.get("address", "").strip(), typed.get("secret", "").strip()[:200]
    row = _channel(session, person_id, kind) or Channel(person_id=person_id, kind=kind, topics=[])
    errors: dict[str, str] = {}
    if not address and row.address is None:
        errors["address"] = _("An address is needed.")
    elif address and kind == MAIL and not mail_address(address):
        errors["address"] = _("This is no e-mail address.")
    elif address and kind != MAIL and not robot_address(kind, address, reach):
        errors["address"] = _(
            "This is not the webhook address of such a robot: copy it whole from the group's settings."
        )
    chosen = [topic for topic in TOPICS if topic in set(topics)]
    if not chosen:
        errors["topics"] = _("Choose at least one.")
    if errors:
        raise wrong(errors)
    if address and address != row.address:
        row.address, row.secret = address, None
    if secret and kind in SIGNED_ROBOTS:
        row.secret = secret
    row.topics = chosen
    session.add(row)
    session.flush()
    return row


def give_up(session: Session, person_id: int, kind: str) -> bool:
    """Use this way no more and forget its address; whether there was one."""
    row = _channel(session, person_id, kind)
    if row is None or row.address is None:
        return False
    row.address, row.secret, row.topics = None, None, []
    return True


def test_channel(session: Session, person_id: int, kind: str, at: datetime) -> Message:
    """Send a test to one's own channel, a few times an hour: it must not become a way to pester others."""
    row = _channel(session, person_id, kind)
    if row is None or row.address is None:
        raise wrong({"address": _("An address is needed.")})
    lately = (Message.channel_id == row.id, Message.fact == TEST, Message.at > at - timedelta(hours=1))
    if (session.scalar(select(func.count()).where(*lately)) or 0) >= TESTS_AN_HOUR:
        raise Refused("guard_failed", Text(_("Enough tests for this hour.")), rule="tests_an_hour")
    return writing.write_test(session, at, channel_id=row.id)


def _channel(session: Session, person_id: int, kind: str) -> Channel | None:
    if kind not in CHANNELS:
        raise wrong({"kind": _("There is no such way.")})
    return session.scalar(select(Channel).where(Channel.person_id == person_id, Channel.kind == kind))


def _is_time(text: str) -> bool:
    return CLOCK_TIME.fullmatch(text) is not None


def _within(hour: str, start: str, end: str) -> bool:
    return start <= hour < end if start < end else hour >= start or hour < end


# -- endpoints ---------------------------------------------------------------------------------------------------


def catalogue() -> dict[str, list[str]]:
    """Every fact that can be sent, by what it is about: from the workflows themselves."""
    found: dict[str, list[str]] = {}
    for fact in sorted(kinds_of_facts()):
        found.setdefault(fact.partition(".")[0], []).append(fact)
    return found


def set_endpoint(
    session: Session,
    row: Endpoint | None,
    typed: Mapping[str, str],
    topics: Iterable[str],
    reach: Reach,
    at: datetime,
) -> Endpoint:
    """Add an endpoint, or change where it is and what it is told. A new one has a secret of its own."""
    name, url = typed.get("name", "").strip()[:60], typed.get("url", "").strip()
    chosen = [topic for topic in catalogue() if topic in set(topics)]
    errors = {} if name else {"name": _("A name is needed.")}
    other = session.scalar(select(Endpoint).where(Endpoint.name == name))
    if other is not None and other is not row:
        errors["name"] = _("There is one of this name already.")
    if why := _why_not(url, reach):
        errors["url"] = why
    if not chosen:
        errors["topics"] = _("Choose at least one.")
    if errors:
        raise wrong(errors)
    row = row or Endpoint(secret=new_secret(), made_at=at)
    row.name, row.url, row.topics = name, url, chosen
    session.add(row)
    session.flush()
    return row


def _why_not(url: str, reach: Reach) -> str:
    parts = parts_of(url, reach)
    if parts is None or parts.hostname is None:
        return _("An https address is needed, such as https://erp.example.com/hook.")
    try:
        ipaddress.ip_address(parts.hostname)
    except ValueError:
        return ""
    inside = not outward(parts.hostname) and not host_allowed(parts.hostname, reach)
    return (
        _("This address lies inside the network; the installation must allow it (TUOKE_INTERNAL_HOSTS).")
        if inside
        else ""
    )


def new_secret() -> str:
    """A secret in the form that Standard Webhooks libraries take."""
    return "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()


def rotate(row: Endpoint, at: datetime) -> None:
    """A new secret; the old one signs beside it for a day, so that the receiver can change over."""
    row.old_secret, row.old_until, row.secret = row.secret, at + BOTH_SECRETS, new_secret()


def switch_on(row: Endpoint) -> None:
    """Tell this endpoint again what happens from now on."""
    row.is_on, row.why_off = True, None
