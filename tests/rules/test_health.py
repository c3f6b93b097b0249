"""The checks of this installation: each says how it stands, with the figure and what sets it right, and none hides another."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, select, text, update
from sqlalchemy.orm import Session

from models import database as databases
from models import heads, machinery
from models.days import CalendarDay, Roster
from models.machinery import HOST, Backup, Drill, HostSign, KeyPrint, PolicyVersion, beat, move
from models.messages import Endpoint, Message
from models.notices import AccessLog
from models.people import Team
from models.registers import RegisterImport
from models.remembered import Outbox, Timer
from tests.rules.office import Office
from workflows import health, staff
from workflows.health import DOWN, GREEN, LATE, UNKNOWN, Finding, RedisSeen, Sight, parked, place
from workflows.office import working_hours

NOW = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)
GB = 1_000_000_000
HERE = HostSign("here", free=50 * GB, total=100 * GB, database=4_000_000, wal=40_000, zones="2026c")


@pytest.fixture
def session(shared: Engine, monkeypatch: pytest.MonkeyPatch) -> Iterator[Session]:
    """Where the database has the time that the tests have."""
    monkeypatch.setattr(machinery, "present", lambda _session, real: real)
    with databases.begin(shared) as opened:
        opened.execute(update(KeyPrint).values(made_at=NOW - timedelta(hours=3)))
        yield opened
        opened.rollback()


def found(session: Session, name: str, **seen: HostSign | RedisSeen) -> Finding:
    session.flush()
    session.expire_all()
    session.info.clear()
    return health.look(name, Sight(session, NOW, NOW, **seen))  # type: ignore[arg-type]


def standings(session: Session, *names: str) -> dict[str, str]:
    session.flush()
    return {each.name: each.standing for each in health.examine(Sight(session, NOW, NOW, HERE), names)}


def lives(session: Session, name: str, kind: str, *, seconds_ago: float, detail: str = "") -> None:
    beat(session, name, kind, NOW - timedelta(seconds=seconds_ago), detail)


def a_fact(uid: str, *, minutes_due: float, **more: str) -> Outbox:
    due = NOW - timedelta(minutes=minutes_due)
    told = {
        "uid": uid,
        "fact": "lead.captured",
        "cause": uid,
        "flow": "lead",
        "case_code": "LAAAA",
        "body": {},
    }
    return Outbox(**told | {"at": due, "next_at": due} | more)


def a_timer(case: int, *, minutes_due: float, **more: object) -> Timer:
    due = NOW - timedelta(minutes=minutes_due)
    told = {
        "flow": "lead",
        "case_id": case,
        "case_code": f"L{case}",
        "name": "offer",
        "started_at": due,
        "due_at": due,
    }
    return Timer(**told | more)


def a_register(*, minutes_due: float, **more: object) -> RegisterImport:
    due = NOW - timedelta(minutes=minutes_due)
    told = {
        "person_id": 1,
        "stand_in_id": 1,
        "name": "x",
        "consent": "x",
        "columns": [],
        "state": "running",
        "total": 1,
    }
    return RegisterImport(**told | {"made_at": due, "began_at": due, "next_at": due} | more)


def test_a_new_installation_with_living_processes_is_well(session: Session) -> None:
    for name, kind in (("clock", "clock"), ("w@here", "worker"), ("s@here", "sender")):
        lives(session, name, kind, seconds_ago=2)
    lives(session, "redis", "redis", seconds_ago=2, detail="answers")
    asked_for = [name for name in health.CHECKS if name != "time"]  # PostgreSQL's clock is the real one
    assert standings(session, *asked_for) == dict.fromkeys(asked_for, GREEN)
    assert list(health.CHECKS) == list(health.LABELS)


@pytest.mark.parametrize(("ago", "standing"), [(2, GREEN), (16, LATE), (130, DOWN), (90_000, DOWN)])
@pytest.mark.parametrize("kind", ["clock", "worker", "sender"])
def test_a_process_that_falls_silent_is_late_then_down(
    session: Session, kind: str, ago: int, standing: str
) -> None:
    lives(session, "one@here", kind, seconds_ago=ago)
    said = found(session, kind)
    assert said.standing == standing
    assert "tuoke" in str(said.remedy)


def test_one_silent_worker_among_others_is_named(session: Session) -> None:
    lives(session, "w1@here", "worker", seconds_ago=1)
    lives(session, "w2@there", "worker", seconds_ago=600)
    lives(session, "taken away", "worker", seconds_ago=100_000)
    said = found(session, "worker")
    assert (said.standing, said.value, said.limit) == (LATE, 1, 2)
    assert "w2@there" in str(said.figure)
    assert "taken away" not in str(said.figure)


def test_redis_is_told_of_as_it_answers_whoever_may_ask_and_else_as_the_clock_saw_it(
    session: Session,
) -> None:
    assert found(session, "redis").standing == UNKNOWN
    lives(session, "redis", "redis", seconds_ago=1, detail="away")
    assert found(session, "redis").standing == DOWN
    assert found(session, "redis", redis=RedisSeen(ms=1.0)).standing == GREEN
    assert found(session, "redis", redis=RedisSeen(wrong="TimeoutError")).standing == DOWN
    assert found(session, "redis", redis=RedisSeen(ms=900.0)).standing == LATE


def test_a_clock_that_is_wrong_and_one_that_was_moved_are_told(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    if session.get_bind().dialect.name == "postgresql":
        monkeypatch.undo()
        now = datetime.now(UTC)
        assert health.look("time", Sight(session, now, now)).standing == GREEN
        assert health.look("time", Sight(session, now, now - timedelta(minutes=5))).standing == DOWN
        return
    assert found(session, "time").standing == GREEN
    move(session, timedelta(days=3))
    assert "3 d ahead" in str(found(session, "time").figure)
    beat(session, "w@fast", "worker", NOW, "", NOW + timedelta(seconds=20))
    said = found(session, "time")
    assert (said.standing, said.value) == (LATE, 20)
    assert "w@fast" in str(said.figure)


@pytest.mark.parametrize(("minutes", "standing"), [(4, GREEN), (6, LATE), (31, DOWN)])
def test_timers_are_late_by_the_policys_number(session: Session, minutes: int, standing: str) -> None:
    session.add_all([a_timer(1, minutes_due=minutes), a_fact("late", minutes_due=60, fact="timer.late")])
    said = found(session, "timers")
    assert "fired late within a day: 1" in str(said.figure)
    assert (said.standing, said.value, said.limit) == (standing, minutes * 60, 300)
    session.add(PolicyVersion(id=7, effective_at=NOW - timedelta(days=1), numbers={"timer_late_minutes": 60}))
    assert found(session, "timers").standing == GREEN


def test_it_is_told_when_the_next_timer_is_due(session: Session) -> None:
    session.add(a_timer(1, minutes_due=-200))
    assert str(found(session, "timers").figure) == "nothing is due; the next in 3 h"


def test_what_waits_too_long_is_late(session: Session) -> None:
    session.add(Endpoint(id=1, name="erp", url="https://x", secret="x", topics=[], made_at=NOW))
    session.flush()
    due = NOW - timedelta(minutes=6)
    session.add(Message(uid="m", endpoint_id=1, fact="x", fact_uid="x", at=due, next_at=due))
    session.add_all([a_fact("f", minutes_due=2), a_fact("later", minutes_due=-5)])
    assert standings(session, "facts", "messages", "registers") == {
        "facts": LATE, "messages": LATE, "registers": GREEN,
    }  # fmt: skip
    assert str(found(session, "facts").figure) == "1 due, the oldest for 2 min"


def test_what_was_given_up_is_told_with_its_causes_and_tried_again(session: Session) -> None:
    office = Office(session, duty=())
    session.add(Endpoint(id=1, name="erp", url="https://x", secret="x", topics=[], made_at=NOW))
    session.flush()
    error = {"state": "parked", "error": "KeyError at lead.py:1"}
    session.add_all([a_fact("a", minutes_due=1, **error), a_fact("b", minutes_due=1, **error)])
    session.add(a_timer(1, minutes_due=1, **error))
    session.add(
        Message(
            uid="m",
            endpoint_id=1,
            fact="x",
            fact_uid="x",
            at=NOW,
            next_at=NOW,
            state="parked",
            error="time-out",
        )
    )
    session.add(a_register(minutes_due=1, state="stopped", error="KeyError", person_id=office.actors["manager"].id, stand_in_id=office.actors["manager"].id))  # fmt: skip
    session.add(a_register(minutes_due=1, state="stopped", person_id=office.actors["manager"].id, stand_in_id=office.actors["manager"].id))  # fmt: skip
    said = found(session, "parked")
    assert (said.standing, said.value) == (LATE, 5)
    assert str(said.figure) == "timers 1, facts 2, messages 1, registers 1"
    assert [(item.kind, item.error) for item in said.items] == [
        ("timer", "KeyError at lead.py:1"), ("fact", "KeyError at lead.py:1"), ("fact", "KeyError at lead.py:1"),
        ("message", "time-out"), ("register", "KeyError"),
    ]  # fmt: skip
    assert "tuoke doctor --retry-parked" in str(said.remedy)
    done = parked.retry_all(session, tuple(parked.TABLES), NOW)
    assert done == {"timer": 1, "fact": 2, "message": 1, "register": 1}
    assert found(session, "parked").standing == GREEN
    assert session.scalars(select(Outbox.state).distinct()).all() == ["pending"]
    assert len(session.scalars(select(AccessLog).where(AccessLog.purpose.startswith("retried"))).all()) == 4


def test_the_key_and_the_tables_must_be_those_of_this_program(session: Session) -> None:
    session.execute(update(KeyPrint).values(fingerprint="another"))
    said = found(session, "data_key")
    assert said.standing == DOWN
    assert "another" in str(said.remedy)
    for there, remedy in (("0009", "tuoke up"), ("9999", "install")):
        session.execute(text("UPDATE alembic_version SET version_num = :there"), {"there": there})
        said = found(session, "migrations")
        assert said.standing == DOWN
        assert remedy in str(said.remedy)
    assert heads.known(heads.newest())


def test_room_runs_out_where_it_is_least(session: Session) -> None:
    full = HostSign("there", free=GB // 2, total=10 * GB)
    beat(session, "there", HOST, NOW - timedelta(seconds=3), str(full))
    beat(session, "gone", HOST, NOW - timedelta(days=3), str(HostSign("gone", free=1, total=1)))
    said = found(session, "disk", host=HERE)
    assert (said.standing, said.value) == (LATE, GB // 2)
    assert "there" in str(said.figure)
    assert place.room([HostSign("here", free=150_000_000, total=GB)]).standing == DOWN
    assert place.room([HostSign("here", free=5 * GB, total=9 * GB, database=3 * GB)]).standing == LATE
    assert place.room([]).standing == UNKNOWN
    assert [place.log_beside([HostSign("h", 1, 1, 1, wal)]).standing for wal in (10**6, 3 * 10**8, 3 * 10**9)] == [
        GREEN, LATE, DOWN,
    ]  # fmt: skip


def test_the_calendar_says_what_days_are_counted_by(session: Session) -> None:
    assert "no holidays, in Asia/Shanghai (zone data 2026c)" in str(
        found(session, "calendar", host=HERE).figure
    )
    old = HostSign("here", free=1, total=1, zones="2024a")
    assert found(session, "calendar", host=old).standing == LATE
    session.add(PolicyVersion(id=7, effective_at=NOW + timedelta(days=4), numbers={"conversion_days": -1}))
    assert found(session, "calendar", host=HERE).standing == UNKNOWN


def test_where_rosters_are_used_the_calendar_must_know_the_holidays_to_come(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Late a month before nothing is known any more, until the company enters a holiday of the next year."""
    monkeypatch.setattr(working_hours, "KNOWN_UNTIL", NOW.date() + timedelta(days=30))
    assert found(session, "calendar", host=HERE).standing == GREEN, "nobody has a roster"
    team, project = Team(name="一组"), staff.ensure_company(session)
    session.add(team)
    session.flush()
    case: dict[str, Any] = {"state": "published", "project_id": project.id}
    session.add(Roster(code="O1", team_id=team.id, week=NOW.date(), plan=[], **case))
    late = found(session, "calendar", host=HERE)
    assert late.standing == LATE
    assert "enter the holidays of the next year" in str(late.remedy)
    day = date(NOW.year + 1, 1, 1)
    holiday: dict[str, Any] = case | {"state": "entered", "kind": "holiday", "name": "元旦"}
    session.add(CalendarDay(code="Y1", first_day=day, last_day=day, **holiday))
    assert found(session, "calendar", host=HERE).standing == GREEN
    assert "31 Dec" in str(found(session, "calendar", host=HERE).figure)


def a_backup(hours_ago: float, proof: str = "restored", error: str | None = None) -> Backup:
    at = NOW - timedelta(hours=hours_ago)
    return Backup(at=at, host="here", file="/b/x.zip", size=10**6, proof=proof, error=error)


@pytest.mark.parametrize(("hours", "standing"), [(25, GREEN), (27, LATE), (200, DOWN)])
def test_the_last_backup_that_was_proved_counts(session: Session, hours: float, standing: str) -> None:
    session.add_all([a_backup(hours), a_backup(1, proof="none"), a_backup(2, error="No space left")])
    said = found(session, "backups")
    assert (said.standing, said.value) == (standing, hours * 3600)
    assert "No space left" in str(said.figure)
    assert "tuoke backup" in str(said.remedy)


def test_without_any_backup_the_first_is_due_a_day_after_the_database_was_made(session: Session) -> None:
    assert found(session, "backups").standing == GREEN
    session.execute(update(KeyPrint).values(made_at=NOW - timedelta(hours=30)))
    assert found(session, "backups").standing == LATE


def test_the_last_drill_is_told_and_one_that_lost_something_is_down(session: Session) -> None:
    def held(days_ago: int, **came: int) -> Finding:
        session.add(Drill(at=NOW - timedelta(days=days_ago), host="here", worker="w", probes=300, **came))
        return found(session, "drill")

    said = held(100, recovered_ms=4100)
    assert (said.standing, str(said.figure)) == (
        LATE, "the last was 100 d ago: nothing lost, all well after 4.1 s",
    )  # fmt: skip
    assert held(12, recovered_ms=4100).standing == GREEN
    assert held(11, recovered_ms=4100, twice=1).standing == DOWN
    assert held(10, lost=3).standing == DOWN


def test_a_check_that_breaks_or_takes_too_long_is_a_finding_and_the_others_go_on(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    for_ever = {
        "postgresql": "SELECT pg_sleep(60)",
        "sqlite": "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n",
    }[session.get_bind().dialect.name]

    def hangs(sight: Sight) -> Finding:
        sight.session.execute(text(for_ever))
        raise AssertionError

    def breaks(sight: Sight) -> Finding:
        sight.session.execute(text("SELECT * FROM nowhere"))
        raise AssertionError

    monkeypatch.setattr(health, "SECONDS", 0.2)
    monkeypatch.setitem(health.CHECKS, "facts", hangs)
    monkeypatch.setitem(health.CHECKS, "messages", breaks)
    assert standings(session, "timers", "facts", "messages", "registers") == {
        "timers": GREEN, "facts": DOWN, "messages": UNKNOWN, "registers": GREEN,
    }  # fmt: skip
    assert "nowhere" in str(found(session, "messages").figure)


def test_findings_read_in_both_languages_and_as_json(session: Session) -> None:
    for said in health.examine(Sight(session, NOW, NOW)):
        assert said.figure.say("zh") != str(said.figure) or said.name == "wal", said.name
        told = said.as_json()
        assert (told["name"], told["standing"] in health.STANDINGS) == (said.name, True)
        assert said.healthy == (told["remedy"] is None) or said.standing == UNKNOWN
