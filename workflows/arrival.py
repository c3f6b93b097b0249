"""The arrival code (到访码): shown by whoever brought the customer, read at the desk, good for some minutes and once.

It says who stands there; the arrival itself is the lead's own step `visit`, with all its rules (S20 (三)6).
"""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta

from sqlalchemy import Delete, delete, or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from models.arrivals import ArrivalPass
from models.leads import Lead
from models.sealed import sealer
from workflows import policy
from workflows.engine.actor import Actor
from workflows.engine.refusal import Refused, not_found
from workflows.engine.who import Manager
from workflows.lead import LeadFlow, Promoter, TeamLeader
from workflows.words import Text, _

MAY_SHOW = Promoter | TeamLeader | Manager
DIGITS = 6
TRIES = 20
FORGOTTEN = timedelta(days=1)


def may_show(by: Actor, lead: Lead) -> bool:
    """Whether this actor may have a code for this customer now: it was screened and has not come yet."""
    return lead.state == "screened" and MAY_SHOW.allows(by, lead)


def issue(session: Session, code: str, by: Actor, at: datetime) -> ArrivalPass:
    """A new code for a screened customer; one that was shown before is good no longer. Raises `Refused`."""
    wanted = select(Lead).where(Lead.code == code, LeadFlow.seen_by(by))
    lead = session.scalar(wanted.with_for_update(of=Lead, key_share=True))
    if lead is None:
        raise not_found(LeadFlow.label)
    if not MAY_SHOW.allows(by, lead):
        raise Refused(
            "not_permitted",
            Text(_("You may not show an arrival code for this customer.")),
            who=[part.label for part in MAY_SHOW.parts],
        )
    if lead.state != "screened":
        raise Refused(
            "not_allowed_from_state",
            Text(_("An arrival code is for a customer who is screened and has not come yet.")),
        )
    session.execute(_superseded(lead, at))
    minutes = policy.in_force(session, at).arrival_code_minutes
    return _written(session, lead, by, at, at + timedelta(minutes=minutes))


def _superseded(lead: Lead, at: datetime) -> Delete:
    """What this customer showed before, and what everybody has forgotten; used ones stay."""
    old = or_(ArrivalPass.lead_id == lead.id, ArrivalPass.expires_at < at - FORGOTTEN)
    return delete(ArrivalPass).where(
        ArrivalPass.project_id == lead.project_id, ArrivalPass.used_at.is_(None), old
    )


def _written(session: Session, lead: Lead, by: Actor, at: datetime, until: datetime) -> ArrivalPass:
    """The row; digits that somebody else shows just now are drawn again."""
    for _unused in range(TRIES):
        digits = f"{secrets.randbelow(10**DIGITS):0{DIGITS}d}"
        made = ArrivalPass(
            key=secrets.token_urlsafe(16),
            digits=digits,
            digits_index=_index(digits),
            project_id=lead.project_id,
            lead_id=lead.id,
            made_by_id=by.id,
            made_at=at,
            expires_at=until,
        )
        try:
            with session.begin_nested():
                session.add(made)
                session.flush()
        except IntegrityError:
            continue
        return made
    raise Refused("conflict", Text(_("No arrival code is free just now: try again in a minute.")))


def _index(digits: str) -> str:
    return sealer().blind("arrival", digits)


def shown(session: Session, lead: Lead, at: datetime) -> ArrivalPass | None:
    """The code that is good for this customer now."""
    good = (ArrivalPass.lead_id == lead.id, ArrivalPass.used_at.is_(None), ArrivalPass.expires_at > at)
    return session.scalar(select(ArrivalPass).where(*good).order_by(ArrivalPass.id.desc()).limit(1))


def by_digits(session: Session, project_id: int, digits: str) -> ArrivalPass | None:
    """What six digits mean at this project's desk; one that is not used yet before one that is."""
    mine = (ArrivalPass.project_id == project_id, ArrivalPass.digits_index == _index(digits))
    latest = (
        select(ArrivalPass).where(*mine).order_by(ArrivalPass.used_at.is_not(None), ArrivalPass.id.desc())
    )
    return session.scalar(latest.limit(1))


def by_key(session: Session, key: str) -> ArrivalPass | None:
    return session.scalar(select(ArrivalPass).where(ArrivalPass.key == key))


def check(found: ArrivalPass | None, project_id: int, at: datetime) -> ArrivalPass:
    """The code, if it is good at this project now. Raises `Refused` with what is wrong with it."""
    if found is None:
        raise _no(_("There is no such arrival code, or a newer one took its place."))
    if found.project_id != project_id:
        raise _no(_("This arrival code is for another project."))
    if found.used_at is not None:
        raise _no(_("This arrival code was used before."))
    if found.expires_at <= at:
        raise _no(_("This arrival code has run out."))
    return found


def _no(reason: str) -> Refused:
    return Refused(
        "guard_failed",
        Text(reason),
        rule="arrival_code",
        instead=_("Let the promoter show a new one, or look for the customer by phone."),
    )


def use(session: Session, key: str, code: str, project_id: int, by: Actor, at: datetime) -> None:
    """The customer of this code has arrived, so it is good no longer. Raises `Refused` where it is not good or another's."""
    wanted = select(ArrivalPass).where(ArrivalPass.key == key).with_for_update(of=ArrivalPass)
    found = check(session.scalar(wanted.execution_options(populate_existing=True)), project_id, at)
    if found.lead.code != code:
        raise _no(_("This arrival code is another customer's."))
    found.used_at, found.used_by_id = at, by.id
