"""Signing in and out (签到、签退, S14 一2): the code that a screen shows at a spot, and two who sign with one device.

The code is made of the spot, the day and the minute under the installation's key, so nothing of it is kept and nobody can work
it out; it changes every few minutes (policy), and the one before is still good, for who read it a moment ago."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import select

from models.days import Presence, Signature
from models.people import Person
from models.sealed import sealer
from workflows.engine.take import Ask, Check
from workflows.money.deduction import DeductionFlow
from workflows.office.flaws import in_project
from workflows.policy import Policy
from workflows.words import _, say

DIGITS = 6


def code_of(case: Presence, at: datetime, policy: Policy, back: int = 0) -> str:
    """The code shown at the spot of this presence, now or some turns `back`."""
    turn = int(at.timestamp()) // (policy.spot_code_minutes * 60) - back
    told = f"{case.project_id}:{case.team_id}:{case.day.isoformat()}:{case.spot}:{turn}"
    return f"{int(sealer().blind('spot', told)[:12], 16) % 10**DIGITS:0{DIGITS}d}"


def changes_at(at: datetime, policy: Policy) -> datetime:
    """When the code shown now gives way to the next."""
    length = policy.spot_code_minutes * 60
    return at + timedelta(seconds=length - at.timestamp() % length)


def is_right(case: Presence, code: str, at: datetime, policy: Policy) -> bool:
    return code in (code_of(case, at, policy), code_of(case, at, policy, back=1))


def sign(check: Check, device: str | None) -> None:
    """Note which device signed."""
    if device is not None:
        case = check.case
        row = Signature(presence_id=case.id, person_id=case.person_id, device=device, at=check.at)
        check.session.add(row)


def proxy_is_reported(check: Check) -> list[Ask]:
    """The same device signed for somebody else a moment ago: reported against both, for a person to judge (S14 一2)."""
    device = getattr(check.facts, "device", None)
    if device is None:
        return []
    case, since = check.case, check.at - timedelta(minutes=check.policy.proxy_minutes)
    others = (
        select(Person.name, Presence.code)
        .join(Signature, Signature.person_id == Person.id)
        .join(Presence, Presence.id == Signature.presence_id)
        .where(Signature.device == device, Signature.at >= since, Signature.person_id != case.person_id)
        .order_by(Signature.id.desc())
    )
    found = dict(check.session.execute(others).all())
    return [
        in_project(
            check,
            DeductionFlow,
            "report",
            {
                "kind": "attendance",
                "person": case.person.name,
                "also": name,
                "day": case.day,
                "reason": say(
                    _("One device signed for both: %(one)s, %(other)s."), "zh", one=case.code, other=code
                ),
            },
        )
        for name, code in found.items()
    ]
