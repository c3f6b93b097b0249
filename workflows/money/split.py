"""Dividing a team award (S20 (四) 团队): the leader says who of the team gets how much of what stands on the team's
account. It is a decision on record, and can be taken back while its month is open."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Any

from pydantic import Field
from sqlalchemy import ColumnElement, false, func, select, true
from sqlalchemy.orm import Session

from models.money import Entry, Journal, Month, Split
from models.people import Person
from models.remembered import Outbox
from workflows.engine.actor import CLOCK, Actor
from workflows.engine.flow import Facts, Flow, NoFacts, State, guard, opening, step
from workflows.engine.news import News
from workflows.engine.refusal import Refused
from workflows.engine.take import Check
from workflows.engine.who import Leader, relation
from workflows.money.agreed import DESKS, month_to_post_in, past_open
from workflows.money.month import is_posted
from workflows.money.months import month_of
from workflows.money.statements import yuan
from workflows.policy import zone
from workflows.words import Text, _

AWARDS = ("call_visit_award", "visit_award", "deal_award")
LeaderOfIt = relation(
    "team_leader",
    _("the leader of the team"),
    {"leader"},
    lambda a, case: a.has("leader") and a.team_id is not None and a.team_id == case.team_id,
)


class Shares(Facts):
    """Fen by the name of a member of the team."""

    shares: dict[str, Annotated[int, Field(ge=1, le=10**9, strict=True)]] = Field(
        title=_("Shares"), min_length=1, max_length=40
    )


def shares_of(check: Check) -> list[list[int]]:
    """The shares as [person id, fen]; raises `Refused` (invalid_data) where somebody is not of the team."""
    shares: dict[str, int] = check.facts.shares  # type: ignore[attr-defined]
    team = select(Person.name, Person.id).where(Person.team_id == check.by.team_id)
    members = {row.name: row.id for row in check.session.execute(team)}
    if strangers := sorted(set(shares) - members.keys()):
        said = Text(_("%(name)s is not of this team."), {"name": strangers[0]})
        raise Refused("invalid_data", said, errors={"shares": said})
    return sorted([members[name], fen] for name, fen in shares.items())


def balance(session: Session, project_id: int, team_id: int | None) -> int:
    """What a team may divide: what stands on its account in this project, in fen, less divisions that are not posted yet.
    The awards of a month that can still be sent back do not count yet."""
    sent_back = ("open", "submitted")
    unsure = select(Month.month).where(Month.project_id == project_id, Month.state.in_(sent_back))
    account = (
        select(func.sum(Entry.amount_fen))
        .join(Journal, Journal.id == Entry.journal_id)
        .where(Entry.account == "team", Entry.team_id == team_id, Journal.project_id == project_id)
        .where(Entry.kind.not_in(AWARDS) | Entry.month.not_in(unsure))
    )
    posted = select(Journal.case_code).where(Journal.flow == SplitFlow.flow_name)
    mine = (Split.project_id == project_id, Split.team_id == team_id, Split.state == "divided")
    divided = select(Split).where(*mine)
    waiting = session.scalars(divided.where(Split.code.not_in(posted)))
    return (session.scalar(account) or 0) - sum(fen for split in waiting for _who, fen in split.shares)


@guard(
    _("The team's account holds %(held)s, these shares are %(wanted)s."),
    instead=_("Divide at most what the team holds."),
)
def is_covered(check: Check) -> bool | dict[str, Any]:
    wanted = sum(fen for _who, fen in shares_of(check))
    held = balance(check.session, check.case.project_id, check.by.team_id)
    return True if wanted <= held else {"held": yuan(held), "wanted": yuan(wanted)}


@guard(_("The month of this division is closed."), instead=_("Divide what is left, or open a dispute."))
def is_in_an_open_month(check: Check) -> bool:
    return not past_open(check.session, check.case.project_id, check.case.month)


def the_team(session: Session, fact: Outbox, at: datetime) -> Iterable[int | None]:
    """Everybody of the team whose award it is."""
    return session.scalars(select(Person.id).where(Person.team_id == fact.body["team_id"]))


class SplitFlow(Flow):
    """团队奖励分配."""

    flow_name, noun, prefix, table = "split", "case", "T", Split
    label = _("Division of a team award")
    about = _("Team awards that leaders divided over their members.")
    room, topic, rests = "money", "award", ("divided",)
    labels = {"month": _("Posted in")}
    news = (
        News(".divided", _("Your team's award was divided."), the_team),
        News(".undone", _("A division of your team's award was taken back."), the_team),
    )
    remembers = ("team_id", "shares", "month")
    names_people = ("shares",)

    divided = State(_("Divided"), initial=True)
    undone = State(_("Undone"), final=True)

    @opening(label=_("Divide"), by=Leader, guards=(is_posted, is_covered), announces=".divided", serial=True)
    def divide(self, case: Split, facts: Shares, check: Check) -> None:
        """The leader divides what the team earned; it is posted in the present month, or the next that is open."""
        assert check.by.team_id  # a leader without a team has nobody to divide among
        case.team_id, case.shares = check.by.team_id, shares_of(check)
        today = month_of(check.at, zone(check.session))
        case.month = month_to_post_in(check.session, case.project_id, today)

    @step(
        divided.to(undone),
        label=_("Undo"),
        by=LeaderOfIt,
        guards=is_in_an_open_month,
        announces=".undone",
        serial=True,
    )
    def undo(self, case: Split, facts: NoFacts) -> None:
        """Take it back: the money lies on the team's account again."""

    @classmethod
    def seen_by(cls, actor: Actor) -> ColumnElement[bool]:
        """The team, and the desks."""
        if actor is CLOCK or actor.has(*DESKS):
            return true()
        return Split.team_id == actor.team_id if actor.team_id is not None else false()

    @classmethod
    def tells(cls, case: Split) -> dict[str, Any]:
        return {"team_id": case.team_id, "month": case.month}
