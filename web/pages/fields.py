"""What a case says of itself, in words: the columns its workflow remembers, called what its own forms call them, with
people by name, fen as yuan, choices, days and instants as people read them. A new workflow needs nothing here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import cache
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.people import Project, Team
from web.pages.words import calendar_day, day_of_week, moment, month_name, said, weekday
from workflows.engine.flow import Flow
from workflows.flows import FLOWS
from workflows.money.statements import KINDS, yuan
from workflows.policy import Policy, of_version
from workflows.views import names
from workflows.words import _

# Columns that no form asks for, where the workflow itself does not say what they are.
LABELS = {
    "adopted_version": _("Version"),
    "also_fen": _("The other party's part"),
    "approved_at": _("Approved"),
    "author": _("Drafted by"),
    "by_agreement": _("Paid by the partner's agreement"),
    "checked_by": _("Checked by"),
    "dismissal": _("Dismissal"),
    "half_days": _("Half days of wage"),
    "half_wage": _("Half of the wage"),
    "judged_by": _("Judged by"),
    "lead_code": _("Lead"),
    "leader": _("Leader"),
    "paid_at": _("Paid"),
    "part_month": _("Joined or left in the month"),
    "person": _("Person"),
    "position": _("Place"),
    "reported_by": _("Reported by"),
    "round_code": _("Inspection round"),
    "rescinded_at": _("Called off"),
    "seller": _("Brought by"),
    "settled_month": _("Settled in"),
    "signed_at": _("Signed"),
    "submitted_at": _("Submitted"),
    "submitted_by": _("Submitted by"),
    "team": _("Team"),
    "units": _("Units"),
}
DAYS = ("day", "effective_on", "week", "first_day", "last_day")
MONTHS = ("month", "since", "settled_month", "reversed_month")
CAUSES = {
    "visit": _("Visit"),
    "dispute": _("Adjustment"),
    "expense": KINDS["expense"],
    "expense_off": _("Reimbursement called off"),
    "split": _("Share of a team award"),
    "wage": KINDS["wage"],
    "performance": KINDS["performance_pay"],
    "deduction": _("Deduction"),
    "payout": KINDS["payout"],
    "rescission": _("Sale called off"),
}


@dataclass(frozen=True, slots=True)
class Field:
    """A column of a case in words. `codes` are those of the cases of another workflow (`flow`) that it names, `parts` the lines of
    a value that is a table."""

    name: str
    label: str
    text: str
    flow: str = ""
    codes: tuple[str, ...] = ()
    parts: tuple[tuple[str, str], ...] = ()


@cache
def titles(flow: type[Flow]) -> dict[str, str]:
    """What the forms of a workflow call their fields."""
    fields = [info for step in flow.steps.values() for info in step.facts.model_fields.items()]
    return {name: info.title for name, info in reversed(fields) if info.title}


@cache
def choices_of(flow: type[Flow]) -> dict[str, dict[str, str]]:
    """What may be chosen in the fields of a workflow, by field."""
    found: dict[str, dict[str, str]] = {}
    for step in flow.steps.values():
        for name, info in step.facts.model_fields.items():
            extra: Any = info.json_schema_extra
            if isinstance(extra, dict) and isinstance(extra.get("choices"), dict):
                found.setdefault(name, extra["choices"])
    return found


def label_of(flow: type[Flow], column: str) -> str:
    """A column by its name in the reader's language."""
    name = column.removesuffix("_id")
    label = flow.labels.get(name) or titles(flow).get(name) or LABELS.get(name)
    return said(label) if label else name.replace("_", " ")


def told(flow: type[Flow], column: str, value: Any) -> bool:
    """Whether a column says anything: no empty one, and no nought that nobody was asked for or that stands for nothing yet."""
    if value is None or value is False or value in ("", [], {}):
        return False
    columns = flow.table.__table__.columns
    return value != 0 or column in _asked(flow) or bool(column in columns and columns[column].nullable)


@cache
def _asked(flow: type[Flow]) -> set[str]:
    """What is told when a case begins."""
    return {name for step in flow.steps.values() if step.opens for name in step.facts.model_fields}


def fields_of(session: Session, flow: type[Flow], case: Any, *, clear: bool = False) -> list[Field]:
    """What a case says of the customer, as far as one reads that, and everything it remembers that says something, in the
    order of its workflow."""
    personal = [(column, getattr(case, column)) for column in flow.personal]
    secret = said(_("not shown to your role"))
    shown = [Field(c, label_of(flow, c), str(value) if clear else secret) for c, value in personal if value]
    found = ((column, getattr(case, column)) for column in flow.remembers)
    fields = [field_of(session, flow, column, value) for column, value in found if told(flow, column, value)]
    return shown + [
        _with_before(session, case, field) if field.name == "numbers" else field for field in fields
    ]


def _with_before(session: Session, case: Any, field: Field) -> Field:
    """The numbers of a draft beside those in force when it was made: `¥50.00 → ¥60.00`."""
    before = of_version(session, case.policy_version)
    parts = tuple(
        (said(number_label(name)), f"{number_said(name, getattr(before, name))} → {number_said(name, value)}")
        for name, value in case.numbers.items()
        if name in Policy.model_fields
    )
    return replace(field, parts=parts, text=" · ".join(f"{k} {v}" for k, v in parts))


def field_of(session: Session, flow: type[Flow], column: str, value: Any) -> Field:
    """One column with its value in words."""
    label = label_of(flow, column)
    if other := names_cases_of(column):
        codes = (value,) if isinstance(value, str) else tuple(value)
        return Field(column, label, " · ".join(codes), flow=other, codes=codes)
    parts = _parts(session, flow, column, value)
    if parts:
        return Field(column, label, " · ".join(f"{k} {v}" for k, v in parts), parts=parts)
    return Field(column, label, _text(session, flow, column, value))


def names_cases_of(column: str) -> str:
    """The workflow whose cases a column names by their codes: one (`lead_code`) or several (`leads`)."""
    name = column.removesuffix("_code") if column.endswith("_code") else column.removesuffix("s")
    return name if name != column and name in FLOWS else ""


def _text(session: Session, flow: type[Flow], column: str, value: Any) -> str:
    table = _points_to(flow, column)
    if table == "person":
        return names(session).get(value, "—")
    if table in ("team", "project"):
        return _places(session, table).get(value, "—")
    if column in flow.names_people:
        return " · ".join(names(session).get(person, "—") for person in value)
    choices = choices_of(flow).get(column, {})
    if isinstance(value, list) and choices:
        return several(choices, value)
    if isinstance(value, str | int) and value in choices:
        return said(choices[value])
    return in_words(column, value)


def several(choices: dict[str, str], values: Sequence[str]) -> str:
    """Several that were chosen, one after the other."""
    return " · ".join(said(choices.get(each, each)) for each in values)


def in_words(name: str, value: Any) -> str:
    """A plain value in the reader's language. Values out of history are as JSON keeps them."""
    if isinstance(value, bool):
        return said(_("yes")) if value else said(_("no"))
    if isinstance(value, int) and name.endswith("_fen"):
        return yuan(value)
    if isinstance(value, datetime):
        return moment(value)
    if isinstance(value, date):
        return calendar_day(value)
    if name == "line":
        return line_said(str(value))
    if name in MONTHS and isinstance(value, str):
        return month_name(value)
    if isinstance(value, str) and name.endswith("_at"):
        return moment(datetime.fromisoformat(value))
    if isinstance(value, str) and name in DAYS:
        return calendar_day(date.fromisoformat(value))
    if isinstance(value, dict | list):
        parts = map(str, value) if isinstance(value, list) else map(" ".join, parts_of(name, value))
        return " · ".join(parts)
    return str(value)


def parts_of(name: str, value: Any) -> tuple[tuple[str, str], ...]:
    """A table within a value, line by line: numbers of the policy, shares of people, whatever else."""
    if not isinstance(value, dict):
        return ()
    if name == "numbers":
        return tuple((said(number_label(key)), number_said(key, each)) for key, each in value.items())
    if name == "shares":
        return tuple((key, yuan(each)) for key, each in value.items())
    return tuple((key, str(each)) for key, each in value.items())


def _parts(session: Session, flow: type[Flow], column: str, value: Any) -> tuple[tuple[str, str], ...]:
    """The same for a column; there shares, tasks and days are kept by the ids of people."""
    if column in flow.names_people and value and isinstance(value[0], list | tuple):
        tell: dict[str, Callable[[Any], str]] = {"shares": yuan, "plan": _rostered}
        who, each_said = names(session), tell.get(column, str)
        return tuple((who.get(person, "—"), each_said(each)) for person, each in value)
    return parts_of(column, value)


def _rostered(days: list[list[Any]]) -> str:
    """The days of somebody on a roster: which, where, from when to when."""
    return " · ".join(
        f"{weekday(date.fromisoformat(day))} {spot} {time_of_day(begins)}–{time_of_day(ends)}"
        for day, spot, begins, ends in days
    )


def _points_to(flow: type[Flow], column: str) -> str:
    keys = flow.table.__table__.columns[column].foreign_keys
    return next((key.column.table.name for key in keys), "")


def _places(session: Session, table: str) -> dict[int, str]:
    """The names of teams or projects, read once per session."""
    known: dict[str, dict[int, str]] = session.info.setdefault("places", {})
    if table not in known:
        model: Any = {"team": Team, "project": Project}[table]
        known[table] = {row.id: row.name for row in session.execute(select(model.id, model.name))}
    return known[table]


def line_said(cause: str) -> str:
    """The line of a statement by its posting key, as people speak of it; other texts as they are."""
    kind, *rest = cause.split(":")
    if kind in ("sale", "award") and len(rest) > 1:
        label = KINDS.get(rest[1] if kind == "award" else rest[-1])
        return " ".join([said(label), *([rest[0]] if kind == "sale" else [])]) if label else cause
    if kind not in CAUSES or not rest:
        return cause
    code = rest[1] if kind == "deduction" and len(rest) > 1 else rest[0]
    return said(CAUSES[kind]) if kind in ("wage", "performance", "payout") else f"{said(CAUSES[kind])} {code}"


# -- numbers of the policy ---------------------------------------------------------------------------------------------

UNITS = {
    "days": _("days"),
    "months": _("months"),
    "hours": _("hours"),
    "minutes": _("minutes"),
    "time": _("time of day"),
    "claims": _("claims"),
    "leads": _("leads"),
    "people": _("people"),
    "half days": _("half days"),
    "weekday": _("day of the week"),
    "points": _("points"),
    "%": "%",
}


def number_label(name: str) -> str:
    """The marked text that says what a policy number is, as it is shown here."""
    if name == "month_days_hundredths":
        return _("Paid days of a month")
    info = Policy.model_fields.get(name)
    return info.description or name if info else name


def unit_of(name: str) -> str:
    extra: Any = Policy.model_fields[name].json_schema_extra if name in Policy.model_fields else None
    return str(extra.get("unit", "")) if isinstance(extra, dict) else ""


def number_said(name: str, value: Any) -> str:
    """A policy number with its unit: fen as yuan, hundredths as what they are parts of."""
    unit = unit_of(name)
    if unit == "fen":
        return yuan(int(value))
    if unit == "1/100":
        return f"{int(value) / 100:.2f} {said(UNITS['days'])}"
    if unit == "time":
        return time_of_day(int(value))
    if unit == "weekday":
        return day_of_week(int(value))
    return f"{value}%" if unit == "%" else f"{value} {said(UNITS.get(unit, unit))}".strip()


def time_of_day(minute: int) -> str:
    """A minute of the day as clocks show it: `09:00`."""
    return f"{minute // 60:02}:{minute % 60:02}"


def columns_shown(flow: type[Flow], cases: Sequence[Any], most: int = 6) -> list[str]:
    """Which columns a list of these cases has: the first ones that say something in any of them."""
    found = [c for c in flow.remembers if any(told(flow, c, getattr(case, c)) for case in cases)]
    return [column for column in found if column != "numbers"][:most]
