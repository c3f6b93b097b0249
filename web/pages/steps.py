"""The form of any event of any workflow, made from its facts, and what happens when it is sent."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from flask import Blueprint, abort, redirect, request, url_for

from web.pages.asking import STATUS, submit
from web.pages.device import device
from web.pages.forms import facts_of, form_for, put_errors
from web.pages.sessions import local, signed_in
from web.pages.show import Desk, case_url, look, show
from web.pages.words import locale
from workflows.engine import Flow, Refused
from workflows.engine.flow import Step
from workflows.flows import FLOWS
from workflows.lead import LeadFlow, entitled
from workflows.money.months import month_of
from workflows.views import Choice, choices, visible
from workflows.words import Text, _

page = Blueprint("steps", __name__)
# Openings that have a form of their own.
BEGINS = {
    ("split", "divide"): "team.mine",
    ("policy", "draft"): "policies.draft",
    ("dispute", "open_dispute"): "statement.missing",
}


def _flow(name: str) -> type[Flow]:
    return FLOWS.get(name) or abort(404)


def _case(desk: Desk, flow: type[Flow], code: str) -> Any:
    return visible(desk.session, flow, desk.actor, code) or abort(404)


def _back(flow: str, code: str | None) -> str:
    """Where to go on to: where the reader came from, else the case's own page, else the cases of this workflow."""
    own = case_url(flow, code) if code else "/" if flow == "lead" else url_for("cases.cases", flow=flow)
    return local(request.values.get("next"), own)


def begin_url(flow: str, event: str, **given: str) -> str:
    """The form of an event that begins a case; `given` are first values of its fields."""
    own = BEGINS.get((flow, event))
    return url_for(own) if own else url_for("steps.begin", flow=flow, event=event, **given)  # type: ignore[arg-type]


@page.get("/do/<flow>/<code>/<event>")
@signed_in()
def ask(flow: str, code: str, event: str) -> Any:
    """The form of an event, or why it is closed."""
    with look() as desk:
        case = _case(desk, _flow(flow), code)
        choice = next((c for c in choices(_flow(flow), desk.actor, case) if c.event == event), None)
        if choice is None:
            abort(404)
        return _form(desk, _flow(flow), choice, case)


@page.get("/do/<flow>/begin/<event>")
@signed_in()
def begin(flow: str, event: str) -> Any:
    """The form of an event that begins a case. The address may bring first values of its fields."""
    if (flow, event) in BEGINS:
        return redirect(begin_url(flow, event))
    with look() as desk:
        return _form(desk, _flow(flow), _beginning(desk, flow, event), None)


def _beginning(desk: Desk, flow: str, event: str) -> Choice:
    """The event that begins a case as this reader meets it: open to them, or not."""
    step = _opening(flow, event)
    if step.by.allows(desk.actor, _flow(flow).table()):
        return Choice(event, step, True, False, None)
    who = Text(" / ".join(f"%(w{i})s" for i, _part in enumerate(step.by.parts)))
    named = {f"w{i}": Text(part.label) for i, part in enumerate(step.by.parts)}
    return Choice(event, step, False, False, Text(_("Only: %(who)s."), {"who": Text(who.msgid, named)}))


def _opening(flow: str, event: str) -> Step:
    found = _flow(flow).by_event().get(event, [])
    return next((s for s in found if s.opens and not s.automatic), None) or abort(404)


def _rewrites(case: Any, facts: Iterable[str]) -> bool:
    """Whether an event puts new values into columns of the case, and nothing else: then the present ones are shown."""
    return all(name in case.__table__.columns for name in facts)


def _offered(desk: Desk, facts: Iterable[str]) -> dict[str, Any]:
    """First values that the address brings; a month is the present one."""
    given = {name: request.args[name][:80] for name in facts if request.args.get(name)}
    return {"month": month_of(desk.at, desk.zone), "since": month_of(desk.at, desk.zone)} | given


def _known(desk: Desk, flow: type[Flow], case: Any, facts: Iterable[str]) -> dict[str, Any]:
    """What the case says already and the form asks again; of a customer only to those who read it in clear."""
    if flow is not LeadFlow:
        return {name: _typed(desk, getattr(case, name)) for name in facts} if _rewrites(case, facts) else {}
    if not entitled(desk.actor, case):
        return {"party_size": 1}
    return {"party_size": 1} | {
        name: getattr(case, name) for name in ("demand", "intent", "budget_fen", "area_m2")
    }


def _typed(desk: Desk, value: Any) -> Any:
    """A value as it stands in a form: instants in company time."""
    return value.astimezone(desk.zone) if isinstance(value, datetime) else value


def _form(desk: Desk, flow: type[Flow], choice: Choice, case: Any, refusal: Refused | None = None) -> Any:
    step = choice.step
    names = step.facts.model_fields
    given = {} if refusal else _known(desk, flow, case, names) if case is not None else _offered(desk, names)
    form = form_for(step.facts, desk.session, desk.at, desk.zone, request.form if refusal else None, **given)
    summary = put_errors(form, refusal.errors) if refusal else []
    stale = refusal is not None and refusal.code == "conflict"
    html = show(
        "step.html",
        flow=flow,
        choice=choice,
        case=case,
        form=form,
        refusal=refusal.detail(locale()) if refusal else "",
        summary=summary,
        version=None if case is None else case.version,
        stale=stale,
        onward=_back(flow.flow_name, case.code if case is not None else None),
    )
    return html, STATUS[refusal.code] if refusal else 200


@page.post("/do/<flow>/<code>/<event>")
@signed_in()
def send(flow: str, code: str, event: str) -> Any:
    """Take the step; a refusal shows the form again with what was typed and what was wrong."""
    the_flow, back = _flow(flow), _back(flow, code)
    with look() as desk:
        case = _case(desk, the_flow, code)
        steps = the_flow.by_event().get(event) or abort(404)
        step = the_flow.steps.get((event, case.state)) or steps[-1]
        facts = facts_of(form_for(step.facts, desk.session, desk.at, desk.zone, request.form), desk.zone)
        facts |= {name: device() for name in step.facts.marked("device")}
    try:
        return submit(the_flow, event, code=code, facts=facts, to=back)
    except Refused as refusal:
        return _refused(the_flow, code, event, refusal)


@page.post("/do/<flow>/begin/<event>")
@signed_in()
def send_opening(flow: str, event: str) -> Any:
    """Begin a case."""
    the_flow, step = _flow(flow), _opening(flow, event)
    with look() as desk:
        facts = facts_of(form_for(step.facts, desk.session, desk.at, desk.zone, request.form), desk.zone)
    try:
        return submit(the_flow, event, facts=facts, to=lambda taken: _back(flow, taken.case.code))
    except Refused as refusal:
        with look() as desk:
            return _form(desk, the_flow, Choice(event, step, True, False, None), None, refusal)


def _refused(flow: type[Flow], code: str, event: str, refusal: Refused) -> Any:
    """The form again, with what was typed; where the case is gone from sight, the refusal as a page."""
    if refusal.code == "not_found":
        raise refusal
    with look() as desk:
        case = visible(desk.session, flow, desk.actor, code)
        choice = (
            next((c for c in choices(flow, desk.actor, case) if c.event == event), None)
            if case is not None
            else None
        )
        if choice is None:
            raise refusal
        return _form(desk, flow, choice, case, refusal)
