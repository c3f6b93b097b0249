"""After the storm: everything drains, the books prove clean, nothing that was answered is lost, nothing happened twice."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections import Counter, defaultdict
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Engine, func, select

from models import database, machinery
from models.leads import Lead
from models.notices import Notification
from models.remembered import Answer, Approval, Delivery, History, Outbox, Timer
from tests.crash.lives import Answered, Lives
from tests.crash.storm import House, eventually
from workflows import facts, timers

Row = tuple[str, str, str, int, bool]


def drained(engine: Engine) -> bool:
    """Whether no timer is due and no fact waits."""
    with database.read(engine) as session:
        at = datetime.now(UTC) + machinery.offset(session)
        return not timers.due(session, at) and not facts.undelivered(session, at)


def check(engine: Engine, house: House, lives: Lives) -> dict[str, Any]:
    """Hold the house to everything it said; what was counted. Fails with what is not right."""
    counted: dict[str, Any] = {
        "drained after (s)": round(eventually(lambda: drained(engine), 150, "drained"), 1)
    }
    counted["verify"] = proved(house)
    with database.read(engine) as session:
        rows = list(
            session.execute(
                select(
                    History.flow,
                    History.case_code,
                    History.event,
                    History.seq,
                    History.target,
                    History.by_role,
                )
            )
        )
        counted |= nothing_lost(session, lives, {(r.flow, r.case_code, r.seq): r.target for r in rows})
        happened = Counter((r.case_code, r.event) for r in rows if r.flow == "lead" and r.by_role == "person")
        assert happened == answered_events(session, lives.client.answers), (
            "what people did and what was answered differ"
        )
        counted |= nothing_twice(session, lives)
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
            assert history.get(("lead", said["code"], said["version"])) == said["state"], f"lost: {each}"
        kept = session.scalar(select(Answer.status).where(Answer.key == each.key))
        assert kept in (each.status, None), f"another answer is kept: {each}"
    return {"answers that hold": len(good), "refusals": len(lives.client.answers) - len(good)}


def answered_events(session: Any, answers: list[Answered]) -> Counter[tuple[str, str]]:
    """How often each event of each lead was said to have happened."""
    happened: Counter[tuple[str, str]] = Counter()
    about = {a.code: (a.case_code, a.event, a.state) for a in session.scalars(select(Approval))}
    for each in answers:
        if each.status not in (200, 201):
            continue
        if found := re.fullmatch(r"/approvals/(\w+)/approve", each.path):
            code, event, state = about[found[1]]
            happened[code, event] += state == "approved"
        else:
            happened[
                each.said["code"], each.path.rpartition("/")[2] if each.path != "/leads" else "capture"
            ] += 1
    return +happened


def nothing_twice(session: Any, lives: Lives) -> dict[str, Any]:
    leads = session.scalar(select(func.count(Lead.id)))
    assert leads == len(lives.codes) == session.scalar(select(func.count(func.distinct(Lead.phone_index)))), (
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


def silent(house: House) -> bool:
    """No phone and no customer's name stands in the logs or in what Redis keeps."""
    kept = [house.log, *(p for p in (house.settings.var / "redis").rglob("*") if p.is_file())]
    for path in kept:
        held = path.read_bytes()
        # The leads' phones are 13900000000 and on; other digits count where they stand alone, not in a random id.
        found = re.search(rb"1390000\d{4}|(?<![0-9a-f])139\d{8}(?![0-9a-f])", held)
        assert not found, f"a phone stands in {path}: {held[found.start() - 40 : found.end() + 20]!r}"
        assert "王先生".encode() not in held, f"a name stands in {path}"
    return True
