"""The statements that must be true before a step of a lead is taken. Each says in words why it refused and what to do
instead."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import bindparam, func, literal, select

from models import database
from models.base import Base
from models.leads import Lead
from models.remembered import History
from models.remembered import Timer as TimerRow
from models.sealed import sealer
from workflows import policy
from workflows.engine.actor import PUBLIC
from workflows.engine.flow import guard
from workflows.engine.take import Check
from workflows.words import _

LEAD, LISTED = Base.metadata.tables["lead"], Base.metadata.tables["staff_phone"]
# Whose of the staff a phone is, and the leads with it, the newest first; one row at least.
OF_PHONE = (
    select(LISTED.c.person_id, LEAD.c.id, LEAD.c.state, LEAD.c.protected, LEAD.c.captured_at)
    .select_from(
        select(literal(1).label("one"))
        .subquery()
        .outerjoin(LISTED, LISTED.c.phone_index == bindparam("phone"))
        .outerjoin(LEAD, LEAD.c.phone_index == bindparam("phone"))
    )
    .order_by(LEAD.c.id.desc())
)


@guard(_("This phone is on the staff list, or was declared as a relative's: it cannot be a lead."))
def phone_is_no_staff_phone(check: Check) -> bool:
    """S20 罚7: no calls by friends and relatives."""
    return all(row.person_id is None for row in of_this_phone(check))


@guard(
    _("This phone is registered since %(since)s and protected until %(until)s."),
    instead=_("It can be registered again when that lead is closed."),
    code="conflict",
)
def phone_is_free(check: Check) -> bool | dict[str, Any]:
    """One open lead per phone. What came through a web form gives way to a staff capture until it is screened."""
    for lead in leads_of_this_phone(check):
        in_the_way = check.by is PUBLIC or lead.protected or lead.state != "captured"
        if lead.state != "closed" and in_the_way:
            return _protection(check, lead)
    return True


def phone_index(check: Check) -> str:
    """The blind index of the phone that is to be captured."""
    if "phone index" not in check.seen:
        check.seen["phone index"] = sealer().blind("phone", check.facts.phone)  # type: ignore[attr-defined]
    index: str = check.seen["phone index"]
    return index


def leads_of_this_phone(check: Check) -> Sequence[Any]:
    """What is known of the leads with the phone that is to be captured, the newest first."""
    return [row for row in of_this_phone(check) if row.id is not None]


def of_this_phone(check: Check) -> Sequence[Any]:
    """What is known of this phone, read once for all who ask.

    Captures of one phone go one after the other: no constraint keeps a visitor's from standing beside another."""
    if "phone" not in check.seen:
        database.hold(check.session, f"phone:{phone_index(check)}")
        check.session.flush()
        check.seen["phone"] = (
            check.session.connection().execute(OF_PHONE, {"phone": phone_index(check)}).all()
        )
    known: Sequence[Any] = check.seen["phone"]
    return known


@guard(
    _("Another open lead has this phone, registered since %(since)s and protected until %(until)s."),
    code="conflict",
)
def protection_is_free(check: Check) -> bool | dict[str, Any]:
    """A lead from a web form is protected once it is screened, if nobody else's is by then."""
    if check.case.protected:
        return True
    same = select(Lead).where(
        Lead.phone_index == check.case.phone_index, Lead.state != "closed", Lead.protected
    )
    other = check.session.scalar(same.limit(1))
    return _protection(check, other) if other else True


@guard(
    _("It was written down more than %(hours)s hours ago, or in the future: that cannot be right."),
    instead=_("Write it down anew; the registration counts from now in any case."),
)
def written_down_lately(check: Check) -> bool | dict[str, Any]:
    """What a phone says of when a capture was written down is a claim; a wild one is not kept (S20 (三)5)."""
    noted: datetime | None = check.facts.noted_at  # type: ignore[attr-defined]
    earliest = check.at - timedelta(hours=check.policy.draft_hours)
    latest = check.at + timedelta(minutes=check.policy.phone_clock_minutes)
    return noted is None or earliest <= noted <= latest or {"hours": check.policy.draft_hours}


def _protection(check: Check, lead: Any) -> dict[str, Any]:
    """Since when and until when, but not by whom."""
    zone = policy.zone(check.session)
    due = check.session.scalar(
        select(func.min(TimerRow.due_at)).where(
            TimerRow.flow == "lead",
            TimerRow.case_id == lead.id,
            TimerRow.name == "expire",
            TimerRow.state == "pending",
        )
    )
    until = due.astimezone(zone) if due else "—"
    return {"since": lead.captured_at.astimezone(zone).date(), "until": until}


@guard(
    _("The lead has no recorded demand: it is no valid customer yet."),
    instead=_("Screen it and write down the demand."),
)
def has_demand(check: Check) -> bool:
    """S20 (三)7."""
    return bool(check.case.demand)


@guard(_("No offer is open for this lead."))
def has_offer(check: Check) -> bool:
    return check.case.offered_to_id is not None


@guard(_("%(name)s is not a consultant."), instead=_("Choose one of the consultants."))
def is_consultant(check: Check) -> bool | dict[str, Any]:
    person = check.people["consultant"]
    return "consultant" in person.roles or {"name": person.name}


@guard(_("%(name)s holds this lead already."))
def is_another_consultant(check: Check) -> bool | dict[str, Any]:
    person = check.people["consultant"]
    return person.id != check.case.holder_id or {"name": person.name}


@guard(_("%(name)s is not an outreach member."), instead=_("Choose a member or leader of a team."))
def holder_is_outreach(check: Check) -> bool | dict[str, Any]:
    person = check.people["holder"]
    return bool({"member", "leader"} & set(person.roles)) or {"name": person.name}


@guard(
    _("You claimed %(count)s leads today; the policy allows %(most)s."),
    instead=_("Claim again tomorrow."),
    of_asker=True,
)
def claims_left_today(check: Check) -> bool | dict[str, Any]:
    """Counted from the rows of history, not from a cache."""
    most = check.policy.pool_claims_per_day
    if most or check.policy.pool_held_max:
        # or two claims at once would not count each other
        database.hold(check.session, f"claims:{check.by.id}")
    local = check.at.astimezone(policy.zone(check.session))
    since = local.replace(hour=0, minute=0, second=0, microsecond=0)
    mine = (
        History.flow == "lead",
        History.event == "claim",
        History.by_id == check.by.id,
        History.at >= since,
    )
    count = check.session.scalar(select(func.count()).where(*mine)) if most else 0
    return not most or count < most or {"count": count, "most": most}  # type: ignore[operator]


@guard(
    _("You hold %(count)s leads; the policy allows %(most)s."), instead=_("Release one first."), of_asker=True
)
def may_hold_more(check: Check) -> bool | dict[str, Any]:
    most = check.policy.pool_held_max
    mine = (Lead.holder_id == check.by.id, Lead.state == "reclaimed")
    count = check.session.scalar(select(func.count()).where(*mine)) if most else 0
    return not most or count < most or {"count": count, "most": most}  # type: ignore[operator]


@guard(
    _("You lost or released this lead; you may claim it again from %(from)s."),
    instead=_("Somebody else may claim it now."),
)
def waited_after_losing_it(check: Check) -> bool | dict[str, Any]:
    lead, wait = check.case, timedelta(days=check.policy.pool_return_days)
    if (
        not wait
        or lead.lost_holder_id != check.by.id
        or lead.lost_at is None
        or check.at >= lead.lost_at + wait
    ):
        return True
    return {"from": (lead.lost_at + wait).astimezone(policy.zone(check.session))}
