"""The picture is the machine: every state and every edge is in it, and no label lies on another."""

from __future__ import annotations

from itertools import combinations
from xml.etree import ElementTree as ET

import pytest
from statemachine import State, StateMachine

from workflows import layout
from workflows.drawing import edges_of, mermaid, svg
from workflows.flows import FLOWS
from workflows.layout import LABEL_SIZE

SVG = "{http://www.w3.org/2000/svg}"


class Tangle(StateMachine):
    """Loops, ways back, parallel events and a fan, all in one."""

    draft = State("Draft", initial=True)
    checked = State("Checked")
    held = State("Held")
    paid = State("Paid", final=True)
    refused = State("Refused", final=True)
    check = draft.to(checked)
    pay = checked.to(paid) | held.to(paid)
    hold = checked.to(held)
    release = held.to(checked)
    refuse = checked.to(refused)
    reject = checked.to(refused)
    edit = draft.to.itself()
    redo = checked.to(draft) | held.to(draft)


MACHINES = {**FLOWS, "tangle": Tangle}
each_machine = pytest.mark.parametrize("machine", MACHINES.values(), ids=MACHINES.keys())


def laid_out(machine):
    names = [(state.id, state.name) for state in machine.states]
    return layout.lay_out(names, edges_of(machine), [])


@each_machine
@pytest.mark.parametrize("locale", ["zh", "en"])
def test_every_state_and_event_is_in_the_picture(machine, locale):
    root = ET.fromstring(svg(machine, locale=locale))
    assert {g.get("data-state") for g in root.iter(f"{SVG}g") if g.get("data-state")} == {
        s.id for s in machine.states
    }
    words = [word.text for edge in edges_of(machine, locale) for word in edge.words]
    drawn = [text.text or "" for text in root.iter(f"{SVG}text") if text.get("class") == "flow-event"]
    assert sorted(set(words)) == sorted(set(drawn) & set(words))
    assert root.findtext(f"{SVG}title")
    assert root.findtext(f"{SVG}desc")


@each_machine
def test_every_edge_of_the_machine_is_drawn_once(machine):
    edges = {(t.source.id, t.target.id) for state in machine.states for t in state.transitions}
    picture = laid_out(machine)
    assert {(e.source, e.target) for e in edges_of(machine)} == edges
    assert len(picture.paths) - 1 + len(picture.loops) == len(edges)


@each_machine
def test_no_label_lies_on_another_or_on_a_state(machine):
    picture = laid_out(machine)
    lying = [(b.x - b.width / 2, b.top, b.x + b.width / 2, b.bottom) for b in picture.boxes.values()]
    lying += [
        (w.x, w.y - LABEL_SIZE / 2, w.x + w.width, w.y - LABEL_SIZE / 2 + w.height - 5)
        for w in picture.labels
    ]
    for a, b in combinations(lying, 2):
        assert a[2] <= b[0] or b[2] <= a[0] or a[3] <= b[1] or b[3] <= a[1], (a, b)
    left, top, right, bottom = picture.bounds
    assert all(left <= a[0] and top <= a[1] and a[2] <= right and a[3] <= bottom for a in lying)


@each_machine
def test_no_line_runs_through_a_state(machine):
    picture = laid_out(machine)
    for path in picture.paths:
        for (x1, y1), (x2, y2) in zip(path.points, path.points[1:], strict=False):
            for box in picture.boxes.values():
                inside_x = min(x1, x2) < box.x + box.width / 2 - 1 and max(x1, x2) > box.x - box.width / 2 + 1
                inside_y = min(y1, y2) < box.bottom - 1 and max(y1, y2) > box.top + 1
                assert not (inside_x and inside_y), (path, box)


def test_parallel_edges_share_one_list_of_events():
    edge = next(e for e in edges_of(Tangle) if (e.source, e.target) == ("checked", "refused"))
    assert [word.text for word in edge.words] == ["refuse", "reject"]


def test_the_present_state_is_marked_and_told():
    drawn = svg(FLOWS["lead"], present="visited")
    root = ET.fromstring(drawn)
    present = [g.get("data-state") for g in root.iter(f"{SVG}g") if g.get("aria-current")]
    assert present == ["visited"]
    assert "aria-current" not in svg(FLOWS["lead"])


def test_what_needs_an_approval_is_marked_from_the_rules():
    marks = {
        w.text: w.mark for e in edges_of(FLOWS["lead"], "en") if e.source == "unconverted" for w in e.words
    }
    assert marks["Reclaim"] == "approval"
    assert marks["Expire"] == "clock"
    assert marks["Follow up"] == ""


def test_inside_a_page_it_obeys_a_strict_policy_and_alone_it_knows_the_dark():
    assert "<style" not in svg(FLOWS["lead"])
    assert "style=" not in svg(FLOWS["lead"])
    assert "prefers-color-scheme:dark" in svg(FLOWS["lead"], standalone=True)


def test_texts_cannot_break_the_picture():
    class Odd(StateMachine):
        one = State('<b>"A" & B</b>', initial=True)
        two = State("Two", final=True)
        go = one.to(two)

    assert '<b>"A" & B</b>' in [t.text for t in ET.fromstring(svg(Odd)).iter(f"{SVG}text")]


@each_machine
def test_mermaid_tells_every_edge(machine):
    text = mermaid(machine)
    assert text.startswith("stateDiagram-v2\n")
    for edge in edges_of(machine):
        assert f"    {edge.source} --> {edge.target}: " in text
    assert f"[*] --> {machine.initial_state.id}" in text
