"""The JSON Schema of what is asked with an event, from the same model that `take` validates with."""

from __future__ import annotations

from typing import Any

from workflows.engine.flow import Facts, Step
from workflows.words import say

OURS = {"private": "x-personal", "person": "x-person", "people": "x-people", "case": "x-case"}
DROPPED = ("hidden", "input", "choices", "private", "person", "people", "left", "case")


def both(text: str) -> dict[str, str]:
    """A marked text in both languages."""
    return {"zh": say(text, "zh"), "en": say(text, "en")}


def of_facts(facts: type[Facts]) -> dict[str, Any]:
    """The schema of one event's data: self-contained, titles in English, both languages beside them."""
    schema = facts.model_json_schema()
    definitions = schema.pop("$defs", {})
    schema["properties"] = {
        name: _field(each, definitions) for name, each in schema.get("properties", {}).items()
    }
    schema.pop("description", None)
    return schema


def _field(schema: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    made = {k: v for k, v in schema.items() if k not in DROPPED}
    if reference := made.pop("$ref", None):
        definition = definitions[reference.rpartition("/")[2]]
        made = {k: v for k, v in definition.items() if k not in ("title", "description")} | made
    if "items" in made:
        made["items"] = _field(made["items"], definitions)
    if title := schema.get("title"):
        made["x-title"] = both(title)
    if choices := schema.get("choices"):
        made["x-choices"] = {value: both(label) for value, label in choices.items()}
    return made | {ours: schema[theirs] for theirs, ours in OURS.items() if schema.get(theirs)}


def of_steps(steps: list[Step]) -> dict[str, Any]:
    """The schema of an event that is taken differently from different states: any of its schemas."""
    kinds = list(dict.fromkeys(step.facts for step in steps))
    found = [of_facts(kind) for kind in kinds]
    return found[0] if len(found) == 1 else {"anyOf": found}
