"""Facts that wait in the outbox, told to every consumer and posted to the ledger by the workers: each is a visit with a bonus.

The floor is the same rows by set-based SQL: the fences, the notices, the journals with their entries, the outbox itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from models import database
from tests.bench import worked
from tests.bench.books import VISITS, Books
from tests.bench.grounds import House
from tests.bench.hand import Hand, Row, Wrote, changes, watched
from tests.bench.measured import Result
from workflows import facts


def measure(books: Books, house: House, untold: int, rounds: int) -> Result:
    """So many facts wait at once."""
    hand = Hand.on(books.engine)
    (first,), leads = books.take("alone", 1), iter(books.take("untold", needed(untold, rounds)))
    work = Telling(hand, books, first, database.batch(books.engine))
    result = worked.measure("deliver", house, work, leads, untold, rounds, VISITS)
    hand.close()
    result.more = {"size": books.size, **result.more}
    return result


def needed(untold: int, rounds: int) -> int:
    """How many untold leads are told of in all."""
    return worked.needed(untold, rounds, VISITS)


@dataclass
class Telling(worked.Work):
    """The telling as work. What it writes is seen on one fact that the engine tells, of a promoter who brought no other: the
    first fact of a month posts all visits of its promoter, the others find them posted."""

    table, waits, order = "outbox", "state = 'pending' AND next_at <= :now", "id"

    def __post_init__(self) -> None:
        self.bring_due([self.code])
        uid = self.hand.one(
            "SELECT uid FROM outbox WHERE case_code = :code AND fact = 'lead.assigned'", {"code": self.code}
        )
        told = self.hand.all("SELECT * FROM outbox WHERE uid = :uid", {"uid": uid})
        wrote = watched(self.hand, self.by_engine, self.code)
        wrote.rows["delivery"] = self.hand.all("SELECT * FROM delivery WHERE uid = :uid", {"uid": uid})
        assert set(wrote.rows) == {"delivery", "notification", "journal", "entry"}, (
            f"telling writes {sorted(wrote.rows)}"
        )
        self.promoter = wrote.rows["notification"][0]["person_id"]
        self.statements = [
            self._insert(wrote, table, row)
            for table in ("delivery", "notification", "journal", "entry")
            for row in wrote.rows[table]
        ]
        changed = changes(told, self.hand.all("SELECT * FROM outbox WHERE uid = :uid", {"uid": uid}))
        written = ", ".join(f"{name} = {':now' if name.endswith('_at') else f':{name}'}" for name in changed)
        self.statements.append((f"UPDATE outbox SET {written} WHERE id {self.hand.among}", changed))

    def once(self, at: datetime, limit: int) -> int:
        return facts.deliver_due(self.books.engine, at, limit)

    def bring_due(self, codes: list[str]) -> int:
        """The facts that were kept back of these leads are to be told now."""
        run, now = self.hand.run, self.hand.instant()
        run(self.hand.begin)
        for code in codes:
            run(
                "UPDATE outbox SET next_at = :now WHERE cause = 'lead:' || :code || ':5' AND fact = 'lead.assigned'",
                {"now": now, "code": code},
            )
        run("COMMIT")
        self.hand.settle("outbox")
        assert self.left() == len(codes)
        return len(codes)

    def _insert(self, wrote: Wrote, table: str, row: Row) -> tuple[str, Row]:
        """The rows of this table for all facts of a batch."""
        among = f"o.id {self.hand.among}"
        made = {"uid": "o.uid", "fact_uid": "o.uid", "case_code": "o.case_code", "at": ":now"}
        source = f"FROM outbox o JOIN lead l ON l.code = o.case_code WHERE {among}"
        if table == "notification":
            made |= {"body": self.hand.json(":body"), "at": "o.at", "person_id": "l.promoter_id"}
        if table == "journal":
            made |= {name: f"replace(:{name}, :other, l.code)" for name in ("key", "cause")}
            made["scope"] = ":scope || l.promoter_id"
            made["history_id"] = "h.id"
            source = (
                "FROM outbox o JOIN lead l ON l.code = o.case_code JOIN history h"
                f" ON h.flow = o.flow AND h.case_id = l.id AND h.event = 'accept' WHERE {among}"
            )
        if table == "entry":
            made = {"journal_id": "j.id"} | ({"person_id": "l.promoter_id"} if row["person_id"] else {})
            source = (
                "FROM outbox o JOIN lead l ON l.code = o.case_code"
                f" JOIN journal j ON j.key = replace(:key, :other, l.code) WHERE {among}"
            )
        names = [name for name in row if name != "id"]
        values = [made.get(name, "NULL" if row[name] is None else f":{name}") for name in names]
        sql = f"INSERT INTO {table} ({', '.join(names)}) SELECT {', '.join(values)} {source}"
        key = wrote.rows["journal"][0]["key"]
        scope = str(wrote.rows["journal"][0]["scope"]).removesuffix(str(self.promoter))
        return sql, {**row, "other": wrote.code, "key": key, "scope": scope}
