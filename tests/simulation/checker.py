"""After the day: the office is held to everything that it said, and to what its books must be. Fails with what is not right."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models import database
from models.messages import Message
from models.notices import Notification
from models.people import Person
from models.remembered import Approval, Delivery, History, Outbox, Timer
from tests.simulation import retelling
from tests.simulation.asking import WEB_FORM, Request
from web.api.cases import openings_of, taken_by_people
from workflows import facts
from workflows.flows import FLOWS
from workflows.verify import Finding, verify

if TYPE_CHECKING:
    from tests.simulation.world import World

Happened = tuple[str, str, str]  # who, workflow, event


def check(world: World) -> None:
    with database.read(world.engine) as session:
        rows = list(session.scalars(select(History).order_by(History.id)))
        acknowledged(session, world, rows)
        proved(session, world)
        timers_once(session, world)
        told_once(session)
        messages_once(session, world)
        decided_once(session)
        retelling.compare(session, rows)
        count(session, world, rows)


# -- what was answered ----------------------------------------------------------------------------------------------


def acknowledged(session: Session, world: World, rows: list[History]) -> None:
    """Every answer that said that something happened is in the history, once; and nothing else happened by people's hands but
    what somebody asked for who did not wait for the answer."""
    names: dict[int | None, str] = dict(session.execute(select(Person.id, Person.name)).all())
    at = {(row.flow, row.case_code, row.seq): row for row in rows}
    done: Counter[Happened] = Counter()
    for request in world.answered:
        done.update(held_to(session, world, request, at))
    begins = world.before.history
    proposed = of_proposals(rows)
    happened = Counter(
        (names.get(row.by_id) or row.by_role, row.flow, row.event)
        for row in rows
        if row.id > begins and row.id not in proposed and by_hand(row)
    )
    lost = done - happened
    assert not lost, f"answered, but not in history: {lost}"
    unknown = Counter((r.wish.who, r.wish.flow, r.wish.event) for r in world.given_up)
    unknown += Counter(
        (r.wish.who, "approval", "request") for r in world.given_up if r.wish.flow != "approval"
    )
    double = happened - done - unknown
    assert not double, f"happened without an answer, or twice: {double}"


def held_to(session: Session, world: World, request: Request, at: dict[Any, History]) -> Iterable[Happened]:
    """What this answer says has happened, after it was looked up."""
    answer, wish = request.answer, request.wish
    assert answer is not None
    if answer.status >= 300:
        world.seen.refusals[answer.refusal] += 1
        world.seen.rules[str(answer.said.get("rule"))] += 1
        return []
    if answer.asked_for:
        opened = session.scalar(select(Approval).where(Approval.code == answer.asked_for))
        assert opened is not None, f"lost: {request}"
        assert (opened.case_code, opened.event, opened.requested_by.name) == (
            wish.code,
            wish.event,
            wish.who,
        ), request
        return [(wish.who, "approval", "request")]
    code, state = (
        (answer.said["id"], answer.said["status"])
        if wish.flow == "approval"
        else (answer.code, answer.said["state"])
    )
    row = at.get((wish.flow, code, answer.said["version"]))
    assert row is not None, f"lost: {request}"
    assert row.target == state, f"lost: {request}, history has {row.target}"
    if wish.version is not None:
        assert at[wish.flow, code, wish.version + 1].event == wish.event, f"an old form was taken: {request}"
    event = "overtake" if state == "expired" else wish.event
    return [(wish.who, wish.flow, event)]


def by_hand(row: History) -> bool:
    """Whether somebody asked for this very step; not what followed from another, nor what an approval let happen."""
    if row.approval_code is not None or (row.by_id is None and row.by_role != WEB_FORM):
        return False
    if row.flow == "approval":
        return True
    step = FLOWS[row.flow].steps.get((row.event, row.source))
    if step is None or not (taken_by_people(step) or row.event in openings_of(FLOWS[row.flow])):
        return False
    by_house = (
        row.facts.get("reason") == "duplicate"
        if row.event == "invalidate"
        else bool({"lead", "round"} & row.facts.keys()) and row.flow == "deduction"
    )
    return not by_house


def of_proposals(rows: list[History]) -> set[int]:
    """What is proposed asks for its own approval in the same breath: the first request to adopt it."""
    first: dict[str, int] = {}
    for row in rows:
        asked = (row.facts.get("flow"), row.facts.get("event")) if row.event == "request" else None
        if asked in (("quota", "adopt"), ("pay", "adopt"), ("attendance", "adopt")):
            first.setdefault(row.facts["case"], row.id)
    return set(first.values())


# -- what the books must be -----------------------------------------------------------------------------------------


def proved(session: Session, world: World) -> None:
    """`tuoke verify` is clean, but for what is parked: state is the fold of history, the chain holds, the ledger equals what it
    is reckoned to be."""
    report = verify(session, world.now)
    wrong = [finding for finding in report.findings if not explained(finding)]
    assert not wrong, wrong[:5]
    left = [note for note in report.notes if "timers are due" in note or "facts wait" in note]
    assert not left, left


def explained(finding: Finding) -> bool:
    return finding.what in ("parked fact", "parked timer") and "IntegrityError" in finding.detail


def timers_once(session: Session, world: World) -> None:
    """Every timer fired once, is pending, was cancelled, or is parked with a reason; none was early."""
    columns = (
        Timer.id,
        Timer.name,
        Timer.case_code,
        Timer.state,
        Timer.due_at,
        Timer.ended_at,
        Timer.result,
        Timer.error,
    )
    all_of_them = session.execute(select(*columns)).all()
    for timer in all_of_them:
        assert timer.state in ("pending", "fired", "cancelled", "parked"), timer.state
        if timer.state == "fired":
            ended = timer.ended_at or world.began
            assert timer.due_at <= ended <= world.now, f"early: {timer.name} of {timer.case_code}"
            assert timer.result
        elif timer.state == "parked":
            assert timer.error, "parked without a reason"
    twice = (
        select(History.timer_id)
        .where(History.timer_id.is_not(None))
        .group_by(History.timer_id)
        .having(func.count() > 1)
    )
    assert session.scalars(twice).all() == [], "a timer fired twice"
    told = select(Outbox.cause).where(Outbox.cause.like("timer:%"), Outbox.fact != "timer.late")
    reminders = Counter(session.scalars(told))
    wanted = Counter(f"timer:{timer.id}" for timer in all_of_them if timer.result == "told")
    assert reminders == wanted, "a reminder was told twice or never"


def told_once(session: Session) -> None:
    """Every fact is told to every consumer once, or parked with a reason and told to none; every notice is there once."""
    delivered = Counter(session.scalars(select(Delivery.uid)))
    for fact in session.execute(select(Outbox.uid, Outbox.fact, Outbox.state, Outbox.error)):
        if fact.state == "parked":
            assert fact.error, f"parked without a reason: {fact.fact}"
            assert not delivered.pop(fact.uid, 0), f"parked, and half of it told: {fact.fact}"
        else:
            assert fact.state == "done", f"still {fact.state}: {fact.fact}"
            assert delivered.pop(fact.uid, 0) == len(facts.CONSUMERS), f"told twice or never: {fact.fact}"
    assert not delivered, "what was told is no fact"
    twice = (
        select(Notification.fact_uid)
        .group_by(Notification.fact_uid, Notification.person_id)
        .having(func.count() > 1)
    )
    assert session.execute(twice).all() == [], "a notice is there twice"
    untold = select(Notification.fact_uid).where(Notification.fact_uid.not_in(select(Delivery.uid)))
    assert session.scalars(untold).all() == [], "a notice of a fact that was not told"


def messages_once(session: Session, world: World) -> None:
    """What is sent has arrived, what arrived is known; repeats bear the same id. What was tried too often is parked."""
    columns = (Message.uid, Message.id, Message.fact, Message.state, Message.error)
    messages = {message.uid: message for message in session.execute(select(*columns))}
    strange = world.carried_to.keys() - messages.keys()
    assert not strange, f"a message that is not in the books was sent: {strange}"
    for uid, message in messages.items():
        if message.state == "sent":
            assert world.carried_to.get(uid) or message.id <= world.before.message, (
                f"said to be sent, but never was: {message.fact}"
            )
        else:
            assert message.state in ("parked", "dropped", "gathered"), (
                f"still {message.state}: {message.fact}"
            )
            assert message.error or message.state == "gathered"
    receiver = func.coalesce(Message.channel_id, -Message.endpoint_id)
    twice = select(Message.fact_uid).group_by(Message.fact_uid, receiver).having(func.count() > 1)
    assert session.scalars(twice).all() == [], "two messages of one fact to one receiver"


def decided_once(session: Session) -> None:
    """One decision of each request, and at most one request open for an event of a case."""
    decided = select(History.case_code).where(History.flow == "approval", History.source == "pending")
    twice = session.scalars(decided.group_by(History.case_code).having(func.count() > 1)).all()
    assert twice == [], "decided twice"
    two_open = (
        select(Approval.case_code)
        .where(Approval.state == "pending")
        .group_by(Approval.flow, Approval.case_code, Approval.event)
        .having(func.count() > 1)
    )
    assert session.scalars(two_open).all() == [], "two open requests for one thing"


# -- what was reached -----------------------------------------------------------------------------------------------


def count(session: Session, world: World, rows: list[History]) -> None:
    seen, begins = world.seen, world.before.history
    for row in rows:
        if row.id > begins:
            seen.steps[row.flow, row.event, row.source or ""] += 1
    ended = select(Timer.name, Timer.state, Timer.result).where(
        Timer.state != "pending", Timer.ended_at >= world.began
    )
    for name, state, result in session.execute(ended):
        seen.timers[name, state if state == "cancelled" else (result or state)] += 1
    decided = select(Approval.flow, Approval.event, Approval.state).where(Approval.decided_at >= world.began)
    for flow, event, state in session.execute(decided):
        seen.approvals[f"{flow}.{event}", state] += 1
