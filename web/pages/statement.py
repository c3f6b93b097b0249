"""A person's statement of a month: the sum, every line explained, what earned nothing and why, what the month's end would
add; and the way to disagree with a line."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, abort, redirect, request, url_for
from sqlalchemy import func, select
from sqlalchemy.orm import aliased
from werkzeug.wrappers import Response

from models.leads import Lead
from models.money import Dispute, Entry, Journal
from models.people import Person
from models.remembered import History
from web.pages.asking import STATUS, submit
from web.pages.sessions import signed_in
from web.pages.show import Desk, case_url, look, show
from web.pages.words import event_name, locale, said
from workflows.engine import Refused
from workflows.engine.actor import Actor
from workflows.lead import LeadFlow
from workflows.money.agreed import DESKS
from workflows.money.dispute import DisputeFlow
from workflows.money.months import WRITTEN, following, month_of
from workflows.money.statements import Item, Statement, may_see, statement
from workflows.words import _

page = Blueprint("statement", __name__)
EARNERS = ("member", "leader", "manager", "reception", "consultant", "sales_manager", "finance", "auditor")


@dataclass(frozen=True, slots=True)
class Row:
    """A line as its reader meets it. `event` is what happened, `url` the page of its case for those who may read it,
    `undone` the journal that took it back, `dispute` the last one about it."""

    item: Item
    anchor: str
    event: str
    url: str | None
    undone: Journal | None = None
    dispute: Dispute | None = None

    @property
    def cancelled(self) -> bool:
        """Whether this line and another of the same month take each other back, so that both count for nothing."""
        other = self.undone.month if self.undone else (self.item.reverses or "").rpartition("@")[2][:7]
        return other == self.item.month


@page.get("/statement")
@signed_in(*EARNERS)
def mine() -> str:
    """One's own statement of the present month."""
    with look() as desk:
        return _page(desk, desk.person, month_of(desk.at, desk.zone))


@page.get("/statement/<who>/<month>")
@signed_in()
def of(who: str, month: str) -> Any:
    """The statement of a person, by name or number, for those who may read it; for others there is none."""
    with look() as desk:
        person = found_person(desk, who)
        if person is None or not may_see(desk.actor, person) or not WRITTEN.fullmatch(month):
            abort(404)
        return _page(desk, person, month)


@page.get("/statement/<who>")
@signed_in()
def latest(who: str) -> Any:
    """A person's statement of the present month; a month instead of a person is one's own."""
    with look() as desk:
        if WRITTEN.fullmatch(who):
            return redirect(url_for("statement.of", who=desk.person.id, month=who))
        return redirect(url_for("statement.of", who=who, month=month_of(desk.at, desk.zone)))


def found_person(desk: Desk, who: str) -> Person | None:
    """Somebody of the staff by name, or by number."""
    named = desk.session.scalar(select(Person).where(Person.name == who))
    number = int(who) if who.isdecimal() and len(who) < 10 else 0
    return named or desk.session.get(Person, number)


def _page(desk: Desk, person: Person, month: str) -> str:
    made = statement(desk.session, person, month)
    own = person.id == desk.person.id
    payouts = [item for item in made.items if item.kind == "payout"]
    brought = _brought(desk, person, month)
    return show(
        "statement.html",
        person=person,
        made=made,
        own=own,
        rows=rows_of(desk, sorted(made.items, key=_order), person),
        nothing=rows_of(desk, made.nothing, person),
        to_come=rows_of(desk, made.to_come, person),
        kinds=[kind for kind in made.by_kind.items() if kind[0] != "payout"],
        payouts=payouts,
        brought=brought,
        left=brought + made.total_fen - made.paid_fen,
        may_dispute=own and may_dispute(desk.actor),
        books=desk.actor.has(*DESKS),
        **around(desk, month),
    )


def _order(item: Item) -> tuple[Any, ...]:
    """By the time of the event; what takes a line back stands under it."""
    return item.at, item.cause, item.posted_at or item.at, item.key


def around(desk: Desk, month: str) -> dict[str, str | None]:
    """The months before and after this one; there is none to come."""
    present = month_of(desk.at, desk.zone)
    return {
        "month": month,
        "earlier": before(month) if month > "2000-01" else None,
        "later": following(month) if month < present else None,
        "present": present,
    }


def before(month: str) -> str:
    """The month before this one."""
    year, number = int(month[:4]), int(month[5:])
    return f"{year if number > 1 else year - 1}-{number - 1 or 12:02}"


def _brought(desk: Desk, person: Person, month: str) -> int:
    """What this person's account held from earlier months, in fen."""
    wanted = select(func.sum(Entry.amount_fen)).where(Entry.person_id == person.id, Entry.month < month)
    return int(desk.session.scalar(wanted) or 0)


def rows_of(desk: Desk, items: list[Item], person: Person | None = None) -> list[Row]:
    """Lines with what happened, what took them back, and what is said against them; read at once."""
    numbers = [item.row for item in items if item.row]
    happened = {
        row.id: event_name(row.event, row.flow)
        for row in desk.session.execute(
            select(History.id, History.event, History.flow).where(History.id.in_(numbers))
        )
    }
    readable = _readable(desk, items)
    undone, disputes = _undone(desk, items), _disputes(desk, items, person)
    return [
        Row(
            item,
            anchor(item.cause),
            happened.get(item.row, ""),
            readable.get((item.flow, item.code)),
            undone.get(item.key),
            disputes.get(item.cause),
        )
        for item in items
    ]


def _readable(desk: Desk, items: list[Item]) -> dict[tuple[str, str], str]:
    """The pages of the cases behind these lines, of those that the reader may see."""
    found = {}
    leads = {item.lead for item in items if item.flow == "lead"}
    seen = set(
        desk.session.scalars(select(Lead.code).where(Lead.code.in_(leads), LeadFlow.seen_by(desk.actor)))
    )
    for item in items:
        mine = item.lead in seen if item.flow == "lead" else item.flow != "month" or desk.actor.has(*DESKS)
        if mine and (item.flow != "sale" or desk.actor.has(*DESKS, "member", "leader")):
            found[item.flow, item.code] = case_url(item.flow, item.code)
    return found


def _undone(desk: Desk, items: list[Item]) -> dict[str, Journal]:
    """The journals that took these lines back, by the key of the line."""
    reversing, reversed_one = aliased(Journal), aliased(Journal)
    wanted = (
        select(reversed_one.key, reversing)
        .join(reversing, reversing.reverses_id == reversed_one.id)
        .where(reversed_one.key.in_([item.key for item in items if item.key]))
    )
    return {row[0]: row[1] for row in desk.session.execute(wanted)}


def _disputes(desk: Desk, items: list[Item], person: Person | None) -> dict[str, Dispute]:
    """What this person said against lines of these months, the last of each line."""
    if person is None or not items:
        return {}
    wanted = select(Dispute).where(Dispute.person_id == person.id, Dispute.month == items[0].month)
    return {case.line: case for case in desk.session.scalars(wanted.order_by(Dispute.id))}


def anchor(cause: str) -> str:
    """Where a line stands on its page."""
    return "line-" + re.sub(r"[^A-Za-z0-9]+", "-", cause)


def may_dispute(actor: Actor) -> bool:
    return DisputeFlow.by_event()["open_dispute"][0].by.allows(actor, DisputeFlow.table())


# -- disagreeing with a line -------------------------------------------------------------------------------------------


@page.get("/statement/dispute")
@signed_in(*EARNERS)
def missing() -> Any:
    """The form about a line that is missing this month."""
    with look() as desk:
        return redirect(url_for("statement.dispute", month=month_of(desk.at, desk.zone)))


@page.get("/statement/<month>/dispute")
@signed_in(*EARNERS)
def dispute(month: str) -> Any:
    """The form by which one disagrees with a line of one's own statement, or says that one is missing."""
    with look() as desk:
        return _form(desk, month, request.args.get("line", "")[:80])


@page.post("/statement/<month>/dispute")
@signed_in(*EARNERS)
def open_dispute(month: str) -> Any:
    """Open the dispute; refused, the form comes again with what was typed."""
    line, reason = request.form.get("line", ""), request.form.get("reason", "")
    facts = {"month": month, "line": line, "reason": reason}
    try:
        return _opened({name: text for name, text in facts.items() if text})
    except Refused as refusal:
        with look() as desk:
            return _form(desk, month, line, refusal)


def _opened(facts: dict[str, str]) -> Response:
    return submit(
        DisputeFlow,
        "open_dispute",
        facts=facts,
        to=lambda taken: case_url("dispute", taken.case.code),
        done=said(_("The dispute is open: the manager answers it.")),
    )


def _form(desk: Desk, month: str, line: str, refusal: Refused | None = None) -> Any:
    if not WRITTEN.fullmatch(month):
        abort(404)
    made: Statement = statement(desk.session, desk.person, month)
    about = next((item for item in reversed([*made.nothing, *made.items]) if item.cause == line), None)
    html = show(
        "dispute.html",
        row=rows_of(desk, [about])[0] if about else None,
        line=line,
        typed=request.form,
        month=month,
        refusal=refusal.detail(locale()) if refusal else "",
        errors={name: said(text) for name, text in refusal.errors.items()} if refusal else {},
        back=url_for("statement.of", who=desk.person.id, month=month),
    )
    return html, STATUS[refusal.code] if refusal else 200
