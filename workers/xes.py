"""History as an event log in XES (IEEE 1849), the format that process-mining tools read.

One trace per case, one event per thing that happened. Written as a stream: memory does not grow with the log. Names of
events and states are the stable ones of the API, not their translations.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, TextIO
from xml.sax.saxutils import quoteattr

NAMESPACE = "http://www.xes-standard.org/"
VERSION = "1849.2016"
EXTENSIONS = (
    ("Concept", "concept", "http://www.xes-standard.org/concept.xesext"),
    ("Time", "time", "http://www.xes-standard.org/time.xesext"),
    ("Organizational", "org", "http://www.xes-standard.org/org.xesext"),
    ("Lifecycle", "lifecycle", "http://www.xes-standard.org/lifecycle.xesext"),
)
GLOBAL_TRACE: Mapping[str, Any] = {"concept:name": "unknown"}
GLOBAL_EVENT: Mapping[str, Any] = {
    "concept:name": "unknown",
    "time:timestamp": datetime(1970, 1, 1, tzinfo=UTC),
    "org:resource": "unknown",
    "lifecycle:transition": "complete",
}
CLASSIFIERS = (
    ("Activity", "concept:name"),
    ("ActivityAndResource", "concept:name org:resource"),
    ("ActivityAndLifecycle", "concept:name lifecycle:transition"),
)
ILLEGAL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


@dataclass(frozen=True, slots=True)
class Trace:
    """One case: its own attributes, and its events in order, each with at least the four that all events have."""

    attributes: Mapping[str, Any]
    events: Sequence[Mapping[str, Any]]


def write_xes(out: TextIO, name: str, traces: Iterable[Trace]) -> int:
    """Write a whole log; returns how many events it has. Attributes that are None are left out."""
    out.write('<?xml version="1.0" encoding="UTF-8"?>\n')
    out.write(f'<log xes.version="{VERSION}" xes.features="" xmlns="{NAMESPACE}">\n')
    for title, prefix, uri in EXTENSIONS:
        out.write(f'  <extension name="{title}" prefix="{prefix}" uri="{uri}"/>\n')
    _element(out, 'global scope="trace"', GLOBAL_TRACE, 1)
    _element(out, 'global scope="event"', GLOBAL_EVENT, 1)
    for title, keys in CLASSIFIERS:
        out.write(f'  <classifier name="{title}" scope="event" keys="{keys}"/>\n')
    _attributes(out, {"concept:name": name, "lifecycle:model": "standard"}, 1)
    events = sum(_trace(out, trace) for trace in traces)
    out.write("</log>\n")
    return events


def _trace(out: TextIO, trace: Trace) -> int:
    out.write("  <trace>\n")
    _attributes(out, trace.attributes, 2)
    for event in trace.events:
        _element(out, "event", event, 2)
    out.write("  </trace>\n")
    return len(trace.events)


def _element(out: TextIO, tag: str, attributes: Mapping[str, Any], depth: int) -> None:
    out.write(f"{'  ' * depth}<{tag}>\n")
    _attributes(out, attributes, depth + 1)
    out.write(f"{'  ' * depth}</{tag.partition(' ')[0]}>\n")


def _attributes(out: TextIO, attributes: Mapping[str, Any], depth: int) -> None:
    for key, value in attributes.items():
        if value is not None:
            kind, text = _typed(value)
            out.write(f"{'  ' * depth}<{kind} key={_quoted(key)} value={_quoted(text)}/>\n")


def _typed(value: Any) -> tuple[str, str]:
    """The XES type of a value and its lexical form. Instants must be aware."""
    if isinstance(value, bool):
        return "boolean", str(value).lower()
    if isinstance(value, int):
        return "int", str(value)
    if isinstance(value, float):
        return "float", repr(value)
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise ValueError("an instant needs a time zone")
        return "date", value.isoformat(timespec="milliseconds")
    if isinstance(value, date):
        return "string", value.isoformat()
    return "string", str(value)


def _quoted(text: str) -> str:
    """An attribute's value, quoted; characters that XML cannot hold are left out, line breaks are kept."""
    return quoteattr(ILLEGAL.sub("", text), {"\n": "&#10;", "\r": "&#13;", "\t": "&#9;"})


__all__ = ["Trace", "write_xes"]
