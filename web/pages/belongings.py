"""What belongs to a lead, as its page shows it: promises, its sale, what was deducted because of it; and how more is begun. A
workflow that names leads stands here by itself."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import url_for

from web.pages.fields import Field, fields_of
from web.pages.show import Desk
from web.pages.steps import begin_url
from web.pages.words import said
from workflows.belonging import Belonging
from workflows.engine.flow import Flow
from workflows.flows import FLOWS
from workflows.views import reads_clear


@dataclass(frozen=True, slots=True)
class Shown:
    """A case that names the lead, with what it says, and by when something is to be done, while that is still to be done."""

    flow: type[Flow]
    case: Any
    fields: list[Field]
    due: datetime | None


def shown(desk: Desk, mine: Iterable[Belonging]) -> list[Shown]:
    """The cases that belong to a lead, those that are not over first."""
    found = [_shown(desk, flow, case) for flow, case in mine]
    return sorted(found, key=lambda each: _over(each.flow, each.case))


def _shown(desk: Desk, flow: type[Flow], case: Any) -> Shown:
    clear = reads_clear(desk.session, desk.actor, flow, case)
    due = None if _over(flow, case) else getattr(case, "due_at", None)
    fields = fields_of(desk.session, flow, case, clear=clear)
    hidden = ("lead_code", "due_at") if due else ("lead_code",)
    return Shown(flow, case, [field for field in fields if field.name not in hidden], due)


def _over(flow: type[Flow], case: Any) -> bool:
    state = flow.states_map.get(case.state)
    return state is not None and (state.final or state.id in flow.rests)


def openings(desk: Desk, lead: str) -> list[tuple[str, str]]:
    """(label, address of the form) of every way in which this reader may begin a case about the lead."""
    back = url_for("lead.lead", code=lead)
    found = [
        (flow, step, name)
        for flow in FLOWS.values()
        for (_event, source), step in flow.steps.items()
        if source is None and not step.automatic
        for name in step.facts.marked("case", of="lead")
    ]
    return [
        (said(step.label), begin_url(flow.flow_name, step.event, **{name: lead, "next": back}))
        for flow, step, name in found
        if step.by.allows(desk.actor, flow.table())
    ]
