"""The company's policies clause by clause: what each asks, what sees to it, where that is to be seen, and what the committee
ruled on it (S4 五)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Any

from flask import Blueprint, abort, current_app, url_for
from sqlalchemy import func, select

from models.office import Question
from web.pages.fields import number_label, number_said
from web.pages.sessions import signed_in
from web.pages.show import Desk, look, show
from web.pages.steps import begin_url
from web.pages.story import facts_said
from web.pages.words import event_name, moment, said, state_name
from workflows import policy as policies
from workflows.clauses import RULEBOOKS, Clause, Rulebook
from workflows.flows import FLOWS
from workflows.office.question import QuestionFlow
from workflows.scenario import of_ours
from workflows.words import _

page = Blueprint("rulebooks", __name__)
PAGES = {"/access": ("home.access", _("Access log"))}


@dataclass(frozen=True, slots=True)
class Guardian:
    """What sees to a clause: what it is called, where it is explained, and, of a workflow, its running cases."""

    label: str
    url: str | None
    consent: bool = False


@dataclass(frozen=True, slots=True)
class Live:
    """The cases of a workflow that this reader may see and that are not at their end."""

    label: str
    url: str
    count: int


@dataclass(frozen=True, slots=True)
class Line:
    """A clause as it is shown."""

    clause: Clause
    guardians: list[Guardian]
    live: list[Live]
    scenarios: list[tuple[str, str]]
    rulings: list[Question]


@dataclass(frozen=True, slots=True)
class Told:
    """A step of a scenario in words."""

    when: str
    who: str
    what: str
    about: str
    facts: list[tuple[str, str]]
    refused: str


@page.get("/policies")
@signed_in()
def books() -> str:
    """All policies, with how many of their clauses are told here."""
    with look() as desk:
        ruled = _rulings(desk)
        return show(
            "rulebooks.html",
            books=list(RULEBOOKS.values()),
            ruled={number: _of_book(book, ruled) for number, book in RULEBOOKS.items()},
            ask_url=begin_url("question", "pose") if _may_ask(desk) else None,
        )


@page.get("/policies/<number>")
@signed_in()
def book(number: str) -> str:
    """One policy."""
    found = RULEBOOKS.get(number) or abort(404)
    with look() as desk:
        ruled = _rulings(desk)
        counts = _running(desk, found)
        return show(
            "rulebook.html",
            book=found,
            lines=[_line(desk, clause, ruled, counts) for clause in found.clauses],
            whole=ruled.get(found.number, []),
            ask=(lambda clause: begin_url("question", "pose", clause=clause)) if _may_ask(desk) else None,
        )


@page.get("/policies/scenarios/<name>")
@signed_in()
def scenario(name: str) -> str:
    """A scenario: who, when, what, and what comes of it."""
    found = of_ours(name) or abort(404)
    with look() as desk:
        return show(
            "scenario.html",
            name=name,
            scenario=found,
            begins=_when(found["start"], desk.zone),
            people=[_person(each) for each in found.get("people") or []],
            steps=[
                _step(each, desk.zone)
                for each in found.get("steps") or []
                if each.get("do", "wait") != "wait"
            ],
            ends=[
                (called, state_name(end["state"], _flow_of(found, called)))
                for kind in ("leads", "cases")
                for called, end in ((found.get("expect") or {}).get(kind) or {}).items()
                if "state" in end
            ],
            entries=(found.get("expect") or {}).get("ledger") or [],
        )


def _may_ask(desk: Desk) -> bool:
    return QuestionFlow.steps["pose", None].by.allows(desk.actor, None)


def _rulings(desk: Desk) -> dict[str, list[Question]]:
    """What the committee ruled and holds, by clause."""
    wanted = select(Question).where(Question.state == "ruled", QuestionFlow.seen_by(desk.actor))
    found: dict[str, list[Question]] = {}
    for question in desk.session.scalars(wanted.order_by(Question.id)):
        found.setdefault(question.clause, []).append(question)
    return found


def _of_book(book: Rulebook, ruled: dict[str, list[Question]]) -> int:
    numbers = [book.number, *(clause.number for clause in book.clauses)]
    return sum(len(ruled.get(number, [])) for number in numbers)


def _line(desk: Desk, clause: Clause, ruled: dict[str, list[Question]], counts: dict[str, int]) -> Line:
    flows = dict.fromkeys(name for each in clause.by if (name := _flow_in(each)))
    return Line(
        clause,
        [_guardian(desk, each) for each in clause.by],
        [
            Live(said(FLOWS[name].label), url_for("cases.cases", flow=name), counts[name])
            for name in flows
            if counts.get(name)
        ],
        [(name, url_for("rulebooks.scenario", name=name)) for name in clause.shown],
        ruled.get(clause.number, []),
    )


def _flow_in(each: str) -> str:
    """The workflow that something names, or nothing."""
    name = each.replace(":", ".").partition(".")[0]
    return name if name in FLOWS else ""


def _guardian(desk: Desk, each: str) -> Guardian:
    kind, _space, name = each.partition(" ")
    if kind == "policy":
        value = getattr(policies.in_force(desk.session, desk.at), name)
        return Guardian(f"{said(number_label(name))}: {number_said(name, value)}", None)
    if kind == "page":
        endpoint, label = PAGES[name]
        return Guardian(said(label), url_for(endpoint) if endpoint in current_app.view_functions else None)
    flow = FLOWS[_flow_in(each)]
    url = url_for("help.of_flow", flow=flow.flow_name)
    if ":" in each:
        timer = next(timer for timer in flow.timers if timer.name == each.partition(":")[2])
        return Guardian(f"{said(flow.label)}: {said(timer.label)}", url)
    event = each.partition(".")[2]
    if not event:
        return Guardian(said(flow.label), url)
    consent = any(step.approved_by for step in flow.by_event()[event])
    return Guardian(f"{said(flow.label)}: {event_name(event, flow.flow_name)}", url, consent)


def _running(desk: Desk, book: Rulebook) -> dict[str, int]:
    """By workflow, how many of its cases this reader may see that are not at their end."""
    names = {name for clause in book.clauses for each in clause.by if (name := _flow_in(each))}
    found = {}
    for name in names:
        flow = FLOWS[name]
        open_states = [state.id for state in flow.states if not state.final]
        running = select(func.count()).where(flow.table.state.in_(open_states), flow.seen_by(desk.actor))
        found[name] = desk.session.scalar(running.select_from(flow.table)) or 0
    return found


def _person(given: dict[str, Any]) -> tuple[str, Sequence[str], str]:
    return str(given["name"]), [str(role) for role in given.get("roles") or []], str(given.get("team") or "")


def _step(given: dict[str, Any], zone: tzinfo) -> Told:
    flow, do, told = _flow_told(given), str(given["do"]), given.get("with") or {}
    refused = str(given.get("refused", ""))
    readable = flow in FLOWS and refused != "invalid_data"  # what is no sound data is shown as it was typed
    facts = facts_said(FLOWS[flow], do, None, told) if readable else [(k, str(v)) for k, v in told.items()]
    about = given.get("lead") or given.get("case") or given.get("as") or ""
    return Told(
        _when(given.get("at", ""), zone),
        str(given.get("by", "")),
        event_name(do, flow),
        str(about),
        facts,
        refused,
    )


def _when(told: Any, zone: tzinfo) -> str:
    """A time of a scenario as people read it; how long after the step before (`+2h`) stays as it is."""
    try:
        at = datetime.fromisoformat(str(told))
    except ValueError:
        return str(told)
    return moment(at if at.tzinfo else at.replace(tzinfo=zone))


def _flow_told(given: dict[str, Any]) -> str:
    if given.get("flow"):
        return str(given["flow"])
    do = str(given["do"])
    if do in ("join", "leave"):
        return "duty"
    return "approval" if do in ("approve", "reject", "withdraw") else "lead"


def _flow_of(scenario: dict[str, Any], called: Any) -> str:
    """The workflow of the case that a scenario calls so."""
    begun = (each for each in scenario.get("steps") or [] if str(each.get("as")) == str(called))
    return next((_flow_told(each) for each in begun), "lead")
