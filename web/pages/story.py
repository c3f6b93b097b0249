"""What happened to a case and what will happen by itself, told in the reader's language: one line per step, request, decision
and timer."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, get_args

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.remembered import Approval, History, Timer
from web.pages.fields import field_of, in_words, told
from web.pages.words import event_name, moment, said, state_name, yuan
from workflows.approval import known
from workflows.engine.actor import ROLES
from workflows.engine.flow import Flow
from workflows.flows import FLOWS
from workflows.lead import LeadFlow
from workflows.views import approval_view, history_of, history_view, names, timers_of
from workflows.words import _

RESULTS = {
    "replaced": _("replaced by a newer one"),
    "cancelled": _("no longer needed"),
    "taken": _("happened"),
    "told": _("told"),
    "nothing to remind of": _("nothing to remind of any more"),
}


@dataclass(slots=True)
class Happening:
    """One thing that happened: when, what, by whom, and what was said with it. `kind` is `step`, `request`, `decision`, and
    in a case file `case`, `message` or `money`; `link` an address and what it is called."""

    at: datetime
    title: str
    by: str
    kind: str = "step"
    approved_by: str | None = None
    source: str | None = None
    target: str | None = None
    facts: list[tuple[str, str]] = field(default_factory=list)
    sealed: bool = False
    why: str = ""
    seq: int | None = None
    link: tuple[str, str] | None = None


@dataclass(slots=True)
class Coming:
    """A timer: what it will do, when, and unless what; or what became of it."""

    timer: Timer
    label: str
    then: str
    unless: str
    result: str


def who_said(name: str | None) -> str:
    """A person's name, or what the clock and the web form are called."""
    return said(ROLES[name]) if name in ("clock", "public") else name or "—"


def happenings(session: Session, flow: type[Flow], code: str, *, clear: bool) -> list[Happening]:
    """Everything that happened to a case, the latest first."""
    rows = history_of(session, flow.flow_name, code)
    timers = {timer.id: timer for timer in timers_of(session, flow.flow_name, code)}
    told = [_step(session, flow, row, timers, clear=clear) for row in rows]
    told += [
        each
        for approval in approvals_of(session, flow.flow_name, code)
        for each in _request(session, approval, clear=clear)
    ]
    return sorted(told, key=lambda h: (h.at, h.kind == "step", h.seq or 0), reverse=True)


def approvals_of(session: Session, flow: str, code: str) -> list[Approval]:
    """The requests about a case, in order."""
    mine = select(Approval).where(Approval.flow == flow, Approval.case_code == code, known())
    return list(session.scalars(mine.order_by(Approval.id)))


def _step(
    session: Session, flow: type[Flow], row: History, timers: dict[int, Timer], *, clear: bool
) -> Happening:
    view = history_view(session, row, clear=clear)
    moved = row.source != row.target
    happened = Happening(
        at=row.at,
        title=event_name(row.event, flow.flow_name),
        by=who_said(view["by"]),
        approved_by=view["approved_by"],
        source=state_name(row.source, flow.flow_name) if moved and row.source else None,
        target=state_name(row.target, flow.flow_name) if moved else None,
        facts=facts_said(flow, row.event, row.source, view["facts"]),
        sealed=bool(row.private) and not clear,
        seq=row.seq,
    )
    for name in ("holder_id", "offered_to_id"):
        if row.changes.get(name) and row.event not in ("offer", "appoint", "reassign"):
            label = said(_("Holder")) if name == "holder_id" else said(_("Offered to"))
            happened.facts.append((label, names(session).get(row.changes[name], "—")))
    if noted := row.facts.get("noted_at"):
        happened.facts.append(_both_times(noted, row.at))
    if flow is not LeadFlow and row.source is not None:
        happened.facts += _consequences(session, flow, row)
    if row.timer_id in timers:
        timer = timers[row.timer_id]
        text = _(
            "By itself: this clock ran since %(since)s and was due %(due)s (policy version %(version)s)."
        )
        happened.why = said(
            text, since=moment(timer.started_at), due=moment(timer.due_at), version=timer.policy_version
        )
    return happened


def _both_times(noted: str, arrived: datetime) -> tuple[str, str]:
    """When a capture was written down, as the phone said, and when it arrived, as we know."""
    text = said(
        _("%(noted)s, arrived %(arrived)s"),
        noted=moment(datetime.fromisoformat(noted)),
        arrived=moment(arrived),
    )
    return said(_("Written down on the phone")), text


def _consequences(session: Session, flow: type[Flow], row: History) -> list[tuple[str, str]]:
    """What else an event changed: columns that were not told with it, and do not only say by whom and when."""
    changed = {
        column: value
        for column, value in row.changes.items()
        if column not in row.facts and not column.endswith(("_by_id", "_at")) and told(flow, column, value)
    }
    fields = [field_of(session, flow, column, value) for column, value in changed.items()]
    return [(each.label, each.text) for each in fields]


def _request(session: Session, approval: Approval, *, clear: bool) -> list[Happening]:
    """What was asked for, and how it was decided; an approved one is told by the step that happened."""
    view = approval_view(session, approval, clear=clear)
    label = event_name(approval.event, approval.flow)
    facts = facts_said(FLOWS[approval.flow], approval.event, None, view["data"])
    asked = said(_("Asked for approval: %(event)s"), event=label)
    told = [Happening(approval.requested_at, asked, view["requested_by"] or "—", "request", facts=facts)]
    decided = {
        "rejected": _("Not approved: %(event)s"),
        "withdrawn": _("Request withdrawn: %(event)s"),
        "expired": _("Request overtaken: %(event)s"),
    }.get(approval.state)
    if decided and approval.decided_at:
        notes = [(said(_("Note")), text) for text in (approval.note, approval.reason) if text]
        by = view["decided_by"] or said(ROLES["clock"])
        told.append(Happening(approval.decided_at, said(decided, event=label), by, "decision", facts=notes))
    return told


def facts_said(
    flow: type[Flow], event: str, source: str | None, facts: dict[str, Any]
) -> list[tuple[str, str]]:
    """What was told with an event, as labels and values that people read."""
    step = flow.steps.get((event, source)) or next(iter(flow.by_event().get(event, [])), None)
    found = []
    for name, value in facts.items():
        info = step.facts.model_fields.get(name) if step else None
        extra = info.json_schema_extra if info and isinstance(info.json_schema_extra, dict) else {}
        if (
            value is None
            or value is False
            or value == ""
            or extra.get("hidden")
            or (info and get_args(info.annotation) == (True,))
        ):
            continue
        found.append((said(info.title) if info and info.title else name, _value(name, value, extra)))
    return found


def _value(name: str, value: Any, extra: dict[str, Any]) -> str:
    choices: Any = extra.get("choices")
    if isinstance(choices, dict) and isinstance(value, str) and value in choices:
        return said(choices[value])
    if name == "phone":
        return str(value).removeprefix("+86")
    if name.endswith("_fen"):
        return yuan(int(value))
    return said(_("no answer")) if value == "no_answer" else in_words(name, value)


def comings(session: Session, flow: type[Flow], code: str) -> list[Coming]:
    """The timers of a case, those that run first."""
    rules = {rule.name: rule for rule in flow.timers}
    found = []
    for timer in timers_of(session, flow.flow_name, code):
        rule = rules.get(timer.name)
        label, then, unless = (rule.label, rule.then, rule.unless) if rule else (timer.name, "", "")
        result = said(RESULTS.get(timer.result or "", timer.result or "")) if timer.state != "pending" else ""
        found.append(Coming(timer, said(label), said(then), said(unless), result))
    return found
