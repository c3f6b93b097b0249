"""The data of an event as people read them: the fields by their names, choices and money in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from web.pages.fields import in_words
from web.pages.words import said, yuan
from workflows.engine import Flow


def spoken(flow: type[Flow], event: str, data: Mapping[str, Any]) -> list[tuple[str, str]]:
    """(name of the field, its value) of an event's data, in the reader's language and in the order of the form."""
    steps = flow.by_event().get(event)
    facts = steps[0].facts if steps else BaseModel
    known = [name for name in facts.model_fields if data.get(name) is not None]
    return [(said(facts.model_fields[name].title or name), _value(facts, name, data[name])) for name in known]


def _value(facts: type[BaseModel], name: str, value: Any) -> str:
    extra = facts.model_fields[name].json_schema_extra
    extra = extra if isinstance(extra, dict) else {}
    choices = extra.get("choices")
    if isinstance(choices, dict) and value in choices:
        return said(str(choices[value]))
    if extra.get("input") == "money" and isinstance(value, int):
        return yuan(value)
    return in_words(name, value)
