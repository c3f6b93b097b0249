"""`make crowd`: how lists stand a hundred thousand leads, on SQLite and PostgreSQL (`ARGS=20000` for another number).

For each page and reader: statements asked, milliseconds (the best of two, one process), and which of the tables that grow were read from end
to end by a statement, as the database's own plan says it.
"""

from __future__ import annotations

import io
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import redirect_stdout
from typing import Any

from sqlalchemy import Connection, Engine

from models import database, sealed
from models.settings import Settings
from tests.bench import _postgres, _sqlite
from tests.conftest import DATA_KEY
from tests.crowd import fill
from tests.web.every_page import addresses, busy
from tests.web.money.conftest import a_month
from tests.web.office.conftest import Office
from tests.web.watched import Look, looks
from web.app import create_app

GROWING = (
    "lead", "history", "timer", "approval", "outbox", "notification", "entry", "journal", "sale", "name_print", "access_log", "message",
)  # fmt: skip


def main(leads: int) -> None:
    sealed.use(DATA_KEY)
    for kind, opened in (("SQLite", _sqlite), ("PostgreSQL", _postgres)):
        if kind.lower() in os.environ.get("ONLY", kind).lower():
            with opened() as engine, tempfile.TemporaryDirectory(prefix="tuoke-crowd-") as folder:
                database.migrate(engine)
                _walk(kind, engine, folder, leads)


def _walk(kind: str, engine: Engine, folder: str, leads: int) -> None:
    env = {"TUOKE_VAR": folder, "TUOKE_DATA_KEY": DATA_KEY.hex(), "TUOKE_CLOCK": "movable"}
    with redirect_stdout(io.StringIO()):  # the lines of the requests
        books = a_month(Office(create_app(Settings.from_env(env), engine), engine))
        more = addresses(books.month, busy(books))
    began = time.perf_counter()
    fill(books.office, leads)
    print(f"{kind}: {leads} leads written in {time.perf_counter() - began:.0f} s", flush=True)
    with redirect_stdout(io.StringIO()):
        found = list(looks(books.office, more, times=2))
    with engine.connect() as connection:
        rows = [(look, scans(connection, look)) for look in found]
    print(f"{'page':<64} {'reader':<6} {'queries':>7} {'ms':>7}  read from end to end")
    for look, read in sorted(rows, key=lambda row: -row[0].ms):
        print(f"{look.page:<64} {look.reader:<6} {len(look.asked):>7} {look.ms:>7.0f}  {' '.join(read)}")


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


if __name__ == "__main__":
    main(int(sys.argv[1]) if sys.argv[1:] else 100_000)
