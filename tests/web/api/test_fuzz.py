"""Whatever is sent to whatever operation of the document: no 5xx, and no answer that the document does not name."""

from __future__ import annotations

import time
import zlib
from collections import Counter
from collections.abc import Iterator
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
from models.settings import Settings
from tests.web.api.conftest import CAPTURE, Company
from web.api.limits import limiter
from web.app import create_app
from workflows import staff
from workflows.engine.actor import STAFF_ROLES

EXAMPLES, SECONDS = 20, 60.0
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
    duties = [d["code"] for d in company.by("all").get("/duty").json["items"]]
    return {"leads": leads, "approval": approvals, "approvals": approvals, "duty": duties}


@pytest.mark.timeout(400)
def test_no_answer_is_a_5xx_or_undocumented(company: Company) -> None:
    limiter.reset()
    known = cases_of(company)
    schema = schemathesis.openapi.from_wsgi("/api/v1/openapi.json", company.app)
    operations = [result.ok() for result in schema.get_all_operations() if isinstance(result, Ok)]
    assert len(operations) > 40
    answers = Counter[int]()
    headers = {
        name: {"Authorization": f"Bearer {company.tokens[name]}"} for name in ("all", "mei", "sun", "fei")
    } | {"nobody": {}}

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
    print(f"fuzzed {len(operations)} operations: {dict(sorted(answers.items()))}")
    assert answers.total() > 3 * len(operations)
    assert {200, 401, 404, 409, 422} <= answers.keys()


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
    if isinstance(case.body, dict) and "holder" in case.body:
        case.body["holder"] = "mei"
    if isinstance(case.body, dict) and "consultant" in case.body:
        case.body["consultant"] = "c1"
