"""Health, readiness and metrics; what is said when the database or Redis is away."""

from __future__ import annotations

import json
import sys
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from flask import Flask
from prometheus_client.parser import text_string_to_metric_families

from models import database as databases
from models import machinery
from models.settings import Settings
from tests.web.api.conftest import CAPTURE, PEOPLE, Company
from tests.web.api.conftest import app as app
from tests.web.api.conftest import company as company
from web.app import create_app
from workers.say import say


@pytest.fixture
def away(settings: Settings) -> Flask:
    """An application whose database cannot be reached."""
    return create_app(settings, databases.open_engine("postgresql+psycopg://nobody@127.0.0.1:1/none"))


def redis_seen(company: Company, seconds_ago: float, detail: str = "answers") -> None:
    at = datetime.now(UTC) - timedelta(seconds=seconds_ago)
    databases.in_transaction(
        company.engine, lambda session: machinery.beat(session, "redis", "redis", at, detail)
    )


def test_ready_names_database_and_redis(company: Company) -> None:
    client = company.app.test_client()
    redis_seen(company, 2)
    said = client.get("/readyz")
    assert said.status_code == 200
    assert (
        said.get_json()["status"],
        said.get_json()["database"]["status"],
        said.get_json()["redis"]["status"],
    ) == (
        "ready",
        "up",
        "up",
    )


@pytest.mark.parametrize(
    ("ago", "detail", "status"), [(2, "away", "away"), (60, "answers", "unknown"), (None, "", "unknown")]
)
def test_without_redis_the_service_is_degraded_and_requests_succeed(
    company: Company, ago: float | None, detail: str, status: str
) -> None:
    if ago is not None:
        redis_seen(company, ago, detail)
    said = company.app.test_client().get("/readyz")
    assert (said.status_code, said.get_json()["status"], said.get_json()["redis"]["status"]) == (
        200,
        "degraded",
        status,
    )
    assert company.mei.post("/leads", CAPTURE).status == 201


def test_without_the_database_everything_says_try_again(away: Flask) -> None:
    client = away.test_client()
    assert client.get("/healthz").status_code == 200
    ready = client.get("/readyz")
    assert (ready.status_code, ready.get_json()["database"]["status"]) == (503, "away")
    assert client.get("/metrics").status_code == 503
    for said in (
        client.get("/api/v1/leads", headers={"Authorization": "Bearer x"}),
        client.post("/api/v1/leads", headers={"Authorization": "Bearer x"}, json=CAPTURE),
        client.get("/api/v1/public/form?key=x"),
    ):
        assert said.status_code == 503
        assert said.headers["Retry-After"] == "5"
        assert said.get_json()["code"] == "database_away"


def test_metrics_tell_what_waits_and_nothing_personal(company: Company) -> None:
    company.assigned()
    company.move(days=11)
    redis_seen(company, 3)
    text = company.app.test_client().get("/metrics").get_data(as_text=True)
    found = {
        (s.name, s.labels.get("state") or s.labels.get("kind") or s.labels.get("check")): s.value
        for f in text_string_to_metric_families(text)
        for s in f.samples
    }
    assert found["tuoke_leads", "assigned"] == 1
    assert found["tuoke_leads", "closed"] == 0
    assert found["tuoke_timers", "pending"] == 3
    assert found["tuoke_timers_late", None] == 2
    assert 86_000 < found["tuoke_timers_late_seconds", None] < 12 * 86_400
    assert found["tuoke_outbox", "pending"] >= 5
    assert found["tuoke_outbox_lag_seconds", None] > 10 * 86_400
    assert found["tuoke_approvals_open", None] == 0
    assert 2 < found["tuoke_heartbeat_age_seconds", "redis"] < 60
    assert {name: found["tuoke_health", name] for name in ("database", "timers", "worker", "disk")} == {
        "database": 0, "timers": 2, "worker": 2, "disk": 3,
    }  # fmt: skip
    assert found["tuoke_health_figure", "timers"] == found["tuoke_timers_late_seconds", None]
    assert not any(name in text for name in (*PEOPLE, "王", "138000"))


def test_every_request_leaves_one_line_without_anything_personal(
    company: Company, capsys: pytest.CaptureFixture[str]
) -> None:
    code = company.lead()
    capsys.readouterr()
    said = company.mei.get("/leads?q=13800000001&holder=mei")
    company.mei.post("/leads", CAPTURE)
    company.mei.get(f"/leads/{code}")
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(line["method"], line["route"], line["status"]) for line in lines] == [
        ("GET", "/api/v1/leads", 200), ("POST", "/api/v1/leads", 409), ("GET", "/api/v1/leads/<code>", 200),
    ]  # fmt: skip
    assert lines[0]["id"] == said.raw.headers["X-Request-ID"]
    assert {line["person"] for line in lines} == {company.ids["mei"]}
    assert not any(
        word in json.dumps(lines, ensure_ascii=False) for word in ("13800000001", "王先生", "mei", "flyer")
    )


def test_every_answer_bears_the_security_headers(company: Company) -> None:
    client = company.app.test_client()
    for path in ("/healthz", "/api/v1/leads", "/api/v1/docs", "/", "/nothing"):
        head = client.get(path).headers
        assert "default-src 'self'" in head["Content-Security-Policy"]
        assert "frame-ancestors 'none'" in head["Content-Security-Policy"]
        assert "unsafe" not in head["Content-Security-Policy"]
        assert head["X-Content-Type-Options"] == "nosniff"
        assert head["Referrer-Policy"] == "same-origin"
        assert head["Cache-Control"] == "no-store"
        assert "camera=()" in head["Permissions-Policy"]
        assert "Strict-Transport-Security" not in head
    assert (
        client.get("/healthz", base_url="https://localhost")
        .headers["Strict-Transport-Security"]
        .startswith("max-age=31536000")
    )


def test_a_log_that_cannot_be_written_spoils_no_answer(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Path("/dev/full").open("w") as full:
        monkeypatch.setattr(sys, "stdout", full)
        said = company.mei.post("/leads", CAPTURE)
        say("up", "nobody reads this")
        monkeypatch.undo()
        with suppress(OSError):
            full.close()
    assert said.status == 201
