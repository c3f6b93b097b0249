"""The policy numbers, each with its clause, and since when: to be read by everybody who works by them."""

from __future__ import annotations

from flask import Blueprint
from sqlalchemy import select

from models.machinery import PolicyVersion
from web.pages.sessions import signed_in
from web.pages.show import look, show
from workflows import policy
from workflows.words import _

page = Blueprint("policies", __name__)
UNITS = {
    "days": _("days"),
    "months": _("months"),
    "hours": _("hours"),
    "minutes": _("minutes"),
    "claims": _("claims"),
    "leads": _("leads"),
    "people": _("people"),
}
LOOKERS = ("admin", "manager", "sales_manager", "auditor", "leader", "finance")


@page.get("/policy")
@signed_in(*LOOKERS)
def policies() -> str:
    """The numbers in force, what they were before, and what is to come."""
    with look() as desk:
        now = policy.in_force(desk.session, desk.at)
        versions = list(
            desk.session.scalars(select(PolicyVersion).order_by(PolicyVersion.effective_at.desc()))
        )
        return show(
            "policies.html",
            numbers=[
                _line(name, getattr(now, name)) for name in policy.Policy.model_fields if name != "version"
            ],
            in_force=next((v for v in versions if v.id == now.version), None),
            version=now.version,
            versions=versions,
            changes={v.id: _changes(v, versions) for v in versions},
            labels={name: field.description for name, field in policy.Policy.model_fields.items()},
        )


def _line(name: str, value: int) -> dict[str, object]:
    field = policy.Policy.model_fields[name]
    extra = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
    unit = str(extra.get("unit", ""))
    return {"name": name, "value": value, "default": field.default, **extra, "unit": UNITS.get(unit, unit)}


def _changes(version: PolicyVersion, versions: list[PolicyVersion]) -> list[tuple[str, object, object]]:
    """(number, before, after) against the version before, or the defaults."""
    earlier = [v for v in versions if v.effective_at < version.effective_at]
    before = earlier[0].numbers if earlier else policy.Policy().model_dump()
    return [
        (k, before.get(k), v) for k, v in version.numbers.items() if k != "version" and before.get(k) != v
    ]
