"""The clocks: when they are due, across month ends, what happens late, what they wait for, and what they leave alone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Engine, select

from models import database as databases
from models.remembered import Outbox, Timer
from tests.rules.office import Office, settled_office
from workflows import faults, policy, timers
from workflows.engine import timing

SHANGHAI = ZoneInfo("Asia/Shanghai")


def local(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=SHANGHAI).astimezone(UTC)


@pytest.mark.parametrize(
    ("start", "due"),
    [
        ("2026-01-31T13:00", "2026-02-28T13:00"),
        ("2028-01-31T13:00", "2028-02-29T13:00"),
        ("2027-01-29T13:00", "2027-02-28T13:00"),
        ("2026-03-31T00:00", "2026-04-30T00:00"),
        ("2026-02-28T23:59", "2026-03-28T23:59"),
        ("2026-12-31T08:30", "2027-01-31T08:30"),
        ("2026-03-31T02:00", "2026-04-30T02:00"),  # 30 March in UTC
    ],
)
def test_a_calendar_month_is_reckoned_in_company_time(start: str, due: str) -> None:
    month = timing.months("visit_months")
    assert month(local(start), SimpleNamespace(visit_months=1), SHANGHAI) == local(due)


def test_days_keep_the_local_time_when_the_clocks_change() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    start = datetime(2026, 3, 25, 9, 0, tzinfo=berlin).astimezone(UTC)
    due = timing.days("conversion_days")(start, SimpleNamespace(conversion_days=10), berlin)
    assert due.astimezone(berlin).replace(tzinfo=None) == datetime(2026, 4, 4, 9, 0)  # noqa: DTZ001
    assert due - start == timedelta(days=10) - timedelta(hours=1)


def test_what_starts_which_clock_and_when_it_is_due(office: Office) -> None:
    """Ten o'clock on 2 March in Shanghai; the numbers are those of lead.md."""
    call_in = office.capture(channel="call_in")
    assert {n: t.due_at for n, t in office.timers(call_in).items()} == {
        "expire": local("2026-03-16T10:00"),
        "screening_reminder": local("2026-03-03T10:00"),
    }
    flyer = office.lead_in("screened")
    assert set(office.timers(flyer)) == {"screening_reminder"}
    office.later(hours=3)
    office.ask("visit", "reception", flyer)
    assert office.timers(flyer)["expire"].due_at == local("2026-04-02T13:00")
    assert office.timers(flyer)["offer"].due_at == local("2026-03-02T13:15")
    office.later(minutes=5)
    office.ask("accept", "consultant", flyer)
    assert office.timers(flyer)["lapse"].due_at == local("2026-03-12T13:05")
    assert "offer" not in office.timers(flyer)
    office.later(hours=1)
    request = office.ask("deal", "consultant", flyer).approval
    assert request
    assert {n: t.due_at - office.now for n, t in office.timers(request.code).items()} == {
        "approval_reminder": timedelta(hours=24),
        "approval_escalation": timedelta(hours=72),
    }


def test_a_visit_replaces_the_call_ins_expiry(office: Office) -> None:
    code = office.capture(channel="call_in")
    office.ask("screen", "promoter", code)
    office.later(days=13)
    office.ask("visit", "reception", code)
    assert office.timers(code)["expire"].due_at == local("2026-04-15T10:00")
    assert office.timers(code, "cancelled")["expire"].result == "replaced"


@pytest.mark.parametrize("face", ["reclaimed", "pool", "closed"])
def test_at_rest_no_clock_runs(office: Office, face: str) -> None:
    code = office.lead_in(face)
    assert office.timers(code) == {}
    assert office.lead(code).offered_to_id is None


def test_following_up_and_reassigning_restart_nothing(office: Office) -> None:
    code = office.lead_in("assigned")
    before = {n: (t.id, t.due_at) for n, t in office.timers(code).items()}
    office.later(days=4)
    office.ask("follow_up", "consultant", code)
    office.ask("reassign", "sales manager", code)
    assert {n: (t.id, t.due_at) for n, t in office.timers(code).items()} == before


def test_an_extension_moves_both_clocks_and_no_other(office: Office) -> None:
    code = office.lead_in("assigned")
    before = {n: t.due_at for n, t in office.timers(code).items()}
    office.ask("extend", "promoter", code, days=30, reason="等贷款")
    office.decide(code, "extend")
    office.session.expire_all()
    moved = {n: t.due_at - before[n] for n, t in office.timers(code).items()}
    assert moved == {
        "lapse": timedelta(days=30),
        "expire": timedelta(days=30),
        "screening_reminder": timedelta(0),
    }


def test_never_before_it_is_due_and_once(office: Office) -> None:
    code = office.lead_in("assigned")
    due = office.timers(code)["lapse"].due_at
    office.fire(due - timedelta(microseconds=1))
    assert office.lead(code).state == "assigned"
    office.fire(due)
    assert office.lead(code).state == "unconverted"
    assert office.fire(due) == 0
    assert [row.event for row in office.history(code)].count("lapse") == 1


def test_late_firing_keeps_both_times_in_due_order_and_tells(office: Office) -> None:
    """Nobody fired anything for two months: ten days first, then the month, each dated twice."""
    code = office.lead_in("assigned")
    office.fire(local("2026-05-01T08:00"))
    rows = [row for row in office.history(code) if row.event in ("lapse", "expire")]
    assert [(row.event, row.due_at, row.at) for row in rows] == [
        ("lapse", local("2026-03-12T10:00"), local("2026-05-01T08:00")),
        ("expire", local("2026-04-02T10:00"), local("2026-05-01T08:00")),
    ]
    late = {fact.body["timer"]: fact.body["late_seconds"] for fact in office.facts("timer.late")}
    assert late["lapse"] == int((local("2026-05-01T08:00") - local("2026-03-12T10:00")).total_seconds())
    assert office.lead(code).state == "reclaimed"


def test_on_time_is_not_late(office: Office) -> None:
    code = office.lead_in("assigned")
    office.fire(office.timers(code)["screening_reminder"].due_at + timedelta(minutes=5))
    assert office.facts("timer.late") == []


def test_a_timer_whose_lead_has_moved_on_does_nothing_and_says_so(office: Office) -> None:
    code = office.lead_in("screened")
    office.fire(local("2026-03-03T10:00"))
    assert office.timers(code, "fired")["screening_reminder"].result == "nothing to remind of"
    assert office.facts("lead.unscreened") == []
    # A clock that was left running by mistake finds the lead elsewhere:
    other = office.lead_in("assigned")
    lapse = office.timers(other)["lapse"]
    office.ask("lapse", "clock", other)
    version = office.lead(other).version
    office.fire(lapse.due_at)
    office.session.refresh(lapse)
    assert (lapse.state, lapse.result) == ("fired", "moved on: not_allowed_from_state")
    assert office.lead(other).version == version


def test_unscreened_is_called_to_mind_once(office: Office) -> None:
    code = office.capture()
    office.fire(local("2026-03-03T10:00"))
    assert [fact.case_code for fact in office.facts("lead.unscreened")] == [code]
    assert office.lead(code).state == "captured"


@pytest.mark.parametrize("how", ["reject", "withdraw", "approve"])
def test_lapse_and_expire_wait_for_the_decision_of_a_deal(office: Office, how: str) -> None:
    code = office.lead_in("assigned")
    office.ask("deal", "consultant", code)
    office.fire(local("2026-04-10T09:00"))
    assert office.lead(code).state == "assigned"
    assert set(office.timers(code)) == {"lapse", "expire"}
    office.later(hours=1)
    office.decide(code, "deal", "consultant" if how == "withdraw" else "sales manager", how)
    office.fire()
    office.session.expire_all()
    lead = office.lead(code)
    if how == "approve":
        assert (lead.state, lead.outcome) == ("closed", "deal")
        assert {t.result for t in office.timers(code, "cancelled").values()} >= {"cancelled"}
    else:
        assert (lead.state, lead.holder_id) == ("reclaimed", None)
        fired = [row for row in office.history(code) if row.event in ("lapse", "expire")]
        assert [(row.event, row.at) for row in fired] == [("lapse", office.now), ("expire", office.now)]
        assert {fact.body["timer"] for fact in office.facts("timer.late")} <= {
            "screening_reminder",
            "approval_reminder",
            "approval_escalation",
        }


def test_other_approvals_hold_no_clock_back(office: Office) -> None:
    code = office.lead_in("assigned")
    office.ask("lose", "consultant", code)
    office.ask("invalidate", "consultant", code)
    office.fire(local("2026-03-12T10:00"))
    assert office.lead(code).state == "unconverted"


def test_a_new_policy_moves_no_clock_that_runs(office: Office) -> None:
    code = office.lead_in("assigned")
    due = office.timers(code)["lapse"].due_at
    policy.enact(office.session, {"conversion_days": 3}, office.now)
    assert office.timers(code)["lapse"].due_at == due
    fresh = office.lead_in("assigned")
    assert office.timers(fresh)["lapse"].due_at == local("2026-03-05T10:00")


REFUSES_AN_UPDATE = {
    "sqlite": [
        "CREATE TRIGGER unwilling BEFORE UPDATE ON lead WHEN NEW.id = :id BEGIN SELECT RAISE(ABORT, 'unwilling'); END"
    ],
    "postgresql": ["ALTER TABLE lead ADD CONSTRAINT unwilling CHECK (id <> :id) NOT VALID"],
}


def test_what_breaks_is_parked_after_some_tries_and_holds_nobody_up(database: Engine) -> None:
    """One lead cannot be lapsed (its row refuses the update); the other fires all the same, the broken one is parked."""
    with settled_office(database, duty=("consultant",)) as office:
        broken, sound = office.lead_in("assigned"), office.lead_in("assigned")
        due = office.timers(sound)["lapse"].due_at
        broken_id = office.lead(broken).id

    with database.begin() as connection:
        for statement in REFUSES_AN_UPDATE[database.dialect.name]:
            connection.exec_driver_sql(statement.replace(":id", str(broken_id)))
    at = due
    for _try in range(timers.TRIES + 2):
        timers.fire_due(database, at)
        at += timedelta(minutes=10)
    with databases.read(database) as session:
        states = {
            t.case_code: (t.state, t.tries)
            for t in session.scalars(select(Timer).where(Timer.name == "lapse"))
        }
        assert states == {broken: ("parked", timers.TRIES), sound: ("fired", 0)}
        parked = session.scalars(select(Timer).where(Timer.state == "parked")).one()
        assert "IntegrityError" in (parked.error or "")
        assert session.scalars(
            select(Outbox.fact).where(Outbox.case_code == sound, Outbox.fact == "lead.unconverted")
        ).one()


def test_what_is_kept_of_an_error_quotes_nobodys_data() -> None:
    with pytest.raises(RuntimeError) as caught:
        raise RuntimeError("王海燕 does not want to")
    assert faults.said(caught.value).startswith("RuntimeError at test_timers.py:")
    assert "does not want to" not in faults.said(caught.value)
