"""Whose a lead is, and why: the rules that gave it to its promoter and its holder, read from its history (S20 (三)5–10), and
who would earn from a deal (S20 (四) 个人2). Only reads."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from models.leads import Lead
from models.remembered import History
from workflows.engine.actor import Actor
from workflows.money.sale import brought_by
from workflows.views import names
from workflows.words import Text, _

POOL = "S20 (三)10"


@dataclass(frozen=True, slots=True)
class Reason:
    """A step by which the lead became, or ceased to be, somebody's; the instant, and the clause that says so."""

    at: datetime | None
    text: Text
    clause: str


@dataclass(frozen=True, slots=True)
class Standing:
    """`mine` is the reader's part: `yes`, `part` (brought it, or had it, or it may be had) or `no`."""

    mine: str
    headline: Text
    reasons: tuple[Reason, ...]
    deal: Text


def standing(session: Session, actor: Actor, lead: Lead, rows: Sequence[History]) -> Standing:
    """Whose this lead is, told to this reader. `rows` is its history in order."""
    had = any(row.changes.get("holder_id") == actor.id for row in rows) if actor.id else False
    mine, headline = _headline(session, actor, lead, had)
    return Standing(mine, headline, tuple(_reasons(session, rows)), _deal(session, lead))


def _headline(session: Session, actor: Actor, lead: Lead, had: bool) -> tuple[str, Text]:
    who, values = names(session), _people(session, lead)
    if lead.state == "closed":
        return _closed(actor, lead, values)
    if actor.id is not None and actor.id == lead.holder_id:
        return "yes", Text(_("Yours: you look after this customer."))
    if actor.id is not None and actor.id == lead.offered_to_id:
        return "yes", Text(_("Waiting for you: this customer is offered to you."))
    if actor.id is not None and actor.id == lead.promoter_id:
        return _brought(lead, values)
    if lead.state == "reclaimed" and lead.holder_id is None:
        claims = actor.has("member", "leader")
        return (
            "part" if claims else "no",
            Text(_("Nobody's: it lies in the pool, and whoever of outreach claims it looks after it.")),
        )
    if had:
        return "part", Text(_("No longer yours: %(holder)s looks after this customer now."), values)
    if lead.promoter_id is None and lead.holder_id is None:
        return "no", Text(_("Nobody's yet: it was left on the web form."))
    if lead.holder_id is None:
        return "no", Text(_("%(promoter)s brought this customer and looks after it."), values)
    if who.get(lead.promoter_id) is None or lead.promoter_id == lead.holder_id:
        return "no", Text(_("%(holder)s looks after this customer."), values)
    return "no", Text(_("%(promoter)s brought this customer; %(holder)s looks after it now."), values)


def _closed(actor: Actor, lead: Lead, values: dict[str, str]) -> tuple[str, Text]:
    if actor.id is not None and actor.id == lead.promoter_id:
        return "part", Text(_("You brought this customer; the case is closed."))
    if actor.id is not None and actor.id == lead.holder_id:
        return "part", Text(_("You looked after this customer; the case is closed."))
    if lead.promoter_id is None:
        return "no", Text(_("The case is closed; nobody is its promoter."))
    return "no", Text(_("%(promoter)s brought this customer; the case is closed."), values)


def _brought(lead: Lead, values: dict[str, str]) -> tuple[str, Text]:
    """What a promoter is told who is not (or not yet) the holder."""
    if lead.state == "reclaimed" and lead.holder_id is None:
        return "part", Text(_("You brought this customer. It lies in the pool now, for whoever claims it."))
    if lead.holder_id is None:
        return "yes", Text(_("Yours: you brought this customer."))
    return "part", Text(_("You brought this customer; %(holder)s looks after it now."), values)


def _people(session: Session, lead: Lead) -> dict[str, str]:
    who = names(session)
    return {"promoter": who.get(lead.promoter_id, "—"), "holder": who.get(lead.holder_id, "—")}


def _deal(session: Session, lead: Lead) -> Text:
    """Who earns the bonus of a deal, signed or to be signed, and by which rule."""
    seller = brought_by(lead)
    if lead.channel == "partner":
        return Text(_("A partner brought the customer: a deal is paid by the partner's agreement."))
    if lead.state == "closed" and lead.outcome != "deal":
        return Text(_("No deal, so nobody earns a deal bonus."))
    if seller is None:
        return Text(_("Nobody brought the customer, so nobody earns a deal bonus."))
    taken_over = lead.reclaimed_at is not None and lead.holder is not None
    values = {"who": seller.name}
    if lead.state == "closed":
        rule = (
            _("The deal bonus is %(who)s's, who took the customer over for outreach.")
            if taken_over
            else _("The deal bonus is %(who)s's, who brought the customer.")
        )
    else:
        rule = (
            _(
                "A deal now would earn %(who)s the bonus: whoever takes the customer over for outreach counts as bringing it."
            )
            if taken_over
            else _("A deal now would earn %(who)s the bonus, who brought the customer.")
        )
    return Text(rule, values)


# -- how it came about ---------------------------------------------------------------------------------------------

Told = Callable[[History, dict[int | None, str]], tuple[str, str]]


def _captured(row: History, who: dict[int | None, str]) -> tuple[str, str]:
    if row.by_id is None:
        return _(
            "Left on the web form: nobody is the promoter, and the phone is not protected before screening."
        ), "S20 (三)5"
    return _("%(by)s registered the customer first, and so is its promoter."), "S20 (三)5"


def _expired(row: History, who: dict[int | None, str]) -> tuple[str, str]:
    if row.source in ("captured", "screened"):
        return _("It did not visit within the time a call-in is protected: it fell into the pool."), POOL
    return _("No deal within the time a visit is protected: it fell into the pool."), POOL


def _fixed(text: str, clause: str) -> Told:
    return lambda row, who: (text, clause)


TOLD: dict[str, Told] = {
    "capture": _captured,
    "accept": _fixed(
        _(
            "%(by)s received the customer in turn and signed: the visit counts, and %(holder)s looks after it."
        ),
        "S20 (三)6",
    ),
    "reassign": _fixed(_("%(by)s gave it to %(holder)s."), "S20 (三)6"),
    "lapse": _fixed(
        _(
            "The days for the deal went by: outreach may call back; until it takes over, the consultant keeps the customer."
        ),
        "S20 (三)9",
    ),
    "reclaim": _fixed(
        _("%(by)s called back and %(approved_by)s agreed: %(holder)s of outreach looks after it to the end."),
        "S20 (三)9",
    ),
    "expire": _expired,
    "claim": _fixed(_("%(by)s took it out of the pool."), POOL),
    "release": _fixed(_("%(by)s gave it back to the pool."), POOL),
    "extend": _fixed(_("%(by)s asked for more days and %(approved_by)s agreed."), "S20 (三)9"),
}


def _reasons(session: Session, rows: Sequence[History]) -> Iterator[Reason]:
    who = names(session)
    for row in rows:
        if told := TOLD.get(row.event):
            text, clause = told(row, who)
            values = {
                "by": who.get(row.by_id, "—"),
                "approved_by": who.get(row.approved_by_id, "—"),
                "holder": who.get(row.changes.get("holder_id"), "—"),
            }
            yield Reason(row.at, Text(text, values), clause)
        if row.event == "screen" and row.changes.get("protected"):
            yield Reason(
                row.at, Text(_("Screened: from here on nobody else can register this phone.")), "S20 (三)5"
            )
