"""Every scenario is played, its expectations hold, its books prove clean; and together they leave nothing out.

The expectations were worked out by hand from the rules: where one fails, the program is wrong until shown otherwise.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import yaml
from sqlalchemy import Engine, select

from models import database as databases
from models import sealed
from models.base import Base
from models.remembered import Approval, Timer
from workers.rehearse import Played, Rehearsal, WrongScenario, failures_said, load, rehearse
from workflows import policy
from workflows.engine import Flow
from workflows.flows import FLOWS
from workflows.money.statements import KINDS
from workflows.verify import verify

HERE = Path(__file__).parents[1] / "workflows" / "scenarios"
FILES = sorted(path.stem for path in HERE.glob("*.yaml"))
ON_POSTGRESQL = (
    "a_deal_pending_over_the_month_is_rejected_then_the_pool",
    "award_divided_by_the_leader_and_taken_back",
    "closing_sent_back_and_submitted_again_posts_once",
    "deduction_appealed_in_time_is_decided_by_another",
    "event_from_the_plan_to_what_was_learned",
    "expose_a_friend_posing_as_a_customer",
    "leave_asked_a_day_ahead_excuses_the_days",
    "policy_from_the_first_of_the_next_month_leaves_this_one",
    "pool_claim_release_and_claim_again",
    "presence_two_signing_with_one_device_are_reported",
    "promise_that_costs_money_needs_the_sales_manager",
    "rotation_all_busy_the_waiting_customer_goes_to_the_first_who_is_free",
    "the_companys_own_numbers_move_the_clocks",
    "visit_fraud_after_the_month_was_paid_is_taken_back_in_the_next",
    "web_form_lead_gives_way_to_a_staff_capture",
)

# Typed from lead.md and money.md, not read off the machines: what people ask for in each workflow, whose consent it needs,
# which timers there are.
AGREED = {"propose", "adopt", "change"}
ASKED_BY_PEOPLE = {
    "lead": {
        "capture", "screen", "visit", "decline", "appoint", "accept", "follow_up", "reassign", "reclaim", "claim", "release",
        "extend", "deal", "invalidate", "lose", "expose",
    },
    "duty": {"join", "leave"},
    "approval": {"approve", "reject", "withdraw"},
    "quota": AGREED,
    "pay": AGREED,
    "attendance": AGREED,
    "sale": {"rescind"},
    "deduction": {"report", "confirm", "reduce", "waive", "appeal", "uphold"},
    "dispute": {"open_dispute", "answer", "grant", "withdraw"},
    "split": {"divide", "undo"},
    "month": {"begin", "submit", "send_back", "approve", "pay", "lock"},
    "policy": {"draft", "check", "adopt", "discard"},
    "question": {"pose", "rule", "rule_anew", "dismiss", "withdraw", "lift"},
    "promise": {"make", "grant", "withdraw", "pass_on", "keep", "breach", "release"},
    "trip": {"plan", "revise", "clear", "confirm", "start", "visit", "finish", "file", "cancel"},
    "incident": {"report", "answer", "handle", "close"},
    "round": {"begin", "find", "waive", "close"},
    "training": {
        "plan", "have_read", "confirm", "hold", "examine", "make_up", "excuse", "complete", "call_off",
    },
    "sanction": {"propose", "answer", "impose", "drop", "appeal", "uphold", "lift", "carry_out"},
    "commendation": {"propose", "give", "decline"},
    "log": {"begin", "hand_in", "hand_in_plan", "grade", "send_back", "excuse"},
    "roster": {"draft", "plan", "leave_out", "publish", "add"},
    "presence": {"move", "take_off", "notice", "sign_in", "sign_out", "correct", "deny"},
    "leave": {"ask_leave", "grant", "withdraw", "call_off"},
    "calendar": {"enter", "strike"},
    "event": {"plan", "rework", "assign", "relieve", "propose", "evaluate", "cancel"},
    "expense": {"claim", "agree", "reimburse", "refuse", "withdraw", "call_off"},
}  # fmt: skip
NEED_APPROVAL = {
    "lead": {"reclaim", "extend", "deal", "invalidate", "lose", "expose"},
    "quota": {"adopt", "change"},
    "pay": {"adopt", "change"},
    "attendance": {"adopt", "change"},
    "sale": {"rescind"},
    "dispute": {"grant"},
    "policy": {"adopt"},
    "question": {"rule", "rule_anew", "lift"},
    "promise": {"grant"},
    "trip": {"clear"},
    "sanction": {"impose"},
    "commendation": {"give"},
    "roster": {"publish", "add"},
    "presence": {"move", "take_off", "correct", "deny"},
    "leave": {"grant"},
    "event": {"propose"},
    "expense": {"agree", "call_off"},
}
TIMERS = {
    "lead": {"lapse", "expire", "offer", "screening_reminder"},
    "approval": {"approval_reminder", "approval_escalation"},
    "deduction": {"appeal"},
    "dispute": {"dispute_reminder"},
    "question": {"ruling_reminder"},
    "promise": {"promise_reminder", "promise_overdue", "promise_escalation"},
    "trip": {"start_reminder", "filing_reminder", "filing_escalation"},
    "incident": {"unanswered"},
    "round": {"round_reminder"},
    "training": {"training_soon", "training_make_up", "reading_reminder"},
    "sanction": {"hearing", "sanction_appeal", "sanction_desk"},
    "log": {"log_due", "log_to_leader", "log_to_manager", "log_again"},
    "presence": {"unseen", "day_end"},
    "event": {"event_begin", "event_end", "evaluation_reminder"},
}
REFUSALS = {
    "not_found",
    "not_allowed_from_state",
    "not_permitted",
    "invalid_data",
    "guard_failed",
    "conflict",
}
# Which refusals a workflow never gives, and why none is missing from the scenarios.
NEVER_REFUSED_WITH = {
    "duty": {"invalid_data", "conflict"},  # one name at most; who has a place comes back to it
    "approval": {"invalid_data", "conflict"},  # a note at most; a second request is the event's to refuse
    "pay": {"guard_failed"},
    "sale": {"guard_failed"},
    "deduction": {"conflict"},  # each deed by itself
    "split": {"conflict"},
    "incident": {"conflict"},  # two may tell of one thing: both are heard
    "calendar": {"guard_failed"},  # any days may be entered, once
}
# The kinds of both tables of money.md, and what else moves money.
EARNED = {
    "call_visit_bonus", "visit_bonus", "deal_bonus", "leader_bonus", "call_visit_award", "visit_award", "deal_award",
    "wage", "performance_pay", "adjustment", "award_share", "expense",
}  # fmt: skip
TAKEN = {
    "left_post", "absent_unnoticed", "wandering", "crowding", "bad_mood", "destroyed_material", "fake_lead", "attendance",
    "appearance", "conduct", "payout",
}  # fmt: skip
TAKEN_BACK = {"visit_bonus", "deal_bonus", "leader_bonus", "award_share", "expense"}
CONTRACT = {
    "scenario": {"title", "start", "policy", "people", "quotas", "steps", "expect"},
    "person": {"name", "roles", "team", "on_duty"},
    "step": {"at", "by", "do", "as", "with", "lead", "event", "refused", "expect"},
    "expect": {"leads", "ledger", "approvals"},
    "lead": {"state", "outcome", "holder", "promoter", "offered_to"},
}
# What scenarios of the other workflows need beside it.
OURS = {"person": {"pay", "hired"}, "step": {"flow", "case"}, "expect": {"cases"}}
AT_THE_STAFF_DESK = {"transfer", "end"}


def outcomes() -> dict[str, tuple[list[str], list[str]]]:
    """The hand-written table of approvals and timers per scenario."""
    rows = [
        line.strip("| \n").split("|")
        for line in (HERE / "OUTCOMES.md").read_text(encoding="utf-8").splitlines()
        if line.startswith("| ")
    ]
    return {name.strip(): (_listed(approvals), _listed(timers)) for name, approvals, timers in rows[1:]}


def _listed(cell: str) -> list[str]:
    return [] if cell.strip() == "–" else [each.strip() for each in cell.split(",")]


def play(engine: Engine, name: str) -> tuple[Played, list[str], list[str]]:
    """Play a scenario on an empty database; what it gave, its approvals and the timers that took effect."""
    scenario = load(HERE / f"{name}.yaml")
    rehearsal = Rehearsal(engine, scenario, ZoneInfo("Asia/Shanghai"))
    played = rehearsal.play(scenario.get("policy") or {})
    called = rehearsal.outcome.called
    with databases.read(engine) as session:
        approvals = [
            f"{called[a.case_code]} {a.event} {a.state}"
            for a in session.scalars(select(Approval).order_by(Approval.id))
        ]
        fired = select(Timer).where(Timer.state == "fired", Timer.result.in_(["taken", "told"]))
        timers = [
            f"{called.get(t.case_code, '')} {t.name}".strip()
            for t in session.scalars(fired.order_by(Timer.ended_at, Timer.due_at, Timer.id))
        ]
        report = verify(session, rehearsal.now)
    assert report.clean, [finding.as_json() for finding in report.findings]
    return played, approvals, timers


@pytest.fixture(scope="module")
def scratch() -> Iterator[Engine]:
    """One database in memory for all scenarios, emptied after each."""
    engine = databases.open_engine("sqlite://").execution_options(zone=ZoneInfo("Asia/Shanghai"))
    databases.create_scratch(engine)
    yield engine
    engine.dispose()


@pytest.fixture
def stage(scratch: Engine) -> Iterator[Engine]:
    yield scratch
    policy.forget(scratch)
    with databases.begin(scratch) as session:
        for table in reversed(Base.metadata.sorted_tables):
            if table.name != "key_print":
                session.execute(table.delete())


@pytest.mark.parametrize("name", FILES)
def test_it_comes_out_as_the_rules_say(name: str, stage: Engine) -> None:
    played, approvals, timers = play(stage, name)
    assert not played.failures, "\n".join(failures_said(played))
    assert (approvals, timers) == outcomes()[name]


@pytest.mark.parametrize("name", ON_POSTGRESQL)
def test_it_comes_out_the_same_on_postgresql(name: str, postgres_url: str) -> None:
    engine = databases.open_engine(postgres_url).execution_options(zone=ZoneInfo("Asia/Shanghai"))
    try:
        played, approvals, timers = play(engine, name)
    finally:
        engine.dispose()
    assert not played.failures, "\n".join(failures_said(played))
    assert (approvals, timers) == outcomes()[name]


def test_a_wrong_expectation_is_a_failure(stage: Engine) -> None:
    """The player can say no: a scenario with false hopes fails in each of them."""
    scenario = load(HERE / "ten_days_to_the_minute.yaml")
    scenario["steps"][-1]["expect"] = {"leads": {"L1": {"state": "assigned"}}}
    scenario["steps"].append(
        {"by": "梅晓琳", "do": "screen", "lead": "L1", "with": {"demand": "三房", "intent": "A"}}
    )
    scenario["steps"].append(
        {"by": "陈一鸣", "do": "follow_up", "lead": "L1", "with": {"note": "好"}, "refused": "conflict"}
    )
    scenario["expect"] = {"leads": {"L1": {"holder": "崔丹"}}}
    played = Rehearsal(stage, scenario, ZoneInfo("Asia/Shanghai")).play({})
    assert len(played.failures) == 4


def test_a_rehearsal_leaves_the_houses_key_in_use() -> None:
    """It plays under a key of its own, on a database of its own; whoever calls it goes on with theirs."""
    before = sealed.sealer()
    assert not rehearse(load(HERE / "ten_days_to_the_minute.yaml")).failures
    assert sealed.sealer() is before


# --- together they leave nothing out ------------------------------------------------------------------------------


@cache
def scenarios() -> dict[str, dict[str, Any]]:
    return {name: load(HERE / f"{name}.yaml") for name in FILES}


def test_every_file_has_its_row_in_the_table_and_every_row_its_file() -> None:
    assert set(outcomes()) == set(FILES)
    assert len(FILES) >= 180


def only_leads(scenario: dict[str, Any]) -> bool:
    """Whether a scenario speaks of nothing but leads, their approvals and what they earn, as the contract's own do."""
    others = (
        {"flow", "case"} & set(step)
        or step.get("do") in AT_THE_STAFF_DESK
        or "cases" in step.get("expect", {})
        for step in scenario["steps"]
    )
    return "cases" not in scenario["expect"] and not any(others)


def test_files_keep_to_the_contract() -> None:
    """Somebody else's player can read them: no key of our own where only leads are spoken of, a title, real names."""
    for name, scenario in scenarios().items():
        ours: dict[str, set[str]] = {key: set() for key in OURS} if only_leads(scenario) else OURS
        assert scenario["title"], name
        assert set(scenario) <= CONTRACT["scenario"], name
        for person in scenario["people"]:
            assert set(person) <= CONTRACT["person"] | ours["person"], name
        expected = [scenario["expect"], *(step["expect"] for step in scenario["steps"] if "expect" in step)]
        assert all(set(step) <= CONTRACT["step"] | ours["step"] for step in scenario["steps"]), name
        for each in expected:
            assert set(each) <= CONTRACT["expect"] | ours["expect"], name
            assert all(set(fields) <= CONTRACT["lead"] for fields in each.get("leads", {}).values()), name


def flow_of(step: dict[str, Any]) -> str:
    """The workflow that a step speaks of."""
    if step["do"] in ASKED_BY_PEOPLE["duty"]:
        return "duty"
    decides = step["do"] in ASKED_BY_PEOPLE["approval"] and "flow" not in step
    return "approval" if decides else str(step.get("flow", "lead"))


def _steps(taken: bool) -> Iterator[tuple[str, dict[str, Any]]]:
    """The steps of all scenarios with the workflow each speaks of."""
    for scenario in scenarios().values():
        for step in scenario["steps"]:
            if (
                step.get("do", "wait") not in {"wait", *AT_THE_STAFF_DESK}
                and ("refused" not in step) == taken
            ):
                yield flow_of(step), step


def asked_by_people(flow: type[Flow]) -> set[str]:
    """The events of a workflow that somebody of the staff may ask for, as the machine has them."""
    return {
        event
        for event, steps in flow.by_event().items()
        if any(not step.automatic and step.by.roles != {"clock"} for step in steps)
    }


def test_the_tables_above_are_the_machines() -> None:
    """A workflow, an event, a timer that is new or gone shows here, and then its scenarios are missing or too many."""
    approved = {
        name: {event for event, steps in flow.by_event().items() if any(s.approved_by for s in steps)}
        for name, flow in FLOWS.items()
    }
    timers = {name: {timer.name for timer in flow.timers} for name, flow in FLOWS.items()}
    assert {name: asked_by_people(flow) for name, flow in FLOWS.items()} == ASKED_BY_PEOPLE
    assert {name: events for name, events in approved.items() if events} == NEED_APPROVAL
    assert {name: found for name, found in timers.items() if found} == TIMERS


def test_every_event_of_every_workflow_is_taken_somewhere() -> None:
    taken = defaultdict(set)
    for flow, step in _steps(taken=True):
        taken[flow].add(step["do"])
    assert dict(taken) == ASKED_BY_PEOPLE


def test_every_refusal_code_is_met_by_several_events() -> None:
    met = defaultdict(set)
    for flow, step in _steps(taken=False):
        if flow in ("lead", "approval", "duty"):
            met[step["refused"]].add(step["do"])
    assert set(met) == REFUSALS
    several = {
        "not_found": 8,
        "not_allowed_from_state": 14,
        "not_permitted": 14,
        "invalid_data": 12,
        "guard_failed": 4,
        "conflict": 3,
    }
    assert {code: len(met[code]) >= number for code, number in several.items()} == dict.fromkeys(
        several, True
    ), met


def test_every_workflow_refuses_in_every_way_it_can() -> None:
    met = defaultdict(set)
    for flow, step in _steps(taken=False):
        met[flow].add(step["refused"])
    lacking = {flow: REFUSALS - NEVER_REFUSED_WITH.get(flow, set()) - met[flow] for flow in FLOWS}
    assert {flow: codes for flow, codes in lacking.items() if codes} == {}


def test_every_event_that_needs_approval_is_decided_each_way() -> None:
    ways = defaultdict(set)
    for flow, _case, event, status in _decisions():
        ways[flow, event].add(status)
    assert set(ways) == {(flow, event) for flow, events in NEED_APPROVAL.items() for event in events}
    assert all(found >= {"approved", "rejected"} for found in ways.values()), ways
    for status, events in {"withdrawn": 7, "expired": 5, "pending": 4}.items():
        assert len([event for event in ways if status in ways[event]]) >= events, (status, ways)


def _decisions() -> Iterator[tuple[str, str, str, str]]:
    """Workflow, case, event and status of every approval in the hand-written table."""
    for name, (approvals, _timers) in outcomes().items():
        steps = scenarios()[name]["steps"]
        called = {str(step["case"]): flow_of(step) for step in steps if "flow" in step and "case" in step}
        called |= {str(step["as"]): flow_of(step) for step in steps if "as" in step}
        for case, event, status in (each.split() for each in approvals):
            yield "sale" if event == "rescind" else called[case], case, event, status


def test_every_timer_takes_effect_somewhere() -> None:
    fired = [each.split()[-1] for _approvals, timers in outcomes().values() for each in timers]
    assert set(fired) == set().union(*TIMERS.values())
    assert all(fired.count(name) >= 3 for name in set(fired))


def test_every_kind_of_entry_is_earned_and_taken_somewhere() -> None:
    """Both tables of money.md, to the last row, as the scenarios expect them in the ledger."""
    entries = [
        entry
        for scenario in scenarios().values()
        for entry in scenario["expect"].get("ledger", [])
        if entry["amount"]
    ]
    assert {entry["kind"] for entry in entries} == EARNED | TAKEN == set(KINDS)
    assert {entry["kind"] for entry in entries if entry["amount"] > 0} == EARNED
    assert {entry["kind"] for entry in entries if entry["amount"] < 0} == TAKEN | TAKEN_BACK
    assert {entry["kind"] for entry in entries if "team" in entry} == {
        "call_visit_award", "visit_award", "deal_award", "award_share", "payout",
    }  # fmt: skip


def test_leads_expire_from_every_state_they_can() -> None:
    """From captured, screened, visited, assigned and unconverted: the state before, as the files themselves expect it."""
    before = set()
    for scenario in scenarios().values():
        state: dict[str, str] = {}
        for step in scenario["steps"]:
            for lead, fields in step.get("expect", {}).get("leads", {}).items():
                if fields.get("state") == "reclaimed" and state.get(lead, "reclaimed") != "reclaimed":
                    before.add(state[lead])
                state[lead] = fields.get("state", state.get(lead, ""))
        for lead, fields in scenario["expect"].get("leads", {}).items():
            if fields.get("state") == "reclaimed" and state.get(lead, "reclaimed") != "reclaimed":
                before.add(state[lead])
    assert before >= {"captured", "screened", "visited", "assigned", "unconverted"}


@pytest.mark.parametrize(
    "wrong",
    [
        {"start": "+2h"},
        {"timezone": "Mars/X"},
        {"policy": [1]},
        {"expect": [1]},
        {"steps": [{"do": "capture", "with": [1]}]},
        {"steps": [{"at": "+999999999d", "do": "wait"}]},
        {"people": [{"name": "mei", "roles": ["member"], "on_duty": True}]},
        {"people": [{"name": "mei", "roles": ["member"], "hired": "soon"}]},
        {"steps": [{"do": "transfer", "with": {"person": "mei"}}]},
        {
            "people": [{"name": "mei", "roles": ["member"]}],
            "steps": [{"do": "end", "with": {"person": "mei", "last_day": "soon"}}],
        },
        {"steps": [{"do": "report", "flow": "gossip"}]},
    ],
)
def test_a_file_that_is_no_scenario_is_told_so(tmp_path: Path, wrong: dict[str, Any]) -> None:
    file = tmp_path / "wrong.yaml"
    file.write_text(yaml.safe_dump({"start": "2026-03-01T09:00"} | wrong), encoding="utf-8")
    with pytest.raises(WrongScenario):
        rehearse(load(file))


def test_text_may_be_written_without_quotes(tmp_path: Path) -> None:
    """YAML makes numbers of contract numbers and phones; the scenario means what stands there."""
    people = [{"name": "mei", "roles": ["member"], "team": "A"}]
    facts = {"name": 88, "phone": 13800000001, "channel": "flyer", "consent": True, "spot": 12}
    steps = [{"by": "mei", "do": "capture", "as": "L1", "with": facts}]
    file = tmp_path / "unquoted.yaml"
    file.write_text(
        yaml.safe_dump({"start": "2026-03-01T09:00", "people": people, "steps": steps}), encoding="utf-8"
    )
    assert rehearse(load(file)).failures == []
