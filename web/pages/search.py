"""One field that finds leads by code, phone or name, and the cases of every other workflow by code or words."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, redirect, request, url_for

from web.pages.leads import PAGE, rows_of
from web.pages.sessions import signed_in
from web.pages.show import look, show
from web.pages.words import said
from workflows.search import TOO_SHORT, CannotSeek, seek, seek_cases
from workflows.words import _

page = Blueprint("search", __name__)
SEEKERS = ("member", "leader", "manager", "reception", "consultant", "sales_manager", "finance", "auditor")
HITS = 20  # cases of other workflows
IN_CLEAR = ("manager", "sales_manager", "reception")


@page.get("/search")
@signed_in(*SEEKERS)
def search() -> str:
    """The empty field."""
    with look():
        return show("search.html", found=None, sought="", error="")


@page.post("/search")
@signed_in(*SEEKERS)
def found() -> Any:
    """What was found. Phones and names travel in the body, never in an address, also on the way to the next page."""
    sought, after = request.form.get("sought", "").strip()[:60], request.form.get("after", "")
    key = int(after) if after.isdecimal() and len(after) < 19 else None
    with look() as desk:
        hits = seek_cases(desk.session, desk.actor, sought, HITS) if sought and key is None else []
        try:
            answer = seek(desk.session, desk.actor, sought, PAGE, key)
        except CannotSeek as problem:
            if hits:
                return show("search.html", found=None, sought=sought, error="", hits=hits)
            return show("search.html", found=None, sought=sought, error=_why(problem)), 404
        if answer.by == "code":
            return redirect(url_for("lead.lead", code=answer.leads[0].code), 303)
        return show(
            "search.html",
            found=answer,
            rows=rows_of(desk.session, desk.actor, answer.leads),
            sought=sought,
            further=key is not None,
            masked=not desk.actor.has(*IN_CLEAR),
            error="",
            hits=hits,
        ), 200 if answer.leads or answer.after or hits else 404


def _why(problem: CannotSeek) -> str:
    if problem.why:
        return said(_("No lead has this code, and it is no phone either: %(why)s"), why=said(problem.why))
    return said(TOO_SHORT)
