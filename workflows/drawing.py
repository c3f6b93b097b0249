"""The picture of a workflow, from the machine itself: SVG with a layout of our own, or Mermaid text.

Colours follow the page (`currentColor`), so the picture reads on white and on dark; there are no style elements in it
unless it stands alone, so it obeys a strict content security policy.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Any

from workflows import layout
from workflows.layout import (
    ICON,
    LABEL_SIZE,
    LINE,
    LOOP,
    STATE_SIZE,
    WORD_GAP,
    Edge,
    Label,
    Path,
    Picture,
    Word,
)
from workflows.words import _, say

ACCENT = "#1f7ae0"
RADIUS = 9.0
FONTS = "system-ui, 'PingFang SC', 'Microsoft YaHei', 'Noto Sans CJK SC', 'Noto Sans SC', sans-serif"
ALONE = "<style>.flow{color:#1c2733}@media (prefers-color-scheme:dark){.flow{color:#e8edf2}}</style>"
MARKS = {"approval": _("needs an approval"), "clock": _("by the clock")}


@dataclass(frozen=True, slots=True)
class Live:
    """What a picture tells about the present: a line under each state, a figure behind an event on its edge
    (source, target, event), and the pages they lead to."""

    under: Mapping[str, str] = field(default_factory=dict)
    behind: Mapping[tuple[str, str, str], str] = field(default_factory=dict)
    state_links: Mapping[str, str] = field(default_factory=dict)
    event_links: Mapping[tuple[str, str, str], str] = field(default_factory=dict)


STILL = Live()


def svg(
    flow: Any,
    present: str | None = None,
    locale: str = "zh",
    *,
    standalone: bool = False,
    live: Live = STILL,
) -> str:
    """The machine as SVG. `present` is the state to show as the present one; `standalone` for a file of its own; `live`
    adds figures and links."""
    names = {state.id: say(state.name, locale) for state in flow.states}
    edges = edges_of(flow, locale, live)
    texts = [(s, f"{name}\n{live.under[s]}" if live.under.get(s) else name) for s, name in names.items()]
    picture = layout.lay_out(texts, edges, _opening(flow, locale))
    finals = {state.id for state in flow.states if state.final}
    left, top, right, bottom = picture.bounds
    legend = _legend(edges, locale, left + 16, bottom + 12)
    bottom += 34 if legend else 0
    drawn = [*(_path(path) for path in picture.paths), *(_loop(*loop) for loop in picture.loops)]
    parts = [
        # One group for all lines: those that share a lane must not grow darker by lying on one another.
        '<g class="flow-edges" stroke="currentColor" stroke-width="1.4" opacity="0.6">',
        *(line for line, _head in drawn),
        "</g>",
        *(head for _line, head in drawn),
        *(
            _linked(
                live.state_links.get(state, ""), _state(picture, state, state in finals, state == present)
            )
            for state in names
        ),
        *(_label(label) for label in picture.labels),
        *legend,
    ]
    x, y = picture.start
    start = f'<circle cx="{_n(x)}" cy="{_n(y)}" r="6" fill="currentColor"/>'
    return _frame(
        flow,
        names,
        edges,
        present,
        locale,
        standalone,
        (left, top - 4, right - left, bottom - top + 8),
        [start, *parts],
        role="group" if live.state_links or live.event_links else "img",
    )


def mermaid(flow: Any, locale: str = "zh") -> str:
    """The machine as Mermaid's `stateDiagram-v2`."""
    lines = ["stateDiagram-v2"]
    lines += [f'    state "{_quoted(say(state.name, locale))}" as {state.id}' for state in flow.states]
    lines += [_arrow("[*]", flow.initial_state.id, _opening(flow, locale))]
    lines += [_arrow(edge.source, edge.target, edge.words) for edge in edges_of(flow, locale)]
    lines += [f"    {state.id} --> [*]" for state in flow.states if state.final]
    return "\n".join(lines) + "\n"


def edges_of(flow: Any, locale: str = "zh", live: Live = STILL) -> list[Edge]:
    """The machine's edges, parallel ones merged into one list of events."""
    merged: dict[tuple[str, str], dict[str, Word]] = {}
    for state in flow.states:
        for transition in state.transitions:
            for event in transition.events:
                source, target = transition.source.id, transition.target.id
                word = _living(_word(flow, str(event), source, locale), (source, target, str(event)), live)
                merged.setdefault((source, target), {})[word.text] = word
    return [Edge(source, target, tuple(words.values())) for (source, target), words in merged.items()]


def _living(word: Word, edge: tuple[str, str, str], live: Live) -> Word:
    figure = live.behind.get(edge)
    text = f"{word.text} {figure}" if figure else word.text
    return Word(text, word.mark, live.event_links.get(edge, ""))


def _linked(href: str, drawn: str) -> str:
    return f'<a href="{escape(href)}">{drawn}</a>' if href else drawn


def _word(flow: Any, event: str, source: str | None, locale: str) -> Word:
    """What an event is called, and whether somebody must approve it or the clock takes it."""
    step = getattr(flow, "steps", {}).get((event, source))
    if step is None:
        return Word(event.replace("_", " "))
    clock = step.by.roles == {"clock"} or step.automatic
    return Word(say(step.label, locale), "approval" if step.approved_by else "clock" if clock else "")


def _opening(flow: Any, locale: str) -> list[Word]:
    return [
        _word(flow, event, None, locale) for (event, source) in getattr(flow, "steps", {}) if source is None
    ]


def _quoted(text: str) -> str:
    return text.replace('"', "'")


def _arrow(source: str, target: str, words: Iterable[Word]) -> str:
    told = " / ".join(_quoted(word.text) + (" ◆" if word.mark == "approval" else "") for word in words)
    return f"    {source} --> {target}" + (f": {told}" if told else "")


def _frame(
    flow: Any,
    names: dict[str, str],
    edges: Sequence[Edge],
    present: str | None,
    locale: str,
    standalone: bool,
    box: tuple[float, float, float, float],
    parts: Sequence[str],
    role: str = "img",
) -> str:
    key = getattr(flow, "flow_name", "") or flow.__name__.lower()
    title = say(
        _("States of %(what)s"), locale, what=say(getattr(flow, "label", ""), locale) or flow.__name__
    )
    told = [f"{names[e.source]} → {names[e.target]}: {', '.join(w.text for w in e.words)}" for e in edges]
    if present in names:
        told.insert(0, say(_("Now: %(state)s"), locale, state=names[present]))
    x, y, width, height = box
    language = "zh-CN" if locale.startswith("zh") else "en"
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="flow" role="{role}" lang="{language}" '
        f'aria-labelledby="flow-{key}-title flow-{key}-desc" viewBox="{_n(x)} {_n(y)} {_n(width)} {_n(height)}" '
        f'width="{_n(width)}" height="{_n(height)}" font-family="{FONTS}" fill="none" stroke-linecap="round">'
    )
    about = [
        f'<title id="flow-{key}-title">{escape(title)}</title>',
        f'<desc id="flow-{key}-desc">{escape("; ".join(told))}</desc>',
    ]
    return "\n".join([head, *about, *([ALONE] if standalone else []), *parts, "</svg>\n"])


def _state(picture: Picture, state: str, final: bool, present: bool) -> str:
    box = picture.boxes[state]
    x, y = box.x - box.width / 2, box.top
    colour, width, tint = (ACCENT, 2.4, 0.16) if present else ("currentColor", 1.4, 0.05)
    current = ' aria-current="step"' if present else ""
    inner = (
        _rect(x + 4, y + 4, box.width - 8, box.height - 8, 7, f'stroke="{colour}" stroke-width="1.1"')
        if final
        else ""
    )
    outer = f'fill="{colour}" fill-opacity="{tint}" stroke="{colour}" stroke-width="{width}"'
    weight = 700 if present else 600
    title, *under = box.text.split("\n")
    y_title = box.y + STATE_SIZE * 0.36 - LINE / 2 * len(under)
    text = (
        f'<text x="{_n(box.x)}" y="{_n(y_title)}" text-anchor="middle" font-size="{_n(STATE_SIZE)}" '
        f'font-weight="{weight}" fill="currentColor">{escape(title)}</text>'
    )
    for line in under:
        text += (
            f'<text class="flow-figure" x="{_n(box.x)}" y="{_n(y_title + LINE)}" text-anchor="middle" '
            f'font-size="{_n(LABEL_SIZE)}" fill="currentColor">{escape(line)}</text>'
        )
    name = "flow-state flow-present" if present else "flow-state"
    return f'<g class="{name}" data-state="{state}"{current}>{_rect(x, y, box.width, box.height, 10, outer)}{inner}{text}</g>'


def _rect(x: float, y: float, width: float, height: float, radius: float, more: str) -> str:
    return (
        f'<rect x="{_n(x)}" y="{_n(y)}" width="{_n(width)}" height="{_n(height)}" rx="{_n(radius)}" {more}/>'
    )


def _path(path: Path) -> tuple[str, str]:
    """A line with rounded corners, and the arrow head at its end."""
    points = path.points
    drawn = [f"M{_n(points[0][0])} {_n(points[0][1])}"]
    for before, corner, after in zip(points, points[1:], points[2:], strict=False):
        enter, leave = _towards(corner, before), _towards(corner, after)
        drawn.append(
            f"L{_n(enter[0])} {_n(enter[1])}Q{_n(corner[0])} {_n(corner[1])} {_n(leave[0])} {_n(leave[1])}"
        )
    drawn.append(f"L{_n(points[-1][0])} {_n(points[-1][1])}")
    return f'<path d="{"".join(drawn)}"/>', _head(points[-2], points[-1])


def _towards(corner: tuple[float, float], other: tuple[float, float]) -> tuple[float, float]:
    dx, dy = other[0] - corner[0], other[1] - corner[1]
    length = max(abs(dx) + abs(dy), 0.01)
    step = min(RADIUS, length / 2)
    return corner[0] + dx / length * step, corner[1] + dy / length * step


def _head(before: tuple[float, float], end: tuple[float, float]) -> str:
    """An arrow head drawn as a shape: markers would need ids, which clash when a page shows two pictures."""
    dx, dy = end[0] - before[0], end[1] - before[1]
    length = max((dx * dx + dy * dy) ** 0.5, 0.01)
    ux, uy = dx / length, dy / length
    bx, by = end[0] - ux * 8, end[1] - uy * 8
    corners = (
        f"{_n(end[0])},{_n(end[1])} {_n(bx - uy * 4)},{_n(by + ux * 4)} {_n(bx + uy * 4)},{_n(by - ux * 4)}"
    )
    return f'<polygon points="{corners}" fill="currentColor"/>'


def _loop(x: float, y1: float, y2: float, side: int) -> tuple[str, str]:
    out = x + side * LOOP * 1.3
    curve = f"M{_n(x)} {_n(y1)}C{_n(out)} {_n(y1 - 2)} {_n(out)} {_n(y2 + 2)} {_n(x + side * 6)} {_n(y2)}"
    return f'<path d="{curve}"/>', _head((x + side * 10, y2 + 1), (x, y2))


def _label(label: Label) -> str:
    return "".join(
        _word_at(word, x, label.y + index * LINE)
        for index, line in enumerate(label.lines)
        for word, x in zip(line, _ends(line, label.x), strict=True)
    )


def _ends(line: Sequence[Word], x: float) -> list[float]:
    found = []
    for word in line:
        found.append(x)
        x += word.width + WORD_GAP
    return found


def _word_at(word: Word, x: float, y: float) -> str:
    icon = {"approval": _diamond, "clock": _dial}.get(word.mark)
    start = x + (ICON if icon else 0)
    text = (
        f'<text class="flow-event" x="{_n(start)}" y="{_n(y + LABEL_SIZE * 0.36)}" font-size="{_n(LABEL_SIZE)}" '
        f'fill="currentColor">{escape(word.text)}</text>'
    )
    return _linked(word.href, (icon(x + 4, y) if icon else "") + text)


def _diamond(x: float, y: float) -> str:
    return f'<path d="M{_n(x)} {_n(y - 4.5)}l4 4.5l-4 4.5l-4 -4.5z" fill="{ACCENT}"/>'


def _dial(x: float, y: float) -> str:
    return (
        f'<circle cx="{_n(x)}" cy="{_n(y)}" r="4.3" stroke="{ACCENT}" stroke-width="1.2"/>'
        f'<path d="M{_n(x)} {_n(y - 2.6)}v2.6l1.9 1.2" stroke="{ACCENT}" stroke-width="1.1"/>'
    )


def _legend(edges: Sequence[Edge], locale: str, x: float, y: float) -> list[str]:
    """What the marks mean, where there are any."""
    met = [mark for mark in MARKS if any(word.mark == mark for edge in edges for word in edge.words)]
    words = [Word(say(MARKS[mark], locale), mark) for mark in met]
    drawn = [_word_at(word, start, y) for word, start in zip(words, _ends(words, x), strict=True)]
    return [f'<g opacity="0.75">{"".join(drawn)}</g>'] if drawn else []


def _n(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")
