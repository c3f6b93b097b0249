"""What is checked before anything is written, and what is never done twice."""

from __future__ import annotations

import pytest
from sqlalchemy import func, select, update

from models import database as databases
from models.messages import Endpoint, Message
from models.notices import Notification
from models.remembered import Outbox
from tests.money.company import Company
from tests.races.office import Office
from workflows.engine import Refused


def refusal(office: Office, who: str, decision: str, code: str) -> str:
    with pytest.raises(Refused) as refused:
        office.decide(who, decision, code)
    return refused.value.rule


def test_nobody_decides_what_they_asked_for_or_gain_from(company: Company) -> None:
    """Four eyes: lin brought the customer, holds the lead, and would decide that it is lost."""
    code = company.screened_by("lin", "call_in")
    company.later(days=14)
    company.lead("claim", "lin", code)
    asked = company.lead("lose", "lin", code, reason="买了别处")
    assert refusal(company, "lin", "approve", asked.code) == "has_four_eyes"
    company.decide("guo", "approve", asked.code)
    assert company.see(code).outcome == "lost"


def test_a_form_that_shows_an_old_state_is_not_taken(anywhere: Office) -> None:
    """Version of the case."""
    code = anywhere.assigned()
    version = anywhere.see(code).version
    anywhere.lead("follow_up", "guo", code, version, note="电话")
    with pytest.raises(Refused) as refused:
        anywhere.lead("follow_up", "guo", code, version, note="电话")
    assert refused.value.code == "conflict"
    assert anywhere.see(code).version == version + 1


def test_a_fact_that_is_told_again_has_no_effect(anywhere: Office) -> None:
    """The fence of delivery: a worker that does not know that it was told already, as after a backup was brought back."""
    with databases.begin(anywhere.engine) as session:
        session.add(
            Endpoint(
                name="crm", url="https://crm.example.com", secret="s", topics=["lead"], made_at=anywhere.now
            )
        )
    anywhere.assigned()
    anywhere.drain()
    tables = (Notification, Message)
    with databases.begin(anywhere.engine) as session:
        before = [session.scalar(select(func.count(table.id))) for table in tables]
        session.execute(update(Outbox).values(state="pending"))
    anywhere.drain()
    with databases.read(anywhere.engine) as session:
        assert [session.scalar(select(func.count(table.id))) for table in tables] == before
        assert {tuple(row) for row in session.execute(select(Outbox.state, Outbox.tries))} == {("done", 0)}
    anywhere.prove()
