"""Every clause of the policies that are told here has something that sees to it, or a reason why software cannot; what is
named exists; and the scenarios named do show it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from workflows.clauses import CLAUSES, RULEBOOKS, Clause, known_clause
from workflows.flows import FLOWS
from workflows.policy import Policy
from workflows.scenario import OURS, of_ours

ALL = [pytest.param(clause, id=number) for number, clause in CLAUSES.items()]
# Typed from the policies as printed, not read off the registry: a clause that is lost shows here.
NUMBERS = {
    "S4": [
        "一", "二", "三", "四", "五", "六", "七", "八", "九", "十", "十一", "十二", "十三", "十四", "十五", "十六", "十七", "十八",
        "十九", "二十", "二十一", "二十二", "二十三",
    ],
    "S9": ["1", "2", "3", "4", "5", "6", "8", "9"],
    "S10": ["1", "2", "3", "4", "5", "6", "7", "8", "9", "10"],
    "S14": [
        "一1", "一2", "一3", "一4", "一5", "二1", "二2", "二3", "二4", "三1", "三2", "三3", "三4", "三5", "三6", "三7", "三8",
    ],
    "S15": ["一", "二", "四", "五", "九", "十", "十一"],
    "S19": ["一", "二", "三", "四", "五", "六", "七", "九", "十", "十一", "十三", "十四", "十七"],
    "S20": [
        "(一)", "(二)", "(三)1", "(三)2", "(三)3", "(三)4", "(三)5", "(三)6", "(三)7", "(三)8", "(三)9", "(三)10", "(四) 个人1", "(四) 个人2", "(四) 个人3", "(四) 团队1",
        "罚1", "罚2", "罚3", "罚4", "罚5", "罚6", "罚7", "备注",
    ],
}  # fmt: skip
PAGES = {"/access", "/signing"}


def test_no_clause_is_missing() -> None:
    told = {
        number: [clause.number.removeprefix(f"{number} ") for clause in book.clauses]
        for number, book in RULEBOOKS.items()
        if book.clauses
    }
    assert told == NUMBERS
    assert list(RULEBOOKS) == [f"S{n}" for n in range(1, 21)]


@pytest.mark.parametrize("clause", ALL)
def test_something_sees_to_it_or_a_reason_is_given(clause: Clause) -> None:
    assert clause.says
    assert bool(clause.by) != bool(clause.not_ours), "either it is enforced, or it is said why it cannot be"
    assert bool(clause.shown) == bool(clause.by), "what is enforced is shown in a scenario"


@pytest.mark.parametrize("clause", ALL)
def test_what_is_named_exists(clause: Clause) -> None:
    for each in clause.by:
        kind, _space, name = each.partition(" ")
        if kind == "policy":
            assert name in Policy.model_fields, each
        elif kind == "page":
            assert name in PAGES, each
        elif ":" in each:
            flow, timer = each.split(":")
            assert timer in {rule.name for rule in FLOWS[flow].timers}, each
        elif "." in each:
            flow, event = each.split(".")
            assert event in FLOWS[flow].by_event(), each
        else:
            assert each in FLOWS, each


def timers_told() -> dict[str, str]:
    rows = (
        line.strip("| \n").split("|") for line in Path(OURS / "OUTCOMES.md").read_text("utf-8").splitlines()
    )
    return {row[0].strip(): row[2] for row in rows if len(row) == 3}


def flow_of(step: dict[str, Any]) -> str:
    if step.get("flow"):
        return str(step["flow"])
    return "duty" if step.get("do") in ("join", "leave") else "lead"


@pytest.mark.parametrize("clause", ALL)
def test_its_scenarios_show_it(clause: Clause) -> None:
    """Together they take an event that is named, or let a timer of it fire. Numbers of the policy show in what a scenario
    comes to, and pages not at all."""
    done: set[str] = set()
    for name in clause.shown:
        scenario = of_ours(name)
        assert scenario is not None, name
        done |= {f"{flow_of(step)}.{step.get('do')}" for step in scenario["steps"]}
        done |= {f":{word}" for word in timers_told()[name].replace(",", " ").split()}
    named = {each for each in clause.by if "." in each and " " not in each}
    named |= {f":{each.partition(':')[2]}" for each in clause.by if ":" in each}
    assert not named or done & named


def test_a_clause_is_known_by_its_number_alone() -> None:
    assert known_clause("S20 (三)9") == "S20 (三)9"
    assert known_clause("S11") == "S11"
    with pytest.raises(ValueError, match="no such clause"):
        known_clause("S20 (三)99")


def test_our_scenarios_are_found_by_name_and_nothing_else_is() -> None:
    assert of_ours("ten_days_to_the_minute")
    assert of_ours("../policy") is None
    assert of_ours("nothing_of_the_kind") is None
