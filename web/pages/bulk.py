"""One step for many leads: ticked in a list, filled in once, tried first, then taken each for itself."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from flask import Blueprint, abort, flash, redirect, request, url_for
from sqlalchemy import select
from wtforms import Form

from models.leads import Lead
from web.pages import many
from web.pages.asking import STATUS, Sent
from web.pages.forms import facts_of, form_for, put_errors
from web.pages.many import Result, Wish
from web.pages.sessions import local, signed_in
from web.pages.show import Desk, look, show
from web.pages.words import event_name, locale, said
from workflows.engine import Actor, Refused, Taken
from workflows.engine.flow import Step
from workflows.lead import LeadFlow
from workflows.views import choices, lead_view
from workflows.words import _

page = Blueprint("bulk", __name__)
DOERS = ("member", "leader", "consultant", "manager", "sales_manager")
# What can be meant for many leads in the same words; the rest needs a look at each.
EVENTS = ("claim", "reassign", "reclaim", "release", "extend", "invalidate", "lose")
KIND = "bulk"
ASKED, DONE = "asked", "done"


def offered(actor: Actor, leads: Iterable[Lead]) -> dict[str, list[str]]:
    """What this actor may do to leads of a list together: the events of each, by its code; those of none are left out."""
    if not actor.has(*DOERS):
        return {}
    found = {lead.code: _open(actor, lead) for lead in leads}
    return {code: events for code, events in found.items() if events}


def _open(actor: Actor, lead: Lead) -> list[str]:
    return [c.event for c in choices(LeadFlow, actor, lead) if c.allowed and c.event in EVENTS]


def common(events: dict[str, list[str]]) -> list[str]:
    """All the events that are open for some lead of a list, in their order."""
    return [event for event in EVENTS if any(event in found for found in events.values())]


@page.post("/leads/together")
@signed_in(*DOERS)
def together() -> Any:
    """The form of a step for what was ticked, or at once what would come of it where there is nothing to fill in."""
    step, codes = _step(), many.picked()
    if not codes:
        flash(said(_("Tick a lead first.")))
        return redirect(_back(), 303)
    if not step.facts.model_fields:
        return _checked(step, codes)
    with look() as desk:
        return _form(desk, step, codes)


def _step() -> Step:
    event = request.form.get("event", "")
    if event not in EVENTS:
        abort(400)
    return LeadFlow.by_event()[event][0]


def _back() -> str:
    return local(request.form.get("next"), "/")


def _facts_form(desk: Desk, step: Step, typed: Any = None) -> Form:
    return form_for(step.facts, desk.session, desk.at, desk.zone, typed)


def _form(desk: Desk, step: Step, codes: list[str], refusal: Refused | None = None) -> Any:
    form = _facts_form(desk, step, request.form if refusal else None)
    html = show(
        "bulk.html",
        step=step,
        picks=_picks(codes),
        customers=_customers(desk, codes),
        form=form,
        refusal=refusal.detail(locale()) if refusal else "",
        summary=put_errors(form, refusal.errors) if refusal else [],
        needs_approval=any(each.approved_by for each in LeadFlow.by_event()[step.event]),
        back=_back(),
    )
    return html, STATUS[refusal.code] if refusal else 200


def _picks(codes: Iterable[str]) -> list[tuple[str, str]]:
    """Codes with the versions that were seen, as the next form carries them on."""
    return [(code, request.form.get(f"v_{code}", "")) for code in codes]


def _customers(desk: Desk, codes: Iterable[str]) -> dict[str, str]:
    """The names of these leads as their reader may see them, by code; those out of sight are left out."""
    found = desk.session.scalars(select(Lead).where(Lead.code.in_(list(codes)), LeadFlow.seen_by(desk.actor)))
    return {lead.code: lead_view(desk.session, desk.actor, lead)["name"] for lead in found}


@page.post("/leads/together/check")
@signed_in(*DOERS)
def check() -> Any:
    """What would come of it; nothing is done by it."""
    step, codes = _step(), many.picked()
    return _checked(step, codes) if codes else redirect(_back(), 303)


def _checked(step: Step, codes: list[str]) -> Any:
    with look() as desk:
        form = _facts_form(desk, step, request.form)
        wishes = _wishes(desk, step, codes)
    outcomes = many.would(wishes, _told)
    refusals = [found for found in outcomes if isinstance(found, Refused)]
    if len(refusals) == len(outcomes) and all(each.code == "invalid_data" for each in refusals):
        with look() as desk:
            return _form(desk, step, codes, refusals[0])
    results = [
        _refused(wish, found) if isinstance(found, Refused) else found
        for wish, found in zip(wishes, outcomes, strict=True)
    ]
    possible = [each for each in results if each.kind != "refused"]
    with look() as desk:
        return show(
            "bulk_check.html",
            customers=_customers(desk, codes),
            step=step,
            results=results,
            possible=possible,
            picks=_picks(each.code for each in possible),
            typed=[(k, v) for k, v in request.form.items(multi=True) if k in form._fields],
            told=[(f.label.text, _spoken(f)) for f in form if _spoken(f)],
            asked=sum(each.kind == ASKED for each in possible),
            more=len(set(request.form.getlist("pick"))) - len(codes),
            most=many.MOST,
            back=_back(),
        )


def _spoken(field: Any) -> str:
    """What was filled in, as its reader chose it."""
    named = {str(value): label for value, label, *_rest in getattr(field, "iter_choices", list)()}
    return str(named.get(str(field.data), field.data or ""))


def _wishes(desk: Desk, step: Step, codes: list[str]) -> list[Wish]:
    facts = facts_of(_facts_form(desk, step, request.form), desk.zone)
    return [Wish(LeadFlow, step.event, code, facts, many.version_of(code)) for code in codes]


def _told(taken: Taken) -> Result:
    """The state a lead came to, that it stayed in its state, or that somebody else is asked."""
    lead, fired = taken.case, taken.approval or taken.row
    stayed = taken.row is not None and taken.row.source == taken.row.target
    kind = ASKED if taken.approval else DONE if stayed else lead.state
    return Result(lead.code, lead.code, fired.event if fired else "", kind, lead.outcome or "")


def _refused(wish: Wish, refusal: Refused) -> Result:
    return Result(wish.code, wish.code, wish.event, "refused", refusal.detail(locale()))


@page.post("/leads/together/do")
@signed_in(*DOERS)
def do() -> Any:
    """Take the step for each. Sent twice, it is done once and shown twice."""
    step, codes, sent = _step(), many.picked(), Sent.now()
    if not codes or not sent.once:
        return redirect(_back(), 303)
    with look() as desk:
        wishes = _wishes(desk, step, codes)
    if not many.known(KIND, sent.once):
        many.keep(KIND, sent, f"{step.event} {_back()}", many.each(wishes, _told, _refused, sent))
    return redirect(url_for("bulk.results", once=sent.once), 303)


@page.get("/leads/together/<once>")
@signed_in(*DOERS)
def results(once: str) -> str:
    """What came of it, a line for each."""
    with look() as desk:
        event, found = many.kept(desk.session, KIND, once) or abort(404)
        event, _space, back = event.partition(" ")
        refused = [each for each in found if each.kind == "refused"]
        asked = [each for each in found if each.kind == ASKED]
        return show(
            "bulk_results.html",
            customers=_customers(desk, [each.code for each in found]),
            event=event_name(event),
            results=refused + [each for each in found if each.kind != "refused"],
            refused=len(refused),
            asked=len(asked),
            done=len(found) - len(refused) - len(asked),
            back=local(back),
        )
