"""Lists ask the database as often for three hundred leads as for thirty: nothing is read row by row. `make crowd` opens the
same pages over a hundred thousand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from models import database as databases
from models.keyset import Place
from tests.crowd import fill
from tests.web.money.conftest import Books, books
from tests.web.office.conftest import Office, database_url, office
from tests.web.watched import looks
from workflows import staff
from workflows.boards import pool, requests

__all__ = ["books", "database_url", "office"]

# A part of a page that few leads leave empty asks a few times more; what reads row by row asks more than that.
MOST, MORE = 40, 4
Paged = Callable[[Place | None, int], tuple[list[Any], Place | None]]
# A closing goes through the staff.
GROW = ("/months",)
SEATS = ("mei", "lin", "sun", "desk", "zhi", "root")


def queries(office: Office) -> dict[tuple[str, str], list[str]]:
    """What each list asks, by reader and page."""
    return {
        (look.reader, look.page): [statement for statement, _values in look.asked]
        for look in looks(office, {}, readers=SEATS)
    }


def test_the_number_of_queries_does_not_grow_with_the_leads(books: Books) -> None:
    fill(books.office, 100)
    few = queries(books.office)
    fill(books.office, 200, seed=2)
    many = queries(books.office)
    assert few.keys() <= many.keys(), "a page of few leads is one of many too"
    grown = {
        seen: (len(few[seen]), len(many[seen]), _oftener(few[seen], many[seen]))
        for seen in few
        if len(many[seen]) > len(few[seen]) + MORE and not seen[1].startswith(GROW)
    }
    assert not grown, grown
    assert not {seen: len(asked) for seen, asked in many.items() if len(asked) > MOST}
    pages_hold_each_once(books.office)


def pages_hold_each_once(office: Office) -> None:
    """Lists in small pages hold what one long page holds, in its order, each once; and nobody's requests hide another's."""
    with databases.read(office.engine) as session:
        sun, guo = (staff.actor_named(session, name) for name in ("sun", "guo"))
        lists: dict[str, Paged] = {
            "pool": lambda after, limit: pool.lying(session, sun, office.now, after, limit),
            "falling": lambda after, limit: pool.falling(session, sun, office.now, after, limit=limit),
            "decided": lambda after, limit: requests.decided_lately(session, sun, after, limit),
            "sales manager's": lambda after, limit: requests.to_decide(session, sun, after, limit=limit),
            "manager's": lambda after, limit: requests.to_decide(session, guo, after, limit=limit),
        }
        for name, paged in lists.items():
            whole, nothing = paged(None, 1000)
            assert nothing is None
            assert len(whole) >= 3, (name, len(whole))
            found: list[str] = []
            after: Place | None = None
            for _page in range(len(whole)):
                rows, after = paged(after, 2)
                found += [_which(row) for row in rows]
                if after is None:
                    break
            assert found == [_which(row) for row in whole], name


def _which(row: Any) -> str:
    return str((getattr(row, "lead", None) or getattr(row, "approval", None) or row).code)


def _oftener(few: list[str], many: list[str]) -> list[str]:
    return [
        " ".join(statement.split())[:300]
        for statement in dict.fromkeys(many)
        if many.count(statement) > few.count(statement)
    ]
