"""What many days came to: faults by kind, deaths by place, and how much of the workflows was reached."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, fields

from web.api.cases import taken_by_people
from workflows.flows import FLOWS

CODES = ("not_found", "not_allowed_from_state", "not_permitted", "invalid_data", "guard_failed", "conflict")
OUTCOMES = ("approved", "rejected", "withdrawn", "expired")


@dataclass(slots=True)
class Seen:
    """Counts; those of several processes are added up."""

    days: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    died: Counter[str] = field(default_factory=Counter)
    # where a statement was, and whether somebody died before it
    places: Counter[tuple[str, bool]] = field(default_factory=Counter)
    steps: Counter[tuple[str, str, str]] = field(default_factory=Counter)  # workflow, event, state
    timers: Counter[tuple[str, str]] = field(default_factory=Counter)  # name, what came of it
    approvals: Counter[tuple[str, str]] = field(default_factory=Counter)  # workflow and event, outcome
    refusals: Counter[str] = field(default_factory=Counter)
    rules: Counter[str] = field(default_factory=Counter)

    def __iadd__(self, other: Seen) -> Seen:
        for each in fields(self):
            getattr(self, each.name).update(getattr(other, each.name))
        return self

    # -- what there is to be reached --------------------------------------------------------------------------------

    @staticmethod
    def all_steps() -> set[tuple[str, str, str]]:
        return {(name, event, source or "") for name, flow in FLOWS.items() for event, source in flow.steps}

    @staticmethod
    def all_timers() -> set[str]:
        return {timer.name for flow in FLOWS.values() for timer in flow.timers}

    @staticmethod
    def all_approvals() -> set[str]:
        return {
            f"{name}.{event}"
            for name, flow in FLOWS.items()
            for (event, _source), step in flow.steps.items()
            if step.approved_by
        }

    @staticmethod
    def all_guards() -> set[str]:
        steps = (
            step
            for flow in FLOWS.values()
            for step in flow.steps.values()
            if taken_by_people(step) or step.opens
        )
        return {guard.name for step in steps for guard in step.guards}

    # -- told -------------------------------------------------------------------------------------------------------

    def told(self, reached: bool = True) -> str:
        """Everything, for people to read; of a single day not what it left unreached."""
        return "\n".join([*self._faults(), *self._deaths(), *(self._reached() if reached else ())])

    def _faults(self) -> list[str]:
        said = [
            f"  {count:>9,} {what}"
            for what, count in sorted(self.faults.items(), key=lambda e: (-e[1], e[0]))
        ]
        days = [f"  {count:>9,} {what}" for what, count in sorted(self.days.items())]
        return ["days:", *days, f"faults: {sum(self.faults.values()):,}", *said]

    def _deaths(self) -> list[str]:
        places = {place for place, _died in self.places}
        deadly = Counter({place: count for (place, died), count in self.places.items() if died})
        kinds = ", ".join(f"{kind} {count:,}" for kind, count in self.died.most_common())
        spared = sorted(places - deadly.keys(), key=lambda p: -self.places[p, False])
        often = ", ".join(f"{place} ×{self.places[place, False]}" for place in spared[:8])
        return [
            f"deaths: {sum(self.died.values()):,} ({kinds}); before {len(deadly):,} of {len(places):,} places that statements have",
            *(f"  {count:>9,} {place}" for place, count in deadly.most_common(12)),
            f"  nobody died yet before: {often or '-'}",
        ]

    def _reached(self) -> list[str]:
        fired: Counter[str] = Counter()
        for (name, _result), count in self.timers.items():
            fired[name] += count
        approvals = {f"{event} {outcome}" for event in self.all_approvals() for outcome in OUTCOMES}
        got = {f"{event} {outcome}" for event, outcome in self.approvals}
        ended = ", ".join(
            f"{name} {result} {count:,}" for (name, result), count in sorted(self.timers.items())
        )
        return [
            f"steps: {sum(self.steps.values()):,}; timers ended: {sum(fired.values()):,}",
            f"  {ended}",
            _of(
                "steps (workflow, event, state)",
                {" ".join(s).strip() for s in self.all_steps()},
                {" ".join(s).strip() for s in self.steps},
            ),
            _of("timers", self.all_timers(), set(fired)),
            _of("approvals and their outcomes", approvals, got),
            _of("refusals", set(CODES), set(self.refusals)),
            _of("guards that refused", self.all_guards(), set(self.rules)),
        ]


def _of(what: str, there: set[str], reached: set[str]) -> str:
    missing = sorted(there - reached)
    return f"{what}: {len(there) - len(missing)} of {len(there)}" + (
        f"; not reached: {', '.join(missing)}" if missing else ""
    )
