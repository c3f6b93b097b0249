"""The engine: `take`, the one path by which anything that has a life changes. Lock, check, change, remember, announce."""

from workflows.engine.actor import CLOCK, PUBLIC, Actor
from workflows.engine.flow import Flow, guard, opening, step
from workflows.engine.refusal import Refused
from workflows.engine.take import Ask, Taken, consider, take

__all__ = [
    "CLOCK",
    "PUBLIC",
    "Actor",
    "Ask",
    "Flow",
    "Refused",
    "Taken",
    "consider",
    "guard",
    "opening",
    "step",
    "take",
]
