"""What the workflows say about themselves: states, events, who may, data, timers, and the picture; all read off the
machines, so that it is never out of date."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response

from web.api import schemas
from web.api.answers import answer
from web.api.cases import base, taken_by_people
from web.api.problems import locale
from web.api.schemas import both
from workflows import drawing
from workflows.engine.flow import Flow, Step
from workflows.engine.refusal import not_found
from workflows.engine.who import AnyOf, Who
from workflows.flows import FLOWS
from workflows.words import _


def listed() -> Response:
    found = [
        {"name": name, "label": both(flow.label), "href": f"/api/v1/workflows/{name}"}
        for name, flow in FLOWS.items()
    ]
    return answer({"items": found})


def shown(name: str) -> Response:
    flow = _named(name)
    steps = [step for each in flow.by_event().values() for step in each]
    return answer(
        {
            "name": name,
            "label": both(flow.label),
            "cases": f"/api/v1/{base(flow)}",
            "picture": f"/api/v1/workflows/{name}/picture.svg",
            "states": [
                {"name": s.id, "label": both(s.name), "initial": bool(s.initial), "final": bool(s.final)}
                for s in flow.states
            ],
            "events": [_event(flow, step) for step in steps if taken_by_people(step)],
            "automatic": [_event(flow, step) for step in steps if not taken_by_people(step)],
            "timers": [_timer(timer) for timer in flow.timers],
        }
    )


def _named(name: str) -> type[Flow]:
    if name not in FLOWS:
        raise not_found(_("workflow"))
    return FLOWS[name]


def _event(flow: type[Flow], step: Step) -> dict[str, Any]:
    return {
        "name": step.event,
        "label": both(step.label),
        "doc": step.doc,
        "from": list(step.sources),
        "to": step.target or next(s.id for s in flow.states if s.initial),
        "who": _who(step.by),
        "approval": _who(step.approved_by) if step.approved_by else None,
        "fields": schemas.of_facts(step.facts),
        "guards": [
            {"name": guard.name, "says": both(guard.reason), "code": guard.code} for guard in step.guards
        ],
        "starts": [timer.name for timer in step.starts],
        "announces": list(step.announces),
    }


def _who(who: Who | AnyOf) -> list[dict[str, Any]]:
    return [{"key": part.key, "label": both(part.label), "roles": sorted(part.roles)} for part in who.parts]


def _timer(timer: Any) -> dict[str, Any]:
    return {
        "name": timer.name,
        "label": both(timer.label),
        "event": timer.event or None,
        "fact": timer.fact or None,
        "waits_for": timer.waits_for,
    }


def picture(name: str) -> Response:
    """The machine as an SVG picture. Its styles are its own, and nothing in it runs."""
    drawn = Response(
        drawing.svg(_named(name), locale=locale(), standalone=True), content_type="image/svg+xml"
    )
    drawn.headers["Content-Security-Policy"] = (
        "default-src 'none'; style-src 'unsafe-inline'; sandbox; frame-ancestors 'none'"
    )
    return drawn


def attach(api: Blueprint) -> None:
    api.add_url_rule("/workflows", "workflows", listed, methods=["GET"])
    api.add_url_rule("/workflows/<name>", "workflow", shown, methods=["GET"])
    api.add_url_rule("/workflows/<name>/picture.svg", "picture", picture, methods=["GET"])
