"""Whatever is sent to whatever operation of the document: no 5xx, and no answer that the document does not name."""

from __future__ import annotations

import time
import zlib
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import schemathesis
from flask import Flask
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode, checks
from schemathesis.core.result import Ok
from schemathesis.specs.openapi import checks as openapi
from sqlalchemy import Engine

from models import database as databases
from models.money import Entry, Journal
from models.settings import Settings
from tests.web.api.conftest import CAPTURE, Company
from web.api.limits import limiter
from web.app import create_app
from workers.draining import drain_due
from workflows import facts, staff
from workflows.engine.actor import STAFF_ROLES
from workflows.flows import FLOWS

EXAMPLES, SECONDS = 9, 30.0
MONTHS = ("2026-01", "2026-02", "2026-03")
CHECKS = [
    checks.not_a_server_error,
    openapi.status_code_conformance,
    openapi.content_type_conformance,
    openapi.response_headers_conformance,
    openapi.response_schema_conformance,
]


@pytest.fixture
def company(postgres_url: str, settings: Settings) -> Iterator[Company]:
    """On PostgreSQL, which is stricter about what it takes; one person there has every role."""
    engine: Engine = databases.open_engine(postgres_url)
    app = create_app(settings, engine)
    app.testing = True
    app.config["RATELIMIT_ENABLED"] = False
    made = Company(app, engine)
    with databases.begin(engine) as session:
        person = staff.add_person(session, "all", [r for r in STAFF_ROLES if r != "admin"], "A")
        made.tokens["all"] = staff.issue_token(session, person, person_at(app, session))
    yield made
    engine.dispose()


def person_at(app: Flask, session: Any) -> Any:
    from web.app import now

    with app.app_context():
        return now(session)


def cases_of(company: Company) -> dict[str, list[str]]:
    """Cases in many states, by workflow, so that what is sent reaches the rules."""
    company.by("all").post("/rotation/join")
    leads = [company.lead(by="all", phone=f"13811{n:06d}") for n in range(36)]
    approvals = []
    for code in leads[6:]:
        company.by("all").post(f"/leads/{code}/screen", {"demand": "三房", "intent": "B"})
    for code in leads[12:18]:
        company.desk.post(f"/leads/{code}/visit")
        company.by("all").post(f"/leads/{code}/accept", {"signature": "x"})
    for code in leads[14:16]:
        said = company.by("all").post(f"/leads/{code}/lose", {"reason": "x"})
        approvals.append(said.json["approval"]["id"])
    for code in leads[16:18]:
        deal = {"units": 1, "contract_no": "x", "amount_fen": 1}
        said = company.by("all").post(f"/leads/{code}/deal", deal)
        company.sun.post(f"/approvals/{said.json['approval']['id']}/approve")
    duties = [d["code"] for d in company.by("all").get("/duty").json["items"]]
    known = {"leads": leads, "approval": approvals, "approvals": approvals, "duty": duties}
    return known | cases_of_money(company)


def cases_of_money(company: Company) -> dict[str, list[str]]:
    """The same of the workflows around money, some of them approved or judged."""
    for month in MONTHS:
        company.guo.post("/quota", {"person": "mei", "month": month, "call_visits": 1, "visits": 2})
        company.guo.post(
            "/attendance", {"person": "mei", "month": month, "half_days": 40, "half_days_due": 44}
        )
        company.guo.post("/month", {"month": month})
        company.mei.post("/dispute", {"month": month, "line": "visit:L1", "reason": "x"})
    for person in ("mei", "hua", "lin"):
        company.guo.post("/pay", {"person": person, "kind": "daily", "since": MONTHS[0]})
    for approval in company.sun.get("/approvals?mine=1&limit=200").json["items"][::2]:
        company.sun.post(f"/approvals/{approval['id']}/approve")
    for kind in ("left_post", "conduct", "bad_mood", "crowding", "fake_lead", "appearance"):
        seen = {"kind": kind, "person": "mei", "day": f"{MONTHS[0]}-09", "reason": "x"}
        code = company.guo.post("/deduction", seen).json["code"]
        if kind in ("left_post", "conduct", "bad_mood"):
            company.sun.post(f"/deduction/{code}/confirm")
        if kind == "left_post":
            company.mei.post(f"/deduction/{code}/appeal", {"reason": "x"})
    for fen in (4000, 6000, 7000):
        numbers = {"numbers": {"visit_bonus_fen": fen}, "effective_on": "2090-01-01", "why": "x"}
        code = company.guo.post("/policy", numbers).json["code"]
        if fen > 5000:
            company.fei.post(f"/policy/{code}/check")
    put_on_account(company)
    drain(company)
    company.by("all").post("/split", {"shares": {"mei": 1000}})
    put_before_the_office(company)
    promise(company)
    plan_events(company)
    flows = tuple(flow for flow in FLOWS if flow not in ("lead", "duty", "approval"))
    found = {flow: [c["code"] for c in company.zhi.get(f"/{flow}?limit=200").json["items"]] for flow in flows}
    assert all(found.values()), found
    return found


def put_before_the_office(company: Company) -> None:
    """Cases of the office around the leads, in several states."""
    for question in ("一", "二", "三"):
        code = company.mei.post("/question", {"clause": "S20 (三)9", "question": question}).json["code"]
        if question != "一":
            company.zhi.post(f"/question/{code}/rule", {"ruling": "不算"})
    put_on_the_way(company)
    for step in ((), ("answer",), ("answer", "handle")):
        told = {"kind": "weather", "place": "x", "happened": "x"}
        code = company.mei.post("/incident", told).json["code"]
        for event in step:
            company.guo.post(
                f"/incident/{code}/{event}", {{"answer": "answer", "handle": "handling"}[event]: "x"}
            )
    put_conduct(company)
    put_on_the_roster(company)


def put_on_the_way(company: Company) -> None:
    """Field trips: planned, approved, under way, ended."""
    ready = dict.fromkeys(("papers", "tools", "cards", "gifts"), True)
    with databases.read(company.engine) as session:
        begin = person_at(company.app, session) + timedelta(minutes=1)
    lead = company.lead(by="mei", phone="13822000001")
    for number in range(4):
        times = {
            "starts_at": (begin + timedelta(hours=number)).isoformat(),
            "ends_at": (begin + timedelta(hours=number + 1)).isoformat(),
        }
        code = company.mei.post("/trip", {"place": "x", "purpose": "x", "leads": [lead], **times}).json[
            "code"
        ]
        company.mei.post(f"/trip/{code}/confirm", ready)
    for approval in company.lin.get("/approvals?mine=1&limit=200").json["items"]:
        if approval["flow"] == "trip" and approval["code"] != code:
            company.lin.post(f"/approvals/{approval['id']}/approve")
            company.mei.post(f"/trip/{approval['code']}/start")
            company.mei.post(f"/trip/{approval['code']}/finish")
    trips = [c["code"] for c in company.mei.get("/trip?limit=200").json["items"] if c["state"] == "ended"]
    for number in range(6 if trips else 0):
        spent = {"trip": trips[0], "kind": "meals", "amount_fen": 1, "what": "x", "receipt_no": f"R{number}"}
        company.mei.post("/expense", spent)
    claims = [
        a for a in company.lin.get("/approvals?mine=1&limit=200").json["items"] if a["flow"] == "expense"
    ]
    for number, approval in enumerate(claims[1:]):
        company.lin.post(f"/approvals/{approval['id']}/approve")
        if number > 1:
            company.fei.post(f"/expense/{approval['code']}/reimburse")


def promise(company: Company) -> None:
    """Promises in several states: given, kept, and one that waits for the sales manager."""
    lead = company.lead(by="mei", phone="13822000002")
    due = {"lead": lead, "due_at": "2090-01-01T09:00:00+08:00"}
    for word in ("一", "二", "三"):
        code = company.mei.post("/promise", due | {"kind": "answer", "promised": word}).json["code"]
    company.mei.post(f"/promise/{code}/keep")
    company.mei.post("/promise", due | {"kind": "discount", "promised": "四", "amount_fen": 1})


def put_conduct(company: Company) -> None:
    """Logs, sanctions, praise, trainings and rounds."""
    for day in ("05", "06", "07"):
        code = company.mei.post("/log", {"kind": "day", "day": f"{MONTHS[0]}-{day}"}).json["code"]
        if day != "05":
            told = {"results": "派单", "problems": "无", "next_steps": "回访"}
            company.mei.post(f"/log/{code}/hand_in", told)
    for person in ("mei", "hua", "lin"):
        told = {"person": person, "kind": "warning", "clause": "S20 罚5", "reason": "x"}
        company.guo.post("/sanction", told)
        company.lin.post("/commendation", {"person": person, "kind": "commendation", "reason": "x"})
    for topic in ("说辞", "礼仪", "安全"):
        planned = {
            "topic": topic,
            "kind": "other",
            "starts_at": "2090-01-01T09:00",
            "must_come": ["all", "mei"],
        }
        company.guo.post("/training", planned)
        company.sun.post("/training/begin/have_read", {"policy": "S20", "must_come": ["all", "mei"]})
    for spot in ("万达东门", "地铁口", "银泰中庭"):
        code = company.by("all").post("/round", {"spot": spot, "there": ["mei"]}).json["code"]
        if spot != "万达东门":
            company.by("all").post(f"/round/{code}/find", {"kind": "conduct", "person": "mei", "seen": "x"})


def put_on_the_roster(company: Company) -> None:
    """Two weeks of team A, one of them published, with leave in it."""
    first = datetime.now(UTC).date() + timedelta(days=8)
    for week in (first, first + timedelta(days=7)):
        code = company.lin.post("/roster", {"week": week.isoformat()}).json["code"]
        days = {"person": "mei", "spot": "万达广场", "monday": True, "friday": True}
        company.lin.post(f"/roster/{code}/plan", days)
    asked = company.lin.post(f"/roster/{code}/publish").json["approval"]["id"]
    company.guo.post(f"/approvals/{asked}/approve")
    leave = {"first_day": first.isoformat(), "last_day": first.isoformat(), "kind": "sick", "reason": "x"}
    company.mei.post("/leave", leave)
    company.guo.post("/leave", {**leave, "person": "lin"})
    for day in (1, 2):
        on = {"first_day": f"2090-01-0{day}", "last_day": f"2090-01-0{day}", "kind": "holiday", "name": "x"}
        company.guo.post("/calendar", on)


def plan_events(company: Company) -> None:
    """Outreach events in several states: planned, waiting for the sales manager, approved, cancelled."""
    for number, name in enumerate(("一", "二", "三", "四")):
        plan = {"name": name, "in_charge": "lin", "goal_kind": "visits", "goal": 3, "channels": ["flyer"]}
        plan |= {"starts_at": "2090-01-01T09:00:00+08:00", "ends_at": "2090-02-01T09:00:00+08:00"}
        code = company.guo.post("/event", plan).json["code"]
        company.lin.post(f"/event/{code}/assign", {"person": "mei", "part": "x"})
        if number == 3:
            company.guo.post(f"/event/{code}/cancel", {"reason": "x"})
        elif number:
            said = company.guo.post(f"/event/{code}/propose")
            if number == 2:
                company.sun.post(f"/approvals/{said.json['approval']['id']}/approve")


def drain(company: Company) -> None:
    """What the workers would do now: the facts of what was sent reach the ledger."""
    with databases.read(company.engine) as session:
        at = person_at(company.app, session)
    drain_due(company.engine, at)


def put_on_account(company: Company) -> None:
    """An award of team A, so that there is something to divide."""
    with databases.begin(company.engine) as session:
        mei = staff.person_named(session, "mei")
        journal = Journal(
            key="award", scope="closing:1:2026-01", cause="award", project_id=1, month=MONTHS[0], earned_month=MONTHS[0],
            at=datetime.now(UTC), history_id=1, flow="month", case_code="M1", policy_version=1, clause="S20",
        )  # fmt: skip
        sides = (("team", mei.team_id, 10**6), ("company", None, -(10**6)))
        journal.entries = [
            Entry(account=account, team_id=team, kind="adjustment", month=MONTHS[0], amount_fen=fen)
            for account, team, fen in sides
        ]
        session.add(journal)


@pytest.mark.long
@pytest.mark.timeout(400)
def test_no_answer_is_a_5xx_or_undocumented(company: Company) -> None:
    limiter.reset()
    known = cases_of(company)
    schema = schemathesis.openapi.from_wsgi("/api/v1/openapi.json", company.app)
    operations = [result.ok() for result in schema.get_all_operations() if isinstance(result, Ok)]
    assert len(operations) > 40
    answers = Counter[int]()
    plain = {"Accept-Encoding": "identity"}  # what asks here reads no gzip
    headers = {
        name: {"Authorization": f"Bearer {company.tokens[name]}", **plain}
        for name in ("all", "mei", "sun", "fei")
    } | {"nobody": plain}

    for operation in operations:
        end = time.monotonic() + SECONDS / len(operations)
        modes = st.sampled_from([GenerationMode.POSITIVE, GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
        cases = modes.flatmap(operation.as_strategy)
        who = st.sampled_from(["all"] * 12 + ["mei", "sun", "fei", "nobody"])

        @given(case=cases, who=who)
        @settings(
            max_examples=EXAMPLES,
            deadline=None,
            derandomize=True,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        def fuzz(case: Any, who: str) -> None:
            if time.monotonic() > end:  # noqa: B023
                return
            aim(case, known)
            answer = case.call(headers=headers[who])
            answers[answer.status_code] += 1
            case.validate_response(answer, checks=CHECKS)

        fuzz()
        drain(company)
    print(f"fuzzed {len(operations)} operations: {dict(sorted(answers.items()))}")
    assert answers.total() > 3 * len(operations)
    assert {200, 401, 404, 409, 422} <= answers.keys()
    with databases.read(company.engine) as session:
        assert [(fact.fact, fact.error) for fact in facts.parked(session)] == []
        assert facts.undelivered(session, datetime.max.replace(tzinfo=UTC)) == 0, (
            "a consumer breaks on something"
        )


def aim(case: Any, known: dict[str, list[str]]) -> None:
    """Most requests go to a case that exists, and most captures have a phone that could be somebody's."""
    seed = zlib.crc32(repr((case.path_parameters, case.body)).encode(errors="replace"))
    codes = known.get(case.operation.path.split("/")[1]) or []
    if "code" in (case.path_parameters or {}) and codes and seed % 5:
        case.path_parameters["code"] = codes[seed % len(codes)]
    if isinstance(case.body, dict) and "phone" in case.body and seed % 3:
        case.body.update(
            {**CAPTURE, "phone": f"1371{seed % 10**7:07d}"}
        ) if case.operation.path == "/leads" else None
    if seed % 3:
        make_likely(case, seed)


def make_likely(case: Any, seed: int) -> None:
    """Names and months that there are, where a text is asked; what else was made up stays."""
    person, month = ("mei", "hua", "lin", "bao")[seed % 4], f"2026-{seed % 10 + 1:02}"
    likely = {"person": person, "holder": "mei", "consultant": "c1", "team": "A", "month": month}
    for told in (case.path_parameters, case.query, case.body):
        if isinstance(told, dict):
            told.update({name: value for name, value in likely.items() if isinstance(told.get(name), str)})
    if isinstance(case.body, dict):
        case.body.pop("project", None)
        for name, key in (("shares", "mei"), ("numbers", "visit_bonus_fen")):
            if isinstance(case.body.get(name), dict):
                case.body[name] = dict.fromkeys([key], next(iter(case.body[name].values()), 1))
