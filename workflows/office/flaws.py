"""What was wrong with a rostered day is reported as a deduction by the house itself, for people to judge (S14 一, S20 罚2); and
what it reported falls away where it turns out not to be so."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from models.days import Presence
from models.money import Deduction
from models.people import Project
from workflows.engine.actor import CLOCK
from workflows.engine.flow import Flow
from workflows.engine.take import Ask, Check
from workflows.money.deduction import DeductionFlow
from workflows.policy import Policy
from workflows.staff import works
from workflows.words import _, say

FLAWS = ("attendance", "absent_unnoticed")


def in_project(check: Check, flow: type[Flow], event: str, facts: dict[str, Any]) -> Ask:
    """What the house begins by itself, in the project of the case at hand."""
    project = check.session.get_one(Project, check.case.project_id).code
    return Ask(flow, event, CLOCK, check.at, facts=facts, project=project, house=True)


def flaws_are_reported(check: Check) -> list[Ask]:
    """Each breach by itself (S14 一: 20 yuan each time; S20 罚2): reported, for somebody to judge."""
    case = check.case
    if not works(case.person, case.day):
        return []  # who had left by then is not charged
    told = {"person": case.person.name, "day": case.day}
    return [
        in_project(check, DeductionFlow, "report", {**told, "kind": kind, "reason": f"{case.code} · {why}"})
        for kind, why in flaws_of(case, check.policy)
    ]


def flaws_of(case: Presence, policy: Policy) -> list[tuple[str, str]]:
    """What was wrong with a day that is closed: the kind of deduction, and what was seen."""
    if case.state == "absent":
        if case.noticed_at is None:
            return [
                ("absent_unnoticed", say(_("absent without leave, and not reported by the leader"), "zh"))
            ]
        return [("attendance", say(_("absent without leave"), "zh"))]
    found = []
    if case.late_minutes > policy.late_grace_minutes:
        found.append(say(_("%(minutes)s minutes late"), "zh", minutes=case.late_minutes))
    if case.out_at is None:
        found.append(say(_("did not sign out"), "zh"))
    if case.early_minutes > policy.late_grace_minutes:
        found.append(say(_("went %(minutes)s minutes early"), "zh", minutes=case.early_minutes))
    return [("attendance", each) for each in found]


def reports_are_waived(check: Check) -> list[Ask]:
    """What the house reported of this day and nobody has judged yet falls away: it was not so, or it is excused."""
    case, why = check.case, "excused" if check.case.state == "excused" else "not_so"
    ours = select(Deduction.code).where(
        Deduction.person_id == case.person_id,
        Deduction.day == case.day,
        Deduction.kind.in_(FLAWS),
        Deduction.state == "reported",
        Deduction.reported_by_id.is_(None),
        Deduction.also_id.is_(None),
    )
    codes = list(check.session.scalars(ours))
    return [
        Ask(DeductionFlow, "waive", CLOCK, check.at, code=c, facts={"why": why}, house=True) for c in codes
    ]
