"""How a workflow is written: a python-statemachine class, and beside each event who may, whose approval, which facts,
which timers, what it announces. One file of rules tells the whole process.

    class LeadFlow(Flow):
        captured = State(_("Captured"), initial=True)
        ...
        @step(captured.to(screened), by=Promoter | TeamLeader | Manager, announces="lead.screened")
        def screen(self, lead, facts: Screening): ...

The function changes the case; its parameters are injected by name (the case under the flow's `noun`, `facts`, `people`,
`ask`, `timers`, `policy`).
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cache
from typing import Any, ClassVar, get_type_hints

from pydantic import BaseModel, ConfigDict
from sqlalchemy import false
from statemachine import State, StateMachine
from statemachine.factory import StateMachineMetaclass
from statemachine.transition_list import TransitionList

from workflows.engine import moves
from workflows.engine.news import News, of_flow
from workflows.engine.who import AnyOf, Who
from workflows.words import Text


class Facts(BaseModel):
    """The base of all event data: unknown fields are refused, texts are trimmed."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True, frozen=True)

    @classmethod
    @cache
    def marked(cls, mark: str, *, of: str = "") -> frozenset[str]:
        """The fields that bear this mark: `private` (about the customer, sealed), `person` (names one of the staff), `people`
        (several), `left` (or somebody who has left), `case` (a case, or several, by their codes, `of` the workflow that the
        mark names), `device` (the device of whoever tells it, which the pages add)."""
        marks = {name: info.json_schema_extra for name, info in cls.model_fields.items()}
        return frozenset(
            name
            for name, extra in marks.items()
            if isinstance(extra, dict) and extra.get(mark) and of in ("", extra[mark])
        )


class NoFacts(Facts):
    """An event that needs no data."""


@dataclass(frozen=True, slots=True)
class Guard:
    """A statement that must be true of the case. `test(check)` returns True, or False, or the values that broke it."""

    name: str
    test: Callable[[Any], bool | dict[str, Any]]
    reason: str
    instead: str
    code: str
    of_asker: bool = False


def guard(
    reason: str, instead: str = "", code: str = "guard_failed", *, of_asker: bool = False
) -> Callable[[Callable[[Any], Any]], Guard]:
    """Make a guard of a function over a `Check`; `reason` and `instead` are marked texts that may name its values. One that
    looks at the asker alone (`of_asker`) says the same of every case, so that a list asks it once."""

    def made(test: Callable[[Any], Any]) -> Guard:
        return Guard(test.__name__, test, reason, instead, code, of_asker)

    return made


@dataclass(frozen=True, slots=True)
class Step:
    """One event from one or several states, with everything that belongs to it."""

    event: str
    by: Who | AnyOf
    facts: type[Facts]
    label: str
    doc: str
    sources: tuple[str, ...] = ()
    target: str = ""
    approved_by: Who | AnyOf | None = None
    when: Callable[[Any], bool] | None = None
    guards: tuple[Guard, ...] = ()
    starts: tuple[Any, ...] = ()
    announces: tuple[str, ...] = ()
    serial: bool = False
    automatic: bool = False
    first: Callable[[Any], Any] | None = None
    otherwise: str = ""
    then: tuple[Callable[[Any], Iterable[Any]], ...] = ()
    pays: Callable[[Any], set[int]] | None = None

    @property
    def opens(self) -> bool:
        """Whether this event begins a case."""
        return not self.sources


@dataclass(slots=True)
class _Draft:
    fn: Callable[..., None]
    edge: TransitionList | None
    options: dict[str, Any] = field(default_factory=dict)


def step(edge: TransitionList, **options: Any) -> Callable[[Callable[..., None]], _Draft]:
    """An event over these transitions.

    `by` who may; `approved_by` whose approval it needs first; `event` its name where two steps share one; `label`;
    `when` a condition on the case that counts as part of the state; `guards`; `starts` timers; `announces` facts (one
    that begins with a dot bears the workflow's name before it); `serial` locks the project first; `automatic` is taken
    by the house itself, never offered to people; `first` an ask to be taken before it in the same transaction,
    `otherwise` the event taken instead if that is refused; `then` what follows in the same transaction; `pays` who
    besides those whom the case benefits gains from this event (four eyes).
    """

    def made(fn: Callable[..., None]) -> _Draft:
        edge.add_event(options.get("event") or fn.__name__)
        for transition in edge:
            transition.on.add(f"do_{fn.__name__}")
        return _Draft(fn, edge, options)

    return made


def opening(**options: Any) -> Callable[[Callable[..., None]], _Draft]:
    """The event that begins a case, in the machine's initial state. Takes the same words as `step`."""
    return lambda fn: _Draft(fn, None, options)


def _tuple(value: Any) -> tuple[Any, ...]:
    return tuple(value) if isinstance(value, tuple | list) else (value,) if value else ()


class _FlowType(StateMachineMetaclass):
    """Makes the class of a workflow: once the machine's states stand, its steps are read off the class body."""

    def __init__(cls, name: str, bases: tuple[type], attrs: dict[str, Any]) -> None:  # noqa: N805 (of a class of classes)
        super().__init__(name, bases, attrs)
        cls.steps: dict[tuple[str, str | None], Step] = {}
        cls._openers: dict[str, moves.Call] = {}
        inherited: dict[str, _Draft] = next((b._drafts for b in bases if hasattr(b, "_drafts")), {})
        cls._drafts = inherited | {key: draft for key, draft in attrs.items() if isinstance(draft, _Draft)}
        for attribute, draft in cls._drafts.items():
            if attribute in attrs:
                setattr(cls, f"do_{draft.fn.__name__}", draft.fn)
            cls._adopt(attribute, draft)  # type: ignore[attr-defined]
        cls._moves = moves.compiled(cls) if cls.states else {}  # type: ignore[arg-type]
        cls._by_event: dict[str, list[Step]] = {}
        for (event, _source), each in cls.steps.items():
            if each not in cls._by_event.setdefault(event, []):
                cls._by_event[event].append(each)


class Flow(StateMachine, metaclass=_FlowType):
    """The base of all workflows. Subclasses set `flow_name`, `noun`, `label`, `table`, `prefix`, `remembers`.

    A workflow may be the base of others, which inherit its states and steps; `forms` gives an inherited event the facts
    of the workflow at hand. `names_people` are columns it remembers that hold lists of people's ids.

    What people meet it by: `label` what a case is called, `about` what the workflow is for, `room` the page of the menu on
    which it stands, `topic` under which its `news` can be had outside the house, `rests` the states in which nothing waits
    for anybody, `labels` of columns that no form asks for, `searched` the columns of plain text in which a search looks.
    `personal` are its sealed columns about the customer, shown to those who read the case `in_clear` and forgotten with them.
    `known_by` are columns by which people who know no code speak of a case (`梅晓琳@2026-03-02` by person and day).
    """

    flow_name: ClassVar[str] = ""
    noun: ClassVar[str] = "case"
    label: ClassVar[str] = ""
    table: ClassVar[type[Any]]
    prefix: ClassVar[str] = ""
    remembers: ClassVar[tuple[str, ...]] = ()
    names_people: ClassVar[tuple[str, ...]] = ()
    timers: ClassVar[tuple[Any, ...]] = ()
    about: ClassVar[str] = ""
    room: ClassVar[str] = ""
    topic: ClassVar[str] = ""
    rests: ClassVar[tuple[str, ...]] = ()
    labels: ClassVar[dict[str, str]] = {}
    searched: ClassVar[tuple[str, ...]] = ()
    personal: ClassVar[tuple[str, ...]] = ()
    known_by: ClassVar[tuple[str, ...]] = ()
    news: ClassVar[tuple[News, ...]] = ()
    forms: ClassVar[dict[str, type[Facts]]] = {}
    steps: ClassVar[dict[tuple[str, str | None], Step]]
    _drafts: ClassVar[dict[str, _Draft]]
    _openers: ClassVar[dict[str, moves.Call]]
    _moves: ClassVar[dict[tuple[str, str], moves.Move]]
    _by_event: ClassVar[dict[str, list[Step]]]

    @classmethod
    def _adopt(cls, name: str, draft: _Draft) -> None:
        options = dict(draft.options)
        event = options.pop("event", None) or name
        hints = get_type_hints(draft.fn)
        sources = tuple(dict.fromkeys(t.source.id for t in draft.edge)) if draft.edge else ()
        made = Step(
            event=event,
            facts=cls.forms.get(event) or hints.get("facts", NoFacts),
            doc=inspect.getdoc(draft.fn) or "",
            sources=sources,
            target=next(t.target.id for t in draft.edge) if draft.edge else "",
            label=options.pop("label"),
            guards=_tuple(options.pop("guards", ())),
            starts=_tuple(options.pop("starts", ())),
            announces=tuple(
                cls.flow_name + fact if fact.startswith(".") else fact
                for fact in _tuple(options.pop("announces", ()))
            ),
            then=_tuple(options.pop("then", ())),
            **options,
        )
        if draft.edge is None:
            cls._openers[event] = moves.called(draft.fn)
        for source in sources or (None,):
            cls.steps[event, source] = made

    @classmethod
    def by_event(cls) -> dict[str, list[Step]]:
        """Every event with its steps (most have one), in the order they are written."""
        return cls._by_event

    @classmethod
    def serial(cls, event: str) -> bool:
        return any(s.serial for s in cls.by_event().get(event, ()))

    @classmethod
    def state_label(cls, state: str) -> Text:
        """What a state is called; one that only newer code knows by its name in the books."""
        return Text(cls.states_map[state].name if state in cls.states_map else state)

    @classmethod
    def begins(cls) -> str:
        """The state in which every case begins."""
        assert cls.initial_state
        return str(cls.initial_state.id)

    @classmethod
    def fire(cls, case: Any, event: str, **injected: Any) -> None:
        """Move the case through its machine; raises `TransitionNotAllowed` on an illegal event."""
        moves.fire(cls._moves, cls, case, event, {"self": cls, cls.noun: case, **injected})

    @classmethod
    def initiate(cls, case: Any, event: str, **injected: Any) -> None:
        """Begin a case in the machine's initial state."""
        case.state = cls.begins()
        cls._openers[event]({cls.noun: case, "self": cls, **injected})

    @classmethod
    @cache
    def told(cls) -> dict[str, News]:
        """What people are told of its facts, by the whole name of each."""
        return of_flow(cls.flow_name, cls.news)

    @classmethod
    def seen_by(cls, actor: Any) -> Any:
        """The SQL condition of the cases this actor may see; nobody sees anything until the flow says who does."""
        return false()

    @classmethod
    def in_clear(cls, actor: Any, case: Any) -> bool:
        """Whether this actor, who may see the case, reads in it what is about the customer; nobody does until the flow says who."""
        return False

    @classmethod
    def gains(cls, case: Any, facts: Facts) -> set[int]:
        """Whom the case benefits: they cannot approve anything on it (four eyes)."""
        return set()

    @classmethod
    def shown(cls, session: Any, case: Any, at: Any) -> dict[str, str]:
        """What stands on a screen at this instant, to be read off it and told with an event; by field."""
        return {}

    @classmethod
    def tells(cls, case: Any) -> dict[str, Any]:
        """What a fact about this case says to the outside; nothing personal."""
        return {}


__all__ = ["Facts", "Flow", "Guard", "NoFacts", "State", "Step", "guard", "opening", "step"]
