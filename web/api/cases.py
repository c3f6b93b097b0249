"""The same shape for every workflow: list, open, show, take an event, history, timers. A workflow that is added to
`workflows.flows.FLOWS` appears here by itself."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

from flask import Blueprint, Response
from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from web.api import limits
from web.api.answers import answer, look, write
from web.api.asking import CODE, actor, body, cursor, cursor_of, one_of, page_size, text_field, version
from web.app import now
from workflows import views
from workflows.engine.flow import Flow, Step
from workflows.engine.refusal import not_found
from workflows.engine.take import Ask, take
from workflows.flows import FLOWS


def base(flow: type[Flow]) -> str:
    """Where a workflow lives under /api/v1: `/leads`, and all others under their name."""
    return "leads" if flow.flow_name == "lead" else flow.flow_name


def taken_by_people(step: Step) -> bool:
    """Whether people take this step, not only the house or the clock by itself."""
    return not step.automatic and bool(step.by.roles - {"clock", "public"})


@cache
def openings_of(flow: type[Flow]) -> tuple[str, ...]:
    """The events with which people open a case of this workflow. Most have one: it is asked for where the cases are listed,
    any other one under `begin`."""
    steps = flow.by_event().items()
    return tuple(event for event, each in steps if any(s.opens and taken_by_people(s) for s in each))


def opening_of(flow: type[Flow]) -> str | None:
    """The first of them, if there is any."""
    return next(iter(openings_of(flow)), None)


def events_of(flow: type[Flow]) -> dict[str, list[Step]]:
    """The events that people take on a case, with their steps."""
    found = {
        e: [s for s in steps if not s.opens and taken_by_people(s)] for e, steps in flow.by_event().items()
    }
    return {event: steps for event, steps in found.items() if steps}


def one(session: Session, flow: type[Flow], code: str) -> Any:
    """The case under this code, as far as the caller may see it; raises `Refused` (not_found)."""
    case = views.visible(session, flow, actor(), code) if CODE.fullmatch(code) else None
    if case is None:
        raise not_found(flow.label)
    return case


def page(session: Session, flow: type[Flow], where: Sequence[ColumnElement[bool]] = ()) -> dict[str, Any]:
    """One page of the cases the caller may see, newest first, by keyset: `next` continues it, however much is added."""
    size, after, table = page_size(), cursor(), flow.table
    wanted = select(table).where(flow.seen_by(actor()), *where).order_by(table.id.desc()).limit(size + 1)
    rows = list(session.scalars(wanted.where(table.id < after) if after is not None else wanted).unique())
    shown = views.case_views(session, actor(), flow, rows[:size])
    return {"items": shown, "next": cursor_of(rows[size - 1].id) if len(rows) > size else None}


def listed(flow: type[Flow]) -> Response:
    state = one_of("state", {s.id for s in flow.states})
    where = [flow.table.state == state] if state else []
    return look(lambda session: page(session, flow, where))


def shown(flow: type[Flow], code: str) -> Response:
    return look(lambda session: views.case_view(session, actor(), flow, one(session, flow, code)))


def opened(flow: type[Flow], event: str) -> Response:
    """Begin a case; `project` beside the event's data names another project than the company's first."""
    facts = body()
    limits.stop_guessing(event)

    def work(session: Session) -> tuple[dict[str, Any], int]:
        given = dict(facts)
        project = text_field(given, "project", 40)
        taken = take(session, Ask(flow, event, actor(), now(session), facts=given, project=project))
        return views.case_view(session, actor(), flow, taken.case), 201

    with limits.counting_conflicts(event):
        return write(work)


def event_taken(flow: type[Flow], code: str, event: str) -> Response:
    """Take an event on a case: the case as it stands then, or the approval that was opened instead."""
    facts, seen = body(), version()

    def work(session: Session) -> tuple[dict[str, Any], int]:
        if not CODE.fullmatch(code):
            raise not_found(flow.label)
        taken = take(session, Ask(flow, event, actor(), now(session), code=code, facts=facts, version=seen))
        session.flush()
        if taken.approval is not None:
            return {"approval": views.case_view(session, actor(), FLOWS["approval"], taken.approval)}, 202
        return views.case_view(session, actor(), flow, taken.case), 200

    return write(work)


def history(flow: type[Flow], code: str) -> Response:
    def work(session: Session) -> dict[str, Any]:
        case = one(session, flow, code)
        clear = views.reads_clear(session, actor(), flow, case)
        rows = views.history_of(session, flow.flow_name, case.code)
        return {"items": [views.history_view(session, row, clear=clear) for row in rows]}

    return look(work)


def timers(flow: type[Flow], code: str) -> Response:
    def work(session: Session) -> dict[str, Any]:
        case = one(session, flow, code)
        return {
            "items": [
                views.timer_view(timer) for timer in views.timers_of(session, flow.flow_name, case.code)
            ]
        }

    return look(work)


def attach(api: Blueprint) -> None:
    """Routes for every workflow. Leads have a list and a view of their own in `leads`."""
    for flow in FLOWS.values():
        at, name, only = f"/{base(flow)}", flow.flow_name, {"flow": flow}
        if name != "lead":
            api.add_url_rule(at, f"{name}_list", listed, defaults=only, methods=["GET"])
            api.add_url_rule(f"{at}/<code>", f"{name}_one", shown, defaults=only, methods=["GET"])
        for number, event in enumerate(openings_of(flow)):
            where, called = (f"{at}/begin/{event}", f"{name}_{event}") if number else (at, f"{name}_open")
            begun = only | {"event": event}
            api.add_url_rule(where, called, opened, defaults=begun, methods=["POST"])
        api.add_url_rule(f"{at}/<code>/history", f"{name}_history", history, defaults=only, methods=["GET"])
        api.add_url_rule(f"{at}/<code>/timers", f"{name}_timers", timers, defaults=only, methods=["GET"])
        api.add_url_rule(
            f"{at}/<code>/<event>", f"{name}_event", event_taken, defaults=only, methods=["POST"]
        )


__all__ = ["answer", "attach", "base", "events_of", "one", "opening_of", "openings_of", "page"]
