"""The decision table of a workflow, compiled once from its machine: which event leads from which state where, and which
functions run on the way. Firing the machine itself costs more than all the statements of a step; reading its table costs
nothing, and `tests/rules/test_decision_table.py` holds the two to the same on every state and event.

Only what our workflows write is compiled: a step's own function, and `on_enter_<state>`. A machine that uses more of the
library (conditions, validators, other hooks) is refused when its class is made, so that the table never tells half of it.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from statemachine import Event, StateMachine
from statemachine.exceptions import TransitionNotAllowed

Call = Callable[[Mapping[str, Any]], None]


@dataclass(frozen=True, slots=True)
class Move:
    """One transition: where it leads (nowhere else, if internal), what runs before the new state stands, and what after."""

    target: str | None
    on: tuple[Call, ...]
    enter: tuple[Call, ...]


def called(function: Callable[..., None]) -> Call:
    """A function whose parameters are found by name among what is offered."""
    names = tuple(inspect.signature(function).parameters)
    return lambda offered: function(**{name: offered[name] for name in names})


def compiled(machine: type[StateMachine]) -> dict[tuple[str, str], Move]:
    """The table of this machine. Raises `TypeError` where it uses what a table cannot tell."""
    found: dict[tuple[str, str], Move] = {}
    for state in machine.states:
        for transition in state.transitions:
            _tells_all(machine, transition)
            internal, target = bool(transition.internal), transition.target
            move = Move(
                None if internal else str(target.id),
                _functions(machine, transition.on),
                () if internal else _functions(machine, target.enter),
            )
            for event in transition.events:
                found[str(event.id), str(state.id)] = move
    return found


def fire(
    moves: Mapping[tuple[str, str], Move],
    machine: type[StateMachine],
    case: Any,
    event: str,
    offered: Mapping[str, Any],
) -> None:
    """Move a case by its table, its functions offered all this by name; raises `TransitionNotAllowed` on an illegal event,
    like the machine."""
    move = moves.get((event, case.state))
    if move is None:
        raise TransitionNotAllowed(Event(id=event, name=event), {machine.states_map[case.state]})
    for call in move.on:
        call(offered)
    if move.target is not None:
        case.state = move.target
    for call in move.enter:
        call(offered)


def _functions(machine: type[StateMachine], specs: Iterable[Any]) -> tuple[Call, ...]:
    return tuple(called(getattr(machine, spec.func)) for spec in specs if hasattr(machine, spec.func))


def _tells_all(machine: type[StateMachine], transition: Any) -> None:
    hooks = (transition.before, transition.after, transition.source.exit)
    named = [spec.func for specs in hooks for spec in specs if hasattr(machine, spec.func)]
    asked = [spec.func for specs in (transition.cond, transition.validators) for spec in specs]
    if named or asked:
        raise TypeError(f"{machine.__name__}: {', '.join(map(str, named + asked))} has no place in a step")
