"""The account of a team in a month: its awards, how its leader divided them, and the form to divide what is left."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, abort, redirect, request, url_for
from sqlalchemy import func, select

from models.money import Entry, Split
from models.people import Person, Project, Team
from web.pages.asking import STATUS, submit
from web.pages.forms import fen_of
from web.pages.sessions import signed_in
from web.pages.show import Desk, look, show
from web.pages.statement import around, rows_of
from web.pages.words import locale, said
from workflows import staff
from workflows.engine import Refused
from workflows.money.agreed import DESKS
from workflows.money.months import WRITTEN, month_of
from workflows.money.rules import shared
from workflows.money.split import SplitFlow, balance
from workflows.money.statements import team_seen, team_statement
from workflows.views import choices, names
from workflows.words import Text, _

page = Blueprint("team", __name__)


@page.get("/team")
@signed_in("leader")
def mine() -> Any:
    """One's own team, this month."""
    with look() as desk:
        return redirect(url_for("team.team", month=month_of(desk.at, desk.zone)))


@page.get("/team/<month>")
@signed_in("leader", *DESKS)
def team(month: str) -> Any:
    """The account of the team one leads; the desks name the team."""
    with look() as desk:
        return _page(desk, _team(desk), month)


def _team(desk: Desk) -> Team:
    named = request.args.get("team", "")[:40]
    if named or desk.person.team is None:
        return team_seen(desk.session, desk.actor, named)
    return team_seen(desk.session, desk.actor, desk.person.team.name)


def _page(desk: Desk, found: Team, month: str, refusal: Refused | None = None) -> Any:
    if not WRITTEN.fullmatch(month):
        abort(404)
    made = team_statement(desk.session, found, month)
    members = _members(desk, found)
    project = desk.session.scalars(select(Project).order_by(Project.id).limit(1)).one()
    held = balance(desk.session, project.id, found.id)
    wanted = select(Split).where(Split.team_id == found.id, Split.month == month).order_by(Split.id.desc())
    html = show(
        "team.html",
        team=found,
        made=made,
        rows=rows_of(desk, made.items),
        to_come=rows_of(desk, made.to_come),
        held=held,
        account=_account(desk, found),
        members=members,
        leads=desk.actor.has("leader") and desk.actor.team_id == found.id,
        who=names(desk.session),
        splits=[(split, _undoing(desk, split)) for split in desk.session.scalars(wanted)],
        typed=_typed(members, held),
        refusal=refusal.detail(locale()) if refusal else "",
        errors=_errors(refusal),
        **around(desk, month),
    )
    return html, STATUS[refusal.code] if refusal else 200


def _account(desk: Desk, found: Team) -> int:
    """What stands on the team's account, in fen, that of months which can still be sent back too."""
    wanted = select(func.sum(Entry.amount_fen)).where(Entry.team_id == found.id)
    return int(desk.session.scalar(wanted) or 0)


def _members(desk: Desk, found: Team) -> list[Person]:
    today = desk.at.astimezone(desk.zone).date()
    everybody = desk.session.scalars(select(Person).where(Person.team_id == found.id).order_by(Person.name))
    return [person for person in everybody if staff.works(person, today)]


def _undoing(desk: Desk, split: Split) -> Any:
    found = choices(SplitFlow, desk.actor, split)
    return next((choice for choice in found if choice.event == "undo" and choice.allowed), None)


def _typed(members: list[Person], held: int) -> dict[int, str]:
    """What stands in the fields: what was typed, or equal parts where the address asks for them."""
    if request.method == "POST":
        return {person.id: request.form.get(f"p{person.id}", "")[:20] for person in members}
    if not request.args.get("equal") or held <= 0 or not members:
        return {}
    parts = shared(held, len(members))
    return {person.id: f"{fen / 100:.2f}" for person, fen in zip(members, parts, strict=True)}


def _errors(refusal: Refused | None) -> dict[str, str]:
    """What is wrong with whose share: the engine names it `shares.<name>`."""
    if refusal is None:
        return {}
    return {name.removeprefix("shares."): said(text) for name, text in refusal.errors.items()}


@page.post("/team/<month>")
@signed_in("leader")
def divide(month: str) -> Any:
    """Divide an award over the members; refused, the form comes again with what was typed."""
    with look() as desk:
        shares = {person.name: _fen(f"p{person.id}") for person in _members(desk, _team(desk))}
    given = {name: fen for name, fen in shares.items() if fen not in (None, 0)}
    try:
        if not given:
            raise Refused("invalid_data", Text(_("Give at least one member a share.")))
        return submit(
            SplitFlow,
            "divide",
            facts={"shares": given},
            to=url_for("team.mine"),
            done=said(_("The award is divided.")),
        )
    except Refused as refusal:
        with look() as desk:
            return _page(desk, _team(desk), month, refusal)


def _fen(name: str) -> Any:
    """Fen of what was typed in yuan; what is no amount is handed on as it is, and refused."""
    typed = request.form.get(name, "").strip()[:20]
    return fen_of(typed) if typed else None
