"""Data leave masked unless whoever asks is entitled, and every export is on the access log."""

from __future__ import annotations

import csv
from datetime import UTC, datetime, timedelta
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from sqlalchemy import Engine, select

from models import database as databases
from models.notices import AccessLog
from tests.files import registers
from workers.exporting import HISTORY, LEADS, Wanted, export
from workflows import staff
from workflows.engine import Actor, Ask, Refused, take
from workflows.lead import LeadFlow

AT = datetime(2026, 4, 1, 2, tzinfo=UTC)
PHONES = {"L1": "13800000001", "L2": "13800000002"}


@pytest.fixture
def company(database: Engine) -> Engine:
    """mei and bo of two teams have one lead each; mei's is screened."""
    with databases.begin(database) as session:
        staff.ensure_company(session)
        people = {"mei": ("member", "A"), "lin": ("leader", "A"), "bo": ("member", "B"), "guo": ("manager", None), "sun": ("sales_manager", None),
                  "fei": ("finance", None), "ann": ("auditor", None), "desk": ("reception", None), "root": ("admin", None)}  # fmt: skip
        actors = {
            n: Actor.of(staff.add_person(session, n, [role], team)) for n, (role, team) in people.items()
        }
        codes = []
        for name, phone, at in (("mei", PHONES["L1"], AT), ("bo", PHONES["L2"], AT + timedelta(hours=1))):
            facts = {
                "name": "=王先生",
                "phone": phone,
                "channel": "flyer",
                "consent": True,
                "note": "私事",
                "spot": "@万达",
            }
            codes.append(take(session, Ask(LeadFlow, "capture", actors[name], at, facts=facts)).case.code)
        facts = {"demand": "三房", "intent": "A"}
        take(
            session,
            Ask(LeadFlow, "screen", actors["mei"], AT + timedelta(hours=2), code=codes[0], facts=facts),
        )
    return database


def wanted(tmp_path: Path, timezone, name: str, **more) -> Wanted:
    what = "history" if name.startswith("history") else "leads"
    return Wanted(what, tmp_path / name, AT + timedelta(days=1), timezone, **more)


def leads(engine: Engine, tmp_path: Path, timezone, **more) -> list[dict[str, str]]:
    export(engine, wanted(tmp_path, timezone, "leads.csv", **more))
    with (tmp_path / "leads.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_without_a_person_all_is_masked(company, tmp_path, timezone):
    rows = leads(company, tmp_path, timezone)
    assert list(rows[0]) == list(LEADS)
    assert [(r["name"], r["phone"], r["note"], r["demand"]) for r in rows] == [
        ("'=**", "138****0001", "", ""),
        ("'=**", "138****0002", "", ""),
    ]
    assert not any(phone in (tmp_path / "leads.csv").read_text() for phone in PHONES.values())


@pytest.mark.parametrize(
    ("person", "purpose", "clear", "seen"),
    [
        ("guo", "", 2, 2),
        ("sun", "", 2, 2),
        ("fei", "", 0, 2),
        ("fei", "month's end", 2, 2),
        ("ann", "", 0, 2),
        ("ann", "complaint 7", 2, 2),
        ("desk", "curious", 0, 2),
        ("mei", "", 1, 1),
        ("lin", "", 1, 1),
    ],
)
def test_who_reads_what(company, tmp_path, timezone, person, purpose, clear, seen):
    rows = leads(company, tmp_path, timezone, person=person, purpose=purpose)
    assert len(rows) == seen
    assert sum(row["phone"] in PHONES.values() for row in rows) == clear
    assert sum(row["note"] == "私事" for row in rows) == clear
    with databases.read(company) as session:
        log = session.scalars(select(AccessLog)).one()
        assert (log.kind, log.rows, log.at) == ("export", seen, AT + timedelta(days=1))
        assert log.person_id == staff.person_named(session, person).id
        assert (purpose or "—") in log.purpose


@pytest.mark.parametrize("person", ["root", "nobody"])
def test_who_may_not_gets_nothing_and_no_file(company, tmp_path, timezone, person):
    with pytest.raises(Refused):
        leads(company, tmp_path, timezone, person=person, purpose="x")
    assert list(tmp_path.glob("*.csv*")) == []


def test_what_people_typed_is_no_formula_in_any_format(company, tmp_path, timezone):
    row = leads(company, tmp_path, timezone, person="guo")[0]
    assert (row["name"], row["spot"]) == ("'=王先生", "'@万达")
    export(company, wanted(tmp_path, timezone, "leads.xlsx", person="guo"))
    for cells in registers.first_sheet(tmp_path / "leads.xlsx").iter_rows(min_row=2):
        assert all(cell.data_type != "f" and not str(cell.value or "").startswith("=") for cell in cells)


def test_history_keeps_private_facts_from_who_is_not_entitled(company, tmp_path, timezone):
    assert export(company, wanted(tmp_path, timezone, "history.csv")) == 3
    text = (tmp_path / "history.csv").read_text()
    assert text.splitlines()[0] == ",".join(HISTORY)
    assert "三房" not in text
    assert "13800000001" not in text
    export(company, wanted(tmp_path, timezone, "history.csv", person="guo"))
    assert "三房" in (tmp_path / "history.csv").read_text()


def test_a_failed_export_leaves_no_file_behind(company, tmp_path, timezone, monkeypatch):
    def torn(*_args, **_more):
        raise OSError("disk full")

    monkeypatch.setattr("workers.exporting.write_csv", torn)
    with pytest.raises(OSError, match="disk full"):
        export(company, wanted(tmp_path, timezone, "leads.csv"))
    assert not [path for path in tmp_path.iterdir() if "leads" in path.name]


def test_history_as_xes_tells_the_cases(company, tmp_path, timezone):
    assert export(company, wanted(tmp_path, timezone, "history.xes", person="guo")) == 3
    text = (tmp_path / "history.xes").read_text()
    assert "王" not in text
    assert "13800000001" not in text
    root = ET.fromstring(text)
    space = "{http://www.xes-standard.org/}"
    events = [
        [_attributes(event) for event in trace.iter(f"{space}event")] for trace in root.iter(f"{space}trace")
    ]
    assert [[event["concept:name"] for event in trace] for trace in events] == [
        ["capture", "screen"],
        ["capture"],
    ]
    assert events[0][1]["time:timestamp"] == "2026-04-01T12:00:00.000+08:00"
    assert {event["org:resource"] for trace in events for event in trace} == {"mei", "bo"}


def _attributes(element: ET.Element) -> dict[str, str]:
    return {child.attrib["key"]: child.attrib["value"] for child in element}
