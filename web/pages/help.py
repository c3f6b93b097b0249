"""Help from the workflows' own words: every state, what may happen in it, who may, whose consent it needs, when it is refused, and
what the clock does. Nothing here is written twice: a rule that changes changes its help."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta

from flask import Blueprint, abort

from web.pages.cases import picture
from web.pages.sessions import signed_in
from web.pages.show import Desk, look, show
from web.pages.words import locale, said, span
from workflows import policy as policies
from workflows.engine import Flow
from workflows.engine.flow import Step
from workflows.engine.timing import Timer
from workflows.engine.who import AnyOf, Who
from workflows.flows import FLOWS
from workflows.words import _

page = Blueprint("help", __name__)
VALUE = re.compile(r"%\((\w+)\)s")


@dataclass(frozen=True, slots=True)
class Happening:
    """An event as it may be taken in one state: what it leads to, who may, whose consent, what is told, when it is refused."""

    label: str
    target: str
    who: list[str]
    consent: list[str]
    by_clock: bool
    told: list[str]
    refused: list[str]


@dataclass(frozen=True, slots=True)
class Clock:
    """A timer as the present policy has it: what it is called, when it is due, and what it does unless what."""

    label: str
    due: str
    then: str
    unless: str


@page.get("/help")
@signed_in()
def contents() -> str:
    """All workflows, with the states of each."""
    with look():
        return show("help.html", flows=FLOWS)


@page.get("/help/<flow>")
@signed_in()
def of_flow(flow: str) -> str:
    """One workflow: its picture, its states with what may happen in each, its clocks."""
    machine = FLOWS.get(flow) or abort(404)
    with look() as desk:
        states = list(machine.states_map.values())
        return show(
            "help_flow.html",
            flow=machine,
            picture=picture(machine, "", locale()),
            opening=[_happening(machine, s) for s in machine.steps.values() if s.opens and not s.automatic],
            states=[(state, _in_state(machine, state.id)) for state in states],
            clocks=_clocks(desk, machine),
        )


def _in_state(flow: type[Flow], state: str) -> list[Happening]:
    return [_happening(flow, each) for (_event, source), each in flow.steps.items() if source == state]


def _happening(flow: type[Flow], each: Step) -> Happening:
    return Happening(
        label=said(each.label),
        target=said(flow.states_map[each.target].name) if each.target else "",
        who=_people(each.by),
        consent=_people(each.approved_by) if each.approved_by else [],
        by_clock=each.automatic or each.by.roles == {"clock"},
        told=[said(field.title) for field in each.facts.model_fields.values() if field.title],
        refused=[VALUE.sub("…", said(guard.reason)) for guard in each.guards],
    )


def _people(who: Who | AnyOf) -> list[str]:
    return [said(part.label) for part in who.parts]


def _clocks(desk: Desk, flow: type[Flow]) -> list[Clock]:
    numbers = policies.in_force(desk.session, desk.at)
    found = {}
    for timer in flow.timers:
        length: timedelta = timer.after(desk.at, numbers, desk.zone) - desk.at
        after = _after(timer, length)
        found[timer.name, length] = Clock(said(timer.label), after, said(timer.then), said(timer.unless))
    return list(found.values())


def _after(timer: Timer, length: timedelta) -> str:
    """When a timer is due, in words: so long after its beginning, or before or after what it is reckoned from."""
    if timer.anchor is None:
        return said(_("after %(span)s"), span=span(length))
    what = said(timer.anchor.label)
    if not length:
        return said(_("when %(what)s"), what=what)
    text = _("%(span)s after %(what)s") if length > timedelta(0) else _("%(span)s before %(what)s")
    return said(text, span=span(length), what=what)
