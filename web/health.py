"""Whether the process is up (/healthz), whether it can do its work (/readyz), and how the work stands (/metrics).

The web never touches Redis: what is known of it comes from the rows in which the clock writes down what it sees.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from flask import Flask, Response, jsonify
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy import Engine, func, select
from sqlalchemy.exc import DBAPIError, TimeoutError  # noqa: A004
from sqlalchemy.orm import Session

from models import database, machinery
from models.leads import Lead
from models.machinery import Heartbeat
from models.messages import Message
from models.remembered import Approval, Outbox, Timer
from web.app import now, the_engine
from workflows import facts, health, timers
from workflows.lead import LeadFlow
from workflows.telling import posting

FRESH = timedelta(seconds=15)
GRADES = (health.GREEN, health.LATE, health.DOWN, health.UNKNOWN)
STATES = ("pending", "gathering", "gathered", "sent", "parked", "dropped")


def attach(app: Flask) -> None:
    app.add_url_rule("/healthz", "healthz", healthz)
    app.add_url_rule("/readyz", "readyz", readyz)
    app.add_url_rule("/metrics", "metrics", metrics)


def healthz() -> Response:
    return jsonify(status="up")


def readyz() -> tuple[Response, int]:
    """Ready with database and Redis; degraded, but answering, without Redis (facts wait in the database); 503 without
    the database."""
    try:
        with database.read(the_engine()) as session:
            redis = _redis(session)
    except (DBAPIError, TimeoutError):
        return jsonify(status="unavailable", database={"status": "away"}, redis={"status": "unknown"}), 503
    status = "ready" if redis["status"] == "up" else "degraded"
    return jsonify(status=status, database={"status": "up"}, redis=redis), 200


def _redis(session: Session) -> dict[str, Any]:
    """Redis as the clock saw it last; what nobody has seen lately counts as away."""
    row = session.scalar(
        select(Heartbeat).where(Heartbeat.kind == "redis").order_by(Heartbeat.seen_at.desc()).limit(1)
    )
    if row is None:
        return {"status": "unknown", "seen_at": None}
    fresh = machinery.present(session, datetime.now(UTC)) - row.seen_at <= FRESH
    up = fresh and row.detail != "away"
    return {"status": "up" if up else "away" if fresh else "unknown", "seen_at": row.seen_at.isoformat()}


def metrics() -> Response:
    """What an operator wants to know, read from the rows themselves: every process and every restart tells the same."""
    registry = CollectorRegistry()
    try:
        registry.register(Books(the_engine()))
        return Response(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)
    except (DBAPIError, TimeoutError):
        return Response(
            "# the database is away\n", 503, content_type="text/plain", headers={"Retry-After": "5"}
        )


class Books(Collector):
    """Gauges by SQL; nothing personal in them."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def describe(self) -> list[Metric]:
        """Nothing is read until somebody asks."""
        return []

    def collect(self) -> Iterator[Metric]:
        with database.read(self.engine) as session:
            at = now(session)
            yield from _timers(session, at)
            yield from _outbox(session, at)
            yield from _messages(session, at)
            yield from _approvals(session, at)
            yield _counted(
                session, "tuoke_leads", "Leads by state", Lead.state, [s.id for s in LeadFlow.states]
            )
            yield from _processes(session)
            yield _not_ours(session)
            yield from _checks(session, at)


def _checks(session: Session, at: datetime) -> Iterator[Metric]:
    """What `tuoke doctor` finds, as far as the database knows it."""
    standing = GaugeMetricFamily(
        "tuoke_health", "How each check stands: 0 green, 1 late, 2 down, 3 unknown", labels=["check"]
    )
    figure = GaugeMetricFamily(
        "tuoke_health_figure", "What each check measured, in its unit", labels=["check", "unit"]
    )
    for found in health.examine(health.Sight(session, at, datetime.now(UTC))):
        standing.add_metric([found.name], GRADES.index(found.standing))
        if found.value is not None:
            figure.add_metric([found.name, found.unit], found.value)
    return iter((standing, figure))


def _gauge(name: str, help_text: str, value: float) -> Metric:
    return GaugeMetricFamily(name, help_text, value=value)


def _age(since: datetime | None, at: datetime) -> float:
    return max(0.0, (at - since).total_seconds()) if since else 0.0


def _counted(session: Session, name: str, help_text: str, column: Any, states: Sequence[str]) -> Metric:
    """Rows by state; states in which there are none are told as 0, so that nothing vanishes from a graph."""
    family = GaugeMetricFamily(name, help_text, labels=["state"])
    found = {row[0]: row[1] for row in session.execute(select(column, func.count()).group_by(column))}
    for state in dict.fromkeys((*states, *found)):
        family.add_metric([state], found.get(state, 0))
    return family


def _timers(session: Session, at: datetime) -> Iterator[Metric]:
    late, oldest = timers.late(session, at)
    yield _counted(
        session, "tuoke_timers", "Timers by state", Timer.state, ("pending", "fired", "cancelled", "parked")
    )
    yield _gauge("tuoke_timers_late", "Timers that are due and have not fired", late)
    yield _gauge("tuoke_timers_late_seconds", "How long the longest of them is overdue", _age(oldest, at))


def _outbox(session: Session, at: datetime) -> Iterator[Metric]:
    oldest = session.scalar(select(func.min(Outbox.at)).where(Outbox.state == "pending"))
    yield _counted(session, "tuoke_outbox", "Facts by state", Outbox.state, ("pending", "done", "parked"))
    yield _gauge("tuoke_outbox_lag_seconds", "Age of the oldest fact that is not yet told", _age(oldest, at))


def _messages(session: Session, at: datetime) -> Iterator[Metric]:
    yield _counted(
        session, "tuoke_messages", "Messages to people and endpoints by state", Message.state, STATES
    )
    lag = _age(posting.oldest(session, at), at)
    yield _gauge("tuoke_messages_lag_seconds", "How long the longest-waiting message is due", lag)


def _approvals(session: Session, at: datetime) -> Iterator[Metric]:
    open_ones = select(func.count(), func.min(Approval.requested_at)).where(Approval.state == "pending")
    count, oldest = session.execute(open_ones).one()
    yield _gauge("tuoke_approvals_open", "Approvals that wait for a decision", count)
    yield _gauge("tuoke_approvals_oldest_seconds", "Age of the oldest of them", _age(oldest, at))


def _not_ours(session: Session) -> Metric:
    """What newer code left behind that this one does not know; more than nothing only while hosts are brought up to date."""
    family = GaugeMetricFamily(
        "tuoke_not_for_this_version", "Rows that wait for newer code, by what they are", labels=["what"]
    )
    family.add_metric(["timers"], timers.not_ours(session))
    family.add_metric(["facts"], facts.not_ours(session))
    return family


def _processes(session: Session) -> Iterator[Metric]:
    """The youngest sign of life of each kind of process, how many live and on how many states of the code, how wrong the worst of
    their hosts' clocks is, and how far the time is in doubt; real time, whatever the company's clock says."""
    present = machinery.present(session, datetime.now(UTC))
    ages = GaugeMetricFamily(
        "tuoke_heartbeat_age_seconds", "Seconds since the last sign of life, by kind", labels=["kind"]
    )
    youngest = select(Heartbeat.kind, func.max(Heartbeat.seen_at)).group_by(Heartbeat.kind)
    for kind, seen in session.execute(youngest):
        ages.add_metric([kind], _age(seen, present))
    yield ages
    living = select(Heartbeat.kind, Heartbeat.version, Heartbeat.ahead_ms).where(
        Heartbeat.kind.in_(machinery.PROCESSES), Heartbeat.seen_at > present - FRESH
    )
    found = session.execute(living).all()
    running = GaugeMetricFamily("tuoke_processes", "Processes that live, by kind", labels=["kind"])
    for kind in machinery.PROCESSES:
        running.add_metric([kind], sum(row.kind == kind for row in found))
    yield running
    yield _gauge(
        "tuoke_versions", "How many states of the code they run", len({row.version for row in found})
    )
    wrong = max((abs(row.ahead_ms) for row in found), default=0) / 1000
    yield _gauge(
        "tuoke_host_clock_wrong_seconds", "How far the worst host's clock is off the database's", wrong
    )
    lease = machinery.lease(session)
    ahead_us = lease.ahead_us if lease else 0
    yield _gauge("tuoke_time_in_doubt_seconds", "How far the time jumped ahead unconfirmed", ahead_us / 1e6)
