"""One guarded transition per transaction: `screen` (no other lead may have the phone), `reassign` (to a consultant, and another
one) and `follow_up`, in equal parts, each on another lead; against the same rows by hand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from statistics import median

from tests.bench.books import Books
from tests.bench.hand import Hand, Steps, watched
from tests.bench.measured import Result, compared, elapsed

EVENTS = ("screen", "reassign", "follow_up")


@dataclass
class Speeds:
    """Seconds for one round of each event, round by round; and all the time that this process itself was at work."""

    seconds: dict[str, list[float]] = field(default_factory=lambda: {event: [] for event in EVENTS})
    own: float = 0.0

    def per_second(self, event: str, each: int) -> float:
        return each / median(self.seconds[event])

    def together(self, each: int) -> float:
        rounds: list[float] = [sum(three) for three in zip(*self.seconds.values(), strict=True)]
        return each * len(EVENTS) / median(rounds)


def needed(each: int, rounds: int) -> int:
    """How many leads each event is taken on in all."""
    return 2 * each * (rounds + 1) + 1


def measure(books: Books, each: int, rounds: int) -> Result:
    """So many of each event in every round, by ours and by hand in turns; one round to warm up."""
    acts, ours, floor = Acts(books, needed(each, rounds)), Speeds(), Speeds()
    for number in range(rounds + 1):
        for event in EVENTS:
            turns = [(ours, acts.by_take(event, each)), (floor, acts.by_hand(event, each))]
            for speeds, works in turns if number % 2 else reversed(turns):
                seconds, own = elapsed(works)
                if number:
                    speeds.seconds[event].append(seconds)
                    speeds.own += own
    acts.hand.quiet()
    acts.hand.close()
    parts = {event: compared(ours.per_second(event, each), floor.per_second(event, each)) for event in EVENTS}
    result = Result("transition", books.engine.dialect.name, ours.together(each), floor.together(each))
    many = each * rounds * len(EVENTS)
    own_ms = {"ours": round(ours.own / many * 1000, 3), "floor": round(floor.own / many * 1000, 3)}
    result.more = {"size": books.size, "own_ms": own_ms, "parts": parts}
    return result


class Acts:
    """The events by ours and by hand, so many of each, every one on another lead."""

    def __init__(self, books: Books, many: int) -> None:
        self.office, self.hand = books.office, Hand.on(books.engine)
        states = {"screen": "captured", "reassign": "assigned", "follow_up": "assigned"}
        self.leads = {event: iter(books.take(state, many)) for event, state in states.items()}
        self.steps = {event: self.learned(event) for event in EVENTS}

    def learned(self, event: str) -> Steps:
        """An event by hand, as seen on one that the engine took."""
        code = next(self.leads[event])
        return Steps(self.hand, watched(self.hand, lambda: self.take(event, code), code))

    def take(self, event: str, code: str) -> str:
        if event == "screen":
            self.office.lead("screen", "guo", code, demand="三房，近地铁", intent="A")
        elif event == "follow_up":
            self.office.lead("follow_up", "guo", code, note="电话，周末再来看")
        else:
            self.office.lead("reassign", "sun", code, consultant="c1", reason="休假")
        return code

    def by_take(self, event: str, many: int) -> list[Callable[[], object]]:
        return [partial(self.take, event, code) for code in islice(self.leads[event], many)]

    def by_hand(self, event: str, many: int) -> list[Callable[[], object]]:
        return [partial(self.steps[event].take, code) for code in islice(self.leads[event], many)]
