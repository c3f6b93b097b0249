"""What people are told: every sentence belongs to a fact that is really told, can be asked for outside the house, and reaches
somebody."""

from __future__ import annotations

from typing import Any

import pytest

from workflows.engine import Flow
from workflows.flows import FLOWS, MACHINERY, NEWS, kinds_of_facts, saying
from workflows.telling.topics import TOPICS, topic_of

# Told by rules, not by a step or a timer.
BY_RULES = {"lead.unattended"}


def told_by(flow: type[Flow]) -> set[str]:
    steps = {fact for every in flow.by_event().values() for step in every for fact in step.announces}
    return steps | {timer.fact for timer in flow.timers if timer.fact}


@pytest.mark.parametrize("flow", FLOWS.values(), ids=FLOWS.keys())
def test_a_workflow_has_sentences_only_for_what_it_tells(flow: type[Flow]) -> None:
    assert set(flow.told()) <= told_by(flow) | BY_RULES


def test_what_a_reminder_tells_is_told_to_somebody() -> None:
    """A timer that only tells a fact, and nobody is told, would be for nothing."""
    reminders = {timer.fact for flow in FLOWS.values() for timer in flow.timers if timer.fact}
    assert {fact for fact in reminders if fact not in NEWS or not NEWS[fact].to} == set()


def test_every_piece_of_news_says_something_to_somebody_under_a_topic() -> None:
    for fact, news in NEWS.items():
        assert news.says, fact
        assert news.to, fact
        assert topic_of(fact) in TOPICS, fact
        assert saying(fact) == news.says
    assert set(NEWS) <= kinds_of_facts()
    assert set(MACHINERY) <= set(NEWS)
    assert saying("nothing.of_the_kind") == "nothing.of_the_kind"


def test_whoever_is_named_twice_is_told_once() -> None:
    fact: Any = type("Fact", (), {"body": {"person_id": 7, "also_id": 7, "leader_id": None}})()
    assert NEWS["deduction.settled"].readers(None, fact, None) == [7]  # type: ignore[arg-type]
