"""What a trip cost: claimed on a form for one of one's own trips, agreed, reimbursed, and read on the statement with its clause."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from models import database as databases
from models.money import Entry
from models.remembered import Approval
from tests.web.office.conftest import BOTH, Office
from workers.draining import drain_due
from workflows import policy
from workflows.approval import ApprovalFlow
from workflows.engine import Refused
from workflows.money.months import month_of
from workflows.office.expense import ExpenseFlow
from workflows.office.trip import CHECKLIST, TripFlow
from workflows.verify import verify


def approve(office: Office, who: str, code: str) -> None:
    with databases.read(office.engine) as session:
        mine = select(Approval.code).where(Approval.case_code == code, Approval.state == "pending")
        asked = session.scalars(mine).one()
    office.act(who, "approve", asked, flow=ApprovalFlow)


def made(office: Office, by: str = "mei", superior: str = "lin") -> str:
    """A trip that has ended."""
    start = office.now + timedelta(minutes=2)
    times = {"starts_at": start.isoformat(), "ends_at": (start + timedelta(hours=1)).isoformat()}
    code = office.act(by, "plan", flow=TripFlow, place="高新区软件园", purpose="企业团购", **times)
    approve(office, superior, code)
    office.act(by, "confirm", code, flow=TripFlow, **dict.fromkeys(CHECKLIST, True))
    office.pass_time(minutes=5)
    office.act(by, "start", code, flow=TripFlow)
    return str(office.act(by, "finish", code, flow=TripFlow))


def claim(office: Office, trip: str, receipt: str, fen: int = 12_800, by: str = "mei") -> str:
    what = {"kind": "transport", "what": "打车往返"}
    facts: dict[str, Any] = {"trip": trip, "amount_fen": fen, "receipt_no": receipt}
    return str(office.act(by, "claim", flow=ExpenseFlow, **what, **facts))


def test_a_claim_goes_from_the_form_to_the_statement(office: Office) -> None:
    trip, mei = made(office), office.seat("mei")
    form = mei.get("/do/expense/begin/claim")
    assert f"{trip} · 高新区软件园" in form
    assert trip not in office.seat("hua").get("/do/expense/begin/claim")
    typed = {
        "trip": trip,
        "kind": "transport",
        "amount_fen": "128.00",
        "what": "打车往返",
        "receipt_no": "A1001",
    }
    case = mei.post("/do/expense/begin/claim", **typed)  # type: ignore[arg-type]
    assert "¥128.00" in case
    assert f'href="/cases/trip/{trip}"' in case.html
    with databases.read(office.engine) as session:
        code = session.scalars(select(ExpenseFlow.table.code)).one()
        month = month_of(office.now, policy.zone(session))
    approve(office, "lin", code)
    office.seat("fei").post(f"/do/expense/{code}/reimburse")
    drain_due(office.engine, office.now)
    statement = mei.get(f"/statement/mei/{month}")
    assert "Expenses of a field trip" in statement
    assert "S9 6" in statement
    assert f"Reimbursed for trip {trip}; it is no wage." in statement
    with databases.read(office.engine) as session:
        assert verify(session, office.now).clean


def test_what_is_called_off_leaves_nothing_on_the_account(office: Office) -> None:
    code = claim(office, made(office), "A1001")
    approve(office, "lin", code)
    office.act("fei", "reimburse", code, flow=ExpenseFlow)
    drain_due(office.engine, office.now)
    office.act("fei", "call_off", code, flow=ExpenseFlow, reason="发票作废")
    approve(office, "sun", code)
    drain_due(office.engine, office.now)
    with databases.read(office.engine) as session:
        posted = list(session.scalars(select(Entry.amount_fen).where(Entry.person_id == office.ids["mei"])))
        assert posted == [12_800, -12_800]
        assert verify(session, office.now).clean


@BOTH
def test_a_receipt_is_claimed_once_by_anybody(office: Office) -> None:
    mine, theirs = made(office), made(office, "hua", "guo")
    first = claim(office, mine, "A1001")
    with pytest.raises(Refused) as refused:
        claim(office, theirs, "a 1001", by="hua")
    assert refused.value.code == "conflict"
    assert first in refused.value.detail("en")
    office.act("mei", "withdraw", first, flow=ExpenseFlow)
    assert claim(office, theirs, "A1001", by="hua")


def test_who_withdraws_a_claim_leaves_nothing_in_the_inbox(office: Office) -> None:
    code = claim(office, made(office), "A1001")
    assert "打车往返" in office.seat("lin").get("/inbox")
    office.act("mei", "withdraw", code, flow=ExpenseFlow)
    assert "打车往返" not in office.seat("lin").get("/inbox")
