"""The rest of a lead's case file, beside its history: who was told what, what belongs to it, and what money followed from it. In
the same lines as the story, so that one column tells everything."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby

from flask import url_for
from sqlalchemy import or_, select

from models.leads import Lead
from models.messages import Channel, Message
from models.money import Deduction, Entry, Journal, Sale
from models.notices import Notification
from web.pages.show import Desk, case_url
from web.pages.statement import anchor
from web.pages.story import Happening, happenings
from web.pages.words import locale, moment, money, month_name, said
from workflows.belonging import Belonging
from workflows.money.agreed import DESKS
from workflows.money.statements import Item, entries_seen_by, explained, may_see, unpaid_visit
from workflows.telling.texts import sentence
from workflows.telling.topics import CHANNELS
from workflows.views import names, reads_clear
from workflows.words import _

# Who reads what others were told: those who answer for it that somebody was told.
OVERSEERS = ("manager", "sales_manager", "auditor")
MOST = 100
SENT = {
    "pending": _("on its way"),
    "gathering": _("with the day's mail"),
    "gathered": _("with the day's mail"),
    "sent": _("sent"),
    "parked": _("could not be sent"),
    "dropped": _("not sent: overtaken"),
}


def messages(desk: Desk, lead: Lead) -> list[Happening]:
    """Who was told what about this lead, the newest hundred; others than overseers read what they were told themselves."""
    wanted = select(Notification).where(Notification.flow == "lead", Notification.case_code == lead.code)
    if not desk.actor.has(*OVERSEERS):
        wanted = wanted.where(Notification.person_id == desk.actor.id)
    newest = list(desk.session.scalars(wanted.order_by(Notification.id.desc()).limit(MOST)))
    outside = _outside(desk, {note.fact_uid for note in newest})
    grouped = groupby(sorted(newest, key=lambda n: (n.at, n.fact_uid, n.id)), key=lambda note: note.fact_uid)
    return [_told(desk, list(notes), outside) for _uid, notes in grouped]


def _outside(desk: Desk, facts: set[str]) -> dict[tuple[str, int], list[str]]:
    """Where else somebody was told of a fact, and what became of it: `e-mail sent`."""
    found: dict[tuple[str, int], list[str]] = {}
    wanted = (
        select(Message.fact_uid, Message.state, Channel.person_id, Channel.kind)
        .join(Channel, Channel.id == Message.channel_id)
        .where(Message.fact_uid.in_(facts))
        .order_by(Message.id)
    )
    for uid, state, person_id, kind in desk.session.execute(wanted):
        words = said(_("%(channel)s: %(state)s"), channel=said(CHANNELS[kind]), state=said(SENT[state]))
        found.setdefault((uid, person_id), []).append(words)
    return found


def _told(desk: Desk, notes: list[Notification], outside: dict[tuple[str, int], list[str]]) -> Happening:
    first = notes[0]
    line = Happening(
        first.at, sentence(first.fact, first.flow, first.body, locale()), said(_("notice")), "message"
    )
    for note in notes:
        seen = (
            said(_("read %(when)s"), when=moment(note.read_at)) if note.read_at else said(_("not read yet"))
        )
        elsewhere = outside.get((note.fact_uid, note.person_id), [])
        line.facts.append((names(desk.session).get(note.person_id, "—"), " · ".join([seen, *elsewhere])))
    return line


def others(desk: Desk, mine: Iterable[Belonging]) -> Iterable[Happening]:
    """What happened to the cases that belong to a lead; those of money have lines of their own."""
    for flow, case in mine:
        if flow.room == "money":
            continue
        clear = reads_clear(desk.session, desk.actor, flow, case)
        for line in happenings(desk.session, flow, case.code, clear=clear):
            line.title, line.kind, line.seq = f"{said(flow.label)}: {line.title}", "case", None
            line.link = (case_url(flow.flow_name, case.code), case.code)
            yield line


def payouts(desk: Desk, lead: Lead) -> list[Happening]:
    """What the ledger holds because of this lead: visits, its sale, a fake lead's deduction; as far as one may see it."""
    sale = select(Sale.code).where(Sale.lead_id == lead.id)
    charged = select(Deduction.code).where(Deduction.lead_code == lead.code)
    about = or_(
        (Journal.flow == "lead") & (Journal.case_code == lead.code),
        (Journal.flow == "sale") & Journal.case_code.in_(sale),
        (Journal.flow == "deduction") & Journal.case_code.in_(charged),
    )
    wanted = select(Entry).join(Journal).where(about, Entry.person_id.is_not(None))
    seen = wanted.where(entries_seen_by(desk.actor)).order_by(Entry.id)
    found = list(_lines(desk, list(desk.session.scalars(seen).unique())))
    promoter = lead.promoter
    if promoter is not None and may_see(desk.actor, promoter):
        found += _nothing(desk, lead, promoter.name)
    return found


def _nothing(desk: Desk, lead: Lead, promoter: str) -> Iterable[Happening]:
    """Why the confirmed visit earned its promoter nothing, where it did not."""
    item = unpaid_visit(desk.session, lead)
    if item is not None:
        line = Happening(item.at, said(_("The visit earns no bonus")), promoter, "money")
        line.facts = [(said(_("Because")), said(item.why)), (said(_("Clause")), _clause(item))]
        yield line


def _clause(item: Item) -> str:
    return said(_("%(clause)s, version %(version)s"), clause=item.clause, version=item.version)


def _lines(desk: Desk, entries: list[Entry]) -> Iterable[Happening]:
    own = desk.actor.id
    for entry, item in zip(entries, explained(desk.session, entries), strict=True):
        who = names(desk.session).get(entry.person_id, "—")
        title = said(_("%(kind)s: %(amount)s"), kind=said(item.label), amount=money(item.amount_fen))
        line = Happening(item.posted_at or item.at, title, who, "money")
        line.facts = [
            (said(_("Because")), said(_("taken back")) if item.reverses else said(item.why)),
            (said(_("Clause")), _clause(item)),
        ]
        if entry.person_id == own or desk.actor.has(*DESKS):
            url = url_for("statement.of", who=entry.person_id, month=item.month, _anchor=anchor(item.cause))
            line.link = (url, said(_("Statement of %(month)s"), month=month_name(item.month)))
        yield line


def everything(desk: Desk, lead: Lead, story: list[Happening], mine: Iterable[Belonging]) -> list[Happening]:
    """The story of a lead, and of the cases that are its own, with messages and money in it, the latest first."""
    whole = [*story, *messages(desk, lead), *others(desk, mine), *payouts(desk, lead)]
    return sorted(whole, key=lambda h: (h.at, RANK[h.kind], h.seq or 0), reverse=True)


RANK = {"request": 0, "decision": 0, "step": 1, "case": 2, "message": 3, "money": 4}
# What the reader may narrow the column to.
PARTS = {
    "steps": (_("Steps"), ("step", "request", "decision")),
    "cases": (_("Promises and more"), ("case",)),
    "messages": (_("Notices"), ("message",)),
    "money": (_("Money"), ("money",)),
}
