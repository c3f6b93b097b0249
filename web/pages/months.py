"""The months of the books, for those who reckon, approve, pay and prove: what blocks a month, what it comes to for whom, what
changed since it was sent back, and the steps from open to locked."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, abort, request, url_for
from sqlalchemy import select

from models.money import Deduction, Month
from models.people import Project
from models.remembered import Approval
from web.pages.cases import openings, picture
from web.pages.fields import field_of
from web.pages.sessions import signed_in
from web.pages.show import Desk, case_url, look, show
from web.pages.statement import around
from web.pages.steps import begin_url
from web.pages.story import approvals_of, comings, happenings
from web.pages.words import event_name, locale, month_name
from workflows import verify
from workflows.approval import known
from workflows.engine.actor import Actor
from workflows.flows import FLOWS
from workflows.money import checklist, overview
from workflows.money.agreed import DESKS
from workflows.money.attendance import AttendanceFlow
from workflows.money.checklist import Item
from workflows.money.month import MonthFlow
from workflows.money.months import WRITTEN, ends
from workflows.money.payout import month_named
from workflows.money.quota import QuotaFlow
from workflows.views import choices, history_of

page = Blueprint("months", __name__)
PAGE = 24
# What a person lacks, and the workflow in which the manager proposes it.
LACKS = {"quotas": QuotaFlow, "attendance": AttendanceFlow}


@dataclass(frozen=True, slots=True)
class Thing:
    """Something that blocks a month or should be looked at, with the page where that is done."""

    text: str
    url: str | None


@page.get("/months")
@signed_in(*DESKS)
def months() -> str:
    """All months, the latest first, with their states and sums."""
    with look() as desk:
        key = request.args.get("before", "")
        wanted = (
            select(Month).where(MonthFlow.seen_by(desk.actor)).order_by(Month.month.desc(), Month.project_id)
        )
        if WRITTEN.fullmatch(key):
            wanted = wanted.where(Month.month < key)
        found = list(desk.session.scalars(wanted.limit(PAGE + 1)))
        projects = {row.id: row for row in desk.session.scalars(select(Project))}
        sums = overview.totals(desk.session)
        return show(
            "months.html",
            rows=[
                (row, projects[row.project_id], *sums.get((row.project_id, row.month), (0, 0)))
                for row in found[:PAGE]
            ],
            several=len(projects) > 1,
            openings=openings(desk, MonthFlow),
            first=url_for("months.months") if key else None,
            following=url_for("months.months", before=found[PAGE - 1].month) if found[PAGE:] else None,
        )


@page.get("/months/<month>")
@signed_in(*DESKS)
def month(month: str) -> str:
    """One month of one project."""
    with look() as desk:
        if not WRITTEN.fullmatch(month):
            abort(404)
        return _page(desk, month_named(desk.session, desk.actor, month, request.args.get("project")))


def _page(desk: Desk, found: Month) -> str:
    session, is_open = desk.session, found.state == "open"
    offered = choices(MonthFlow, desk.actor, found)
    pending = [a for a in approvals_of(session, "month", found.code) if a.state == "pending"]
    accounts = overview.accounts(session, found)
    projects = list(session.scalars(select(Project).order_by(Project.id)))
    blockers = checklist.blockers(session, found) if is_open else []
    unposted = checklist.unposted(session, found.project_id)
    return show(
        "month.html",
        case=found,
        project=next(project for project in projects if project.id == found.project_id),
        projects=projects,
        is_open=is_open,
        over=desk.at >= ends(found.month, desk.zone),
        ends_at=ends(found.month, desk.zone),
        earlier_open=_earlier_open(desk, found) if is_open else None,
        blockers=[(item, list(_things(desk, found, item))) for item in blockers],
        warnings=[(item, list(_things(desk, found, item))) for item in checklist.warnings(session, found)]
        if is_open
        else [],
        unposted=unposted,
        accounts=accounts,
        by_kind=overview.by_kind(accounts),
        difference=overview.difference(session, found),
        can=[c for c in offered if c.allowed],
        cannot=[c for c in offered if not c.allowed],
        pending=pending,
        story=happenings(session, MonthFlow, found.code, clear=False),
        timers=comings(session, MonthFlow, found.code),
        intact=not list(verify.prove(MonthFlow, found, history_of(session, "month", found.code))),
        picture=picture(MonthFlow, found.state, locale()),
        **around(desk, found.month),
    )


def _earlier_open(desk: Desk, found: Month) -> Thing | None:
    """The month that must be closed before this one, with its page; one that is not in the books yet is opened first."""
    name = checklist.earlier_open(desk.session, found)
    if name is None:
        return None
    known = desk.session.scalar(
        select(Month.id).where(Month.project_id == found.project_id, Month.month == name)
    )
    url = url_for("months.month", month=name) if known else begin_url("month", "begin", month=name)
    return Thing(month_name(name), url)


def _things(desk: Desk, found: Month, item: Item) -> Iterator[Thing]:
    """Each thing that an item of the checklist is about, with where to go for it."""
    if item.kind == "approvals":
        for approval in desk.session.scalars(select(Approval).where(Approval.code.in_(item.about), known())):
            text = f"{event_name(approval.event, approval.flow)} {approval.case_code}"
            yield Thing(text, case_url(approval.flow, approval.case_code))
    elif item.kind in ("deductions", "disputes"):
        flow = FLOWS[item.kind.removesuffix("s")]
        for case in desk.session.scalars(select(flow.table).where(flow.table.code.in_(item.about))).unique():
            about = field_of(
                desk.session, flow, "kind" if item.kind == "deductions" else "line", _subject(case)
            )
            yield Thing(f"{case.person.name}: {about.text}", case_url(flow.flow_name, case.code))
    elif item.kind in LACKS:
        for name in item.about:
            yield Thing(name, _proposal(desk.actor, item.kind, name, found.month))


def _subject(case: Any) -> Any:
    """What a deduction or a dispute is about."""
    return case.kind if isinstance(case, Deduction) else case.line


def _proposal(actor: Actor, kind: str, name: str, month: str) -> str | None:
    """The form in which the manager proposes what somebody lacks."""
    flow = LACKS[kind]
    if not flow.by_event()["propose"][0].by.allows(actor, flow.table()):
        return None
    here = url_for("months.month", month=month)
    return url_for("steps.begin", flow=flow.flow_name, event="propose", person=name, month=month, next=here)


def waiting(desk: Desk) -> list[Month]:
    """The months in which this reader has the next step: over and open, submitted, approved, or paid."""
    if not desk.actor.has(*DESKS):
        return []
    wanted = select(Month).where(Month.state != "locked", MonthFlow.seen_by(desk.actor)).order_by(Month.month)
    found = [
        row
        for row in desk.session.scalars(wanted)
        if row.state != "open" or desk.at >= ends(row.month, desk.zone)
    ]
    return [row for row in found if any(c.allowed for c in choices(MonthFlow, desk.actor, row))]
