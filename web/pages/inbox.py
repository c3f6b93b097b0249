"""The approval inbox: what waits for somebody's consent, decided one by one or many at once, each in its own transaction; what
would come of it beforehand, and what happened to a case so far beside it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from flask import Blueprint, abort, redirect, request, url_for

from models.remembered import Approval
from web.pages import many, paging
from web.pages.asking import Sent
from web.pages.fields import fields_of
from web.pages.frozen import spoken
from web.pages.many import Result, Wish
from web.pages.sessions import signed_in
from web.pages.show import Desk, look, show
from web.pages.story import comings, happenings
from web.pages.words import event_name, locale, said
from workflows import hints
from workflows.approval import ApprovalFlow, subject_of
from workflows.boards import requests
from workflows.engine import Flow, Refused, Taken
from workflows.flows import FLOWS
from workflows.lead import LeadFlow
from workflows.views import names, reads_clear
from workflows.words import Text, _

page = Blueprint("inbox", __name__)
DECIDERS = ("leader", "manager", "sales_manager", "finance")
CONCERNED = (*DECIDERS, "member", "consultant", "auditor", "admin")
KIND = "decided"


@dataclass(frozen=True, slots=True)
class Row:
    """A waiting request with its data in words."""

    waiting: requests.Waiting
    data: list[tuple[str, str]]
    customer: str
    hints: list[Text] = field(default_factory=list)

    @property
    def kind(self) -> str:
        """What is asked for: the event, with its workflow where that is not a lead's."""
        return _kind(self.waiting.approval.flow, self.waiting.approval.event)


@dataclass(frozen=True, slots=True)
class Kind:
    """An event that is asked for, and how many requests for it wait."""

    flow: str
    event: str
    count: int

    @property
    def key(self) -> str:
        return _kind(self.flow, self.event)

    @property
    def label(self) -> str:
        return _label(self.flow, self.event)


@page.get("/inbox")
@signed_in(*CONCERNED)
def inbox() -> str:
    """What waits, by kind; one's own requests; what was decided lately."""
    with look() as desk:
        decides = desk.actor.has(*DECIDERS)
        kinds = _kinds(desk) if decides else []
        chosen = next((kind for kind in kinds if kind.key == request.args.get("kind")), None)
        after = paging.read(request.args.get("after", ""))
        about = (chosen.flow, chosen.event) if chosen else None
        waiting, further = requests.to_decide(desk.session, desk.actor, after, about) if kinds else ([], None)
        rows = _with_hints(desk, waiting)
        key = chosen.key if chosen else None
        return show(
            "inbox.html",
            tab="waiting",
            decides=decides,
            kinds=kinds,
            groups=[(kind, each) for kind in kinds if (each := [r for r in rows if r.kind == kind.key])],
            chosen=key,
            first=url_for("inbox.inbox", kind=key) if after else None,
            following=url_for("inbox.inbox", kind=key, after=paging.written(further)) if further else None,
            own=[_row(desk, each) for each in requests.asked_by(desk.session, desk.actor)],
            most=many.MOST,
            overdue=[_row(desk, each) for each in requests.escalated(desk.session, desk.actor, desk.at)]
            if desk.actor.has("auditor")
            else [],
        )


def _with_hints(desk: Desk, waiting: list[requests.Waiting]) -> list[Row]:
    known = hints.hints(desk.session, desk.actor, [each.approval for each in waiting])
    return [replace(_row(desk, each), hints=known[each.approval.code]) for each in waiting]


def _kinds(desk: Desk) -> list[Kind]:
    return [Kind(*each) for each in requests.kinds_to_decide(desk.session, desk.actor)]


def _kind(flow: str, event: str) -> str:
    return event if flow == "lead" else f"{flow}.{event}"


def _label(flow: str, event: str) -> str:
    """An event by its name, with what it is about where that is not a lead."""
    label = event_name(event, flow)
    return label if flow == "lead" else f"{said(FLOWS[flow].label)}: {label}"


def _row(desk: Desk, waiting: requests.Waiting) -> Row:
    approval = waiting.approval
    flow = FLOWS[approval.flow]
    clear = reads_clear(desk.session, desk.actor, flow, waiting.case)
    hidden = set() if clear else waiting.step.facts.marked("private")
    data = {name: value for name, value in approval.frozen.items() if name not in hidden}
    customer = (getattr(waiting.case, "name", None) or "") if clear else ""
    told = spoken(flow, approval.event, data)
    return Row(
        waiting, told if flow is LeadFlow else _with_case(desk, flow, waiting.case, told, clear), customer
    )


def _with_case(
    desk: Desk, flow: type[Flow], case: Any, told: list[tuple[str, str]], clear: bool
) -> list[tuple[str, str]]:
    """What the case says, and what would take its place: `3 → 5`."""
    standing = {field.label: field.text for field in fields_of(desk.session, flow, case, clear=clear)}
    asked = dict(told)
    changed = {
        label: f"{standing[label]} → {text}" if label in standing and standing[label] != text else text
        for label, text in asked.items()
    }
    return list((standing | changed).items())


@page.get("/inbox/decided")
@signed_in(*CONCERNED)
def decided() -> str:
    """What was settled lately, and by whom."""
    with look() as desk:
        after = paging.read(request.args.get("after", ""))
        found, further = requests.decided_lately(desk.session, desk.actor, after)
        return show(
            "inbox_decided.html",
            tab="decided",
            approvals=found,
            names=names(desk.session),
            first=url_for("inbox.decided") if after else None,
            following=url_for("inbox.decided", after=paging.written(further)) if further else None,
        )


@page.post("/inbox")
@signed_in(*DECIDERS)
def decide() -> Any:
    """Approve or reject what was picked. Sent twice, it is decided once and shown twice."""
    event, sent = _decision(), Sent.now()
    wishes = _wishes(event)
    if not sent.once or not wishes:
        return redirect(url_for("inbox.inbox"), 303)
    if not many.known(KIND, sent.once):
        many.keep(KIND, sent, event, many.each(wishes, _told, _refused, sent))
    return redirect(url_for("inbox.results", once=sent.once), 303)


@page.post("/inbox/check")
@signed_in(*DECIDERS)
def check() -> Any:
    """What would come of deciding what was picked; nothing is decided by it."""
    event = _decision()
    wishes = _wishes(event)
    if not wishes:
        return redirect(url_for("inbox.inbox"), 303)
    outcomes = zip(wishes, many.would(wishes, _told), strict=True)
    results = [_refused(wish, found) if isinstance(found, Refused) else found for wish, found in outcomes]
    with look():
        return show(
            "inbox_check.html",
            tab="",
            event=event,
            results=results,
            possible=[r for r in results if r.kind in ("approved", "rejected")],
            versions={wish.code: request.form.get(f"v_{wish.code}", "") for wish in wishes},
            note=_note(),
        )


def _decision() -> str:
    event = request.form.get("decision", "")
    if event not in ("approve", "reject"):
        abort(400)
    return event


def _note() -> str:
    return request.form.get("note", "").strip()[:500]


def _wishes(event: str) -> list[Wish]:
    facts = {"note": note} if (note := _note()) else {}
    return [Wish(ApprovalFlow, event, code, facts, many.version_of(code)) for code in many.picked()]


def _told(taken: Taken) -> Result:
    approval = taken.case
    return Result(
        approval.code,
        approval.case_code,
        approval.event,
        approval.state,
        approval.reason or "",
        approval.flow,
    )


def _refused(wish: Wish, refusal: Refused) -> Result:
    with look() as desk:
        approval = requests.request_of(desk.session, desk.actor, wish.code)
        if approval is None:
            return Result(wish.code, "", "", "refused", refusal.detail(locale()))
        words = _gone(approval) or refusal.detail(locale())
        return Result(wish.code, approval.case_code, approval.event, "refused", words, approval.flow)


def _gone(approval: Approval) -> str:
    """Who was faster, where the request does not wait any more."""
    if approval.state == "pending":
        return ""
    state = said(_states()[approval.state])
    if approval.decided_by is None:
        return said(_("It waits no longer: %(state)s."), state=state)
    return said(_("%(name)s was first: %(state)s."), name=approval.decided_by.name, state=state)


@page.get("/inbox/news")
@signed_in(*DECIDERS)
def news() -> Any:
    """Of the requests on a reader's screen those that were settled meanwhile, and how many came since."""
    with look() as desk:
        shown = request.args.getlist("code")[: many.MOST]
        found = requests.requests_of(desk.session, desk.actor, shown)
        waiting = [each.code for each in requests.waiting_for(desk.session, desk.actor)[0]]
        return {
            "gone": {a.code: _gone(a) for a in found if a.state != "pending"},
            "new": len(set(waiting) - set(shown)),
        }


@page.get("/inbox/beside/<code>")
@signed_in(*DECIDERS)
def beside(code: str) -> str:
    """What happened so far to the case a request is about: the part of a page that stands beside the list."""
    with look() as desk:
        approval = requests.request_of(desk.session, desk.actor, code) or abort(404)
        flow = FLOWS[approval.flow]
        case = subject_of(desk.session, approval)
        clear = reads_clear(desk.session, desk.actor, flow, case)
        return show(
            "parts/beside.html",
            approval=approval,
            story=happenings(desk.session, flow, approval.case_code, clear=clear),
            timers=comings(desk.session, flow, approval.case_code),
        )


def _states() -> dict[str, str]:
    return {name: state.name for name, state in ApprovalFlow.states_map.items()}


@page.get("/inbox/results/<once>")
@signed_in(*DECIDERS)
def results(once: str) -> str:
    """What came of decisions made together, a line for each."""
    with look() as desk:
        event, found = many.kept(desk.session, KIND, once) or abort(404)
        counts = {kind: sum(r.kind == kind for r in found) for kind in dict.fromkeys(r.kind for r in found)}
        return show(
            "inbox_results.html", tab="", event=event_name(event, "approval"), results=found, counts=counts
        )
