"""The event log is XES as IEEE 1849-2016 lays it down: order of elements, types, extensions, globals, classifiers."""

from __future__ import annotations

import io
import re
import tracemalloc
from datetime import UTC, date, datetime
from pathlib import Path
from xml.etree import ElementTree as ET
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Engine, select

from models import database as databases
from models.leads import Lead
from workers.exporting import Wanted, export
from workers.rehearse import Rehearsal, load
from workers.xes import Trace, write_xes
from workflows.lead import LeadFlow

SPACE = "{http://www.xes-standard.org/}"
AT = datetime(2026, 3, 1, 2, 30, 0, 123456, tzinfo=UTC)
EVENT = {
    "concept:name": "capture",
    "time:timestamp": AT,
    "org:resource": '强 & <"梅">\x00\n',
    "lifecycle:transition": "complete",
    "tuoke:seq": 1,
    "tuoke:late": True,
    "tuoke:share": 0.5,
    "tuoke:day": date(2026, 3, 1),
    "tuoke:due": None,
}
VALUES = {
    "string": re.compile(r"(?s).*"),
    "date": re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)"),
    "int": re.compile(r"-?\d+"),
    "float": re.compile(r"-?\d+(\.\d+)?([eE][+-]?\d+)?"),
    "boolean": re.compile("true|false"),
}
NCNAME = re.compile(r"[A-Za-z_][\w.-]*")


@pytest.fixture
def log() -> ET.Element:
    out = io.StringIO()
    assert (
        write_xes(
            out, "leads", [Trace({"concept:name": "L1"}, [EVENT, EVENT]), Trace({"concept:name": "L2"}, [])]
        )
        == 2
    )
    return ET.fromstring(out.getvalue())


def tag(element: ET.Element) -> str:
    return element.tag.removeprefix(SPACE)


def test_the_elements_stand_in_the_order_of_the_schema(log):
    assert tag(log) == "log"
    assert re.fullmatch(r"1849\.20(16|23)", log.attrib["xes.version"])
    groups = [
        {"extension": 0, "global": 1, "classifier": 2, "trace": 4, "event": 5}.get(tag(child), 3)
        for child in log
    ]
    assert groups == sorted(groups)
    assert [g.attrib["scope"] for g in log.iter(f"{SPACE}global")] == ["trace", "event"]
    for trace in log.iter(f"{SPACE}trace"):
        kinds = [tag(child) == "event" for child in trace]
        assert kinds == sorted(kinds)


def test_attributes_are_typed_and_their_keys_are_unique(log):
    for parent in (log, *log.iter(f"{SPACE}trace"), *log.iter(f"{SPACE}event"), *log.iter(f"{SPACE}global")):
        attributes = [child for child in parent if tag(child) in VALUES]
        assert len({a.attrib["key"] for a in attributes}) == len(attributes)
        for attribute in attributes:
            assert set(attribute.attrib) == {"key", "value"}
            assert VALUES[tag(attribute)].fullmatch(attribute.attrib["value"])


def test_every_prefix_is_declared_and_every_classifier_stands_on_globals(log):
    declared = {e.attrib["prefix"]: e.attrib for e in log.iter(f"{SPACE}extension")}
    assert set(declared) == {"concept", "time", "org", "lifecycle"}
    for prefix, extension in declared.items():
        assert extension["uri"] == f"http://www.xes-standard.org/{prefix}.xesext"
        assert NCNAME.fullmatch(extension["name"])
    used = {e.attrib["key"].split(":")[0] for e in log.iter() if ":" in e.attrib.get("key", "")}
    assert used - {"tuoke"} <= set(declared)
    always = {a.attrib["key"] for g in log.iter(f"{SPACE}global") if g.attrib["scope"] == "event" for a in g}
    for classifier in log.iter(f"{SPACE}classifier"):
        assert NCNAME.fullmatch(classifier.attrib["name"])
        assert set(classifier.attrib["keys"].split()) <= always
    for event in log.iter(f"{SPACE}event"):
        assert always <= {a.attrib["key"] for a in event}


def test_values_survive(log):
    event = {a.attrib["key"]: (tag(a), a.attrib["value"]) for a in next(log.iter(f"{SPACE}event"))}
    assert event["time:timestamp"] == ("date", "2026-03-01T02:30:00.123+00:00")
    assert event["org:resource"] == ("string", '强 & <"梅">\n')
    assert event["tuoke:seq"] == ("int", "1")
    assert event["tuoke:late"] == ("boolean", "true")
    assert "tuoke:due" not in event


def test_naive_times_are_refused():
    with pytest.raises(ValueError, match="time zone"):
        write_xes(io.StringIO(), "x", [Trace({}, [{"time:timestamp": datetime(2026, 1, 1)}])])  # noqa: DTZ001


def test_a_large_log_is_a_stream():
    class Nowhere(io.StringIO):
        def write(self, text: str) -> int:
            return len(text)

    tracemalloc.start()
    assert (
        write_xes(Nowhere(), "x", (Trace({"concept:name": f"L{i}"}, [EVENT] * 5) for i in range(800)))
        == 4_000
    )
    _now, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 500_000


LIVES = (
    "a_deal_asked_for_by_a_former_holder_expires",
    "expose_a_friend_posing_as_a_customer",
    "ten_days_to_the_minute",
)


@pytest.mark.parametrize("name", LIVES)
def test_every_exported_trace_replays_on_the_machine(name: str, database: Engine, tmp_path: Path) -> None:
    """Read back from the file, each life goes from state to state as the machine allows, to where the lead stands."""
    scenario = load(Path(__file__).parents[2] / "workflows" / "scenarios" / f"{name}.yaml")
    rehearsal = Rehearsal(database, scenario, ZoneInfo("Asia/Shanghai"))
    assert not rehearsal.play({}).failures
    out = tmp_path / "history.xes"
    assert export(database, Wanted("history", out, rehearsal.now, ZoneInfo("Asia/Shanghai"))) > 0
    log = ET.parse(out).getroot()
    with databases.read(database) as session:
        stands = {lead.code: lead.state for lead in session.scalars(select(Lead))}
    for trace in log.iter(f"{SPACE}trace"):
        told = [{a.attrib["key"]: a.attrib["value"] for a in event} for event in trace.iter(f"{SPACE}event")]
        code = next(a.attrib["value"] for a in trace if a.attrib.get("key") == "concept:name")
        assert replayed(told) == stands.pop(code)
        times = [event["time:timestamp"] for event in told]
        assert times == sorted(times)
    assert stands == {}, "a lead has no trace"


def replayed(events: list[dict[str, str]]) -> str | None:
    """Where these events lead on the machine; the first one that it does not allow fails."""
    state: str | None = None
    for event in events:
        step = LeadFlow.steps[event["concept:name"], state]
        if step.opens:
            state = LeadFlow.begins()
        else:
            here = LeadFlow.states_map[state]
            state = next(t.target.id for t in here.transitions if step.event in [e.id for e in t.events])
        assert event["tuoke:to"] == state
    return state
