"""The cases of any workflow: a list, and a page for each with what is known, what happened, what will happen by itself and
what may be done. Everything on them comes from the workflow; leads, approvals and months have pages of their own."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

from flask import Blueprint, abort, redirect, request, url_for
from markupsafe import Markup
from sqlalchemy import func, select

from models.people import Person
from models.remembered import Approval
from web.pages.fields import Field, columns_shown, field_of, fields_of, label_of, told
from web.pages.sessions import signed_in
from web.pages.show import Desk, case_url, look, show
from web.pages.statement import anchor
from web.pages.steps import begin_url
from web.pages.story import approvals_of, comings, happenings
from web.pages.words import locale, month_name, said
from workflows import drawing, verify
from workflows.approval import ApprovalFlow
from workflows.engine.flow import Flow
from workflows.flows import FLOWS
from workflows.money.statements import may_see
from workflows.rooms import ROOMS
from workflows.views import Choice, choices, history_of, may_decide, names, reads_clear, visible

page = Blueprint("cases", __name__)
PAGE = 30
ELSEWHERE = {"lead": "leads.everything", "approval": "inbox.inbox", "month": "months.months"}


@dataclass(frozen=True, slots=True)
class Row:
    """A case in a list: its code and state, and its columns in words."""

    case: Any
    url: str
    fields: list[Field | None]


def _flow(name: str) -> type[Flow]:
    return FLOWS.get(name) or abort(404)


@page.get("/cases/<flow>")
@signed_in()
def cases(flow: str) -> Any:
    """The cases of a workflow that one may see, the newest first."""
    the_flow = _flow(flow)
    if flow in ELSEWHERE:
        return redirect(url_for(ELSEWHERE[flow]))
    with look() as desk:
        state, key = request.args.get("state", ""), request.args.get("after", "")
        numbers = _numbers(desk, the_flow)
        table = the_flow.table
        wanted = select(table).where(the_flow.seen_by(desk.actor)).order_by(table.id.desc()).limit(PAGE + 1)
        if state in numbers:
            wanted = wanted.where(table.state == state)
        if key.isdecimal() and len(key) < 19:
            wanted = wanted.where(table.id < int(key))
        found = list(desk.session.scalars(wanted).unique())
        columns = columns_shown(the_flow, found[:PAGE])
        rest = (
            url_for("cases.cases", flow=flow, state=state or None, after=found[PAGE - 1].id)
            if found[PAGE:]
            else None
        )
        return show(
            "cases.html",
            flow=the_flow,
            room=room_url(the_flow),
            labels=[label_of(the_flow, column) for column in columns],
            rows=[_row(desk, the_flow, case, columns) for case in found[:PAGE]],
            state=state,
            numbers=numbers,
            openings=openings(desk, the_flow),
            first=url_for("cases.cases", flow=flow, state=state or None) if key else None,
            following=rest,
        )


def _numbers(desk: Desk, flow: type[Flow]) -> dict[str, int]:
    """How many cases stand in each state, in the order of the workflow."""
    counted = (
        select(flow.table.state, func.count()).where(flow.seen_by(desk.actor)).group_by(flow.table.state)
    )
    found: dict[str, int] = dict(desk.session.execute(counted).all())
    return {state.id: found[state.id] for state in flow.states if state.id in found}


def room_url(flow: type[Flow]) -> tuple[str, str] | None:
    """The address of the room in which a workflow stands, and what it is called."""
    return (url_for("rooms.room", room=flow.room), ROOMS[flow.room].label) if flow.room else None


def _row(desk: Desk, flow: type[Flow], case: Any, columns: list[str]) -> Row:
    values = [(column, getattr(case, column)) for column in columns]
    fields = [field_of(desk.session, flow, c, value) if told(flow, c, value) else None for c, value in values]
    return Row(case, case_url(flow.flow_name, case.code), fields)


def openings(desk: Desk, flow: type[Flow]) -> list[tuple[str, str]]:
    """(label, address of the form) of every way in which this reader may begin a case of this workflow."""
    blank = flow.table()
    found = [s for (_event, source), s in flow.steps.items() if source is None and not s.automatic]
    return [
        (said(step.label), begin_url(flow.flow_name, step.event))
        for step in found
        if step.by.allows(desk.actor, blank)
    ]


@page.get("/cases/<flow>/<code>")
@signed_in()
def case(flow: str, code: str) -> Any:
    """One case: as much of it as its reader may see."""
    the_flow = _flow(flow)
    with look() as desk:
        found = visible(desk.session, the_flow, desk.actor, code) or abort(404)
        if flow in ELSEWHERE:
            return redirect(_elsewhere(flow, found))
        return _page(desk, the_flow, found)


def _elsewhere(flow: str, found: Any) -> str:
    if flow == "month":
        return url_for("months.month", month=found.month)
    return case_url(flow, found.code)


def _page(desk: Desk, flow: type[Flow], found: Any) -> str:
    pending = [a for a in approvals_of(desk.session, flow.flow_name, found.code) if a.state == "pending"]
    asked = {approval.event for approval in pending}
    offered = choices(flow, desk.actor, found)
    history = history_of(desk.session, flow.flow_name, found.code)
    clear = reads_clear(desk.session, desk.actor, flow, found)
    fields = fields_of(desk.session, flow, found, clear=clear)
    return show(
        "case.html",
        flow=flow,
        case=found,
        title=title(desk, found),
        fields=fields,
        readable=_readable(desk, fields),
        line_url=_line_url(desk, found),
        can=[c for c in offered if c.allowed and c.event not in asked],
        cannot=[c for c in offered if not c.allowed],
        pending=[(approval, decisions(desk, approval)) for approval in pending],
        story=happenings(desk.session, flow, found.code, clear=clear),
        timers=comings(desk.session, flow, found.code),
        intact=not list(verify.prove(flow, found, history)),
        picture=picture(flow, found.state, locale()),
        openings=openings(desk, flow),
    )


def title(desk: Desk, found: Any) -> str:
    """Whom and which month a case is about, as far as it is about any."""
    who = names(desk.session).get(getattr(found, "person_id", None))
    month = getattr(found, "month", None)
    return " · ".join(part for part in (who, month_name(month) if month else None) if part)


def decisions(desk: Desk, approval: Approval) -> list[Choice]:
    """What this reader may do about a request that waits: decide it, or take it back."""
    may = [c for c in choices(ApprovalFlow, desk.actor, approval) if c.allowed]
    decides = may_decide(desk.session, desk.actor, approval)
    return [choice for choice in may if decides or choice.event == "withdraw"]


def _readable(desk: Desk, fields: list[Field]) -> set[str]:
    """Which of the cases that these fields name the reader may see."""
    found: set[str] = set()
    for field in fields:
        if field.codes:
            flow = FLOWS[field.flow]
            mine = select(flow.table.code).where(flow.table.code.in_(field.codes), flow.seen_by(desk.actor))
            found |= set(desk.session.scalars(mine))
    return found


def _line_url(desk: Desk, found: Any) -> str | None:
    """Where the line in dispute stands: in the statement of the person, for those who may read it."""
    line, person_id = getattr(found, "line", None), getattr(found, "person_id", None)
    person = desk.session.get(Person, person_id) if line and person_id else None
    if person is None or not line or not may_see(desk.actor, person):
        return None
    return url_for("statement.of", who=person.id, month=found.month, _anchor=anchor(line))


@cache
def picture(flow: type[Flow], state: str, language: str) -> Markup:
    """The machine with the present state marked; drawn once, for there are few."""
    drawn = drawing.svg(flow, present=state, locale=language)
    return Markup(drawn)  # noqa: S704 (drawn by us from the machine's own names)
