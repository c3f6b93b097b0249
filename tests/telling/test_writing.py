"""What is written, for whom, and when it goes; what it says."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import delete, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from models import database as databases
from models.database import in_transaction
from models.messages import Message
from models.notices import Notification
from models.people import Person
from models.remembered import Approval, Delivery, Outbox
from tests.telling.conftest import Desk, Postbox, Receiver
from workflows.approval import ApprovalFlow
from workflows.office.incident import IncidentFlow
from workflows.telling import posting, texts

SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
PERSONAL = ("王先生", "1380000", "mei", "sun", "guo", "desk")


def test_each_channel_is_told_once_however_often_the_fact_is_delivered(
    desk: Desk, receiver: Receiver, postbox: Postbox
) -> None:
    desk.endpoint(receiver.url, "lead")
    desk.channel("mei", "mail", "mei@example.com")
    desk.office.join("c1")
    desk.office.assigned()
    desk.tell()
    desk.tell()
    desk.send()
    desk.send()
    events = [event["type"] for event in receiver.events]
    assert sorted(events) == sorted(
        ["lead.captured", "lead.screened", "lead.visited", "lead.offered", "lead.assigned"]
    )
    assert len(postbox.mails) == 2, "visited and assigned concern the promoter"
    assert len(set(receiver.ids)) == len(receiver.ids)
    with databases.begin(desk.office.engine) as session:
        fact = session.scalars(select(Outbox).where(Outbox.fact == "lead.visited")).one()
        session.execute(delete(Delivery).where(Delivery.uid == fact.uid))
        session.execute(delete(Notification).where(Notification.fact_uid == fact.uid))
        fact.state = "pending"
    desk.tell()
    desk.send()
    assert len(receiver.got) == 5, "the key of the message stands where the fence was lost"
    assert len(postbox.mails) == 2


def test_the_same_message_cannot_be_written_twice(desk: Desk, receiver: Receiver) -> None:
    endpoint = desk.endpoint(receiver.url)
    at = desk.office.now

    def write(uid: str, receiver: int | None) -> None:
        row = Message(uid=uid, endpoint_id=receiver, fact="lead.visited", fact_uid="x", at=at, next_at=at)
        with databases.begin(desk.office.engine) as session:
            session.add(row)

    write("a", endpoint)
    with pytest.raises(IntegrityError):
        write("b", endpoint)
    with pytest.raises(IntegrityError):
        write("c", None)


@SQLITE
def test_nothing_personal_leaves_and_everybody_reads_their_own_language(
    desk: Desk, receiver: Receiver, postbox: Postbox
) -> None:
    desk.endpoint(receiver.url, "lead", "approval")
    desk.channel("mei", "mail", "promoter@example.com", locale="en")
    desk.channel("sun", "mail", "boss@example.com", "approval")
    desk.office.join("c1")
    code = desk.office.assigned()
    desk.pass_time(days=11)
    asked = desk.office.act("guo", "reclaim", code, callback="仍有意向", holder="mei")
    desk.tell()
    desk.send()
    assert desk.states == ["sent"] * len(desk.states)
    english = next(mail for mail in postbox.mails if "a call-back is due" in mail["Subject"])
    chinese = next(mail for mail in postbox.mails if mail["To"] == "boss@example.com")
    assert english["To"] == "promoter@example.com"
    assert code in english.get_content()
    assert "审批" in chinese["Subject"]
    assert "https://tuoke.example.com/notices/" in chinese.get_content()
    bodies = [body for _path, _headers, body in receiver.got]
    for text in [*bodies, *(f"{mail['Subject']}\n{mail.get_content()}" for mail in postbox.mails)]:
        assert not [word for word in PERSONAL if word in text], text
    requested = next(event for event in receiver.events if event["type"] == "approval.requested")
    assert requested["data"]["code"] == asked
    assert requested["data"]["about"] == code
    assert requested["data"]["about_flow"] == "lead"
    assert set(requested) == {"type", "timestamp", "data"}


@SQLITE
def test_quiet_hours_hold_back_what_can_wait_and_urgent_things_only_on_request(desk: Desk) -> None:
    """The office's clock: what is written in the night goes in the morning."""
    office = desk.office
    zone = desk.settings.timezone
    local = office.now.astimezone(zone)
    start, end = f"{local - timedelta(hours=1):%H:%M}", f"{local + timedelta(hours=2):%H:%M}"
    night: dict[str, Any] = {"quiet_from": start, "quiet_until": end}
    desk.channel("mei", "mail", "mei@example.com", **night)
    desk.channel("c1", "mail", "c1@example.com", **night)
    office.join("c1")
    office.act("desk", "visit", office.screened())
    desk.tell()
    later = [message for message in desk.messages if message.next_at > office.now]
    assert {message.fact for message in desk.messages} == {"lead.visited", "lead.offered"}
    assert len(later) == 2, "quiet is quiet, an offer too"
    assert {f"{message.next_at.astimezone(zone):%H:%M}" for message in later} == {end}

    with databases.begin(office.engine) as session:
        session.execute(delete(Message))
    desk.channel("c2", "mail", "c2@example.com", **night, urgent_anyway=True)
    office.join("c2")
    office.act("desk", "visit", office.screened())
    desk.tell()
    offered = [message for message in desk.messages if message.fact == "lead.offered"]
    assert [message.next_at <= office.now for message in offered] == [True]


def test_the_day_comes_in_one_mail_once_and_urgent_things_at_once(desk: Desk, postbox: Postbox) -> None:
    office = desk.office
    hour = f"{office.now.astimezone(desk.settings.timezone) + timedelta(hours=3):%H:%M}"
    desk.channel("mei", "mail", "mei@example.com", digest_at=hour, locale="en")
    desk.channel("c1", "mail", "c1@example.com", digest_at=hour)
    office.join("c1")
    codes = []
    for _unused in range(2):
        codes.append(office.screened())
        office.act("desk", "visit", codes[-1])
        desk.tell()
        desk.send()
        office.act("c1", "accept", codes[-1], signature="c1")
    desk.tell()
    desk.send()
    assert [mail["To"] for mail in postbox.mails] == ["c1@example.com"] * 2, "offers do not wait"
    desk.pass_time(hours=2.5)
    assert desk.send() == 0
    desk.pass_time(hours=0.6)
    desk.send()
    desk.send()
    mine = [mail for mail in postbox.mails if mail["To"] == "mei@example.com"]
    assert len(mine) == 1
    assert "4 notices of the day" in mine[0]["Subject"]
    text = mine[0].get_content()
    assert all(text.count(code) == 2 for code in codes)
    desk.pass_time(days=1)
    desk.send()
    assert (
        len([m for m in postbox.mails if m["To"] == "mei@example.com" and "of the day" in m["Subject"]]) == 1
    )


def test_a_mail_of_the_day_that_cannot_be_made_holds_up_nobody_and_is_parked(
    desk: Desk, postbox: Postbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    office, gather = desk.office, posting._gather_one
    mine = desk.channel("mei", "mail", "mei@example.com", digest_at="12:00")
    desk.channel("c1", "mail", "c1@example.com")
    office.join("c1")
    office.assigned()
    desk.tell()
    first = {m.id for m in desk.messages if m.channel_id == mine}  # of another day others may come

    def broken(session: Session, channel_id: int, due: Any, at: datetime) -> int:
        made = gather(session, channel_id, due, at)
        session.execute(update(Message).where(Message.channel_id == channel_id).values(uid=None))
        return made

    monkeypatch.setattr(posting, "_gather_one", broken)
    desk.pass_time(days=1)
    office.act("desk", "visit", office.screened())
    desk.tell()
    assert desk.send(), "whoever else is written to is written to"
    assert {mail["To"] for mail in postbox.mails} == {"c1@example.com"}
    for _unused in range(posting.TRIES):
        desk.pass_time(hours=1.1)
        desk.send()
    kept = [m for m in desk.messages if m.id in first]
    assert {m.state for m in kept} == {"parked"}
    assert all("IntegrityError" in str(m.error) for m in kept)
    monkeypatch.undo()
    with databases.begin(office.engine) as session:
        assert all(posting.send_again(session, m.id, office.now) for m in kept)
    desk.send()
    assert {m.state for m in desk.messages if m.id in first} == {"sent"}
    assert len([mail for mail in postbox.mails if mail["To"] == "mei@example.com"]) >= len(kept)


@SQLITE
def test_a_letter_that_cannot_be_written_holds_up_nobody(
    desk: Desk, postbox: Postbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    office, letter = desk.office, texts.letter
    for who in ("mei", "c1"):
        desk.channel(who, "mail", f"{who}@example.com")
    office.join("c1")
    office.assigned()
    desk.tell()
    whose = {m.id: m for m in desk.messages}
    spoilt = min(whose)

    def broken(row: Message, *told: Any) -> Any:
        if row.id == spoilt:
            raise ValueError("王先生 13800000000")
        return letter(row, *told)

    monkeypatch.setattr(texts, "letter", broken)
    desk.send()
    states = {m.id: (m.state, m.tries, m.error or "") for m in desk.messages}
    state, tries, error = states.pop(spoilt)
    assert (state, tries) == ("pending", 1)
    assert error.startswith("ValueError at ")
    assert "王" not in error
    assert "sent" in {state for state, _tries, _error in states.values()}
    monkeypatch.undo()
    desk.pass_time(minutes=1)
    desk.send()
    assert next(m.state for m in desk.messages if m.id == spoilt) == "sent"


@SQLITE
def test_whoever_left_or_gave_up_the_address_is_not_written_to(desk: Desk, postbox: Postbox) -> None:
    desk.channel("mei", "mail", "mei@example.com")
    desk.office.join("c1")
    desk.office.assigned()
    desk.tell()
    with databases.begin(desk.office.engine) as session:
        gone = desk.office.now.astimezone(desk.settings.timezone).date()
        session.execute(update(Person).where(Person.name == "mei").values(left_on=gone))
    desk.send()
    assert postbox.mails == []
    assert {(m.state, m.error) for m in desk.messages} == {("dropped", "has left")}


@SQLITE
def test_what_is_settled_when_its_time_comes_is_not_said_any_more(desk: Desk, postbox: Postbox) -> None:
    """An offer that lapsed in the night is no news in the morning, a decided request neither."""
    office = desk.office
    local = office.now.astimezone(desk.settings.timezone)
    night = {
        "quiet_from": f"{local - timedelta(hours=1):%H:%M}",
        "quiet_until": f"{local + timedelta(hours=2):%H:%M}",
    }
    desk.channel("c1", "mail", "c1@example.com", **night)
    desk.channel("sun", "mail", "sun@example.com", "approval", **night)
    desk.channel("chen", "mail", "chen@example.com", "approval", digest_at=night["quiet_until"])
    office.join("c1")
    office.act("desk", "visit", office.screened())
    waiting, decided = (
        office.act("mei", "extend", office.screened(), days=3, reason="出差") for _ in range(2)
    )
    desk.tell()
    office.act("sun", "approve", decided, flow=ApprovalFlow)
    desk.pass_time(hours=2.1)
    desk.send()
    with databases.read(office.engine) as session:
        about = {a.code: a.case_code for a in session.scalars(select(Approval))}
    for mail in postbox.mails:
        assert about[waiting] in mail.get_content()
        assert about[decided] not in mail.get_content()
    assert sorted(mail["To"] for mail in postbox.mails) == ["chen@example.com", "sun@example.com"]
    assert [m.error for m in desk.messages if m.state == "dropped"] == ["overtaken"] * 2


@SQLITE
def test_an_incident_that_was_answered_calls_nobody_any_more(desk: Desk, postbox: Postbox) -> None:
    """At night it goes at once to those who want it so; to the others it goes in the morning, if it is still to be answered."""
    office = desk.office
    local = office.now.astimezone(desk.settings.timezone)
    night = {
        "quiet_from": f"{local - timedelta(hours=1):%H:%M}",
        "quiet_until": f"{local + timedelta(hours=2):%H:%M}",
    }
    desk.channel("guo", "mail", "guo@example.com", "urgent", **night)
    told: dict[str, Any] = {"flow": IncidentFlow, "kind": "quarrel", "place": "南门", "happened": "推搡"}
    answered, waiting = (office.act("mei", "report", **told) for _ in range(2))
    desk.tell()
    office.act("lin", "answer", answered, flow=IncidentFlow, answer="先离开")
    desk.pass_time(hours=2.1)
    desk.send()
    mails = [mail.get_content() for mail in postbox.mails]
    assert all(waiting in mail and answered not in mail for mail in mails)
    assert mails
    assert [m.error for m in desk.messages if m.state == "dropped"] == ["overtaken"]


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_two_who_gather_the_day_at_once_make_one_mail(desk: Desk) -> None:
    office = desk.office
    desk.channel("mei", "mail", "mei@example.com", digest_at="12:00")
    office.join("c1")
    office.assigned()
    desk.tell()
    at = office.now + timedelta(days=1)
    made: list[int] = []
    with databases.begin(office.engine) as one:
        made.append(posting.gather(one, at))
        other = threading.Thread(target=lambda: made.append(in_transaction(office.engine, gather_at(at))))
        other.start()
        other.join(0.5)
        assert other.is_alive(), "the second waits for the first"
    other.join()
    assert made == [1, 0]
    assert [m.fact for m in desk.messages].count("digest") == 1


def gather_at(at: datetime) -> Callable[[Session], int]:
    return lambda session: posting.gather(session, at)
