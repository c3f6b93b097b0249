"""Forgetting a customer: what is sealed of them goes, the chain of history and every sum stay.

What is erased is written down in `erased`, by the code of the lead alone, so that a restored backup can be made to forget
the same people again (PIPL 47).
"""

from __future__ import annotations

import base64
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import delete, or_, select, tuple_, update
from sqlalchemy.orm import Session

from models.leads import Lead
from models.people import Person
from models.registers import RegisterRow
from models.remembered import Answer, Approval, Erased, History
from models.sealed import sealer
from workflows.belonging import belonging
from workflows.engine.actor import CLOCK
from workflows.engine.flow import Flow
from workflows.flows import FLOWS
from workflows.lead import LeadFlow

SEALED = ("name", "phone", "demand", "note", "contract_no")


@dataclass(frozen=True, slots=True)
class Erasure:
    """That somebody was forgotten: which lead, when, by whom, and what proves that they asked for it."""

    code: str
    at: datetime
    by_id: int | None = None
    proof: bytes | None = None

    def as_json(self) -> dict[str, Any]:
        proof = base64.b64encode(self.proof).decode() if self.proof else None
        return {"code": self.code, "at": self.at.isoformat(), "by_id": self.by_id, "proof": proof}

    @classmethod
    def from_json(cls, told: dict[str, Any]) -> Erasure:
        """Raises `ValueError`, `KeyError` or `TypeError` on anything else."""
        at = datetime.fromisoformat(told["at"])
        if at.tzinfo is None:
            raise ValueError("an instant needs a time zone")
        proof = base64.b64decode(told["proof"]) if told.get("proof") else None
        return cls(str(told["code"]), at, told.get("by_id"), proof)


def erased(session: Session) -> list[Erasure]:
    """Everybody who was forgotten."""
    rows = session.scalars(select(Erased).order_by(Erased.case_code))
    return [Erasure(row.case_code, row.at, row.by_id, row.proof) for row in rows]


def erase_again(session: Session, whom: Iterable[Erasure]) -> int:
    """Forget everybody on a list who is not forgotten yet; how many of them were known here."""
    done = {each.code for each in erased(session)}
    fresh = {each.code: each for each in whom if each.code not in done}
    return sum(erase(session, each) for _code, each in sorted(fresh.items()))


def erase(session: Session, erasure: Erasure) -> bool:
    """Forget the customer of one lead; whether there was such a lead. That they are to be forgotten is written down anyhow:
    a later restore may bring them."""
    by = session.get(Person, erasure.by_id) if erasure.by_id else None
    session.merge(
        Erased(case_code=erasure.code, at=erasure.at, by_id=by.id if by else None, proof=erasure.proof)
    )
    lead = session.scalar(select(Lead).where(Lead.code == erasure.code))
    if lead is None:
        return False
    for column in SEALED:
        setattr(lead, column, None)
    lead.phone_index = sealer().blind(
        "erased", erasure.code
    )  # nobody is found by it, and nobody else is kept out
    _forget_what_was_said(session, LeadFlow, erasure.code)
    for flow, case in belonging(session, CLOCK, erasure.code):
        for column in flow.personal:
            setattr(case, column, None)
        _forget_what_was_said(session, flow, case.code)
    _empty_other_cases(session, erasure.code)
    _blank_rows(session, erasure.code)
    _forget_answers(session, erasure.code)
    session.flush()
    return True


def _empty_other_cases(session: Session, code: str) -> None:
    """What cases of other workflows say of the customer: the private facts told with the lead's code, and those that such a case
    tells with no lead at all."""
    lead = History.facts["lead"].as_string()
    told = select(History.flow, History.case_id).where(History.flow != LeadFlow.flow_name, lead == code)
    for flow, case_id in session.execute(told.distinct()).all():
        rows = (History.flow == flow, History.case_id == case_id, or_(lead == code, lead.is_(None)))
        session.execute(update(History).where(*rows).values(private=None))


def _forget_what_was_said(session: Session, flow: type[Flow], code: str) -> None:
    """The sealed facts of a case; and out of the frozen data of its requests goes what is about the customer, while who and
    how much stay."""
    mine = (History.flow == flow.flow_name, History.case_code == code)
    session.execute(update(History).where(*mine).values(private=None))
    about = select(Approval).where(Approval.flow == flow.flow_name, Approval.case_code == code)
    for approval in session.scalars(about):
        steps = FLOWS[approval.flow].by_event().get(approval.event, ())
        private = {name for step in steps for name in step.facts.marked("private")}
        approval.frozen = {key: value for key, value in approval.frozen.items() if key not in private}


def _blank_rows(session: Session, code: str) -> None:
    """The masked image of the register's row that brought the lead."""
    for row in session.scalars(select(RegisterRow).where(RegisterRow.code == code)):
        row.given, row.shown = None, row.shown | {"name": None, "phone": None}


def _forget_answers(session: Session, code: str) -> None:
    """Answers that were kept to be given again say names and phones: those that speak of the lead go."""
    kept = select(Answer.key, Answer.person_id, Answer.body).execution_options(yield_per=500)
    speak_of_it = [(key, person_id) for key, person_id, body in session.execute(kept) if code in str(body)]
    for start in range(0, len(speak_of_it), 200):
        some = speak_of_it[start : start + 200]
        session.execute(delete(Answer).where(tuple_(Answer.key, Answer.person_id).in_(some)))
