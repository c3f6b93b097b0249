"""Days played one after the other in one process."""

from __future__ import annotations

import gc
import traceback
from collections.abc import Iterable
from typing import Any

from tests.simulation import checker, house
from tests.simulation.ground import opened
from tests.simulation.seen import Seen
from tests.simulation.world import World


def play(inside: house.House, seed: int, seen: Seen, loud: bool = False) -> None:
    """One day, and the check of it. Raises what is not right."""
    world = World(inside, seed, seen, print if loud else None)
    try:
        world.play()
        checker.check(world)
    finally:
        world.stage.close()
    seen.days[world.engine.dialect.name] += 1


def run(kind: str, address: str, seeds: Iterable[int], told: Any) -> None:
    """Play these days in this process; `told` is put what each ten came to, and what went wrong."""
    with opened(kind, address) as ground, house.opened(ground) as inside:
        seen, played = Seen(), 0
        gc.disable()  # a day leaves little behind, and looking for it all the time costs a tenth of the time
        for seed in seeds:
            try:
                play(inside, seed, seen)
            except BaseException as wrong:
                if isinstance(wrong, KeyboardInterrupt):
                    raise
                told.put(("wrong", seed, traceback.format_exc()))
            played += 1
            if played == 10:
                told.put(("played", played, seen))
                seen, played = Seen(), 0
                gc.collect()
        told.put(("ended", played, seen))
