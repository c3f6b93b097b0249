"""A refused step writes nothing: every table has the same rows before and after, whichever the code."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from models.base import Base
from tests.rules.office import Office, refusal
from workflows import staff


def books(office: Office) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table, as it stands."""
    office.session.flush()
    found = {}
    for table in Base.metadata.sorted_tables:
        rows = office.session.execute(select(table).order_by(*table.primary_key.columns)).all()
        found[table.name] = [tuple(str(value) for value in row) for row in rows]
    return found


CASES: list[tuple[str, str, str | None, str, str, dict[str, Any]]] = [
    # code of the refusal, name, face, event, by, data
    ("not_found", "unknown code", "none", "screen", "promoter", {}),
    ("not_found", "not mine", "captured", "screen", "other member", {}),
    ("not_found", "not offered", "visited", "accept", "admin", {}),
    ("not_found", "public", "captured", "invalidate", "public", {}),
    ("not_allowed_from_state", "too early", "captured", "visit", "reception", {}),
    ("not_allowed_from_state", "too late", "closed", "expose", "auditor", {}),
    ("not_allowed_from_state", "held", "reclaimed", "claim", "outreach holder", {}),
    (
        "not_permitted",
        "capture by finance",
        None,
        "capture",
        "finance",
        {"name": "王", "phone": "13812345678", "channel": "flyer", "consent": True},
    ),
    ("not_permitted", "lapse by a person", "assigned", "lapse", "manager", {}),
    ("not_permitted", "deal by the promoter", "assigned", "deal", "promoter", {}),
    (
        "invalid_data",
        "no consent",
        None,
        "capture",
        "promoter",
        {"name": "王", "phone": "13812345678", "channel": "flyer"},
    ),
    (
        "invalid_data",
        "landline",
        None,
        "capture",
        "promoter",
        {"name": "王", "phone": "02162345678", "channel": "flyer", "consent": True},
    ),
    ("invalid_data", "31 days", "assigned", "extend", "promoter", {"days": 31, "reason": "等"}),
    (
        "invalid_data",
        "no units",
        "assigned",
        "deal",
        "consultant",
        {"units": 0, "contract_no": "HT", "amount_fen": 1},
    ),
    (
        "invalid_data",
        "unknown person",
        "assigned",
        "reassign",
        "sales manager",
        {"consultant": "无名氏", "reason": "换"},
    ),
    (
        "guard_failed",
        "staff phone",
        None,
        "capture",
        "promoter",
        {"name": "王", "phone": "13912349999", "channel": "flyer", "consent": True},
    ),
    ("guard_failed", "no consultant", "visited", "appoint", "sales manager", {"consultant": "田静"}),
    (
        "guard_failed",
        "no outreach",
        "unconverted",
        "reclaim",
        "manager",
        {"callback": "有意向", "holder": "崔丹"},
    ),
    (
        "conflict",
        "open phone",
        None,
        "capture",
        "promoter",
        {"name": "王", "phone": "13912349998", "channel": "flyer", "consent": True},
    ),
    ("conflict", "pending already", "assigned", "extend", "promoter", {"days": 3, "reason": "等"}),
]


@pytest.mark.parametrize(
    ("code", "name", "face", "event", "by", "data"), CASES, ids=[f"{c[0]}: {c[1]}" for c in CASES]
)
def test_a_refusal_leaves_the_books_as_they_were(
    office: Office, code: str, name: str, face: str | None, event: str, by: str, data: dict[str, Any]
) -> None:
    staff.declare_phone(office.session, staff.person_named(office.session, "罗永强"), "13912349999", "self")
    office.capture(phone="13912349998")
    lead = None if face is None else "L-none" if face == "none" else office.lead_in(face)
    if name == "pending already":
        assert lead
        office.ask("extend", "consultant", lead)
    before = books(office)
    assert refusal(office.ask, event, by, lead, **data).code == code
    assert books(office) == before


@pytest.mark.parametrize("by", ["consultant", "team leader", "admin"])
def test_a_refused_decision_leaves_the_books_as_they_were(office: Office, by: str) -> None:
    lead = office.lead_in("assigned")
    office.ask("deal", "consultant", lead)
    before = books(office)
    refusal(office.decide, lead, "deal", by)
    assert books(office) == before


def test_a_stale_version_leaves_the_books_as_they_were(office: Office) -> None:
    lead = office.lead_in("captured")
    before = books(office)
    assert refusal(office.ask, "screen", "promoter", lead, version=9).code == "conflict"
    assert books(office) == before


def test_every_code_is_tried() -> None:
    from workflows.engine.refusal import CODES

    assert {case[0] for case in CASES} == set(CODES)
