"""What somebody tells with an event, read by the event's own model: the facts, the people they name, and what is wrong with
them in words for each field."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError
from sqlalchemy import bindparam, or_, select

from models.people import Person
from workflows import policy as policies
from workflows.engine.flow import Facts
from workflows.engine.refusal import Refused
from workflows.words import Text, _

if TYPE_CHECKING:
    from workflows.engine.take import Check

PERSON_NAMED = select(Person).where(Person.name == bindparam("name"))


def well_formed(check: Check) -> tuple[Facts, dict[str, Person]]:
    """The facts as their model reads them, with the people they name."""
    zone = policies.zone(check.session)
    try:
        context = {"policy": check.policy, "zone": zone}
        facts = check.step.facts.model_validate(dict(check.ask.facts), context=context)
    except ValidationError as error:
        raise _invalid(
            {".".join(str(p) for p in e["loc"]) or "facts": _said(e) for e in error.errors()}
        ) from error
    people: dict[str, Person] = {}
    missing: dict[str, str | Text] = {}
    if not facts.marked("person") and not facts.marked("people"):
        return facts, people
    today = check.at.astimezone(zone).date()
    for name in sorted(facts.marked("person")):
        wanted = getattr(facts, name)
        if wanted is not None:
            found = check.session.scalar(PERSON_NAMED, {"name": wanted})
            gone = found is not None and found.left_on is not None and found.left_on <= today
            if found is None or (gone and name not in facts.marked("left")):
                missing[name] = _("There is nobody of this name on the staff.")
            else:
                people[name] = found
    for name in sorted(facts.marked("people")):
        if set(getattr(facts, name)) - _at_work(check, getattr(facts, name), today):
            missing[name] = _("There is nobody of this name on the staff.")
    if missing:
        raise _invalid(missing)
    return facts, people


def _at_work(check: Check, wanted: Sequence[str], today: date) -> set[str]:
    """Those of these names that belong to somebody on the staff."""
    there = or_(Person.left_on.is_(None), Person.left_on > today)
    return set(check.session.scalars(select(Person.name).where(Person.name.in_(wanted), there)))


SAID = {
    "missing": _("This is needed."),
    "extra_forbidden": _("There is no such field."),
    "string_too_short": _("This is needed."),
    "string_too_long": _("At most %(max_length)s characters."),
    "too_long": _("At most %(max_length)s."),
    "string_type": _("A text is expected."),
    "string_unicode": _("A text is expected."),
    "string_pattern_mismatch": _("This text has characters that cannot be kept."),
    "literal_error": _("Choose one of the given values."),
    "enum": _("Choose one of the given values."),
    "list_type": _("A list is expected."),
    "too_short": _("Choose at least one."),
    "int_type": _("A whole number is expected."),
    "int_from_float": _("A whole number is expected."),
    "int_parsing": _("A whole number is expected."),
    "int_parsing_size": _("This number is too large."),
    "greater_than_equal": _("At least %(ge)s."),
    "less_than_equal": _("At most %(le)s."),
    "bool_type": _("Yes or no is expected."),
    "date_type": _("A date is expected, such as 2026-03-01."),
    "date_parsing": _("A date is expected, such as 2026-03-01."),
    "date_from_datetime_parsing": _("A date is expected, such as 2026-03-01."),
    "date_from_datetime_inexact": _("A date is expected, such as 2026-03-01."),
    "datetime_type": _("A date and time is expected, such as 2026-03-01T09:00+08:00."),
    "datetime_parsing": _("A date and time is expected, such as 2026-03-01T09:00+08:00."),
    "datetime_from_date_parsing": _("A date and time is expected, such as 2026-03-01T09:00+08:00."),
}


def _said(error: Any) -> str | Text:
    """A validation error as a person would put it."""
    known = SAID.get(error["type"])
    if known:
        limits = {k: v for k, v in error.get("ctx", {}).items() if k in ("max_length", "ge", "le")}
        return Text(known, limits) if limits and "%(" in known else known
    return str(error["msg"]).removeprefix("Value error, ").removeprefix("Assertion failed, ")


def _invalid(errors: Mapping[str, str | Text]) -> Refused:
    reason = Text(_("The data are not complete or not right: %(fields)s."), {"fields": ", ".join(errors)})
    return Refused("invalid_data", reason, errors=errors)
