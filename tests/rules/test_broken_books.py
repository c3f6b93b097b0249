"""The books are broken on purpose in each way that there is, past every rule and constraint, and `verify` finds each of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import delete, func, insert, select, text, update

from models.leads import Lead
from models.money import Entry, Journal, Sale
from models.remembered import Approval, History, Outbox, Timer
from tests.rules.office import Office
from workflows import facts
from workflows.engine import chain
from workflows.verify import verify


@dataclass
class Books:
    """A customer who lapsed, was called back, and bought: with a taken timer, two approvals, a sale and its bonuses."""

    office: Office
    code: str

    def row(self, event: str) -> Any:
        rows = [row for row in self.office.history(self.code) if row.event == event]
        return rows[0]

    def change(self, table: Any, *which: Any, **values: Any) -> None:
        done = self.office.session.execute(update(table).where(*which).values(**values))
        assert done.rowcount, "nothing was broken"  # type: ignore[attr-defined]

    def remove(self, table: Any, *which: Any) -> None:
        done = self.office.session.execute(delete(table).where(*which))
        assert done.rowcount, "nothing was broken"  # type: ignore[attr-defined]

    def copy(self, table: Any, *which: Any, **values: Any) -> int:
        """Another row like this one; its number."""
        session, columns = self.office.session, table.__table__
        row = dict(session.execute(select(columns).where(*which).limit(1)).mappings().one())
        last = session.scalar(select(func.max(columns.c.id))) or 0
        session.execute(insert(columns).values(row | {"id": last + 1} | values))
        return int(last + 1)

    def rewrite(self, of: str, **values: Any) -> None:
        """Alter a row and chain everything after it anew, up to the head of the case."""
        session, previous = self.office.session, ""
        for row in self.office.history(self.code):
            if row.event == of:
                for name, value in values.items():
                    setattr(row, name, value)
            row.previous = previous
            row.hash = previous = chain.digest(row)
        self.office.lead(self.code).head = previous
        session.flush()

    def found(self) -> list[str]:
        self.office.session.flush()
        self.office.session.expire_all()
        report = verify(self.office.session, self.office.now)
        return [f"{finding.what}: {finding.detail}" for finding in report.findings]


@pytest.fixture
def books(office: Office) -> Books:
    code = office.lead_in("assigned")
    office.later(days=10)
    office.fire()
    office.ask("reclaim", "manager", code)
    office.decide(code, "reclaim")
    office.ask("deal", "outreach holder", code)
    office.decide(code, "deal")
    while facts._deliver(office.session, facts._waiting(office.now), office.now):
        pass
    office.lead_in("closed")
    made = Books(office, code)
    assert made.found() == []
    return made


def entry_of(books: Books) -> Any:
    return books.office.session.scalars(
        select(Entry).where(Entry.account == "person").order_by(Entry.id)
    ).first()


def reverse(books: Books, journal: Any, **values: Any) -> None:
    """Undo a journal, as it should be or otherwise."""
    made = books.copy(Journal, Journal.id == journal.id, key=f"again{journal.id}", reverses_id=journal.id)
    for entry in books.office.session.scalars(select(Entry).where(Entry.journal_id == journal.id)).all():
        books.copy(
            Entry, Entry.id == entry.id, journal_id=made, **({"amount_fen": -entry.amount_fen} | values)
        )


def reverse_twice(books: Books) -> None:
    journal = entry_of(books).journal
    reverse(books, journal)
    second = books.copy(Journal, Journal.id == journal.id, key="twice", reverses_id=journal.id)
    for entry in books.office.session.scalars(select(Entry).where(Entry.journal_id == journal.id)).all():
        books.copy(Entry, Entry.id == entry.id, journal_id=second, amount_fen=-entry.amount_fen)


def posted(books: Books, **values: Any) -> None:
    """Another journal like the first, for something else."""
    journal = entry_of(books).journal
    made = books.copy(Journal, Journal.id == journal.id, key="forged", **values)
    for entry in books.office.session.scalars(select(Entry).where(Entry.journal_id == journal.id)).all():
        books.copy(Entry, Entry.id == entry.id, journal_id=made)


def both_sides(books: Books) -> None:
    journal = entry_of(books).journal
    for entry in books.office.session.scalars(select(Entry).where(Entry.journal_id == journal.id)).all():
        books.change(Entry, Entry.id == entry.id, amount_fen=2 * entry.amount_fen)


def without_journal(books: Books) -> None:
    journal_id = entry_of(books).journal_id
    books.remove(Entry, Entry.journal_id == journal_id)
    books.remove(Journal, Journal.id == journal_id)


def sealed_otherwise(books: Books) -> None:
    row = books.row("capture")
    row.private = row.private | {"name": "别人"}


def unsealed(books: Books) -> None:
    """What was sealed opens no more, as when its bytes were altered."""
    spoilt = text("UPDATE history SET private = :spoilt WHERE id = :id")
    books.office.session.execute(spoilt, {"spoilt": bytes(40), "id": books.row("capture").id})


def taken_timer(books: Books) -> Any:
    return Timer.id == books.row("lapse").timer_id


Break = Callable[[Books], Any]
BREAKS: dict[str, tuple[Break, str]] = {
    # -- the chain
    "a row is cut out": (lambda b: b.remove(History, History.id == b.row("visit").id), "row 3 is missing"),
    "the last row is cut off": (lambda b: b.remove(History, History.id == b.row("deal").id), "cut history: the case counts"),
    "all rows are cut out": (lambda b: b.remove(History, History.case_code == b.code), "cut history: the case counts"),
    "a row is altered": (lambda b: b.change(History, History.id == b.row("accept").id, by_id=b.row("reclaim").by_id), "(accept) was altered after"),
    "sealed facts are replaced": (sealed_otherwise, "the sealed facts of row 1 (capture) were altered"),
    "sealed facts are spoilt": (unsealed, "the sealed facts of row 1 (capture) were altered"),
    "a case counts further": (lambda b: b.change(Lead, Lead.code == b.code, version=99), "cut history: the case counts 99"),
    # -- what is chained and yet cannot be
    "a step from elsewhere": (lambda b: b.rewrite("visit", source="captured"), "starts from captured, but the case stood at screened"),
    "a step that there is not": (lambda b: b.rewrite("visit", event="claim"), "claim is not possible from screened"),
    "a step to elsewhere": (lambda b: b.rewrite("visit", target="assigned"), "visit leads to visited, not to assigned"),
    "nobody agreed": (lambda b: b.rewrite("reclaim", approved_by_id=None), "reclaim needs an approval and has none"),
    "agreed by who asked": (lambda b: b.rewrite("deal", approved_by_id=b.row("deal").by_id), "deal was approved by who asked"),
    "fired too early": (lambda b: b.rewrite("lapse", due_at=b.office.now + timedelta(days=99)), "lapse fired before it was due"),
    # -- the case
    "another state": (lambda b: b.change(Lead, Lead.code == b.code, state="assigned", outcome=None), "state without history: the case says assigned"),
    "another value": (lambda b: b.change(Lead, Lead.code == b.code, amount_fen=1), "value without history: amount_fen is 1"),
    "another instant": (lambda b: b.change(Lead, Lead.code == b.code, visited_at=b.office.now), "value without history: visited_at"),
    "rows before the first case": (lambda b: b.copy(History, History.id == b.row("visit").id, case_id=0, timer_id=None), "history without a case"),
    "rows after the last case": (lambda b: b.copy(History, History.id == b.row("visit").id, case_id=10**6, timer_id=None), "history without a case"),
    "rows of no workflow": (lambda b: b.copy(History, History.id == b.row("visit").id, flow="ghost"), "history of no workflow"),
    # -- timers
    "a timer is parked": (lambda b: b.change(Timer, taken_timer(b), state="parked"), "parked timer: lapse gave up"),
    "a timer was early": (lambda b: b.change(Timer, taken_timer(b), ended_at=b.office.now - timedelta(days=5)), "early timer: lapse"),
    "a timer without a step": (lambda b: b.change(Timer, Timer.name == "offer", result="taken"), "timer without a step: offer"),
    "a step without a timer": (lambda b: b.change(Timer, taken_timer(b), state="cancelled"), "step without a timer: lapse"),
    "a step of no timer": (lambda b: b.remove(Timer, taken_timer(b)), "step without a timer: lapse"),
    # -- approvals
    "decided otherwise": (lambda b: b.change(Approval, Approval.event == "deal", state="rejected"), "is rejected and happened 1 times"),
    "never happened": (lambda b: b.rewrite("deal", approval_code=None), "is approved and happened 0 times"),
    "of no approval": (lambda b: b.rewrite("deal", approval_code="ANOBODYS"), "history names an approval that does not exist"),
    # -- facts
    "a fact is parked": (lambda b: b.change(Outbox, Outbox.fact == "lead.visited", state="parked"), "parked fact: lead.visited could not be told"),
    "a fact was never told": (lambda b: b.remove(Outbox, Outbox.fact == "lead.visited"), "step without its fact: visit (row 3)"),
    "a fact of another step": (lambda b: b.change(Outbox, Outbox.fact == "lead.visited", cause="lead:LNOBODYS:3"), "step without its fact: visit (row 3)"),
    # -- the ledger
    "one side is changed": (lambda b: b.change(Entry, Entry.id == entry_of(b).id, amount_fen=1), "unbalanced journal"),
    "a journal is emptied": (lambda b: b.remove(Entry, Entry.journal_id == entry_of(b).journal_id), "empty journal"),
    "an entry is moved": (lambda b: b.change(Entry, Entry.id == entry_of(b).id, month="2020-01"), "entry in another month"),
    "both sides are changed": (both_sides, "ledger and history differ"),
    "a journal is missing": (without_journal, "history says {'person"),
    "a sale that there is not": (lambda b: posted(b, scope="sale:1:2026-03:SNOBODYS", cause="sale:SNOBODYS:deal_bonus"), "history says nothing"),
    "visits of nobody": (lambda b: posted(b, scope="visits:1:2026-03:999", cause="visit:LNOBODYS"), "history says nothing"),
    "visits of no month": (lambda b: posted(b, scope="visits:1:2019-01:1", cause="visit:LNOBODYS"), "history says nothing"),
    "a dispute that there is not": (lambda b: posted(b, scope="dispute:1:2026-03:PNOBODYS"), "history says nothing"),
    "another visit": (lambda b: posted(b, cause="visit:LNOBODYS"), "history says nothing"),
    "a scope that there is not": (lambda b: posted(b, scope="gift:1:2026-03"), "journal of no scope"),
    "a reversal of something else": (lambda b: reverse(b, entry_of(b).journal, amount_fen=-1), "false reversal"),
    "a reversal": (lambda b: reverse(b, entry_of(b).journal), "ledger and history differ"),
    "a second reversal": (reverse_twice, "reversed twice"),
    "a sale goes": (lambda b: b.remove(Sale, Sale.lead_code == b.code), "history without a case"),
}  # fmt: skip


def test_books_broken_in_each_way_are_found_broken(books: Books) -> None:
    session, missed = books.office.session, {}
    for name, (broken, words) in BREAKS.items():
        with session.begin_nested() as point:
            broken(books)
            found = books.found()
            if not any(words in each for each in found):
                missed[name] = found
            point.rollback()
        session.expire_all()
    assert not missed
    assert books.found() == []


def test_what_a_parked_fact_lacks_in_the_ledger_is_said_once(books: Books) -> None:
    """The parked fact is the finding; that its money is not posted follows, and would hide what does not."""
    session = books.office.session
    sold = session.scalars(select(Journal).where(Journal.scope.like("sale:%")).order_by(Journal.id)).first()
    assert sold is not None
    books.remove(Entry, Entry.journal_id == sold.id)
    books.remove(Journal, Journal.id == sold.id)
    assert [each for each in books.found() if "ledger and history differ" in each]
    books.change(Outbox, Outbox.fact == "sale.signed", state="parked", error="KeyError at notices.py:1")
    found = books.found()
    assert [each for each in found if "parked fact" in each]
    assert not [each for each in found if "ledger and history differ" in each]
