"""History: one row per step, chained; what was altered, cut or forged is found; what was erased leaves the chain whole."""

from __future__ import annotations

from itertools import pairwise

import pytest
from sqlalchemy import delete, update

from models.remembered import History
from tests.rules.office import Office
from workflows.engine import chain
from workflows.flows import FLOWS
from workflows.verify import prove, verify


@pytest.fixture
def told(office: Office) -> str:
    """A lead with a whole life: eight rows, one of them with two people."""
    code = office.lead_in("reclaimed")
    office.ask("deal", "outreach holder", code)
    office.decide(code, "deal")
    return code


def findings(office: Office) -> list[str]:
    office.session.flush()
    office.session.expire_all()
    return [f"{finding.what}: {finding.detail}" for finding in verify(office.session, office.now).findings]


def test_each_step_is_one_row_in_order(office: Office, told: str) -> None:
    rows = office.history(told)
    assert [row.event for row in rows] == [
        "capture",
        "screen",
        "visit",
        "offer",
        "accept",
        "lapse",
        "reclaim",
        "deal",
    ]
    assert [row.seq for row in rows] == list(range(1, 9))
    assert [(a.target, b.source) for a, b in pairwise(rows) if a.target != b.source] == []
    assert [row.previous for row in rows] == ["", *(row.hash for row in rows[:-1])]
    assert (office.lead(told).version, office.lead(told).head) == (8, rows[-1].hash)
    assert rows[6].approved_by_id == office.actors["sales manager"].id
    assert findings(office) == []


def test_nothing_personal_stands_in_the_open(office: Office, told: str) -> None:
    phone = (office.lead(told).phone or "").removeprefix("+86")
    for row in office.history(told):
        said = f"{row.facts} {row.changes}"
        assert all(secret not in said for secret in (phone, "王海燕", "三房", "仍有意向", "HT-1")), row.event
        if row.private:
            assert row.private_mac == chain.private_digest(row.private)


@pytest.mark.parametrize(
    "alteration",
    [
        {"event": "screen"}, {"source": "captured"}, {"target": "closed"}, {"by_id": None}, {"by_role": "clock"}, {"facts": {"reason": "x"}},
        {"changes": {}}, {"policy_version": 9}, {"approved_by_id": None}, {"case_code": "LXXXXXXXX"}, {"private_mac": "0" * 64}, {"previous": "0" * 64},
    ],
    ids=lambda alteration: next(iter(alteration)),
)  # fmt: skip
def test_an_altered_row_is_found(office: Office, told: str, alteration: dict[str, object]) -> None:
    row = office.history(told)[6]
    office.session.execute(update(History).where(History.id == row.id).values(**alteration))
    assert [f for f in findings(office) if "row 7 (" in f or "broken chain" in f]


def test_a_forged_hash_does_not_help(office: Office, told: str) -> None:
    """Who alters a row and its hash breaks the next link; who re-hashes to the end meets the head of the case."""
    rows = office.history(told)
    last = rows[-1]
    last.facts = {**last.facts, "amount_fen": 1}
    last.hash = chain.digest(last)
    assert findings(office)
    middle = office.history(told)[2]
    middle.facts = {"party_size": 9}
    middle.hash = chain.digest(middle)
    assert [f for f in findings(office) if "row 4" in f]


def test_a_cut_tail_is_found_by_version_and_head(office: Office, told: str) -> None:
    last = office.history(told)[-1]
    office.session.execute(delete(History).where(History.id == last.id))
    assert findings(office)


def test_a_row_cut_out_of_the_middle_is_found(office: Office, told: str) -> None:
    row = office.history(told)[3]
    office.session.execute(delete(History).where(History.id == row.id))
    assert [f for f in findings(office) if "missing" in f]


def test_a_case_moved_past_its_history_is_found(office: Office, told: str) -> None:
    office.lead(told).amount_fen = 1
    assert findings(office)


def test_erasing_private_data_keeps_the_chain(office: Office, told: str) -> None:
    """The sealed data go; their keyed digest stays in the chain."""
    for row in office.history(told):
        row.private = None
    lead = office.lead(told)
    lead.name = lead.phone = lead.demand = lead.note = lead.contract_no = None
    office.session.flush()
    assert findings(office) == []


def test_altered_private_data_are_found(office: Office, told: str) -> None:
    office.history(told)[0].private = {"name": "别人", "phone": "+8613800000000"}
    assert [f for f in findings(office) if "sealed facts" in f]


def test_an_illegal_step_is_found_even_when_it_is_chained(office: Office) -> None:
    """A row written past the machine: right hashes, wrong step."""
    code = office.lead_in("captured")
    lead, first = office.lead(code), office.history(code)[-1]
    says = {name: getattr(first, name) for name in chain.CHAINED}
    says |= {"event": "accept", "source": "captured", "target": "assigned", "changes": {}, "facts": {}}
    row = History(**chain.link(lead, says, {}).row)
    lead.state = "assigned"
    office.session.add(row)
    assert [f for f in findings(office) if "accept is not possible from captured" in f]


def test_every_kind_of_case_is_chained(office: Office, told: str) -> None:
    for flow in FLOWS.values():
        for case in office.session.query(flow.table):
            rows = [row for row in office.history(case.code) if row.flow == flow.flow_name]
            assert rows
            assert list(prove(flow, case, rows)) == []
