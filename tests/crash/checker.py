"""After the storm: everything drains, the books prove clean, nothing that was answered is lost, nothing happened twice."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Engine, delete, func, select

from models import database, machinery
from models.books import Books
from models.leads import Lead
from models.messages import Message
from models.money import Entry, Journal, Month
from models.notices import Notification
from models.people import Person
from models.remembered import Answer, Approval, Delivery, History, Outbox, Timer
from tests.crash.client import Answered
from tests.crash.house import House
from tests.crash.lives import Lives
from tests.crash.receiver import MOODS, Receiver
from tests.crash.register import Registers
from tests.crash.storm import eventually
from tests.money.company import nets
from workflows import facts, timers
from workflows.money import ledger
from workflows.money.months import month_of
from workflows.policy import zone
from workflows.telling import posting

# The workflows in which people act here, with the event that begins a case.
TOLD = {
    "lead": "capture",
    "quota": "propose",
    "pay": "propose",
    "attendance": "propose",
    "deduction": "report",
} | {"month": "begin"}


def drained(engine: Engine) -> bool:
    """Whether no timer is due and no fact waits."""
    with database.read(engine) as session:
        at = datetime.now(UTC) + machinery.offset(session)
        return not timers.due(session, at) and not facts.undelivered(session, at)


def check(engine: Engine, house: House, lives: Lives, registers: Registers) -> dict[str, Any]:
    """Hold the house to everything it said; what was counted. Fails with what is not right."""
    counted: dict[str, Any] = {
        "drained after (s)": round(eventually(lambda: drained(engine), 150, "drained"), 1)
    }
    counted["verify"] = proved(house)
    with database.read(engine) as session:
        columns = (
            History.flow,
            History.case_code,
            History.event,
            History.seq,
            History.target,
            History.by_role,
        )
        rows = list(session.execute(select(*columns)))
        counted |= nothing_lost(session, lives, {(r.flow, r.case_code, r.seq): r.target for r in rows})
        happened = Counter((r.case_code, r.event) for r in rows if r.by_role == "person" and r.flow in TOLD)
        imported, said = registers.imported(session), lives.happened()
        answered = answered_events(session, said) + Counter((code, "capture") for code in imported)
        assert happened == answered, (
            f"not answered: {happened - answered}; did not happen: {answered - happened}"
        )
        counted["leads of registers"] = len(imported)
        counted |= nothing_twice(session, sum(each.path == "/leads" for each in said) + len(imported))
        counted |= paid_as_earned(session, lives)
    counted["ledger"] = reckoned_anew(engine)
    counted["no phone in logs or Redis"] = silent(house)
    return counted


def proved(house: House) -> str:
    said = subprocess.run(
        [sys.executable, "-m", "workers.command", "verify", "--json"],
        env={**os.environ, **house.env},
        capture_output=True,
        text=True,
        check=False,
    )
    assert said.returncode == 0, said.stdout[-3000:] + said.stderr[-3000:]
    report = json.loads(said.stdout)
    assert not report["findings"], report["findings"]
    return "clean: " + ", ".join(f"{count} {what}" for what, count in report["counts"].items())


def nothing_lost(session: Any, lives: Lives, history: dict[tuple[str, str, int], str]) -> dict[str, Any]:
    """Every answer that said that something happened is in the history, at that version, with that state."""
    good = [a for a in lives.client.answers if a.status in (200, 201, 202)]
    for each in good:
        said = each.said.get("approval", each.said)
        if "id" in said:
            state = session.scalar(select(Approval.state).where(Approval.code == said["id"]))
            assert state is not None, f"lost: {each}"
        else:
            assert history.get((flow_of(each), said["code"], said["version"])) == said["state"], (
                f"lost: {each}"
            )
        kept = session.scalar(select(Answer.status).where(Answer.key == each.key))
        assert kept in (each.status, None), f"another answer is kept: {each}"
    return {"answers that hold": len(good), "refusals": len(lives.client.answers) - len(good)}


def answered_events(session: Any, answers: list[Answered]) -> Counter[tuple[str, str]]:
    """How often each event of each case was said to have happened."""
    happened: Counter[tuple[str, str]] = Counter()
    about = {a.code: (a.case_code, a.event, a.state) for a in session.scalars(select(Approval))}
    for each in answers:
        if each.status not in (200, 201):
            continue
        if found := re.fullmatch(r"/approvals/(\w+)/approve", each.path):
            code, event, state = about[found[1]]
            happened[code, event] += state == "approved"
        elif not each.path.startswith("/approvals/"):
            opening = TOLD[flow_of(each)] if each.path.count("/") == 1 else ""
            happened[each.said["code"], opening or each.path.rpartition("/")[2]] += 1
    return +happened


def told_outside(engine: Engine, receiver: Receiver) -> dict[str, Any]:
    """Every message to the other system arrives: at least once, the same under the same id, and one per fact. What still
    waits for its next try is waited for by the company's clock; what was parked is sent again, as an administrator does."""
    for _turn in range(20):
        eventually(lambda: not _to_send(engine, due=True), 1200, "messages are sent")
        if not _to_send(engine, due=False):
            break
        with database.begin(engine) as session:
            posting.send_all_again(session, 1, datetime.now(UTC) + machinery.offset(session))
            machinery.move(session, timedelta(hours=2))
    with database.read(engine) as session:
        sent = dict(session.execute(select(Message.uid, Message.state)).all())
        facts_told = session.scalar(select(func.count(func.distinct(Message.fact_uid))))
    assert set(sent.values()) == {"sent"}, Counter(sent.values())
    assert receiver.accepted == set(sent), "lost or never written down: what another system was to be told"
    assert facts_told == len(sent), "a fact became two messages"
    assert not receiver.different, "another message under an id that was used"
    moods = {f"receiver {mood}": receiver.moods[mood] for mood in MOODS}
    return {"webhooks told": len(sent), "came again": receiver.came.total() - len(sent), **moods}


def _to_send(engine: Engine, due: bool) -> int:
    with database.read(engine) as session:
        at = datetime.now(UTC) + machinery.offset(session)
        if due:
            return posting.waiting(session, at)
        return session.scalar(select(func.count()).where(Message.state != "sent")) or 0


def flow_of(answer: Answered) -> str:
    """The workflow that a request was about."""
    return {"leads": "lead"}.get(answer.path.split("/")[1], answer.path.split("/")[1])


def nothing_twice(session: Any, expected: int) -> dict[str, Any]:
    leads = session.scalar(select(func.count(Lead.id)))
    assert leads == expected == session.scalar(select(func.count(func.distinct(Lead.phone_index)))), (
        "a lead is there twice"
    )
    facts_told, deliveries = (
        session.scalar(select(func.count(Outbox.id))),
        session.scalar(select(func.count(Delivery.uid))),
    )
    consumers = session.scalar(select(func.count(func.distinct(Delivery.consumer))))
    assert deliveries == facts_told * consumers, "a fact was told twice or never"
    twice = (
        select(Notification.fact_uid)
        .group_by(Notification.fact_uid, Notification.person_id)
        .having(func.count() > 1)
    )
    assert session.execute(twice).all() == []
    double = (
        select(History.timer_id)
        .where(History.timer_id.is_not(None))
        .group_by(History.timer_id)
        .having(func.count() > 1)
    )
    assert session.execute(double).all() == []
    ended: dict[str, int] = defaultdict(int)
    for state, result in session.execute(select(Timer.state, Timer.result)):
        ended[f"timers {state}" + (f" ({result})" if state == "fired" else "")] += 1
    early = session.scalar(select(func.count()).where(Timer.state == "fired", Timer.ended_at < Timer.due_at))
    assert not early
    states = {
        f"leads {state}": count
        for state, count in session.execute(select(Lead.state, func.count()).group_by(Lead.state))
    }
    return {
        "facts": facts_told,
        "notifications": session.scalar(select(func.count(Notification.id))),
        **states,
        **dict(sorted(ended.items())),
    }


def paid_as_earned(session: Any, lives: Lives) -> dict[str, Any]:
    """The months are locked; everybody got the bonuses of the visits beyond the quota and nothing is left to be paid,
    counted here once more from what was confirmed."""
    months = {row.month: row.state for row in session.execute(select(Month.month, Month.state))}
    last = max(month for month, state in months.items() if state != "open")
    assert {state for month, state in months.items() if month <= last} == {"locked"}
    confirmed: Counter[tuple[str, str, bool]] = Counter()
    accepted = select(History.at, Lead.channel, Person.name).where(
        History.flow == "lead",
        History.event == "accept",
        Lead.id == History.case_id,
        Person.id == Lead.promoter_id,
    )
    for at, channel, who in session.execute(accepted):
        confirmed[who, month_of(at, zone(session)), channel == "call_in"] += 1
    earned: Counter[str] = Counter()
    for (who, month, call), count in confirmed.items():
        beyond = count - lives.quotas.get((who, month), (0, 0))[0 if call else 1]
        earned[who] += max(0, beyond) * (1_000 if call else 5_000)
    kinds = ("visit_bonus", "call_visit_bonus")
    posted = (
        select(Person.name, func.sum(Entry.amount_fen))
        .join(Entry)
        .where(Entry.kind.in_(kinds))
        .group_by(Person.name)
    )
    assert dict(session.execute(posted).all()) == +earned, "the bonuses are not those of the visits"
    held = select(Entry.person_id, Entry.team_id, func.sum(Entry.amount_fen)).where(
        Entry.account != "company", Entry.month <= last
    )
    left = [fen for *_owner, fen in session.execute(held.group_by(Entry.person_id, Entry.team_id)) if fen > 0]
    assert not left, f"{left} fen were not paid out"
    paid = session.scalar(
        select(func.sum(Entry.amount_fen)).where(Entry.account == "company", Entry.kind == "payout")
    )
    return {"months locked": sum(state == "locked" for state in months.values()), "fen paid out": paid}


def reckoned_anew(engine: Engine) -> str:
    """From an empty ledger, undisturbed, it comes to the same; then all is left as it was. Scope by scope in the order of
    things, what is paid out last and month by month: nothing has to be paid again."""
    with Books(engine) as session:
        before = nets(session, company=True)
        session.execute(delete(Entry))
        session.execute(delete(Journal))
        session.expunge_all()
        facts_told = session.scalars(select(Outbox).order_by(Outbox.id))
        told = dict.fromkeys(scope for fact in facts_told for scope in ledger.scopes_of(session, fact))
        for scope in sorted(told, key=lambda s: (s.kind == "payout", s.month if s.kind == "payout" else "")):
            ledger.reconcile(session, scope, datetime.now(UTC))
        again = nets(session, company=True)
        session.rollback()
    assert again == before, "undisturbed the ledger comes to something else"
    return f"the same undisturbed: {len(before)} sums from {len(told)} scopes"


def silent(house: House) -> bool:
    """No phone and no customer's name stands in the logs or in what Redis keeps."""
    files = [house.log, *(p for p in (house.settings.var / "redis").rglob("*") if p.is_file())]
    kept = {str(path): path.read_bytes() for path in files}
    connection = house.redis()
    kept |= {str(key): connection.dump(key) or b"" for key in connection.scan_iter()}
    connection.close()
    for path, held in kept.items():
        # The leads' phones are 13900000000 and on; other digits count where they stand alone, not in a random id.
        found = re.search(rb"1390000\d{4}|(?<![0-9a-f])139\d{8}(?![0-9a-f])", held)
        assert not found, f"a phone stands in {path}: {held[found.start() - 40 : found.end() + 20]!r}"
        assert "王先生".encode() not in held, f"a name stands in {path}"
    return True
