"""The decision table of each workflow tells what its machine tells: on every state and event the same functions run in the
same order, and the case comes to the same state, or both refuse."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from statemachine import State
from statemachine.exceptions import TransitionNotAllowed

from workflows.engine import moves
from workflows.engine.flow import Flow, NoFacts, step
from workflows.engine.who import Clock
from workflows.flows import FLOWS


class Silent:
    """Stands for whatever a step is offered: takes every call."""

    def __getattr__(self, _name: str) -> Any:
        return Silent()

    def __call__(self, *_args: Any, **_named: Any) -> Any:
        return Silent()


def watched(flow: type[Flow], said: list[tuple[str, str]], case: Any, patch: pytest.MonkeyPatch) -> None:
    """Let every function of the flow say its name, and the state in which it found the case, instead of its work."""

    def saying(name: str) -> Callable[[Any], None]:
        return lambda self: said.append((name, case.state))

    for name in dir(flow):
        if name.startswith(("do_", "on_enter_")):
            patch.setattr(flow, name, saying(name))


def by_machine(flow: type[Flow], case: Any, event: str) -> None:
    flow(model=case).send(event, **{flow.noun: case}, facts=Silent(), timers=Silent())


@pytest.mark.parametrize("name", FLOWS)
def test_the_table_tells_what_the_machine_does(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    flow, case = FLOWS[name], SimpleNamespace(state="")
    said: list[tuple[str, str]] = []
    told: dict[str, Any] = {}
    watched(flow, said, case, monkeypatch)
    table, taken = moves.compiled(flow), 0
    for state in flow.states:
        for event in sorted({event for event, source in flow.steps if source}):
            for how in ("machine", "table"):
                case.state = str(state.id)
                said.clear()
                try:
                    if how == "machine":
                        by_machine(flow, case, event)
                    else:
                        moves.fire(table, flow, case, event, {"self": flow})
                except TransitionNotAllowed:
                    told[how] = ["refused"]
                else:
                    told[how] = [*said, ("came to", case.state)]
            assert told["table"] == told["machine"], f"{name}: {event} from {state.id}"
            taken += told["table"] != ["refused"]
    assert taken == len(table) == sum(source is not None for _event, source in flow.steps)


def test_a_machine_that_says_more_than_a_table_can_tell_is_refused() -> None:
    with pytest.raises(TypeError, match="on_exit_ajar"):

        class Hooked(Flow):
            ajar = State(initial=True)
            shut = State(final=True)

            @step(ajar.to(shut), label="Shut", by=Clock)
            def shutting(self, facts: NoFacts) -> None:
                """Leaves the state in which something else is said on the way out."""

            def on_exit_ajar(self) -> None:
                """What no table tells."""
