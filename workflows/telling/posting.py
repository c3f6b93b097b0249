"""The life of a message: due, claimed, sent, tried again, parked. Whoever sends claims rows in one transaction, sends
without any, and settles in a third: at least once, under the same id, and never with the database held open."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import NAMESPACE_URL, uuid5

from sqlalchemy import func, select, union_all, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from models import database
from models.figures import MOST, Figure, count, fixed
from models.messages import Channel, Endpoint, Message, Telling
from models.people import Person
from workflows import faults, policy
from workflows.staff import works
from workflows.telling import texts
from workflows.telling.overtaken import overtaken
from workflows.telling.topics import DIGEST

WAITING = ("pending", "gathering")
ENDED = ("parked", "dropped")
LEASE = timedelta(seconds=90)  # whoever claimed a message and died has lost it after that
HELD_BACK = timedelta(minutes=1)  # what else waits for a receiver that fails, so that others have their turn
AT_ONCE = 4  # messages to one receiver under way together, so that a slow one does not hold up the others
TRIES = 10
WEBHOOK = "webhook"


class Outcome(NamedTuple):
    """What came of a try. Failed for good is parked at once; a receiver that is gone is written to no more."""

    error: str | None = None
    final: bool = False
    gone: bool = False


SENT = Outcome()


@dataclass(frozen=True, slots=True)
class Parcel:
    """A claimed message, ready to be carried out: nothing of it needs the database any more."""

    id: int
    uid: str
    tries: int
    kind: str
    address: str
    secrets: tuple[str, ...]
    subject: str
    text: str


# -- finding -----------------------------------------------------------------------------------------------------


def waiting(session: Session, at: datetime, most: int = MOST) -> Figure:
    """How many messages are to be carried out now, counted up to `most`."""
    return count(session, select(Message.id).where(Message.state.in_(WAITING), Message.next_at <= at), most)


def oldest(session: Session, at: datetime) -> datetime | None:
    """Since when the longest-waiting of them is due."""
    return session.scalar(
        select(func.min(Message.next_at)).where(Message.state.in_(WAITING), Message.next_at <= at)
    )


def parked(session: Session) -> int:
    """How many messages were tried too often."""
    return session.scalar(select(func.count()).where(Message.state == "parked")) or 0


# -- the mail of the day -----------------------------------------------------------------------------------------


def gather(session: Session, at: datetime) -> int:
    """Put what waits for the day's mail into one message per channel; how many were made. Two at once make one: whoever
    comes second waits for the channel's row and finds nothing left. Where it breaks, that channel waits, and no other."""
    due = (Message.state == "gathering", Message.next_at <= at)
    channels = sorted(filter(None, session.scalars(select(Message.channel_id).where(*due).distinct())))
    made = 0
    for channel_id in channels:
        mine = (*due, Message.channel_id == channel_id)
        try:
            with session.begin_nested():
                made += _gather_one(session, channel_id, mine, at)
        except Exception as broken:
            if database.away(broken):
                raise
            rows = session.scalars(select(Message).where(*mine).with_for_update())
            _postpone(rows, faults.said(broken), at)
    return made


def _gather_one(session: Session, channel_id: int, mine: Iterable[Any], at: datetime) -> int:
    session.execute(select(Channel.id).where(Channel.id == channel_id).with_for_update())
    ids = list(session.scalars(select(Message.id).where(*mine).order_by(Message.id)))
    if not ids:
        return 0
    uid = str(uuid5(NAMESPACE_URL, f"tuoke:digest:{channel_id}:{ids[0]}"))
    mail = Message(uid=uid, channel_id=channel_id, fact=DIGEST, fact_uid=uid, at=at, next_at=at)
    session.add(mail)
    session.flush()
    session.execute(update(Message).where(Message.id.in_(ids)).values(state="gathered", digest_id=mail.id))
    return 1


def _postpone(rows: Iterable[Message], error: str, at: datetime) -> None:
    """Try messages that could not be made ready again later; after some tries park them."""
    for row in rows:
        row.tries, row.error = row.tries + 1, error[:120]
        row.next_at = at + faults.pause_after(row.tries)
        if row.tries >= TRIES:
            row.state, row.ended_at = "parked", at


# -- claiming ----------------------------------------------------------------------------------------------------


def claim(session: Session, at: datetime, limit: int, public_url: str = "") -> list[Parcel]:
    """Take up to `limit` due messages for oneself for a while, a few per receiver, and make them ready. What has no
    receiver any more is dropped, and what cannot be made ready waits, without the others."""
    rows = session.scalars(
        select(Message)
        .where(Message.id.in_(_in_turn(session, at, limit)))
        .order_by(Message.next_at, Message.id)
        .with_for_update(skip_locked=True)
        .execution_options(populate_existing=True)
    )
    parcels = []
    for row in rows:
        if row.state != "pending" or row.next_at > at:
            continue  # somebody else had it before we held it
        try:
            parcel = (
                _to_endpoint(session, row, at)
                if row.endpoint_id
                else _to_person(session, row, at, public_url)
            )
        except DBAPIError:
            raise
        except Exception as broken:  # noqa: BLE001  (its text may quote anything: only its kind and place are kept)
            _postpone([row], faults.said(broken), at)
            continue
        if isinstance(parcel, str):
            row.state, row.error, row.ended_at = "dropped", parcel, at
        else:
            row.tries, row.next_at = row.tries + 1, at + LEASE
            parcels.append(parcel)
    return parcels


def _in_turn(session: Session, at: datetime, limit: int) -> list[int]:
    """The ids of due messages, the longest due first, a few of each receiver. Each receiver is asked for its own, so that
    a backlog of one, however long, costs nobody more."""
    due = (Message.state == fixed("pending"), Message.next_at <= at)
    receivers = [
        (since, of == each)
        for kind, of in ((Endpoint.id, Message.endpoint_id), (Channel.id, Message.channel_id))
        for each, since in session.execute(_whoever_waits(kind, of, due, limit))
    ]
    receivers.sort(key=lambda waits: waits[0])
    turns = [
        select(Message.id, Message.next_at)
        .where(mine, *due)
        .order_by(Message.next_at, Message.id)
        .limit(AT_ONCE)
        .subquery()
        for _since, mine in receivers[:limit]
    ]
    if not turns:
        return []
    found = union_all(*(select(turn) for turn in turns)).subquery()
    return list(session.scalars(select(found.c.id).order_by(found.c.next_at, found.c.id).limit(limit)))


def _whoever_waits(kind: Any, of: Any, due: Iterable[Any], limit: int) -> Any:
    since = select(func.min(Message.next_at)).where(of == kind, *due).scalar_subquery()
    waiting = select(kind, since.label("since")).subquery()
    return (
        select(waiting)
        .where(waiting.c.since.is_not(None))
        .order_by(waiting.c.since, waiting.c.id)
        .limit(limit)
    )


def _to_endpoint(session: Session, row: Message, at: datetime) -> Parcel | str:
    endpoint = session.get_one(Endpoint, row.endpoint_id)
    if not endpoint.is_on:
        return "switched off"
    old = endpoint.old_secret if endpoint.old_until and endpoint.old_until > at else None
    secrets = (endpoint.secret, old) if old else (endpoint.secret,)
    return Parcel(row.id, row.uid, row.tries + 1, WEBHOOK, endpoint.url, secrets, "", texts.event(row))


def _to_person(session: Session, row: Message, at: datetime, public_url: str) -> Parcel | str:
    channel = session.get_one(Channel, row.channel_id)
    person = session.get_one(Person, channel.person_id)
    if channel.address is None:
        return "no address"
    if not works(person, at.astimezone(policy.zone(session)).date()):
        return "has left"
    how = session.get(Telling, person.id)
    parts = session.scalars(select(Message).where(Message.digest_id == row.id).order_by(Message.id))
    told = [p for p in (parts if row.fact == DIGEST else (row,)) if not overtaken(session, p, person.id)]
    if not told:
        return "overtaken"
    letter = texts.letter(row, told, (how and how.locale) or person.locale, public_url)
    secrets = (channel.secret,) if channel.secret else ()
    return Parcel(
        row.id, row.uid, row.tries + 1, channel.kind, channel.address, secrets, letter.subject, letter.text
    )


# -- settling ----------------------------------------------------------------------------------------------------


def settle(session: Session, parcel: Parcel, outcome: Outcome, at: datetime, pause: timedelta) -> bool:
    """Write down what came of a try; whether it was still ours. After a failure it is tried again after `pause`, and what
    else waits for the same receiver a little later too: a backlog for one that is down must not be in everybody's way."""
    mine = update(Message).where(
        Message.id == parcel.id, Message.tries == parcel.tries, Message.state == "pending"
    )
    if outcome.error is None:
        values: dict[str, Any] = {"state": "sent", "error": None, "ended_at": at}
    elif outcome.final or outcome.gone or parcel.tries >= TRIES:
        values = {"state": "parked", "error": outcome.error[:120], "ended_at": at}
    else:
        values = {"error": outcome.error[:120], "next_at": at + pause}
    done = bool(session.execute(mine.values(**values)).rowcount)  # type: ignore[attr-defined]
    if done and outcome.error is not None:
        row = session.get_one(Message, parcel.id, populate_existing=True)
        if outcome.gone:
            switch_off(session, session.get_one(Endpoint, row.endpoint_id), outcome.error, at)
        elif not outcome.final:
            _hold_back(session, row, at, min(pause, HELD_BACK))
    return done


def _hold_back(session: Session, row: Message, at: datetime, pause: timedelta) -> None:
    to_whom = (
        Message.endpoint_id == row.endpoint_id if row.endpoint_id else Message.channel_id == row.channel_id
    )
    due = update(Message).where(to_whom, Message.state == "pending", Message.next_at <= at)
    session.execute(due.values(next_at=at + pause))


def switch_off(session: Session, endpoint: Endpoint, why: str, at: datetime) -> None:
    """Write to this endpoint no more; what still waits for it is dropped, and can be sent again later."""
    endpoint.is_on, endpoint.why_off = False, why[:40]
    left = update(Message).where(Message.endpoint_id == endpoint.id, Message.state == "pending")
    session.execute(left.values(state="dropped", error="switched off", ended_at=at))


def send_again(session: Session, message_id: int, at: datetime) -> bool:
    """Let a parked or dropped message be tried again at once; whether it was one."""
    again = update(Message).where(Message.id == message_id, Message.state.in_(ENDED))
    fresh = {"state": "pending", "tries": 0, "next_at": at, "ended_at": None, "error": None}
    return bool(session.execute(again.values(**fresh)).rowcount)  # type: ignore[attr-defined]


def send_all_again(session: Session, endpoint_id: int, at: datetime) -> int:
    """Let everything parked or dropped for this endpoint be tried again; how many."""
    again = update(Message).where(Message.endpoint_id == endpoint_id, Message.state.in_(ENDED))
    fresh = {"state": "pending", "tries": 0, "next_at": at, "ended_at": None, "error": None}
    return int(session.execute(again.values(**fresh)).rowcount)  # type: ignore[attr-defined]


def log(session: Session, before: int | None, limit: int, *wanted: Any) -> list[Message]:
    """The delivery log, the latest first; `before` is the key of the page."""
    key = (Message.id < before,) if before else ()
    return list(
        session.scalars(select(Message).where(*key, *wanted).order_by(Message.id.desc()).limit(limit))
    )


def of_person(person_id: int) -> Any:
    """Messages to the channels of this person, as a condition."""
    return Message.channel_id.in_(select(Channel.id).where(Channel.person_id == person_id))
