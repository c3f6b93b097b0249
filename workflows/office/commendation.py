"""Commendations and honorary titles (表彰, 荣誉称号) for those who do well (S4 二十一, S4 二十三): proposed by anybody who leads, given by
the manager with the sales manager's consent, and told to the person and their team."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import ColumnElement, or_, select, true
from sqlalchemy.orm import Session

from models.conduct import Commendation
from models.people import Person
from models.remembered import Outbox
from workflows.engine.actor import CLOCK, Actor
from workflows.engine.flow import Facts, Flow, NoFacts, State, guard, opening, step
from workflows.engine.news import News, named, those_with
from workflows.engine.take import Ask, Check
from workflows.engine.who import Auditor, Leader, Manager, SalesManager
from workflows.lead_facts import Clean, choice, maybe, staff, text
from workflows.words import _

KINDS = {"commendation": _("Commendation"), "title": _("Honorary title")}


class Praise(Facts):
    person: Clean = staff(_("Who"), "staff")
    kind: Literal["commendation", "title"] = choice(_("Kind"), KINDS)
    title: Clean | None = maybe(_("Which title"), limit=60)
    reason: Clean = text(_("What for"), limit=2000, input="area")


class Why(Facts):
    decision: Clean = text(_("Why not"), limit=1000, input="area")


@guard(_("Nobody praises themselves."), instead=_("Let somebody else propose it."))
def is_anothers(check: Check) -> bool:
    return bool(check.people["person"].id != check.by.id)


@guard(_("An honorary title has a name."), instead=_("Say which title it is."))
def names_the_title(check: Check) -> bool:
    facts = check.facts
    assert isinstance(facts, Praise)
    return facts.kind != "title" or bool(facts.title)


@guard(_("The same is proposed already."), instead=_("Go on with that one."), code="conflict")
def is_not_proposed_yet(check: Check) -> bool:
    facts = check.facts
    assert isinstance(facts, Praise)
    same = select(Commendation.id).where(
        Commendation.person_id == check.people["person"].id,
        Commendation.kind == facts.kind,
        Commendation.state == "proposed",
    )
    return check.session.scalar(same.limit(1)) is None


@guard(_("Nobody decides about a praise of their own."), instead=_("Let another decide."))
def is_not_ones_own(check: Check) -> bool:
    return bool(check.by.id != check.case.person_id)


def their_team(session: Session, fact: Outbox, at: datetime) -> Iterable[int | None]:
    """Everybody of the person's team."""
    team = select(Person.team_id).where(Person.id == fact.body.get("person_id")).scalar_subquery()
    return session.scalars(select(Person.id).where(Person.team_id == team, Person.left_on.is_(None)))


class CommendationFlow(Flow):
    """表彰: who does well is told so, and their team too."""

    flow_name, noun, prefix, table = "commendation", "case", "Z", Commendation
    label = _("Praise")
    about = _(
        "Commendations and honorary titles: proposed, given with consent, told to the person and their team."
    )
    room, topic = "office", "office"
    searched = ("title", "reason")
    remembers = ("person_id", "kind", "title", "reason", "proposed_by_id", "decision")
    labels = {"proposed_by": _("Proposed by")}
    news = (
        News(".proposed", _("A commendation was proposed: give it or decline it."), those_with("manager")),
        News(".given", _("A commendation or title was given in your team."), named("person_id"), their_team),
        News(".declined", _("A commendation you proposed was declined."), named("proposed_by_id")),
    )

    proposed = State(_("Proposed"), initial=True)
    given = State(_("Given"), final=True)
    declined = State(_("Declined"), final=True)

    @opening(
        label=_("Propose a commendation"),
        by=Leader | Manager | SalesManager | Auditor,
        guards=(is_anothers, names_the_title, is_not_proposed_yet),
        announces=".proposed",
    )
    def propose(self, case: Commendation, facts: Praise, people: dict[str, Person], ask: Ask) -> None:
        """Who did well, and what for."""
        case.person_id, case.kind, case.title = people["person"].id, facts.kind, facts.title
        case.reason, case.proposed_by_id = facts.reason, ask.by.id

    @step(
        proposed.to(given),
        label=_("Give"),
        by=Manager,
        approved_by=SalesManager,
        guards=is_not_ones_own,
        announces=".given",
    )
    def give(self, case: Commendation, facts: NoFacts) -> None:
        """Given, and told to the person and their team."""

    @step(
        proposed.to(declined),
        label=_("Decline"),
        by=Manager | SalesManager,
        guards=is_not_ones_own,
        announces=".declined",
    )
    def decline(self, case: Commendation, facts: Why) -> None:
        """Not this time; why, is said."""
        case.decision = facts.decision

    @classmethod
    def seen_by(cls, actor: Actor) -> ColumnElement[bool]:
        """What was given is everybody's; what is only proposed is for who proposed it and the managers."""
        if actor is CLOCK or actor.has("manager", "sales_manager", "auditor"):
            return true()
        given = (Commendation.state == "given") if actor.roles - {"admin"} else Commendation.id == 0
        return or_(given, Commendation.proposed_by_id == (actor.id or 0))

    @classmethod
    def gains(cls, case: Commendation, facts: Facts) -> set[int]:
        return {case.person_id}

    @classmethod
    def tells(cls, case: Commendation) -> dict[str, Any]:
        return {"person_id": case.person_id, "kind": case.kind, "proposed_by_id": case.proposed_by_id}
