"""What people are told of leads."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy.orm import Session

from models.people import Person
from models.remembered import Outbox
from workflows.engine.news import News, having, named, those_with
from workflows.words import _


def leader_of_promoter(session: Session, fact: Outbox, at: datetime) -> Iterable[int | None]:
    """Who leads the team of the lead's promoter."""
    promoter = session.get(Person, fact.body.get("promoter_id") or 0)
    if promoter is None or promoter.team_id is None:
        return []
    return [leader.id for leader in having(session, "leader") if leader.team_id == promoter.team_id]


NEWS = (
    News(
        ".unscreened",
        _("The lead has not been screened for a day."),
        named("promoter_id"),
        leader_of_promoter,
    ),
    News(".visited", _("Your customer has arrived at the sales office."), named("promoter_id")),
    News(
        ".offered", _("A customer is offered to you: accept or decline."), named("offered_to_id"), urgent=True
    ),
    News(
        ".unattended",
        _("Nobody on duty can receive this customer: appoint a consultant."),
        those_with("sales_manager"),
        urgent=True,
    ),
    News(".assigned", _("The visit is confirmed; the consultant has signed."), named("promoter_id")),
    News(".reassigned", _("The customer has been given to another consultant."), named("holder_id")),
    News(
        ".unconverted",
        _("Ten days without a deal: a call-back is due."),
        named("holder_id", "promoter_id"),
        those_with("manager"),
    ),
    News(".reclaimed", _("Outreach has taken the customer over."), named("promoter_id", "holder_id")),
    News(".pooled", _("The lead has gone to the pool."), named("promoter_id"), leader_of_promoter),
    News(".closed", _("The lead has been closed."), named("promoter_id", "holder_id")),
)
