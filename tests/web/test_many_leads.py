"""Lists ask the database as often for three hundred leads as for thirty: nothing is read row by row. `make crowd` opens the
same pages over a hundred thousand."""

from __future__ import annotations

from tests.crowd import fill
from tests.web.money.conftest import Books, books
from tests.web.office.conftest import Office, database_url, office
from tests.web.watched import looks

__all__ = ["books", "database_url", "office"]

# A part of a page that few leads leave empty asks once more, or twice; what reads row by row asks dozens of times.
MOST, MORE = 40, 4
# A statement explains each of its lines, and it is one person's month; a closing goes through the staff.
GROW = ("/statement", "/months")
SEATS = ("mei", "lin", "sun", "desk", "zhi", "root")


def queries(office: Office) -> dict[tuple[str, str], list[str]]:
    """What each list asks, by reader and page."""
    return {
        (look.reader, look.page): [statement for statement, _values in look.asked]
        for look in looks(office, {}, readers=SEATS)
    }


def test_the_number_of_queries_does_not_grow_with_the_leads(books: Books) -> None:
    fill(books.office, 30)
    few = queries(books.office)
    fill(books.office, 270, seed=2)
    many = queries(books.office)
    assert few.keys() <= many.keys(), "a page of few leads is one of many too"
    grown = {
        seen: (len(few[seen]), len(many[seen]), _oftener(few[seen], many[seen]))
        for seen in few
        if len(many[seen]) > len(few[seen]) + MORE and not seen[1].startswith(GROW)
    }
    assert not grown, grown
    assert not {seen: len(asked) for seen, asked in many.items() if len(asked) > MOST}


def _oftener(few: list[str], many: list[str]) -> list[str]:
    return [
        " ".join(statement.split())[:300]
        for statement in dict.fromkeys(many)
        if many.count(statement) > few.count(statement)
    ]
