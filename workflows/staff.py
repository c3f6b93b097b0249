"""The staff: people, their roles and teams, phones that cannot be leads, tokens, stand-ins."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from datetime import date, datetime, timedelta

from sqlalchemy import Connection, bindparam, func, select, update
from sqlalchemy.orm import Session

from models.leads import Duty
from models.people import ApiToken, Person, Project, StaffPhone, StandIn, Team, WebSession
from models.sealed import sealer
from workflows.engine.actor import STAFF_ROLES, Actor
from workflows.engine.refusal import Refused
from workflows.phones import NotAMobile, normalise
from workflows.words import Text, _


def _invalid(field: str, reason: str, **values: object) -> Refused:
    return Refused("invalid_data", Text(reason, values), errors={field: reason})


def first_project(session: Session) -> Project | None:
    """The company's first project, where there is one yet."""
    return session.scalar(select(Project).order_by(Project.id).limit(1))


def bring_in(session: Session) -> None:
    """Read everybody at once, for a look at many cases that asks of each who is concerned. Only where nothing is written."""
    session.info["staff"] = list(session.scalars(select(Person)))


def of_team(session: Session, team_id: int) -> list[Person]:
    """The members of a team."""
    known: list[Person] | None = session.info.get("staff")
    if known is not None:
        return [person for person in known if person.team_id == team_id]
    return list(session.scalars(select(Person).where(Person.team_id == team_id)))


def ids_named(session: Session, names: Sequence[str]) -> set[int]:
    """The numbers of those who bear these names."""
    known: list[Person] | None = session.info.get("staff")
    if known is not None:
        return {person.id for person in known if person.name in names}
    return set(session.scalars(select(Person.id).where(Person.name.in_(names)))) if names else set()


def ensure_company(session: Session, code: str = "main", name: str = "××花园") -> Project:
    """The company's first project; made where there is none yet."""
    project = first_project(session)
    if project is None:
        project = Project(code=code, name=name)
        session.add(project)
        session.flush()
    return project


def add_person(
    session: Session,
    name: str,
    roles: Sequence[str],
    team: str | None = None,
    *,
    phone: str | None = None,
    hired_on: date | None = None,
    password_hash: str | None = None,
    locale: str = "zh",
) -> Person:
    """Take somebody onto the staff list. Raises `Refused` (invalid_data) naming the field."""
    name = name.strip()
    if not name or len(name) > 40:
        raise _invalid("name", _("A name of at most 40 characters is needed."))
    if unknown := sorted(set(roles) - set(STAFF_ROLES)) or ([] if roles else ["—"]):
        raise _invalid("roles", _("There is no role %(role)s."), role=unknown[0])
    if session.scalar(select(Person.id).where(Person.name == name)) is not None:
        raise _invalid(
            "name",
            _("There is already somebody called %(name)s: add something to tell them apart."),
            name=name,
        )
    person = Person(
        name=name,
        roles=list(dict.fromkeys(roles)),
        hired_on=hired_on,
        password_hash=password_hash,
        locale=locale,
    )
    person.team = team_named(session, team) if team else None
    if person.team is not None and {"member", "leader"} & set(roles):
        _keep_team_size(session, person.team)
    session.add(person)
    session.flush()
    if phone:
        declare_phone(session, person, phone, "self")
    return person


def _keep_team_size(session: Session, team: Team) -> None:
    """The fixed outreach team has at most 20 people (S20 (三)1)."""
    from workflows import policy

    most = policy.Policy().team_size_max
    count = (
        session.scalar(select(func.count()).where(Person.team_id == team.id, Person.left_on.is_(None))) or 0
    )
    if count >= most:
        raise Refused(
            "guard_failed",
            Text(_("A team has at most %(most)s people."), {"most": most}),
            rule="team_size_max",
        )


def team_named(session: Session, name: str) -> Team:
    """The team of this name; made where there is none yet."""
    team = session.scalar(select(Team).where(Team.name == name))
    if team is None:
        team = Team(name=name)
        session.add(team)
        session.flush()
    return team


def move_to_team(session: Session, person: Person, team: str) -> None:
    """Somebody goes over to another team. What was earned before counts for the team of that moment.

    Raises `Refused` (guard_failed) where the team is full.
    """
    goal = team_named(session, team)
    if goal.id != person.team_id and {"member", "leader"} & set(person.roles):
        _keep_team_size(session, goal)
    person.team = goal
    session.flush()


def leader_of(session: Session, team_id: int | None, day: date) -> Person | None:
    """Who leads this team on a day; the first taken on where two do."""
    if team_id is None:
        return None
    team = session.scalars(select(Person).where(Person.team_id == team_id).order_by(Person.id))
    return next((p for p in team if "leader" in p.roles and works(p, day)), None)


def declare_phone(session: Session, person: Person, phone: str, relation: str) -> None:
    """A phone of the staff or of their relatives: it cannot be captured (S20 罚7). Raises `Refused`."""
    try:
        number = normalise(phone)
    except NotAMobile as error:
        raise _invalid("phone", str(error)) from error
    if relation == "self":
        person.phone = number
    session.merge(
        StaffPhone(phone_index=sealer().blind("phone", number), person_id=person.id, relation=relation)
    )
    session.flush()


def person_named(session: Session, name: str) -> Person:
    """Raises `Refused` (not_found)."""
    person = session.scalar(select(Person).where(Person.name == name))
    if person is None:
        raise Refused("not_found", Text(_("There is nobody called %(name)s on the staff."), {"name": name}))
    return person


def issue_token(session: Session, person: Person, at: datetime) -> str:
    """A new bearer token; this is the only time it is seen."""
    token = "tk_" + secrets.token_urlsafe(32)
    session.add(ApiToken(digest=hashed(token), person_id=person.id, made_at=at))
    return token


BEARER = (
    select(Person.id, Person.name, Person.roles, Person.team_id, Person.left_on)
    .join(ApiToken, ApiToken.person_id == Person.id)
    .where(ApiToken.digest == bindparam("digest"), ApiToken.revoked_at.is_(None))
)


def bearer(connection: Connection, token: str, on: date) -> Actor | None:
    """Who acts with this token, while it is neither revoked nor its person gone. One statement: every request asks it."""
    found = connection.execute(BEARER, {"digest": hashed(token)}).first()
    if found is None or _has_left(found.left_on, on):
        return None
    return Actor(found.id, found.name, frozenset(found.roles), found.team_id)


def works(person: Person, on: date) -> bool:
    """Whether somebody is on the staff on this day."""
    return not _has_left(person.left_on, on)


def _has_left(left_on: date | None, on: date) -> bool:
    return left_on is not None and left_on <= on


def end_employment(session: Session, person: Person, last_day: date, at: datetime) -> None:
    """Somebody leaves after this day. Once it is over their place in the rotation, tokens and log-ins end too.

    What they hold stays with them until it is reassigned or runs out. Raises `Refused` (invalid_data).
    """
    from workflows import policy

    if person.hired_on and last_day < person.hired_on:
        raise _invalid("last_day", _("The last day cannot come before the first."))
    person.left_on = last_day + timedelta(days=1)
    if works(person, at.astimezone(policy.zone(session)).date()):
        return
    _leave_rotation(session, person, at)
    session.execute(
        update(ApiToken)
        .where(ApiToken.person_id == person.id, ApiToken.revoked_at.is_(None))
        .values(revoked_at=at)
    )
    end_sessions(session, person, at)


def _leave_rotation(session: Session, person: Person, at: datetime) -> None:
    from workflows.engine.actor import CLOCK
    from workflows.engine.take import Ask, take
    from workflows.rotation import DutyFlow

    places = select(Duty.code).where(Duty.person_id == person.id, Duty.state == "on_duty")
    for code in list(session.scalars(places)):
        take(session, Ask(DutyFlow, "leave", CLOCK, at, code=code, house=True))


def end_sessions(session: Session, person: Person, at: datetime) -> None:
    """End every log-in of this person."""
    session.execute(
        update(WebSession)
        .where(WebSession.person_id == person.id, WebSession.ended_at.is_(None))
        .values(ended_at=at)
    )


def hashed(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def name_stand_in(
    session: Session, person: Person, stand_in: Person, starts_at: datetime, ends_at: datetime, at: datetime
) -> StandIn:
    """An approver who is away names who decides meanwhile: somebody else with the same role. Raises `Refused`."""
    if stand_in.id == person.id:
        raise Refused("guard_failed", Text(_("Nobody stands in for themselves.")), rule="stand_in_is_another")
    if not {"leader", "manager", "sales_manager"} & set(person.roles) & set(stand_in.roles):
        raise Refused(
            "guard_failed", Text(_("A stand-in needs the same role.")), rule="stand_in_has_the_role"
        )
    if ends_at <= starts_at:
        raise _invalid("ends_at", _("The end must come after the beginning."))
    row = StandIn(
        person_id=person.id, stand_in_id=stand_in.id, starts_at=starts_at, ends_at=ends_at, named_at=at
    )
    session.add(row)
    session.flush()
    return row


def actor_named(session: Session, name: str) -> Actor:
    return Actor.of(person_named(session, name))
