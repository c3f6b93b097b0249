"""How pages stand very many leads, on SQLite and PostgreSQL: milliseconds at the 95th percentile and statements asked, for each
reader; which of the tables that grow a statement reads from end to end; and how fast the books of all of it are proved.

`make crowd` walks over a hundred thousand leads; `python -m tests.bench.pages --leads 1000000 --history 10 --db postgresql`
over a million with ten rows of history each. Requests go through the whole application, one after the other, in this process.
"""

from __future__ import annotations

import argparse
import io
import json
import math
import tempfile
import time
from collections.abc import Iterator
from contextlib import redirect_stdout
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection, Engine, select

from models import database, sealed
from models.leads import Lead
from models.settings import Settings
from tests.bench.grounds import KINDS, opened
from tests.conftest import DATA_KEY
from tests.crowd import fill
from tests.web.every_page import addresses, busy
from tests.web.money.conftest import Books, a_month
from tests.web.office.conftest import Office
from tests.web.watched import Look, look_at, looks
from web.app import create_app
from workflows.verify import verify

GROWING = (
    "lead", "history", "timer", "approval", "outbox", "notification", "entry", "journal", "sale", "name_print", "access_log", "message",
)  # fmt: skip
# The pages people have open all day, by who does: what is promised of them holds for each of these addresses and readers.
DESKS = ("desk", "guo", "sun", "fei", "zhi")
FILTERS = (
    "", "?state=all", "?state=captured", "?state=assigned", "?state=reclaimed", "?state=closed", "?channel=flyer", "?channel=call_in&intent=A",
    "?since={lately}", "?state=all&since={lately}&until={lately}", "?state=closed&outcome=deal", "?state=closed&outcome=lost&channel=walk_in",
)  # fmt: skip
DAILY: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "/inbox": (("lin", "guo", "sun", "fei"), ("", "?kind=deal", "?kind=lose")),
    "/pipeline": (("lin", "guo", "sun", "fei", "zhi"), ("",)),
    "/leads": (("mei", "lin", "c1", "guo", "desk"), FILTERS),
    "/leads/all": (DESKS, (*FILTERS, "?who=mei", "?state=all&who=c1", "?state=closed&intent=A&who=lin")),
    "/leads/{lead}": (("mei", "lin", "c1", *DESKS), ("",)),
}
MONTHS = 24


def rows(engine: Engine, leads: int, history: int = 10, times: int = 20) -> list[dict[str, Any]]:
    """What is promised, on this fresh database: for each of the daily pages the reader and filter that waited longest."""
    with tempfile.TemporaryDirectory(prefix="tuoke-pages-") as folder:
        books, _more = company(engine, folder)
        fill(books.office, leads, history)
        return [_row(page, engine, leads, found) for page, found in daily(books.office, times).items()]


def _row(page: str, engine: Engine, leads: int, found: list[Look]) -> dict[str, Any]:
    worst = max(found, key=p95)
    return {
        "name": f"pages {page}",
        "db": engine.dialect.name,
        "p95_ms": round(p95(worst), 1),
        "queries": max(len(look.asked) for look in found),
        "size": leads,
        "reader": worst.reader,
        "page": worst.page,
        "ours_per_s": None,
        "floor_per_s": None,
        "ratio": None,
        "peers": {},
    }


def p95(look: Look) -> float:
    """The milliseconds within which 95 of a hundred openings were answered (nearest rank)."""
    return sorted(look.took)[math.ceil(0.95 * len(look.took)) - 1]


# -- who looks, and at what -------------------------------------------------------------------------------------------


def company(engine: Engine, folder: str) -> tuple[Books, dict[str, list[str]]]:
    """A company with two years of closed months, and something of everything on its pages; with who looks at what."""
    sealed.use(DATA_KEY)
    env = {"TUOKE_VAR": folder, "TUOKE_DATA_KEY": DATA_KEY.hex(), "TUOKE_CLOCK": "movable"}
    with redirect_stdout(io.StringIO()):  # the lines of the requests
        books = a_month(Office(create_app(Settings.from_env(env), engine), engine))
        for month in _before(books.month):
            books.act("guo", "month", "begin", month=month)
            books.act("guo", "month", "submit", books.month_code(month), in_spite=True)
            books.act("sun", "month", "approve", books.month_code(month))
        return books, addresses(books.month, busy(books))


def _before(month: str) -> list[str]:
    """The months before this one, in order."""
    count = int(month[:4]) * 12 + int(month[5:]) - 1
    return [f"{each // 12}-{each % 12 + 1:02}" for each in range(count - MONTHS, count)]


def daily(office: Office, times: int) -> dict[str, list[Look]]:
    """The daily pages, each opened so many times by each reader with each filter, after once for getting warm."""
    lately = (office.now - timedelta(days=20)).date().isoformat()
    found: dict[str, list[Look]] = {}
    for page, (readers, filters) in DAILY.items():
        for reader in readers:
            seat = office.seat(reader)
            codes = list(some_leads(office, reader, times + 1)) if "{lead}" in page else [""] * (times + 1)
            for chosen in filters:
                paths = [(page + chosen).format(lead=code, lately=lately) for code in codes]
                with redirect_stdout(io.StringIO()):
                    first, *each = [look_at(office, seat, reader, path, 1, page + chosen) for path in paths]
                assert first.answer.status == 200, (reader, paths[0], first.answer.status)
                took = tuple(ms for look in each for ms in look.took)
                most = max((look.asked for look in each), key=len)
                found.setdefault(page, []).append(Look(reader, page + chosen, most, took, first.answer))
    return found


def some_leads(office: Office, reader: str, number: int) -> Iterator[str]:
    """Codes of leads that this reader sees, from all over the years."""
    with database.read(office.engine) as session:
        mine = office.ids[reader]
        seen = Lead.holder_id if reader == "c1" else Lead.promoter_id
        team = {"mei": [mine], "c1": [mine], "lin": [office.ids["mei"]]}.get(reader)
        last = session.scalar(select(Lead.id).order_by(Lead.id.desc()).limit(1)) or 0
        for n in range(number):
            wanted = select(Lead.code).where(Lead.id >= 1 + n * last // (number + 1)).order_by(Lead.id)
            wanted = wanted.where(seen.in_(team)) if team else wanted
            yield str(session.scalar(wanted.limit(1)))


# -- the walk ---------------------------------------------------------------------------------------------------------


def walk(engine: Engine, leads: int, history: int, times: int) -> list[dict[str, Any]]:
    """Fill a fresh database, open everything, prove it, and say what was found."""
    with tempfile.TemporaryDirectory(prefix="tuoke-pages-") as folder:
        books, more = company(engine, folder)
        began = time.perf_counter()
        fill(books.office, leads, history)
        print(
            f"{engine.dialect.name}: {leads} leads written in {time.perf_counter() - began:.0f} s", flush=True
        )
        found = daily(books.office, times)
        promised = [look for each in found.values() for look in each]
        with redirect_stdout(io.StringIO()):
            others = list(looks(books.office, more, times=max(1, times // 4)))
        tell(engine, [*promised, *others])
        prove(engine, books)
        return [_row(page, engine, leads, each) for page, each in found.items()]


def tell(engine: Engine, found: list[Look]) -> None:
    with engine.connect() as connection:
        told = [(look, scans(connection, look)) for look in found]
    print(f"{'page':<64} {'reader':<6} {'queries':>7} {'p95 ms':>7}  read from end to end")
    for look, read in sorted(told, key=lambda row: -p95(row[0])):
        print(f"{look.page:<64} {look.reader:<6} {len(look.asked):>7} {p95(look):>7.0f}  {' '.join(read)}")


def prove(engine: Engine, books: Books) -> None:
    began = time.perf_counter()
    with database.read(engine) as session:
        report = verify(session, books.office.now)
    seconds = time.perf_counter() - began
    rows = report.counts.get("history", 0)
    print(
        f"{rows} rows of history proved in {seconds:.0f} s, {rows / seconds:.0f} a second: {report.findings[:3] or 'clean'}"
    )


def scans(connection: Connection, look: Look) -> list[str]:
    """The growing tables that statements of this page read from end to end, with how often."""
    read: dict[str, int] = {}
    for statement, parameters in look.asked:
        for table in set(_scanned(connection, statement, parameters)):
            read[table] = read.get(table, 0) + 1
    return [f"{table}×{n}" for table, n in sorted(read.items())]


def _scanned(connection: Connection, statement: str, parameters: Any) -> Iterator[str]:
    if connection.dialect.name == "sqlite":
        for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters):
            words = row[3].split()
            if words[0] == "SCAN" and words[1] in GROWING:
                yield words[1]
        return
    plan = connection.exec_driver_sql(f"EXPLAIN (FORMAT JSON) {statement}", parameters).scalar()
    yield from _nodes((plan if isinstance(plan, list) else json.loads(str(plan)))[0]["Plan"])


def _nodes(node: dict[str, Any]) -> Iterator[str]:
    if node["Node Type"] == "Seq Scan" and node["Relation Name"] in GROWING:
        yield node["Relation Name"]
    for each in node.get("Plans", ()):
        yield from _nodes(each)


def main() -> None:
    parser = argparse.ArgumentParser(prog="make crowd", description=__doc__)
    parser.add_argument("--leads", type=int, default=100_000)
    parser.add_argument("--history", type=int, default=5, help="rows of history per lead, on average")
    parser.add_argument("--times", type=int, default=20, help="how often each page is opened")
    parser.add_argument("--db", choices=KINDS, action="append", help="one of them only")
    asked = parser.parse_args()
    for kind in asked.db or KINDS:
        with opened(kind) as engine:
            database.migrate(engine)
            for row in walk(engine, asked.leads, asked.history, asked.times):
                print(
                    f"{row['name']:<24} {row['db']:<10} p95 {row['p95_ms']:>6.0f} ms  {row['queries']:>3} queries"
                )


if __name__ == "__main__":
    main()
