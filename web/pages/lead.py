"""One lead: what is known, what happened, what will happen by itself, what may be done and why not the rest."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, abort, request
from flask_login import current_user
from sqlalchemy import select

from models import database
from models.leads import Lead
from models.notices import AccessLog
from web.app import now, the_engine
from web.pages import belongings, casefile
from web.pages.cases import picture
from web.pages.sessions import signed_in
from web.pages.show import Desk, look, show
from web.pages.story import approvals_of, comings, happenings
from web.pages.words import locale, said
from workflows import arrival, verify
from workflows.belonging import belonging
from workflows.engine import Refused
from workflows.engine.actor import ROLES
from workflows.lead import LeadFlow, entitled
from workflows.lead_facts import CHANNELS, INTENTS, INVALID
from workflows.standing import standing
from workflows.views import choices, history_of, lead_view, visible
from workflows.words import Text, _

page = Blueprint("lead", __name__)
MAY_REVEAL = ("finance", "auditor")


@page.get("/leads/<code>")
@signed_in()
def lead(code: str) -> str:
    """The page of a lead, as far as its reader may see it."""
    with look() as desk:
        return _page(desk, _found(desk, code))


def _found(desk: Desk, code: str) -> Lead:
    found: Lead | None = visible(desk.session, LeadFlow, desk.actor, code)
    return found or abort(404)


def _page(desk: Desk, found: Lead, *, revealed: bool = False, error: str = "") -> str:
    clear = revealed or entitled(desk.actor, found)
    offered = choices(LeadFlow, desk.actor, found)
    history = history_of(desk.session, "lead", found.code)
    mine = belonging(desk.session, desk.actor, found.code)
    story = happenings(desk.session, LeadFlow, found.code, clear=clear)
    whole = casefile.everything(desk, found, story, mine)
    part = request.args.get("part", "") if request.args.get("part", "") in casefile.PARTS else ""
    pending = {a.event: a for a in approvals_of(desk.session, "lead", found.code) if a.state == "pending"}
    earlier = (
        visible(desk.session, LeadFlow, desk.actor, _previous(desk, found)) if found.previous_id else None
    )
    return show(
        "lead.html",
        lead=found,
        view=lead_view(desk.session, desk.actor, found, clear=clear),
        clear=clear,
        revealed=revealed,
        may_reveal=not clear and desk.actor.has(*MAY_REVEAL),
        error=error,
        can=[c for c in offered if c.allowed and c.event not in pending],
        cannot=[c for c in offered if not c.allowed],
        pending=list(pending.values()),
        may_show_code=arrival.may_show(desk.actor, found),
        code_shown=arrival.shown(desk.session, found, desk.at) if found.state == "screened" else None,
        part=part,
        parts={
            key: (label, sum(h.kind in kinds for h in whole))
            for key, (label, kinds) in casefile.PARTS.items()
        },
        belongings=belongings.shown(desk, mine),
        promising=belongings.openings(desk, found.code),
        story=[h for h in whole if part == "" or h.kind in casefile.PARTS[part][1]],
        everything=len(whole),
        timers=comings(desk.session, LeadFlow, found.code),
        standing=standing(desk.session, desk.actor, found, history),
        intact=not list(verify.prove(LeadFlow, found, history)),
        earlier=earlier,
        picture=picture(LeadFlow, found.state, locale()),
        channels=CHANNELS,
        intents=INTENTS,
        reasons=INVALID,
    )


def _previous(desk: Desk, found: Lead) -> str:
    return desk.session.scalar(select(Lead.code).where(Lead.id == found.previous_id)) or ""


@page.post("/leads/<code>/reveal")
@signed_in()
def reveal(code: str) -> Any:
    """Name, phone and texts in clear, for a stated purpose; who looked, at what and why goes to the access log first."""
    purpose = request.form.get("purpose", "").strip()[:200]
    with look() as desk:
        found = _found(desk, code)
        if not desk.actor.has(*MAY_REVEAL):
            raise Refused(
                "not_permitted",
                Text(_("You may not read this in clear.")),
                who=[ROLES[r] for r in MAY_REVEAL],
            )
        if len(purpose) < 4:
            return _page(desk, found, error=said(_("Say for what purpose you need it."))), 422
    database.in_transaction(
        the_engine(),
        lambda s: s.add(
            AccessLog(
                person_id=current_user.person.id, kind="reveal", case_code=code, purpose=purpose, at=now(s)
            )
        ),
    )
    with look() as desk:
        return _page(desk, _found(desk, code), revealed=True)
