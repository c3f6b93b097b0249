"""What somebody did on some days, counted in the books of the leads."""

from __future__ import annotations

from datetime import date, datetime, time
from zoneinfo import ZoneInfo

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from models.leads import Lead
from models.remembered import History

DONE = {"capture": "captures", "screen": "screenings", "follow_up": "follow_ups"}


def figures(session: Session, person_id: int, first: date, until: date, zone: ZoneInfo) -> dict[str, int]:
    """What this person did from the first day until before the last, company time: leads captured, screened and followed up;
    customers of theirs who came; deals of what they brought or held."""
    begins, ends = (datetime.combine(day, time.min, zone) for day in (first, until))
    theirs = (History.flow == "lead", History.by_id == person_id, History.event.in_(DONE))
    done = select(History.event, func.count()).where(*theirs, History.at >= begins, History.at < ends)
    counted = dict(session.execute(done.group_by(History.event)).all())
    came = (Lead.promoter_id == person_id, Lead.visited_at >= begins, Lead.visited_at < ends)
    sold = (
        or_(Lead.promoter_id == person_id, Lead.holder_id == person_id),
        *(Lead.outcome == "deal", Lead.closed_at >= begins, Lead.closed_at < ends),
    )
    return {
        **{name: counted.get(event, 0) for event, name in DONE.items()},
        "visits": session.scalar(select(func.count(Lead.id)).where(*came)) or 0,
        "deals": session.scalar(select(func.count(Lead.id)).where(*sold)) or 0,
    }
