"""`tuoke policy show`: the numbers in force as people read them, where they come from, and the same for programs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from click.testing import CliRunner
from sqlalchemy import Engine

from models import database as databases
from workers import ground
from workers.command.policy import policy as command
from workflows import policy, staff
from workflows.approval import ApprovalFlow
from workflows.engine import Ask, take
from workflows.money.policy_draft import PolicyFlow

NOW = datetime.now(UTC)


@pytest.fixture
def company(database: Engine, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    monkeypatch.setenv("DATABASE_URL", database.url.render_as_string(hide_password=False))
    for each in (ground.settings, ground.engine):
        each.cache_clear()
    with databases.begin(database) as session:
        staff.ensure_company(session)
        for name, role in (("guo", "manager"), ("sun", "sales_manager"), ("fei", "finance")):
            staff.add_person(session, name, [role])
    yield database
    ground.engine().dispose()
    for each in (ground.settings, ground.engine):
        each.cache_clear()


def show(*words: str) -> str:
    said = CliRunner().invoke(command, ["show", *words])
    assert said.exit_code == 0, said.output
    return said.output


def line(name: str) -> list[str]:
    (found,) = (each.split() for each in show().splitlines() if each.startswith(f"{name} "))
    return found


def adopted(engine: Engine, **numbers: int) -> str:
    """A draft of these numbers that went its whole way and is in force by now."""
    with databases.begin(engine) as session:
        people = {name: staff.actor_named(session, name) for name in ("guo", "sun", "fei")}
        at = NOW - timedelta(days=3)
        facts = {
            "numbers": numbers,
            "effective_on": (NOW - timedelta(days=1)).date().isoformat(),
            "why": "旺季\n加奖",
        }
        code: str = take(session, Ask(PolicyFlow, "draft", people["guo"], at, facts=facts)).case.code
        take(session, Ask(PolicyFlow, "check", people["fei"], at, code=code))
        asked: Any = take(session, Ask(PolicyFlow, "adopt", people["guo"], at, code=code)).approval
        take(session, Ask(ApprovalFlow, "approve", people["sun"], at, code=asked.code))
    return code


def test_amounts_are_in_fen_and_in_yuan(company: Engine) -> None:
    assert line("visit_bonus_fen")[1:4] == ["5000", "fen", "¥50.00"]
    assert line("deal_award_fen")[1:4] == ["100000", "fen", "¥1,000.00"]
    assert line("conversion_days")[1:4] == ["10", "days", "S20"]
    assert show().splitlines()[0] == "# version 1, the numbers we ship"


def test_a_version_says_which_draft_it_was_and_who_stands_behind_it(company: Engine) -> None:
    code = adopted(company, visit_bonus_fen=6001)
    assert line("visit_bonus_fen")[1:4] == ["6001", "fen", "¥60.01"]
    assert show().splitlines()[0] == (
        f"# version 2, draft {code}: drafted by guo, checked by fei, approved by sun; 旺季 加奖"
    )


def test_a_version_written_without_a_draft_says_its_note(company: Engine) -> None:
    with databases.begin(company) as session:
        policy.enact(session, {"visit_bonus_fen": 1}, NOW - timedelta(days=1), "as agreed")
    assert show().splitlines()[0] == "# version 2, as agreed"


def test_programs_read_the_same_as_ever(company: Engine) -> None:
    code = adopted(company, visit_bonus_fen=6001)
    told = json.loads(show("--json"))
    assert told.keys() == {"version", "since", "numbers"}
    assert {row["name"] for row in told["numbers"]} == policy.Policy.model_fields.keys() - {"version"}
    (bonus,) = (row for row in told["numbers"] if row["name"] == "visit_bonus_fen")
    assert bonus.keys() == {"name", "value", "unit", "clause", "since", "label"}
    assert (bonus["value"], bonus["unit"], bonus["clause"]) == (6001, "fen", "S20 (四) 个人1")
    assert code not in show("--json")
