"""Leads: the list with its filters, one lead, and reading it in clear on a stated purpose."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response
from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from models import database
from models.leads import Lead
from models.notices import AccessLog
from models.people import Person
from models.sealed import sealer
from web.api.answers import answer, look
from web.api.asking import actor, body, cursor, cursor_of, invalid, one_of, page_size, query, text_field
from web.api.cases import one, page
from web.app import now, the_engine
from workflows import views
from workflows.engine.refusal import Refused
from workflows.lead import LeadFlow, entitled
from workflows.phones import NotAMobile, normalise
from workflows.search import TOO_SHORT, CannotSeek, seek
from workflows.words import Text, _

UNMASKING = ("finance", "auditor")


def _filters() -> list[ColumnElement[bool]]:
    state, holder, promoter, q = (
        one_of("state", {s.id for s in LeadFlow.states}),
        query("holder"),
        query("promoter"),
        query("q"),
    )
    where: list[ColumnElement[bool]] = [Lead.state == state] if state else []
    for column, name in ((Lead.holder_id, holder), (Lead.promoter_id, promoter)):
        if name:
            where.append(column == select(Person.id).where(Person.name == name).scalar_subquery())
    return [*where, _found(q)] if q else where


def _found(q: str) -> ColumnElement[bool]:
    """Exactly this phone (by its blind index; it is stored nowhere in clear), or exactly this code."""
    try:
        return Lead.phone_index == sealer().blind("phone", normalise(q))
    except NotAMobile:
        return Lead.code == q.upper()


def listed() -> Response:
    where = _filters()
    return look(lambda session: page(session, LeadFlow, where))


def sought() -> Response:
    """What bears this code, phone or name. It is asked for in the body: names and phones have no place in an address."""
    q, size, after = text_field(body(), "q", 60), page_size(), cursor()
    if q is None:
        raise invalid("q", _("What is looked for?"))

    def work(session: Session) -> dict[str, Any]:
        try:
            found = seek(session, actor(), q, size, after)
        except CannotSeek as problem:
            raise invalid("q", problem.why or TOO_SHORT) from problem
        items = views.case_views(session, actor(), LeadFlow, found.leads)
        return {"items": items, "next": cursor_of(found.after) if found.after else None}

    return look(work)


def shown(code: str) -> Response:
    """A lead, masked unless the caller is entitled; with `purpose` finance and auditors read it in clear, and that is
    on the access log."""
    purpose = query("purpose", 200)
    if purpose is None:
        return look(lambda session: views.lead_view(session, actor(), one(session, LeadFlow, code)))
    return answer(database.in_transaction(the_engine(), lambda session: _unmasked(session, code, purpose)))


def _unmasked(session: Session, code: str, purpose: str) -> dict[str, Any]:
    lead = one(session, LeadFlow, code)
    if entitled(actor(), lead):
        return views.lead_view(session, actor(), lead)
    if not actor().has(*UNMASKING):
        raise Refused(
            "not_permitted",
            Text(_("You may not read this customer's data in clear.")),
            rule="unmask",
            who=[_("Finance"), _("Auditor")],
        )
    session.add(
        AccessLog(person_id=actor().id, kind="unmask", case_code=lead.code, purpose=purpose, at=now(session))
    )
    return views.lead_view(session, actor(), lead, clear=True)


def attach(api: Blueprint) -> None:
    api.add_url_rule("/leads", "lead_list", listed, methods=["GET"])
    api.add_url_rule("/leads/search", "lead_search", sought, methods=["POST"])
    api.add_url_rule("/leads/<code>", "lead_one", shown, methods=["GET"])
