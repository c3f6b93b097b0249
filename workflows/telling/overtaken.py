"""What is not said any more when its time comes: an offer that was answered while its reader slept, a request that was
decided. A message that calls for a step nobody can take would teach people not to believe messages."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.leads import Lead
from models.messages import Message
from models.remembered import Approval, Outbox
from workflows.flows import FLOWS, NEWS

ASKING = ("approval.requested", "approval.reminder", "approval.escalated")


def overtaken(session: Session, message: Message, person_id: int) -> bool:
    """Whether this message calls for something that is settled by now."""
    if message.fact in ("lead.offered", "lead.unattended"):
        lead = select(Lead.state, Lead.offered_to_id).where(Lead.code == message.case_code)
        state, offered_to = session.execute(lead).one_or_none() or ("", None)
        return state != "visited" or offered_to != (person_id if message.fact == "lead.offered" else None)
    if message.fact in ASKING:
        about = select(Outbox.case_code).where(Outbox.uid == message.fact_uid).scalar_subquery()
        return session.scalar(select(Approval.state).where(Approval.code == about)) != "pending"
    news = NEWS.get(message.fact)
    if news is not None and news.while_in:
        table = FLOWS[message.fact.partition(".")[0]].table
        return session.scalar(select(table.state).where(table.code == message.case_code)) not in news.while_in
    return False
