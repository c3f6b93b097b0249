"""The document for programs, and the same for people: one page without scripts, nothing fetched from anywhere else."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, render_template

from web.api.answers import answer
from web.api.asking import open_to_all
from web.api.document import document
from web.api.problems import STATUS, TITLES
from workflows.words import say


@open_to_all
def openapi() -> Response:
    return answer(document())


@open_to_all
def page() -> str:
    """Every operation with its fields and answers, read off the document."""
    groups: dict[str, list[dict[str, Any]]] = {}
    for path, methods in document()["paths"].items():
        for method, operation in methods.items():
            groups.setdefault(operation["tags"][0], []).append(_row(path, method, operation))
    codes = [
        (code, status, say(TITLES[code], "zh"), say(TITLES[code], "en")) for code, status in STATUS.items()
    ]
    return render_template("api.html", groups=groups, codes=codes, info=document()["info"])


def _row(path: str, method: str, operation: dict[str, Any]) -> dict[str, Any]:
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
    schemas = body.get("anyOf", [body])
    fields = [
        (name, each, name in s.get("required", ()))
        for s in schemas
        for name, each in s.get("properties", {}).items()
    ]
    return {
        "path": path,
        "method": method.upper(),
        "operation": operation,
        "fields": [(name, _kind(each), each.get("x-title", {}), needed) for name, each, needed in fields],
        "parameters": [p for p in operation.get("parameters", ()) if p["name"] != "code"],
        "answers": sorted(operation["responses"]),
    }


def _kind(schema: dict[str, Any]) -> str:
    """A schema in a word or two."""
    if "anyOf" in schema:
        return " | ".join(_kind(each) for each in schema["anyOf"] if each.get("type") != "null")
    values = schema.get("enum") or ([schema["const"]] if "const" in schema else [])
    if values:
        return " · ".join(str(value).lower() if isinstance(value, bool) else str(value) for value in values)
    return str(schema.get("format") or schema.get("type", ""))


def attach(api: Blueprint) -> None:
    api.add_url_rule("/openapi.json", "openapi", openapi, methods=["GET"])
    api.add_url_rule("/docs", "docs", page, methods=["GET"])
