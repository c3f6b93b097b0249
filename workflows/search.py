"""Looking for a lead by its code, its exact phone, or its customer's name, and for the cases of every other workflow by their
code or the words in them, among what one may see.

One field takes all three. What is sealed is found by keyed digests; of a name these are short, so that candidates are
compared with the name *as the reader sees it*: who reads `王**` finds it by `王` and learns nothing more by guessing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import ColumnElement, Select, func, or_, select
from sqlalchemy.orm import Session, aliased

from models import names
from models.leads import Lead
from models.names import NamePrint
from models.sealed import sealer
from workflows import views
from workflows.engine.actor import Actor
from workflows.engine.flow import Flow
from workflows.flows import FLOWS
from workflows.lead import LeadFlow
from workflows.phones import NotAMobile, normalise
from workflows.words import _

BATCH, MOST = 200, 2000
TOO_SHORT = _("Type a code, a whole phone number, or at least two letters or one Chinese sign of a name.")
MOSTLY_DIGITS = re.compile(r"[\s\d()+./-]*\d[\s\d()+./-]{3,}")


@dataclass(frozen=True, slots=True)
class Found:
    """The leads, newest first; how they were looked for; after which lead a further look goes on, if there is more."""

    by: Literal["code", "phone", "name"]
    leads: list[Lead]
    after: int | None = None


class CannotSeek(ValueError):
    """What was typed is neither code nor phone, and too short for a name; or a number that is no phone (`why`)."""

    def __init__(self, why: str = "") -> None:
        super().__init__(why or "too short")
        self.why = why


def seek(session: Session, actor: Actor, text: str, size: int, after: int | None = None) -> Found:
    """At most `size` of the leads this actor may see that bear this code, phone or name. Raises `CannotSeek`."""
    one = views.visible(session, LeadFlow, actor, text.upper()) if text.isalnum() and text.isascii() else None
    if one is not None:
        return Found("code", [one])
    try:
        index = sealer().blind("phone", normalise(text))
    except NotAMobile as problem:
        if MOSTLY_DIGITS.fullmatch(text):
            raise CannotSeek(problem.reason) from problem
        return _by_name(session, actor, text, size, after)
    return _page("phone", _rows(session, _newest(actor, after).where(Lead.phone_index == index), size), size)


@dataclass(frozen=True, slots=True)
class Hit:
    """A case of another workflow than the lead's; `text` is where the words were found."""

    flow: type[Flow]
    case: Any
    text: str


def seek_cases(session: Session, actor: Actor, text: str, size: int) -> list[Hit]:
    """At most `size` cases of the other workflows that this actor may see and that bear this code, or these words in one of
    the columns that their workflow says are plain text; of each workflow the newest first."""
    found: list[Hit] = []
    for flow in FLOWS.values():
        if flow is LeadFlow or len(found) >= size:
            continue
        table = flow.table
        columns = [getattr(table, name) for name in flow.searched] if len(text) > 1 else []
        fits = or_(
            table.code == text.upper(), *(column.icontains(text, autoescape=True) for column in columns)
        )
        wanted = select(table).where(flow.seen_by(actor), fits).order_by(table.id.desc())
        for case in session.scalars(wanted.limit(size - len(found))).unique():
            said = (getattr(case, name) or "" for name in flow.searched)
            found.append(Hit(flow, case, next((each for each in said if text.lower() in each.lower()), "")))
    return found


def _newest(actor: Actor, after: int | None) -> Select[Lead]:
    wanted = select(Lead).where(LeadFlow.seen_by(actor)).order_by(Lead.id.desc())
    return wanted if after is None else wanted.where(Lead.id < after)


def _rows(session: Session, wanted: Select[Lead], size: int) -> list[Lead]:
    return list(session.scalars(wanted.limit(size + 1)))


def _page(by: Literal["phone", "name"], leads: list[Lead], size: int) -> Found:
    return Found(by, leads[:size], leads[size - 1].id if len(leads) > size else None)


def _by_name(session: Session, actor: Actor, text: str, size: int, after: int | None) -> Found:
    """Candidates are read in batches until the page is full. After `MOST` of them a page may be short, and goes on."""
    wanted = names.sought(text)
    if not wanted:
        raise CannotSeek
    rarest = _rarest(session, wanted)
    fitting: list[Lead] = []
    for _batch in range(MOST // BATCH):
        candidates = list(session.scalars(_candidates(actor, rarest, after).limit(BATCH)))
        views.bring_in(session, candidates)
        fitting += [lead for lead in candidates if names.fits(text, views.name_seen(actor, lead))]
        if len(fitting) > size or len(candidates) < BATCH:
            return _page("name", fitting, size)
        after = candidates[-1].id
    return Found("name", fitting, after)


def _rarest(session: Session, wanted: set[int]) -> list[int]:
    """The prints, the one that fewest names have first: from its leads the others are looked up."""
    counted = session.execute(
        select(NamePrint.print, func.count()).where(NamePrint.print.in_(wanted)).group_by(NamePrint.print)
    )
    number = {row[0]: row[1] for row in counted}
    return sorted(wanted, key=lambda each: number.get(each, 0))


def _candidates(actor: Actor, rarest: list[int], after: int | None) -> Select[Lead]:
    first, *others = rarest
    lead_id: ColumnElement[int] = NamePrint.lead_id  # type: ignore[assignment]
    wanted = select(Lead).join(NamePrint, lead_id == Lead.id).where(NamePrint.print == first)
    for each in others:
        other = aliased(NamePrint)
        wanted = wanted.where(select(1).where(other.print == each, other.lead_id == lead_id).exists())
    wanted = wanted.where(LeadFlow.seen_by(actor)).order_by(lead_id.desc())
    return wanted if after is None else wanted.where(lead_id < after)
