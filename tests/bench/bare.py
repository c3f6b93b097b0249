"""A bare handler in the same framework behind the same server: it parses the JSON and writes the rows of a capture by hand."""

from __future__ import annotations

import os
import pickle
import secrets
import threading
from pathlib import Path
from typing import Any
from uuid import uuid4

from flask import Flask, Response, request

from tests.bench.hand import Hand, Wrote, insert
from workflows.engine.take import ALPHABET

LEARNED = "TUOKE_BENCH_LEARNED"  # the file that says which rows a capture writes, and what is answered
seat = threading.local()


class Captures:
    """A capture by hand: the lead, and beside it all rows that the engine writes."""

    def __init__(self, hand: Hand, wrote: Wrote) -> None:
        self.hand, self.wrote = hand, wrote
        self.lead = wrote.rows["lead"][0]
        returned = "" if hand.kind == "sqlite" else " RETURNING id"
        self.insert = insert("lead", [name for name in self.lead if name != "id"]) + returned
        self.inserts = [
            (insert(table, [name for name in row if name != "id"]), row)
            for table, rows in wrote.rows.items()
            if table != "lead"
            for row in rows
        ]

    def take(self, key: str) -> str:
        """One capture; its code."""
        run, now = self.hand.run, self.hand.instant()
        code = "L" + "".join(secrets.choice(ALPHABET) for _unused in range(8))
        fresh: dict[str, Any] = {
            "code": code, "case_code": code, "head": uuid4().hex * 2, "phone_index": uuid4().hex * 2, "captured_at": now, "consent_at": now,
        }  # fmt: skip
        fresh |= {"hash": fresh["head"], "at": now, "key": key, "next_at": now, "started_at": now}
        run(self.hand.begin)
        made = run(self.insert, _varied(self.lead, fresh))
        lead_id = made.lastrowid if self.hand.kind == "sqlite" else made.fetchone()[0]
        fresh |= {"case_id": lead_id, "lead_id": lead_id}
        for sql, row in self.inserts:
            values = _varied(row, fresh)
            if "uid" in row:
                values["uid"], values["cause"] = str(uuid4()), f"lead:{code}:1"
                values["body"] = row["body"].replace(self.wrote.code, code)
            run(sql, values)
        run("COMMIT")
        return code


def _varied(row: dict[str, Any], fresh: dict[str, Any]) -> dict[str, Any]:
    return {**row, **{name: fresh[name] for name in row.keys() & fresh.keys() if row[name] is not None}}


def app() -> Flask:
    """What gunicorn runs for the floor."""
    made = Flask(__name__)
    wrote, said = pickle.loads(Path(os.environ[LEARNED]).read_bytes())

    @made.post("/api/v1/leads")
    def capture() -> Response:
        given = request.get_json()
        if not hasattr(seat, "captures"):
            seat.captures = Captures(Hand(os.environ["DATABASE_URL"]), wrote)
        code = seat.captures.take(request.headers["Idempotency-Key"])
        answer = said.replace(wrote.code, code).replace("13000000000", given["phone"])
        return Response(answer, 201, content_type="application/json")

    return made
