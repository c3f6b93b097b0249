"""Where the parts of a state machine's picture go: states in rows down a spine, loops beside them, and the edges that
skip rows gathered into one lane per target, left or right of the spine.

Every label has a place of its own by construction, so nothing overlaps: next to a state only the labels of edges that
leave it there, in slots below one another; lanes run outside the widest of them. Lengths are pixels.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

LINE, LABEL_SIZE, STATE_SIZE = 18.0, 12.5, 15.0
ICON, WORD_GAP, WRAP = 12.0, 14.0, 132.0
STATE_HEIGHT, STATE_WIDTH, STATE_PADDING = 42.0, 116.0, 22.0
ROW_GAP, LANE_GAP, BESIDE, FAN_GAP = 44.0, 26.0, 12.0, 26.0
LOOP = 22.0


@dataclass(frozen=True, slots=True)
class Word:
    """An event on an edge; `mark` is `approval`, `clock` or nothing, `href` where it leads in a live picture."""

    text: str
    mark: str = ""
    href: str = ""

    @property
    def width(self) -> float:
        return text_width(self.text, LABEL_SIZE) + (ICON if self.mark else 0)


@dataclass(frozen=True, slots=True)
class Edge:
    """All events that lead from one state to another."""

    source: str
    target: str
    words: tuple[Word, ...]


@dataclass(slots=True)
class Label:
    """The words of an edge, wrapped into lines; `x` is their left end, `y` the middle of the first line."""

    lines: list[list[Word]]
    x: float = 0.0
    y: float = 0.0

    @property
    def width(self) -> float:
        return max(
            (sum(w.width for w in line) + WORD_GAP * (len(line) - 1) for line in self.lines), default=0.0
        )

    @property
    def height(self) -> float:
        return LINE * len(self.lines)


@dataclass(slots=True)
class Box:
    """A state; a second line of its `text` is set smaller. `left` and `right` are the slots beside it, from top to
    bottom."""

    id: str
    text: str
    width: float
    height: float = STATE_HEIGHT
    x: float = 0.0
    y: float = 0.0
    left: list[Slot] = field(default_factory=list)
    right: list[Slot] = field(default_factory=list)

    @property
    def top(self) -> float:
        return self.y - self.height / 2

    @property
    def bottom(self) -> float:
        return self.y + self.height / 2


@dataclass(slots=True)
class Slot:
    """A place beside a state: where an edge leaves for a lane, arrives from one, or loops."""

    kind: str
    label: Label
    y: float = 0.0

    @property
    def height(self) -> float:
        if self.kind == "in":
            return 16.0
        return max(self.label.height + 8, 40.0) if self.kind == "loop" else self.label.height + 12


@dataclass(frozen=True, slots=True)
class Path:
    """A line along these points, with rounded corners; an arrow at its end."""

    points: tuple[tuple[float, float], ...]


@dataclass(slots=True)
class Picture:
    """The finished layout."""

    boxes: dict[str, Box]
    paths: list[Path] = field(default_factory=list)
    labels: list[Label] = field(default_factory=list)
    loops: list[tuple[float, float, float, int]] = field(default_factory=list)
    start: tuple[float, float] = (0.0, 0.0)
    bounds: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)


def text_width(text: str, size: float) -> float:
    """About how wide a text is set: a Chinese character is a full em, a Latin one a bit more than half."""
    return sum(
        size if unicodedata.east_asian_width(c) in "WF" else size * (0.32 if c in "il.,' " else 0.57)
        for c in text
    )


def wrapped(words: Sequence[Word], width: float = WRAP) -> Label:
    lines: list[list[Word]] = []
    used = 0.0
    for word in words:
        if lines and used + WORD_GAP + word.width <= width:
            lines[-1].append(word)
            used += WORD_GAP + word.width
        else:
            lines.append([word])
            used = word.width
    return Label(lines)


def lay_out(states: Sequence[tuple[str, str]], edges: Sequence[Edge], opening: Sequence[Word]) -> Picture:
    """The picture of these states (id and text, the initial one first) and edges."""
    order = [state for state, _text in states]
    rows = _rows(order, edges)
    boxes = {
        s: Box(s, text, max(STATE_WIDTH, _widest(text) + 2 * STATE_PADDING), _tall(text))
        for s, text in states
    }
    return _Plan(rows, boxes, edges).drawn(opening)


def _widest(text: str) -> float:
    name, *under = text.split("\n")
    return max(text_width(name, STATE_SIZE), *(text_width(line, LABEL_SIZE) for line in under), 0.0)


def _tall(text: str) -> float:
    return STATE_HEIGHT + LINE * text.count("\n")


def _rows(order: Sequence[str], edges: Sequence[Edge]) -> list[list[str]]:
    """States by their longest way from the start. Several share a row only where no lane would have to pass between
    them."""
    ranks = _ranks(order, edges)
    rows = [[s for s in order if ranks[s] == rank] for rank in sorted(set(ranks.values()))]
    while True:
        direct = _direct(rows, edges)
        crowded = next(
            (i for i, row in enumerate(rows) if len(row) > 1 and _needs_lanes(row, edges, direct)), None
        )
        if crowded is None:
            return rows
        rows[crowded : crowded + 1] = [[state] for state in rows[crowded]]


def _needs_lanes(row: Sequence[str], edges: Sequence[Edge], direct: set[tuple[str, str]]) -> bool:
    return any((e.source in row or e.target in row) and (e.source, e.target) not in direct for e in edges)


def _ranks(order: Sequence[str], edges: Sequence[Edge]) -> dict[str, int]:
    """Longest paths over the edges that lead forward; those that lead back to where the search came from do not count."""
    after: dict[str, list[str]] = {
        s: [e.target for e in edges if e.source == s and e.target != s] for s in order
    }
    forward: set[tuple[str, str]] = set()
    finished: list[str] = []
    on_the_way: set[str] = set()
    seen: set[str] = set()

    def visit(state: str) -> None:
        seen.add(state)
        on_the_way.add(state)
        for following in sorted(after[state], key=order.index):
            if following not in on_the_way:
                forward.add((state, following))
                if following not in seen:
                    visit(following)
        on_the_way.discard(state)
        finished.append(state)

    for state in order:
        if state not in seen:
            visit(state)
    ranks = dict.fromkeys(order, 0)
    for state in reversed(finished):
        for following in after[state]:
            if (state, following) in forward:
                ranks[following] = max(ranks[following], ranks[state] + 1)
    return ranks


def _direct(rows: Sequence[Sequence[str]], edges: Sequence[Edge]) -> set[tuple[str, str]]:
    """Edges from one row to the next that may run straight down: a fan out of one state or into one, not both."""
    row_of = {state: i for i, row in enumerate(rows) for state in row}
    near = [e for e in edges if row_of[e.target] == row_of[e.source] + 1]
    return {
        (e.source, e.target)
        for e in near
        if sum(o.source == e.source for o in near) == 1 or sum(o.target == e.target for o in near) == 1
    }


class _Plan:
    """The work of laying out one picture: slots first, then the heights of rows, then lanes."""

    def __init__(self, rows: list[list[str]], boxes: dict[str, Box], edges: Sequence[Edge]) -> None:
        self.rows, self.boxes, self.edges = rows, boxes, edges
        self.row_of = {state: i for i, row in enumerate(rows) for state in row}
        direct = _direct(rows, edges)
        self.straight = {
            (e.source, e.target): wrapped(e.words) for e in edges if (e.source, e.target) in direct
        }
        self.lanes: dict[tuple[str, bool], list[Edge]] = {}
        for edge in edges:
            if (edge.source, edge.target) not in direct and edge.source != edge.target:
                down = self.row_of[edge.target] > self.row_of[edge.source]
                self.lanes.setdefault((edge.target, down), []).append(edge)
        self.side: dict[tuple[str, bool], int] = {}
        self.slots: dict[tuple[str, str], Slot] = {}
        self.arrivals: dict[tuple[str, bool], Slot] = {}
        self.picture = Picture(boxes)

    def drawn(self, opening: Sequence[Word]) -> Picture:
        self._choose_sides()
        self._make_slots()
        self._place_columns()
        self._place_rows(opening)
        self._draw_straight()
        self._draw_loops()
        self._draw_lanes()
        self._measure()
        return self.picture

    def _choose_sides(self) -> None:
        """The busiest lane to the right, the next to the left, and so on to the side with less on it."""
        load = {1: 0, -1: 0}
        for lane, edges in sorted(self.lanes.items(), key=lambda item: -len(item[1])):
            side = 1 if load[1] <= load[-1] else -1
            self.side[lane] = side
            load[side] += len(edges)

    def _make_slots(self) -> None:
        for lane, edges in self.lanes.items():
            arrival = self.arrivals[lane] = Slot("in", Label([]))
            self._beside(lane[0], self.side[lane]).append(arrival)
            for edge in sorted(edges, key=lambda e: self.row_of[e.source]):
                slot = self.slots[edge.source, edge.target] = Slot("out", wrapped(edge.words))
                self._beside(edge.source, self.side[lane]).append(slot)
        for edge in self.edges:
            if edge.source == edge.target:
                box = self.boxes[edge.source]
                side = 1 if _height(box.right) <= _height(box.left) else -1
                slot = self.slots[edge.source, edge.target] = Slot("loop", wrapped(edge.words))
                self._beside(edge.source, side).insert(0, slot)
        for box in self.boxes.values():
            box.height = max(box.height, _height(box.left) + 8, _height(box.right) + 8)

    def _beside(self, state: str, side: int) -> list[Slot]:
        return self.boxes[state].right if side > 0 else self.boxes[state].left

    def _place_columns(self) -> None:
        """States of one row side by side around the spine, far enough apart for the labels of a fan."""
        for row in self.rows:
            cells = [
                max(
                    self.boxes[s].width,
                    *(2 * (self.straight[k].width + BESIDE) for k in self._straight_at(s)),
                    0.0,
                )
                for s in row
            ]
            if len(row) == 1:
                continue
            x = -(sum(cells) + FAN_GAP * (len(row) - 1)) / 2
            for state, cell in zip(row, cells, strict=True):
                self.boxes[state].x = x + cell / 2
                x += cell + FAN_GAP

    def _straight_at(self, state: str) -> Iterable[tuple[str, str]]:
        return [key for key in self.straight if state in key and len(self.rows[self.row_of[state]]) > 1]

    def _place_rows(self, opening: Sequence[Word]) -> None:
        first = wrapped(opening)
        y = 12.0 + max(ROW_GAP - 8, first.height + 16)
        spine = self.boxes[self.rows[0][0]].x
        self.picture.start = (spine, 6.0)
        self.picture.paths.append(Path(((spine, 12.0), (spine, y))))
        self._label(first, spine + BESIDE, (12.0 + y) / 2 - first.height / 2 + LINE / 2 - 2)
        for index, row in enumerate(self.rows):
            height = max(self.boxes[s].height for s in row)
            for state in row:
                box = self.boxes[state]
                box.y = y + height / 2
                for side in (box.left, box.right):
                    _spread(side, box)
            y += height + self._gap_below(index)

    def _gap_below(self, index: int) -> float:
        if index + 1 == len(self.rows):
            return 0.0
        below = [
            label.height for (source, _t), label in self.straight.items() if self.row_of[source] == index
        ]
        fan = 16.0 if max(len(self.rows[index]), len(self.rows[index + 1])) > 1 else 0.0
        return max(ROW_GAP, max(below, default=0.0) + 26) + fan

    def _draw_straight(self) -> None:
        for (source, target), label in self.straight.items():
            a, b = self.boxes[source], self.boxes[target]
            fans_in = len(self.rows[self.row_of[source]]) > len(self.rows[self.row_of[target]])
            bus = b.top - 20 if fans_in else a.bottom + 16
            points: tuple[tuple[float, float], ...] = ((a.x, a.bottom), (b.x, b.top))
            low, high, x = a.bottom, b.top, b.x
            if abs(a.x - b.x) > 1:
                points = ((a.x, a.bottom), (a.x, bus), (b.x, bus), (b.x, b.top))
            if max(len(self.rows[self.row_of[s]]) for s in (source, target)) > 1:
                low, high, x = (a.bottom, bus, a.x) if fans_in else (bus, b.top, b.x)
            self.picture.paths.append(Path(points))
            self._label(label, x + BESIDE, (low + high) / 2 - label.height / 2 + LINE / 2 - 2)

    def _draw_loops(self) -> None:
        for (source, _target), slot in self.slots.items():
            if slot.kind == "loop":
                box = self.boxes[source]
                side = 1 if slot in box.right else -1
                edge = box.x + side * box.width / 2
                self.picture.loops.append((edge, slot.y - 10, slot.y + 10, side))
                self._label_beside(
                    slot.label,
                    edge + side * (LOOP + BESIDE - 4),
                    side,
                    slot.y - slot.label.height / 2 + LINE / 2,
                )

    def _draw_lanes(self) -> None:
        for side in (1, -1):
            inner = self._edge_of_labels(side) + 18
            mine = sorted((lane for lane in self.lanes if self.side[lane] == side), key=self._span)
            for index, lane in enumerate(mine):
                self._draw_lane(lane, side * (inner + index * LANE_GAP), side)

    def _span(self, lane: tuple[str, bool]) -> int:
        return max(abs(self.row_of[edge.source] - self.row_of[edge.target]) for edge in self.lanes[lane])

    def _draw_lane(self, lane: tuple[str, bool], x: float, side: int) -> None:
        target, arrival = self.boxes[lane[0]], self.arrivals[lane]
        for edge in self.lanes[lane]:
            box, slot = self.boxes[edge.source], self.slots[edge.source, edge.target]
            start, end = box.x + side * box.width / 2, target.x + side * target.width / 2
            y = slot.y + slot.height / 2 - 5
            self.picture.paths.append(Path(((start, y), (x, y), (x, arrival.y), (end, arrival.y))))
            self._label_beside(slot.label, start + side * BESIDE, side, y - slot.label.height + LINE / 2 - 3)

    def _edge_of_labels(self, side: int) -> float:
        """How far the labels beside the states and on the spine reach on this side."""
        reach = [side * box.x + box.width / 2 for box in self.boxes.values()]
        for box in self.boxes.values():
            for slot in box.right if side > 0 else box.left:
                loop = LOOP if slot.kind == "loop" else 0.0
                reach.append(side * box.x + box.width / 2 + BESIDE + slot.label.width + loop)
        if side > 0:
            reach += [label.x + label.width for label in self.picture.labels]
        return max(reach)

    def _label_beside(self, label: Label, x: float, side: int, y: float) -> None:
        self._label(label, x if side > 0 else x - label.width, y)

    def _label(self, label: Label, x: float, y: float) -> None:
        if label.lines:
            label.x, label.y = x, y
            self.picture.labels.append(label)

    def _measure(self) -> None:
        xs = [x for path in self.picture.paths for x, _y in path.points]
        xs += [b.x + s * b.width / 2 for b in self.boxes.values() for s in (1, -1)]
        xs += [x for label in self.picture.labels for x in (label.x, label.x + label.width)]
        self.picture.bounds = (
            min(xs) - 14,
            0.0,
            max(xs) + 14,
            max(b.bottom for b in self.boxes.values()) + 14,
        )


def _height(slots: Sequence[Slot]) -> float:
    return sum(slot.height for slot in slots)


def _spread(slots: Sequence[Slot], box: Box) -> None:
    """Slots below one another, around the middle of the state."""
    y = box.y - _height(slots) / 2
    for slot in slots:
        slot.y = y + slot.height / 2
        y += slot.height
