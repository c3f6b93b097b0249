"""Forms made from the facts of an event: the same model that checks the data says which fields there are, how they are
called and what may be chosen. The form only reads what was typed; whether it is right is decided by `take`."""

from __future__ import annotations

import re
import types
from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal, Union, get_args, get_origin
from zoneinfo import ZoneInfo

from flask_login import current_user
from pydantic import AwareDatetime, BaseModel
from pydantic.fields import FieldInfo
from sqlalchemy import select
from sqlalchemy.orm import Session
from wtforms import (  # type: ignore[attr-defined]
    BooleanField,
    DateField,
    DateTimeLocalField,
    Field,
    Form,
    HiddenField,
    IntegerField,
    RadioField,
    SelectChoice,
    SelectField,
    SelectMultipleField,
    StringField,
    TelField,
    TextAreaField,
)  # fmt: skip
from wtforms.widgets import CheckboxInput

from models.people import Person
from web.pages.words import said
from workflows.clauses import RULEBOOKS
from workflows.engine.actor import STAFF_ROLES, WITH_CUSTOMERS
from workflows.flows import FLOWS
from workflows.money.months import a_month
from workflows.staff import works
from workflows.words import Text, _

FEW = 4
LATEST = 50  # cases to choose from
OUTREACH = ("member", "leader")
# Whom a field that names somebody offers, where that is not everybody of one role.
OFFERED = {
    "member": OUTREACH,
    "leading": ("leader", "manager"),
    "anybody": WITH_CUSTOMERS,
    "staff": STAFF_ROLES,
}
MOST_FEN = 10**15


class ManyField(SelectMultipleField):
    """Several of a few, each to be ticked."""

    option_widget = CheckboxInput()


class MoneyField(StringField):
    """Yuan as people type them; `data` stays the text, `fen()` reads it."""

    data: Any

    def _value(self) -> str:
        """What stands in the field: fen that are known already are shown as yuan."""
        if not isinstance(self.data, int):
            return str(self.data or "")
        return f"{self.data / 100:.2f}" if self.data % 100 else str(self.data // 100)

    def fen(self) -> Any:
        """Fen, or the text itself where it is no amount (then `take` says so)."""
        return fen_of(str(self.data or ""))


class CodesField(StringField):
    """Codes of cases with spaces or commas between them; `codes()` reads them."""

    data: Any

    def _value(self) -> str:
        return self.data or "" if isinstance(self.data, str | None) else " ".join(self.data)

    def codes(self) -> list[str]:
        return [each.upper() for each in re.split(r"[\s,;，；、]+", str(self.data or "")) if each]


def fen_of(typed: str) -> Any:
    """Fen of yuan as people type them (`1,200.50`, `¥80`, `3万`), or the text itself where it is no amount."""
    text = typed.replace(",", "").replace("，", "").replace("¥", "").replace(" ", "")
    wan = text.endswith("万")
    try:
        fen = Decimal(text.removesuffix("万")) * (10_000 if wan else 1) * 100
    except ArithmeticError:
        return typed
    sound = fen.is_finite() and abs(fen) < MOST_FEN and fen == fen.to_integral_value()
    return int(fen) if sound else typed


def form_for(
    facts: type[BaseModel], session: Session, at: datetime, zone: ZoneInfo, formdata: Any = None, **given: Any
) -> Form:
    """The form of these facts. `given` are first values by field."""
    fields = {
        name: _field(name, info, session, at, zone)
        for name, info in facts.model_fields.items()
        if not _extra(info).get("hidden")
    }
    made: Form = type("FactsForm", (Form,), fields)(formdata=formdata, data=given)
    for name, field in made._fields.items():
        setattr(field, "needed", facts.model_fields[name].is_required())  # noqa: B010 (read by the templates)
    return made


def _extra(info: FieldInfo) -> dict[str, Any]:
    return info.json_schema_extra if isinstance(info.json_schema_extra, dict) else {}


def _kind(annotation: Any) -> Any:
    """The bare type of a field: without `| None` and annotations."""
    origin = get_origin(annotation)
    if origin is Annotated:
        return _kind(get_args(annotation)[0])
    if origin in (Union, types.UnionType):
        return _kind(next(a for a in get_args(annotation) if a is not type(None)))
    return annotation


def _field(name: str, info: FieldInfo, session: Session, at: datetime, zone: ZoneInfo) -> Any:
    extra, kind, label = _extra(info), _kind(info.annotation), said(info.title or name)
    limit = next((m.max_length for m in info.metadata if getattr(m, "max_length", None)), None)
    keys: dict[str, Any] = {"maxlength": limit} if limit else {}
    if info.is_required():
        keys["required"] = True
    if extra.get("person"):
        people = _people(session, str(extra["person"]), at, zone, bool(extra.get("left")))
        return SelectField(label, choices=people, render_kw=keys, validate_choice=False)
    if extra.get("people"):
        crew = _people(session, str(extra["people"]), at, zone)[1:]
        return ManyField(label, choices=crew, validate_choice=False)
    if "choices" in extra:
        return _choice(label, extra["choices"], kind, info.is_required(), keys)
    if extra.get("case") and "input" not in extra:
        return _case(label, str(extra["case"]), session, keys)
    if extra.get("input") in INPUTS:
        return INPUTS[str(extra["input"])](label, keys)
    if any(getattr(mark, "func", None) is a_month for mark in info.metadata):
        keys |= {"type": "month", "placeholder": "2026-03", "maxlength": 7}
    return _plain(label, kind, keys)


def _plain(label: str, kind: Any, keys: dict[str, Any]) -> Any:
    if kind is bool or (get_origin(kind) is Literal and get_args(kind) == (True,)):
        return BooleanField(label, render_kw={k: v for k, v in keys.items() if k == "required"})
    if kind is int:
        return IntegerField(label, render_kw={**keys, "inputmode": "numeric"})
    if kind in (datetime, AwareDatetime):
        return DateTimeLocalField(label, format=["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"], render_kw=keys)
    if kind is date:
        return DateField(label, render_kw=keys)
    return StringField(label, render_kw={**keys, "autocomplete": "off"})


INPUTS: dict[str, Callable[[str, dict[str, Any]], Any]] = {
    "money": lambda label, keys: MoneyField(
        label, render_kw={**keys, "inputmode": "decimal", "autocomplete": "off", "data-unit": "yuan"}
    ),
    "tel": lambda label, keys: TelField(label, render_kw={**keys, "inputmode": "tel", "autocomplete": "off"}),
    "area": lambda label, keys: TextAreaField(label, render_kw={**keys, "rows": 3}),
    "time": lambda label, keys: StringField(label, render_kw={**keys, "type": "time"}),
    "digits": lambda label, keys: StringField(
        label, render_kw={**keys, "inputmode": "numeric", "autocomplete": "off", "pattern": "[0-9]*"}
    ),
    "clause": lambda label, keys: _clauses(label, keys),
    "codes": lambda label, keys: CodesField(label, render_kw={**keys, "autocomplete": "off"}),
}


def _choice(label: str, choices: dict[str, str], kind: Any, needed: bool, keys: dict[str, Any]) -> Any:
    pairs = [SelectChoice(value, said(text)) for value, text in choices.items()]
    if get_origin(kind) is list:
        return ManyField(label, choices=pairs, validate_choice=False)
    if needed and len(pairs) <= FEW:
        return RadioField(label, choices=pairs, validate_choice=False)
    return SelectField(
        label, choices=[SelectChoice("", said(_("Choose…"))), *pairs], render_kw=keys, validate_choice=False
    )


def _clauses(label: str, keys: dict[str, Any]) -> Any:
    """The clauses, policy by policy; each policy as a whole stands first."""
    choices, whole = [SelectChoice("", said(_("Choose…")))], said(_("as a whole"))
    for book in RULEBOOKS.values():
        name = f"{book.number} {said(book.title)}"
        told = [(clause.number, said(clause.says)) for clause in book.clauses]
        for number, says in [(book.number, whole), *told]:
            choices.append(SelectChoice(number, f"{number} {says}", optgroup=name))
    return SelectField(label, choices=choices, render_kw=keys, validate_choice=False)


def _case(label: str, name: str, session: Session, keys: dict[str, Any]) -> Any:
    """A case of another workflow: one of the reader's own latest, with the first of the texts in which a search looks; where
    cases are nobody's own (leads), its code is typed."""
    flow = FLOWS[name]
    if not hasattr(flow.table, "person_id"):
        return StringField(label, render_kw={**keys, "autocomplete": "off"})
    mine = select(flow.table).where(flow.table.person_id == current_user.actor.id)
    found = session.scalars(mine.order_by(flow.table.id.desc()).limit(LATEST)).unique()
    texts = ((case.code, [getattr(case, column) or "" for column in flow.searched[:1]]) for case in found)
    told = [SelectChoice(code, " · ".join([code, *more])) for code, more in texts]
    blank = SelectChoice("", said(_("Choose…")))
    return SelectField(label, choices=[blank, *told], render_kw=keys, validate_choice=False)


def _people(
    session: Session, role: str, at: datetime, zone: ZoneInfo, left: bool = False
) -> list[SelectChoice]:
    """Those of the staff who have the role, or one of those that are meant by it, also (at the end) those who have `left`
    where that is meant."""
    wanted = set(OFFERED.get(role, (role,)))
    today = at.astimezone(zone).date()
    people = session.scalars(select(Person).order_by(Person.name))
    staff = sorted(people, key=lambda p: not works(p, today))
    found = [
        SelectChoice(p.name, f"{p.name} · {p.team.name}" if p.team else p.name)
        for p in staff
        if wanted & set(p.roles) and (left or works(p, today))
    ]
    return [SelectChoice("", said(_("Choose…"))), *found]


def facts_of(form: Form, zone: ZoneInfo) -> dict[str, Any]:
    """What was filled in, as the model reads it; empty fields are left out, what cannot be read is handed on as typed."""
    found = {
        name: _value(field, zone)
        for name, field in form._fields.items()
        if not isinstance(field, HiddenField)
    }
    return {name: value for name, value in found.items() if value not in (None, "", [])}


def _value(field: Field, zone: ZoneInfo) -> Any:
    typed = field.raw_data[0].strip() if field.raw_data and isinstance(field.raw_data[0], str) else ""
    if isinstance(field, BooleanField):
        return bool(field.data)
    if isinstance(field, ManyField):
        return field.data or None
    if isinstance(field, MoneyField):
        return field.fen() if typed else None
    if isinstance(field, CodesField):
        return field.codes()
    if isinstance(field, DateTimeLocalField):
        return field.data.replace(tzinfo=zone).isoformat() if field.data else typed
    if isinstance(field, DateField):
        return field.data.isoformat() if field.data else typed
    if isinstance(field, IntegerField):
        return field.data if field.data is not None else typed
    return typed


def put_errors(form: Form, errors: Mapping[str, str | Text]) -> list[tuple[str, str]]:
    """Set the refusal's errors at their fields; the summary as (field id or "", text)."""
    summary = []
    for name, text in errors.items():
        field = form._fields.get(name.split(".")[0])
        if field is not None:
            field.errors = [said(text)]
        label = field.label.text if field is not None else name
        summary.append((field.id if field is not None else "", f"{label}: {said(text)}"))
    return summary
