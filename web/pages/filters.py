"""Filters that somebody keeps: an address of a list under a name of their own, for themselves alone."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, abort, request, url_for
from flask_login import current_user
from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from models.notices import SavedFilter
from web.app import now
from web.pages.asking import once
from web.pages.sessions import signed_in
from web.pages.show import Desk
from web.pages.sieve import Sieve
from web.pages.words import said
from workflows.engine import Refused
from workflows.words import Text, _

page = Blueprint("filters", __name__)
LISTS = {"mine": "leads.mine", "all": "leads.everything"}
SEEKERS = ("member", "leader", "consultant", "manager", "reception", "sales_manager", "finance", "auditor")
MOST = 20


def kept(desk: Desk, which: str) -> list[SavedFilter]:
    """The reader's own filters of this list, by name."""
    mine = (SavedFilter.person_id == desk.person.id, SavedFilter.which == which)
    return list(desk.session.scalars(select(SavedFilter).where(*mine).order_by(SavedFilter.name)))


@page.post("/leads/filters/<which>")
@signed_in(*SEEKERS)
def keep(which: str) -> Any:
    """Keep what the list shows now under a name; a name that is there already takes the new meaning."""
    if which not in LISTS:
        abort(404)
    name, args = request.form.get("name", "").strip()[:40], Sieve.read(request.form).args()

    def work(session: Session) -> tuple[str, str]:
        who = current_user.person.id
        if not name:
            raise Refused("invalid_data", Text(_("Give the filter a name.")))
        mine = (SavedFilter.person_id == who, SavedFilter.which == which)
        session.execute(delete(SavedFilter).where(*mine, SavedFilter.name == name))
        if (session.scalar(select(func.count()).where(*mine)) or 0) >= MOST:
            raise Refused(
                "guard_failed",
                Text(_("You keep %(most)s filters already."), {"most": MOST}),
                rule="filters",
                instead=_("Take away one that you no longer use."),
            )
        made = SavedFilter(person_id=who, which=which, name=name, args=args, made_at=now(session))
        session.add(made)
        return f"{url_for(LISTS[which])}?{urlencode(args)}", said(_("The filter is kept."))

    return once(work)


@page.post("/leads/filters/<which>/<int(max=2147483647):filter_id>/forget")
@signed_in(*SEEKERS)
def forget(which: str, filter_id: int) -> Any:
    """Take a filter of one's own away."""
    if which not in LISTS:
        abort(404)

    def work(session: Session) -> tuple[str, str]:
        mine = (SavedFilter.id == filter_id, SavedFilter.person_id == current_user.person.id)
        session.execute(delete(SavedFilter).where(*mine))
        return url_for(LISTS[which]), said(_("The filter is taken away."))

    return once(work)
