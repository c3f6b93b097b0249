"""Forgetting a customer: nothing of them is left to read, and everything still adds up."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from models.leads import Lead
from models.names import NamePrint
from models.remembered import Answer, Approval, Erased, History
from tests.rules.office import Office
from workflows.erasing import Erasure, erase, erase_again, erased
from workflows.verify import anchor_of, verify

WHEN = datetime(2026, 3, 20, 1, 0, tzinfo=UTC)


def told(office: Office) -> str:
    """A lead whose customer has said a great deal: a decided request, free texts, an answer that was kept."""
    code = office.lead_in("reclaimed")
    office.ask("follow_up", "outreach holder", code, note="下周再来")
    office.ask("deal", "outreach holder", code)
    said = {"code": code, "name": "王海燕"}
    office.session.add(Answer(key="k", person_id=1, request="x", status=200, body=said, at=WHEN))
    office.session.add(
        Answer(key="other", person_id=1, request="x", status=200, body={"code": "L0"}, at=WHEN)
    )
    office.session.flush()
    return code


def test_nothing_of_them_is_left_and_the_books_are_whole(office: Office) -> None:
    code, other = told(office), office.lead_in("captured")
    before = anchor_of(office.session)
    assert erase(office.session, Erasure(code, WHEN, office.actors["manager"].id, b"letter"))
    office.session.expire_all()
    lead = office.lead(code)
    assert (lead.name, lead.phone, lead.demand, lead.note, lead.contract_no) == (None,) * 5
    assert [row.private for row in office.history(code) if row.private] == []
    assert not office.session.scalars(select(NamePrint).where(NamePrint.lead_id == lead.id)).all()
    for approval in office.session.scalars(select(Approval).where(Approval.case_code == code)):
        assert not {"callback", "contract_no"} & approval.frozen.keys()
        assert approval.frozen.get("holder") or approval.frozen.get("amount_fen")
    assert office.session.scalars(select(Answer.key)).all() == ["other"]
    report = verify(office.session, office.now)
    assert (report.findings, report.anchor) == ([], before)
    assert office.lead(other).name == "王海燕"
    assert [row for row in office.history(other) if row.private]


def test_the_phone_of_somebody_forgotten_is_free_and_finds_nobody(office: Office) -> None:
    code = office.lead_in("captured")
    phone = office.lead(code).phone
    index = office.lead(code).phone_index
    erase(office.session, Erasure(code, WHEN))
    assert not office.session.scalars(select(Lead).where(Lead.phone_index == index)).all()
    assert office.capture(phone=phone) != code


def test_who_is_on_the_list_is_forgotten_once_and_kept_on_it(office: Office) -> None:
    code = told(office)
    wanted = [Erasure(code, WHEN), Erasure("LNOTHERE", WHEN, by_id=999_999)]
    assert erase_again(office.session, wanted) == 1
    assert erase_again(office.session, wanted) == 0
    assert {row.case_code: row.by_id for row in office.session.scalars(select(Erased))} == {
        code: None, "LNOTHERE": None,
    }  # fmt: skip
    assert [Erasure.from_json(each.as_json()) for each in erased(office.session)] == erased(office.session)
    assert office.session.scalar(select(History.id).where(History.case_code == code)) is not None


@pytest.mark.parametrize("wrong", [{}, {"code": "L1", "at": "2026-01-01T00:00"}, {"code": "L1", "at": 5}])
def test_a_list_that_is_none_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises((KeyError, ValueError, TypeError)):
        Erasure.from_json(wrong)
