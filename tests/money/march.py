"""March of a small office with a line of nearly every kind in it, played through the engine up to where a test wants it.

What people typed begins with signs that a spreadsheet would take for a formula.
"""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Engine

from workers.rehearse import Rehearsal

ZONE = ZoneInfo("Asia/Shanghai")
MONTH, NEXT = "2026-03", "2026-04"
FORMULA = "=cmd|'/C calc'!A0"
PEOPLE = {
    "mei": (["member"], "A"),
    "hua": (["member"], "B"),
    "lin": (["leader"], "A"),
    "bao": (["leader"], "B"),
    "guo": (["manager"], None),
    "sun": (["sales_manager"], None),
    "desk": (["reception"], None),
    "c1": (["consultant"], None),
    "fei": (["finance"], None),
    "zhi": (["auditor"], None),
    "root": (["admin"], None),
}
PHONES = [f"1391234{n:04d}" for n in range(1, 9)]
STAGES = ("open", "submitted", "paid", "later")
Step = dict[str, Any]


def agreed(flow: str, name: str, **figures: Any) -> list[Step]:
    """The manager proposes, the sales manager agrees."""
    return [
        {"by": "guo", "do": "propose", "flow": flow, "as": name, "with": figures},
        {"by": "sun", "do": "approve", "case": name, "event": "adopt"},
    ]


def visit(number: int, by: str, day: int, channel: str = "flyer", **facts: Any) -> list[Step]:
    """A lead that the sales office confirms on its day of March."""
    lead = f"L{number}"
    capture = {
        "name": "=王先生",
        "phone": PHONES[number - 1],
        "channel": channel,
        "consent": True,
        "note": "+私事",
        **facts,
    }
    return [
        {"at": f"2026-03-{day:02}T10:00", "by": by, "do": "capture", "as": lead, "with": capture},
        {"by": by, "do": "screen", "lead": lead, "with": {"demand": "三房", "intent": "A"}},
        {"at": "+1h", "by": "desk", "do": "visit", "lead": lead},
        {"at": "+5m", "by": "c1", "do": "accept", "lead": lead, "with": {"signature": "c1"}},
    ]


def steps(stage: str) -> list[Step]:
    """`open`: before the end of March; `submitted`; `paid`; `later`: with a rescission and a division in April."""
    opened: list[Step] = [
        {"by": "c1", "do": "join"},
        *agreed("pay", "W1", person="mei", kind="monthly", amount_fen=280_001, since="2026-01"),
        *agreed("pay", "W2", person="hua", kind="daily", since="2026-01"),
        *agreed("pay", "W3", person="lin", kind="monthly", amount_fen=300_000, since="2026-01"),
        *agreed("quota", "Q1", person="mei", month=MONTH, call_visits=0, visits=1),
        *visit(1, "mei", 3),
        *visit(2, "mei", 4),
        *visit(3, "mei", 5, "call_in"),
        *visit(4, "mei", 6, "walk_in"),
        *visit(5, "hua", 7),
        *visit(6, "hua", 8),
        {"by": "c1", "do": "deal", "lead": "L2", "with": {"units": 2, "contract_no": "+HT-1", "amount_fen": 10**8}},
        {"by": "sun", "do": "approve", "lead": "L2", "event": "deal"},
        {"at": "2026-03-10T09:00", "by": "guo", "do": "report", "flow": "deduction", "as": "D1",
         "with": {"kind": "left_post", "person": "mei", "day": "2026-03-09", "reason": "=1+1"}},
        {"by": "sun", "do": "confirm", "flow": "deduction", "case": "D1"},
        {"at": "2026-03-20T09:00", "do": "wait"},
    ]  # fmt: skip
    submitted: list[Step] = [
        {"at": "2026-04-01T09:00", "do": "wait"},
        *agreed("attendance", "A1", person="mei", month=MONTH, half_days=43, half_days_due=44),
        *agreed("attendance", "A2", person="hua", month=MONTH, half_days=21, half_days_due=44),
        {"by": "guo", "do": "submit", "flow": "month", "case": MONTH, "with": {"in_spite": True}},
    ]
    paid: list[Step] = [
        {"by": "sun", "do": "approve", "flow": "month", "case": MONTH},
        {"at": "+1h", "by": "fei", "do": "pay", "flow": "month", "case": MONTH, "with": {"reference": FORMULA}},
    ]  # fmt: skip
    later: list[Step] = [
        {"at": "2026-04-03T09:00", "by": "sun", "do": "rescind", "flow": "sale", "case": "L2", "with": {"reason": "退房"}},
        {"by": "fei", "do": "approve", "case": "L2", "event": "rescind"},
        {"at": "+1h", "by": "mei", "do": "open_dispute", "flow": "dispute", "as": "X1",
         "with": {"month": MONTH, "line": "visit:L1", "reason": "-算错了"}},
        {"by": "guo", "do": "grant", "flow": "dispute", "case": "X1", "with": {"amount_fen": 1234, "answer": "@好"}},
        {"by": "sun", "do": "approve", "case": "X1", "event": "grant"},
    ]  # fmt: skip
    parts: tuple[list[Step], ...] = (opened, submitted, paid, later)
    return [step for part in parts[: STAGES.index(stage) + 1] for step in part]


def play(engine: Engine, stage: str, hire: bool = True) -> dict[str, str]:
    """Play March on this database; the codes of its cases by their names. `hire` takes the people on first."""
    people = [{"name": n, "roles": roles, "team": team} for n, (roles, team) in PEOPLE.items()]
    scenario = {"start": "2026-03-02T09:00", "people": people if hire else [], "steps": steps(stage)}
    rehearsal = Rehearsal(engine, scenario, ZONE)
    played = rehearsal.play({"conversion_days": 365, "visit_months": 24})
    assert not played.failures, played.failures
    return rehearsal.codes
