"""While hosts are brought up to date one after the other, this code meets rows of newer code: workflows, events, states, timers,
facts and consumers that it does not know. It leaves them alone, counts them, and every page can be looked at."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.routing import Rule

from models import database as databases
from models.leads import Lead
from models.notices import Notification
from models.remembered import CONSUMERS, Approval, History, Outbox, Timer
from tests.web.every_page import NO_PAGES
from tests.web.office.conftest import BOTH, Office, database_url, office
from workers.draining import drain_due
from workflows import facts, timers

__all__ = ["database_url", "office"]


def written_by_newer_code(office: Office, code: str, mei: int) -> None:
    """A lead was paused, somebody asks for another to be paused, a campaign has begun; and all of it is to be told."""
    at = office.now
    with databases.begin(office.engine) as session:
        lead = session.scalars(select(Lead).where(Lead.code == code)).one()
        last = session.scalars(
            select(History).where(History.case_code == code).order_by(History.seq.desc())
        ).first()
        assert last
        lead.state, lead.version = "paused", lead.version + 1
        columns = {c.key: getattr(last, c.key) for c in History.__table__.columns if c.key not in ("id",)}
        columns |= {"seq": last.seq + 1, "event": "pause", "source": last.target, "target": "paused"}
        session.add(History(**columns | {"timer_id": None, "facts": {"days": 3, "why": "休假"}}))
        for flow, case_id, name in (("lead", lead.id, "resume"), ("campaign", 1, "end")):
            session.add(a_timer(flow, case_id, code, name, at))
        session.execute(
            Timer.__table__.update()  # type: ignore[attr-defined]
            .where(Timer.case_code == code, Timer.name == "expire", Timer.state == "pending")
            .values(due_at=at)
        )
        asked = [
            ("lead", "pause", "pending"),
            ("lead", "pause", "approved"),
            ("campaign", "start", "pending"),
        ]
        for number, (flow, event, state) in enumerate(asked):
            session.add(an_approval(f"NEW{number}", flow, event, state, lead, mei, at))
        tell(session, "lead.paused", "lead", code, at)
        tell(session, "campaign.begun", "campaign", "C1", at)
        tell(session, "approval.requested", "approval", "NEW0", at)
        tell(session, "lead.screened", "lead", code, at, consumers=len(CONSUMERS) + 1)
        session.add(
            Notification(
                person_id=mei,
                fact="campaign.begun",
                fact_uid="1",
                flow="campaign",
                case_code="C1",
                body={},
                at=at,
            )
        )


def a_timer(flow: str, case_id: int, code: str, name: str, at: datetime) -> Timer:
    past = at - timedelta(days=1)
    return Timer(flow=flow, case_id=case_id, case_code=code, name=name, started_at=past, due_at=past)


def an_approval(code: str, flow: str, event: str, state: str, lead: Lead, by: int, at: datetime) -> Approval:
    return Approval(
        code=code, state=state, version=1, head="", project_id=lead.project_id, policy_version=1, flow=flow,
        case_id=lead.id, case_code=lead.code, event=event, frozen={"days": 3}, approver="manager", requested_by_id=by,
        requested_at=at, decided_at=at if state == "approved" else None,
    )  # fmt: skip


def tell(session: Session, fact: str, flow: str, code: str, at: datetime, **more: Any) -> None:
    uid = f"{fact}:{code}"
    session.add(
        Outbox(uid=uid, fact=fact, cause=uid, flow=flow, case_code=code, at=at, body={}, next_at=at, **more)
    )


def test_every_page_can_be_looked_at(office: Office) -> None:
    code = office.screened(channel="call_in")
    written_by_newer_code(office, code, office.ids["mei"])
    paths = [rule.rule for rule in office.app.url_map.iter_rules() if is_page(rule)]
    paths += [f"/leads/{code}", "/leads?tick=all", "/leads/all?state=paused", "/cases/quota", "/help/lead"]
    for name in ("mei", "guo", "sun", "zhi", "root"):
        seat = office.seat(name)
        assert [path for path in paths if seat.get(path).status >= 500] == [], name
    guo = office.seat("guo")
    assert "paused" in guo.get(f"/leads/{code}").text
    assert guo.post(f"/do/lead/{code}/screen", demand="x", intent="A").status < 500
    health = office.seat("root").get("/health")
    assert "5 rows wait for newer code" in health
    metrics = office.app.test_client().get("/metrics").text
    assert 'tuoke_not_for_this_version{what="timers"} 2.0' in metrics
    assert 'tuoke_not_for_this_version{what="facts"} 3.0' in metrics


def is_page(rule: Rule) -> bool:
    gets = "GET" in (rule.methods or ()) and not rule.arguments and not rule.rule.startswith("/api")
    return gets and rule.endpoint not in (*NO_PAGES, "style.style")


@BOTH
def test_the_rows_are_left_alone_and_the_rest_goes_on(office: Office) -> None:
    code, other = office.screened(channel="call_in"), office.screened(channel="call_in")
    drain_due(office.engine, office.now)
    with databases.read(office.engine) as session:
        before = set(session.scalars(select(Outbox.id)))
    written_by_newer_code(office, code, office.ids["mei"])
    at = office.now + timedelta(days=15)  # the protection of both has ended
    for minutes in range(0, 30, 2):
        drain_due(office.engine, at + timedelta(minutes=minutes))
    with databases.read(office.engine) as session:
        left = session.scalars(select(Timer).where(Timer.case_code == code, Timer.state == "pending"))
        assert sorted((timer.flow, timer.name, timer.tries) for timer in left) == [
            ("campaign", "end", 0), ("lead", "expire", 0), ("lead", "resume", 0), ("lead", "screening_reminder", 0),
        ]  # fmt: skip
        told = session.scalars(select(Outbox).where(Outbox.id.not_in(before), Outbox.state != "done"))
        assert sorted((row.fact, row.state, row.tries) for row in told) == [
            ("approval.requested", "pending", 0), ("campaign.begun", "pending", 0), ("lead.paused", "pending", 0),
            ("lead.screened", "pending", 0),
        ]  # fmt: skip
        assert (timers.not_ours(session), facts.not_ours(session)) == (4, 4)
        assert (timers.due(session, at), facts.undelivered(session, at)) == (0, 0), "nobody knocks for them"
    assert (office.lead(code).state, office.lead(other).state) == ("paused", "reclaimed")
    assert [office.approval(f"NEW{n}").state for n in range(3)] == ["pending", "approved", "pending"]
