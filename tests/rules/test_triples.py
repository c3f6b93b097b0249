"""Every (state, event, role): what the machine does, against the table typed from the rules. Neither can drift alone."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import Engine

from tests.rules import lead_table
from tests.rules.office import DATA, Office, open_office
from workflows.engine import Refused
from workflows.engine.actor import STAFF_ROLES
from workflows.lead import LeadFlow

BY_THE_HOUSE = {"offer"}
CHECKED = [
    (face, event, actor)
    for face in lead_table.FACES
    for event in LeadFlow.by_event()
    for actor in lead_table.ACTORS
]


def came_of(office: Office, code: str | None, event: str, actor: str) -> str:
    """What becomes of it; whatever it did is undone."""
    point = office.session.begin_nested()
    try:
        facts = _capture_data() if event == "capture" else DATA.get(event, {})
        taken = office.ask(event, actor, code if code or event == "capture" else "L-none", **facts)
        return "approval" if taken.approval else "taken"
    except Refused as refused:
        return refused.code
    finally:
        point.rollback()


def _capture_data() -> dict[str, Any]:
    return {"name": "王海燕", "phone": "13812345678", "channel": "flyer", "consent": True}


def test_every_triple_comes_out_as_the_table_says(database: Engine) -> None:
    """Seven states, and no case yet, times all events, times all roles and relations."""
    wrong = []
    with open_office(database) as office:
        codes: dict[str, str | None] = {"none": None}
        for face in sorted(
            set(lead_table.FACES) - {"none"}, key=lambda face: face == "visited"
        ):  # an open offer last
            codes[face] = office.lead_in(face)
        office.session.commit()
        for face, event, actor in CHECKED:
            expected = expected_of(face, event, actor)
            got = came_of(office, codes[face], event, actor)
            if got != expected:
                wrong.append(f"{face} × {event} × {actor}: the table says {expected}, the machine {got}")
    assert not wrong, "\n".join(wrong)
    assert len(CHECKED) == 10 * 19 * 15


def expected_of(face: str, event: str, actor: str) -> str:
    """The table's word; what the house does by itself nobody may ask for."""
    if event not in BY_THE_HOUSE:
        return lead_table.outcome(face, event, actor)
    state = lead_table.FACES[face]
    if state is None or not lead_table.sees(actor, face):
        return "not_found"
    return "not_permitted" if state == "visited" else "not_allowed_from_state"


def test_the_machine_has_the_tables_transitions_and_no_others() -> None:
    machine = {
        (event, source, _target(step, source))
        for (event, source), step in LeadFlow.steps.items()
        if event not in BY_THE_HOUSE
    }
    assert machine == lead_table.transitions()
    drawn = {(t.event, t.source.id, t.target.id) for state in LeadFlow.states for t in state.transitions}
    assert {(e, s, t) for e, s, t in drawn if e not in BY_THE_HOUSE} == {
        t for t in lead_table.transitions() if t[1] is not None
    }


def test_the_machine_has_the_tables_states() -> None:
    assert tuple(state.id for state in LeadFlow.states) == lead_table.STATES
    assert [state.id for state in LeadFlow.states if state.final] == ["closed"]
    assert LeadFlow.begins() == "captured"


def test_the_house_takes_only_offers_by_itself() -> None:
    assert {
        event for event, steps in LeadFlow.by_event().items() for step in steps if step.automatic
    } == BY_THE_HOUSE


@pytest.mark.parametrize("row", lead_table.ROWS, ids=lambda row: f"{row.event}_{'_'.join(row.sources)}")
def test_who_whose_approval_and_which_data(row: lead_table.Row) -> None:
    for source in row.sources or (None,):
        step = LeadFlow.steps[row.event, source]
        assert set(step.by.key.split("|")) == row.who
        assert set(step.approved_by.key.split("|") if step.approved_by else ()) == row.approval
        fields = step.facts.model_fields
        assert {name for name, info in fields.items() if info.is_required()} == row.required
        hidden = {
            name
            for name, info in fields.items()
            if isinstance(info.json_schema_extra, dict) and info.json_schema_extra.get("hidden")
        }
        assert set(fields) - hidden == row.required | row.optional


def test_every_role_of_the_rules_takes_part() -> None:
    assert {role for roles in lead_table.ACTORS.values() for role in roles} == {
        *STAFF_ROLES,
        "clock",
        "public",
    }


def _target(step: Any, source: str | None) -> str:
    if step.opens:
        return LeadFlow.begins()
    internal = source in step.sources and step.target in step.sources and step.event not in ("expire",)
    return str(source) if internal else str(step.target)
