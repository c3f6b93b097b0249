"""The rotation as the board shows it, joining it and leaving it."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response
from sqlalchemy import select
from sqlalchemy.orm import Session

from models.leads import Duty, Lead
from models.people import Person, Project
from web.api.answers import look, write
from web.api.asking import actor, body, invalid, query, text_field
from web.app import now
from workflows import rotation, views
from workflows.engine.refusal import not_found
from workflows.engine.take import Ask, take
from workflows.lead import LeadFlow
from workflows.rotation import DutyFlow
from workflows.words import _


def _project(session: Session, code: str | None) -> Project:
    """The project named, or the company's first; raises `Refused`."""
    wanted = select(Project).order_by(Project.id).limit(1)
    found = session.scalar(wanted.where(Project.code == code) if code else wanted)
    if found is None:
        raise invalid("project", _("There is no such project."))
    return found


def queue() -> Response:
    """Who is on duty, in the order of their turn, and what is offered to them."""
    code = query("project", 40)

    def work(session: Session) -> dict[str, Any]:
        project = _project(session, code)
        duties = select(Duty.id).where(DutyFlow.seen_by(actor()), Duty.project_id == project.id)
        visible = set(session.scalars(duties))
        offered, seen = _offers(session, project.id)
        who = views.names(session)
        return {
            "project": project.code,
            "queue": [
                {
                    "position": place,
                    "name": who[duty.person_id],
                    "code": duty.code,
                    "state": "busy" if duty.person_id in offered else "present",
                    "lead": seen.get(duty.person_id),
                }
                for place, duty in enumerate(rotation.queue_of(session, project.id), start=1)
                if duty.id in visible
            ],
        }

    return look(work)


def _offers(session: Session, project_id: int) -> tuple[set[int | None], dict[int | None, str]]:
    """Who has an open offer; and of which lead, where the caller may see that lead."""
    wanted = select(Lead.offered_to_id, Lead.code).where(
        Lead.project_id == project_id, Lead.state == "visited", Lead.offered_to_id.is_not(None)
    )
    offered = {row.offered_to_id for row in session.execute(wanted)}
    return offered, {
        row.offered_to_id: row.code for row in session.execute(wanted.where(LeadFlow.seen_by(actor())))
    }


def placed(event: str) -> Response:
    """Join or leave; the sales manager names the `consultant`. Who never had a place gets one by joining."""
    given = body()

    def work(session: Session) -> tuple[dict[str, Any], int]:
        facts = dict(given)
        project = _project(session, text_field(facts, "project", 40))
        name = text_field(facts, "consultant", 40)
        duty = rotation.duty_of(session, project.id, _person_id(session, name))
        if duty is None and event == "leave":
            raise not_found(DutyFlow.label)
        if duty is None and name is not None:
            facts["consultant"] = name
        code = duty.code if duty else None
        ask = Ask(DutyFlow, event, actor(), now(session), code=code, facts=facts, project=project.code)
        return views.case_view(session, actor(), DutyFlow, take(session, ask).case), 200

    return write(work)


def _person_id(session: Session, name: str | None) -> int | None:
    if name is None:
        return actor().id
    return session.scalar(select(Person.id).where(Person.name == name)) or -1


def join() -> Response:
    return placed("join")


def leave() -> Response:
    return placed("leave")


def attach(api: Blueprint) -> None:
    api.add_url_rule("/rotation", "rotation", queue, methods=["GET"])
    api.add_url_rule("/rotation/join", "rotation_join", join, methods=["POST"])
    api.add_url_rule("/rotation/leave", "rotation_leave", leave, methods=["POST"])
