"""The staff list: who works here, in which role and team, since when; for the administrator also how that changes.

Every change leaves a line on the access log. Nothing of a customer is shown here.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from typing import Any

from flask import Blueprint, abort, redirect, request, url_for
from flask_login import current_user
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models import database
from models.leads import Duty, Lead
from models.notices import AccessLog
from models.people import ApiToken, Person, StaffPhone, StandIn, Team
from web.app import now, real_now, the_engine, the_settings
from web.pages import passwords
from web.pages.asking import STATUS, once
from web.pages.sessions import signed_in
from web.pages.show import Desk, look, show
from web.pages.words import locale, said
from workflows import staff
from workflows.engine import Refused
from workflows.engine.actor import STAFF_ROLES
from workflows.words import Text, _

page = Blueprint("people", __name__)
LOOKERS = ("admin", "manager", "sales_manager", "auditor")
APPROVERS = ("leader", "manager", "sales_manager")
SHORTEST = 8


@page.get("/people")
@signed_in(*LOOKERS)
def people() -> str:
    """Who works here, by team."""
    with look() as desk:
        today = desk.at.astimezone(desk.zone).date()
        everybody = list(desk.session.scalars(select(Person).order_by(Person.team_id, Person.id)))
        on_duty = set(desk.session.scalars(select(Duty.person_id).where(Duty.state == "on_duty")))
        return show(
            "people.html",
            staff=[p for p in everybody if staff.works(p, today)],
            gone=[p for p in everybody if not staff.works(p, today)],
            on_duty=on_duty,
            may_change=desk.actor.has("admin"),
            away=_away(desk),
        )


def _away(desk: Desk) -> dict[int, str]:
    """Who is stood in for now, and by whom."""
    now_on = select(StandIn).where(StandIn.starts_at <= desk.at, StandIn.ends_at > desk.at)
    names = {p.id: p.name for p in desk.session.scalars(select(Person))}
    return {row.person_id: names[row.stand_in_id] for row in desk.session.scalars(now_on)}


@page.get("/people/new")
@signed_in("admin")
def new() -> Any:
    """The form for somebody new."""
    with look() as desk:
        return _new_form(desk)


def _new_form(desk: Desk, refusal: Refused | None = None) -> Any:
    teams = list(desk.session.scalars(select(Team.name).order_by(Team.id)))
    html = show("person_new.html", roles=STAFF_ROLES, teams=teams, typed=request.form, refusal=_said(refusal))
    return html, STATUS[refusal.code] if refusal else 200


def _said(refusal: Refused | None) -> dict[str, Any]:
    if refusal is None:
        return {}
    return {
        "detail": refusal.detail(locale()),
        "errors": {k: said(v, **refusal.values) for k, v in refusal.errors.items()},
    }


@page.post("/people/new")
@signed_in("admin")
def add() -> Any:
    """Take somebody onto the staff list."""

    def work(session: Session) -> tuple[str, str]:
        added = staff.add_person(
            session,
            _typed("name"),
            request.form.getlist("roles"),
            _typed("team") or None,
            phone=_typed("phone") or None,
            hired_on=_day("hired_on", now(session).astimezone(the_settings().timezone).date()),
            password_hash=_hashed("password") if _typed("password") else None,
        )
        _log(session, f"added {added.name} as {', '.join(added.roles)}")
        return url_for("people.person", person_id=added.id), said(
            _("%(name)s is on the staff list."), name=added.name
        )

    try:
        return once(work)
    except Refused as refusal:
        with look() as desk:
            return _new_form(desk, refusal)


@page.get("/people/me")
@signed_in()
def me() -> Any:
    """One's own page: who stands in for me."""
    return redirect(url_for("people.person", person_id=current_user.person.id))


@page.get("/people/<int(max=2147483647):person_id>")
@signed_in()
def person(person_id: int) -> Any:
    """One of the staff, and for the administrator what can be changed."""
    with look() as desk:
        return _person(desk, person_id)


def _person(desk: Desk, person_id: int, refusal: Refused | None = None, token: str = "") -> Any:
    found = desk.session.get(Person, person_id)
    own = person_id == desk.person.id
    if found is None or not (own or desk.actor.has(*LOOKERS)):
        abort(404)
    html = show(
        "person.html",
        person=found,
        own=own,
        works=staff.works(found, desk.at.astimezone(desk.zone).date()),
        admin=desk.actor.has("admin"),
        stands_in=_may_name_stand_in(desk, found),
        substitutes=_substitutes(desk, found),
        stand_ins=_stand_ins(desk, found),
        phones=_phones(desk, found),
        tokens=_count(
            desk, select(ApiToken).where(ApiToken.person_id == person_id, ApiToken.revoked_at.is_(None))
        ),
        holds=_count(desk, select(Lead).where(Lead.holder_id == person_id, Lead.state != "closed")),
        log=_lines(desk, found) if desk.actor.has("admin", "auditor") else [],
        typed=request.form,
        token=token,
        refusal=_said(refusal),
    )
    return html, STATUS[refusal.code] if refusal else 200


def _count(desk: Desk, rows: Any) -> int:
    return desk.session.scalar(select(func.count()).select_from(rows.subquery())) or 0


def _may_name_stand_in(desk: Desk, found: Person) -> bool:
    return bool(set(APPROVERS) & set(found.roles)) and (found.id == desk.person.id or desk.actor.has("admin"))


def _substitutes(desk: Desk, found: Person) -> list[str]:
    """Who could stand in: everybody else with one of the same deciding roles."""
    shared = set(APPROVERS) & set(found.roles)
    today = desk.at.astimezone(desk.zone).date()
    everybody = desk.session.scalars(select(Person).order_by(Person.name))
    return [p.name for p in everybody if p.id != found.id and shared & set(p.roles) and staff.works(p, today)]


def _stand_ins(desk: Desk, found: Person) -> list[tuple[StandIn, str]]:
    rows = desk.session.scalars(
        select(StandIn).where(StandIn.person_id == found.id).order_by(StandIn.starts_at.desc()).limit(10)
    )
    return [(row, desk.session.get_one(Person, row.stand_in_id).name) for row in rows]


def _phones(desk: Desk, found: Person) -> dict[str, int]:
    """How many phones are declared, by relation; the numbers themselves are not kept."""
    rows = (
        select(StaffPhone.relation, func.count())
        .where(StaffPhone.person_id == found.id)
        .group_by(StaffPhone.relation)
    )
    return {row[0]: row[1] for row in desk.session.execute(rows)}


def _lines(desk: Desk, found: Person) -> list[AccessLog]:
    mine = select(AccessLog).where(AccessLog.kind == "staff", AccessLog.case_code == f"person:{found.id}")
    return list(desk.session.scalars(mine.order_by(AccessLog.id.desc()).limit(20)))


# -- changes -----------------------------------------------------------------------------------------------------


@page.post("/people/<int(max=2147483647):person_id>/<act>")
@signed_in()
def change(person_id: int, act: str) -> Any:
    """One change to one of the staff; each is a line on the access log."""
    todo = ACTS.get(act) or abort(404)
    own_stand_in = act == "stand-in" and person_id == current_user.person.id
    if not current_user.actor.has("admin") and not own_stand_in:
        raise Refused("not_permitted", Text(_("Only the administrator changes the staff list.")))

    def work(session: Session) -> tuple[str, str]:
        found = session.get(Person, person_id) or abort(404)
        done, line = todo(session, found)
        _log(session, line, found)
        return url_for("people.person", person_id=person_id), said(done)

    try:
        return once(work)
    except Refused as refusal:
        with look() as desk:
            return _person(desk, person_id, refusal)


@page.post("/people/<int(max=2147483647):person_id>/token")
@signed_in("admin")
def token(person_id: int) -> Any:
    """A new bearer token for programs; this is the only time it is shown."""

    def work(session: Session) -> str:
        found = session.get(Person, person_id) or abort(404)
        made = staff.issue_token(session, found, real_now())
        _log(session, f"issued an API token for {found.name}", found)
        return made

    made = database.in_transaction(the_engine(), work)
    with look() as desk:
        return _person(desk, person_id, token=made)


def _set_password(session: Session, found: Person) -> tuple[str, str]:
    found.password_hash = _hashed("password")
    staff.end_sessions(session, found, real_now())
    return _(
        "The password is set; all log-ins of this person have ended."
    ), f"set a password for {found.name}"


def _end(session: Session, found: Person) -> tuple[str, str]:
    last = _day("last_day", None)
    if last is None:
        raise _wrong("last_day", _("A day is needed."))
    staff.end_employment(session, found, last, now(session))
    return _("The last day is noted."), f"ended the employment of {found.name} after {last}"


def _declare(session: Session, found: Person) -> tuple[str, str]:
    relation = "self" if _typed("relation") == "self" else "relative"
    staff.declare_phone(session, found, _typed("phone"), relation)
    return _(
        "The phone is declared: it cannot be captured as a lead."
    ), f"declared a phone ({relation}) of {found.name}"


def _revoke(session: Session, found: Person) -> tuple[str, str]:
    for row in session.scalars(
        select(ApiToken).where(ApiToken.person_id == found.id, ApiToken.revoked_at.is_(None))
    ):
        row.revoked_at = real_now()
    return _("All tokens of this person are revoked."), f"revoked the API tokens of {found.name}"


def _stand_in(session: Session, found: Person) -> tuple[str, str]:
    other = staff.person_named(session, _typed("stand_in"))
    starts, ends = _instant("starts_at"), _instant("ends_at")
    staff.name_stand_in(session, found, other, starts, ends, now(session))
    return _(
        "The stand-in is named and will be told of every request."
    ), f"{other.name} stands in for {found.name}"


ACTS: dict[str, Callable[[Session, Person], tuple[str, str]]] = {
    "password": _set_password,
    "end": _end,
    "phone": _declare,
    "revoke": _revoke,
    "stand-in": _stand_in,
}


def _log(session: Session, line: str, found: Person | None = None) -> None:
    code = f"person:{found.id}" if found else None
    session.add(
        AccessLog(
            person_id=current_user.person.id,
            kind="staff",
            case_code=code,
            purpose=line[:200],
            at=now(session),
        )
    )


# -- what was typed ----------------------------------------------------------------------------------------------


def _typed(name: str) -> str:
    return request.form.get(name, "").strip()[:200]


def _hashed(name: str) -> str:
    given = request.form.get(name, "")
    if not SHORTEST <= len(given) <= 500:
        raise _wrong(name, _("A password has at least 8 characters."))
    return passwords.hash_of(given)


def _day(name: str, otherwise: date | None) -> date | None:
    try:
        day = date.fromisoformat(_typed(name)) if _typed(name) else otherwise
    except ValueError as error:
        raise _wrong(name, _("This is no date.")) from error
    if day is not None and not 1950 <= day.year <= 2100:
        raise _wrong(name, _("This is no date."))
    return day


def _instant(name: str) -> datetime:
    """A local time of the company."""
    try:
        moment = datetime.fromisoformat(_typed(name)).replace(tzinfo=the_settings().timezone)
    except ValueError as error:
        raise _wrong(name, _("This is no time.")) from error
    if not 1950 <= moment.year <= 2100:
        raise _wrong(name, _("This is no time."))
    return moment


def _wrong(field: str, why: str) -> Refused:
    return Refused("invalid_data", Text(why), errors={field: why})
