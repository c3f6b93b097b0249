"""The pool (拓客资源库): leads that nobody holds, what the policy leaves me to claim, and what will fall into it soon."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, current_app, request, url_for

from models.leads import Lead
from web.pages import bulk, paging
from web.pages.asking import STATUS, submit
from web.pages.sessions import signed_in
from web.pages.show import Desk, look, show
from web.pages.words import locale, said
from workflows.boards import pool as the_pool
from workflows.engine import Refused
from workflows.lead import LeadFlow
from workflows.lead_facts import CHANNELS
from workflows.views import lead_views, names
from workflows.words import _

page = Blueprint("pool", __name__)
LOOKERS = ("member", "leader", "manager", "sales_manager")


@page.get("/pool")
@signed_in(*LOOKERS)
def pool() -> str:
    """What lies in the pool, and what will within a week."""
    with look() as desk:
        return _show(desk)


def _show(desk: Desk, lost: str = "") -> str:
    after, soon = paging.read(request.args.get("after", "")), paging.read(request.args.get("soon", ""))
    lying, further = the_pool.lying(desk.session, desk.actor, desk.at, after)
    falling, later = the_pool.falling(desk.session, desk.actor, desk.at, soon)
    events = bulk.offered(desk.actor, [each.lead for each in lying if not each.why_not])
    leads: list[Lead] = [*(each.lead for each in lying), *(each.lead for each in falling)]
    return show(
        "pool.html",
        lying=lying,
        events=events,
        together=bulk.common(events),
        falling=falling,
        views=lead_views(desk.session, desk.actor, leads),
        first=url_for("pool.pool") if after or soon else None,
        further=url_for("pool.pool", after=paging.written(further)) if further else None,
        later=url_for("pool.pool", soon=paging.written(later)) if later else None,
        claims=desk.actor.has("member", "leader"),
        limits=the_pool.limits(desk.session, desk.actor, desk.at),
        names=names(desk.session),
        channels=CHANNELS,
        lost=lost,
    )


@page.post("/pool/claim/<code>")
@signed_in("member", "leader")
def claim(code: str) -> Any:
    """Claim a lead. Of two who claim at once one has it; the other is told so, on the pool as it stands now."""
    back = url_for("lead.lead", code=code) if _has_lead_page() else url_for("pool.pool")
    try:
        return submit(
            LeadFlow, "claim", code=code, to=back, done=said(_("It is yours: call the customer today."))
        )
    except Refused as refusal:
        gone = refusal.code in ("not_found", "not_allowed_from_state", "conflict")
        words = (
            said(_("Somebody else was faster: this lead is no longer in the pool."))
            if gone
            else refusal.detail(locale())
        )
        with look() as desk:
            return _show(desk, lost=words), 409 if gone else STATUS[refusal.code]


def _has_lead_page() -> bool:
    return "lead.lead" in current_app.view_functions
