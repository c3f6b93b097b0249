"""Approvals: the inbox of those who decide, and their decisions."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response
from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from models.remembered import Approval
from web.api import cases
from web.api.answers import look
from web.api.asking import actor, cursor, cursor_of, one_of, page_size
from workflows import views
from workflows.approval import ApprovalFlow
from workflows.engine.refusal import not_found
from workflows.flows import FLOWS

DECISIONS = ("approve", "reject", "withdraw")
STATES = {s.id for s in ApprovalFlow.states}


def listed() -> Response:
    """Approvals the caller may see; with `mine` those that wait for the caller's decision."""
    status, mine = one_of("status", STATES), one_of("mine", {"0", "1", "false", "true"})
    if mine in ("1", "true"):
        return look(lambda session: _waiting_for_me(session, status))
    where = [Approval.state == status] if status else []
    return look(lambda session: cases.page(session, ApprovalFlow, where))


def _waiting_for_me(session: Session, status: str | None) -> dict[str, Any]:
    """Pending, mine to decide by role and relation, and neither asked for by me nor to my gain.

    What only the case can tell (whose team, whose gain) is asked of each row; the rows come in batches.
    """
    size, after = page_size(), cursor()
    found: list[Approval] = []
    while status in (None, "pending") and len(found) <= size:
        batch = _batch(session, after)
        views.subjects_of(session, batch)
        found += [approval for approval in batch if views.may_decide(session, actor(), approval)]
        if len(batch) < BATCH:
            break
        after = batch[-1].id
    more = len(found) > size
    items = views.case_views(session, actor(), ApprovalFlow, found[:size])
    return {"items": items, "next": cursor_of(found[size - 1].id) if more else None}


BATCH = 200


def _batch(session: Session, after: int | None) -> list[Approval]:
    mine: list[ColumnElement[bool]] = [
        Approval.state == "pending",
        Approval.approver.in_(_keys()),
        ApprovalFlow.seen_by(actor()),
    ]
    wanted = (
        select(Approval)
        .where(*mine, Approval.requested_by_id != actor().id)
        .order_by(Approval.id.desc())
        .limit(BATCH)
    )
    return list(session.scalars(wanted.where(Approval.id < after) if after is not None else wanted).unique())


def _keys() -> list[str]:
    """Whose approval the caller's roles might give."""
    steps = [s for flow in FLOWS.values() for each in flow.by_event().values() for s in each]
    return sorted({s.approved_by.key for s in steps if s.approved_by and s.approved_by.roles & actor().roles})


def shown(code: str) -> Response:
    return cases.shown(ApprovalFlow, code)


def decided(code: str, decision: str) -> Response:
    if decision not in DECISIONS:
        raise not_found(ApprovalFlow.label)
    return cases.event_taken(ApprovalFlow, code, decision)


def attach(api: Blueprint) -> None:
    api.add_url_rule("/approvals", "approvals", listed, methods=["GET"])
    api.add_url_rule("/approvals/<code>", "approvals_one", shown, methods=["GET"])
    api.add_url_rule("/approvals/<code>/<decision>", "approvals_decide", decided, methods=["POST"])
