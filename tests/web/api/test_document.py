"""The document names what there is: every event of every workflow, every route, every reference; and reads for people."""

from __future__ import annotations

import re
from typing import Any

import jsonschema_rs
import pytest
from flask import Flask

from tests.web.api.conftest import CAPTURE, Company
from web.api.cases import base, events_of, openings_of
from workflows.flows import FLOWS


@pytest.fixture
def document(app: Flask) -> dict[str, Any]:
    said = app.test_client().get("/api/v1/openapi.json")
    assert said.status_code == 200
    found: dict[str, Any] = said.get_json()
    return found


def references(value: Any) -> set[str]:
    if isinstance(value, dict):
        return (
            {value["$ref"]}
            if isinstance(value.get("$ref"), str)
            else set().union(*(references(v) for v in value.values()))
        )
    return set().union(*(references(v) for v in value)) if isinstance(value, list) else set()


def test_it_is_3_1_and_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    assert document["openapi"] == "3.1.0"
    for reference in references(document):
        _root, _components, kind, name = reference.split("/")
        assert name in document["components"][kind], reference


def test_every_event_that_people_take_is_an_operation_with_its_own_schema(document: dict[str, Any]) -> None:
    for flow in FLOWS.values():
        for number, opening in enumerate(openings_of(flow)):
            where = f"/{base(flow)}/begin/{opening}" if number else f"/{base(flow)}"
            assert "post" in document["paths"][where], opening
        for event, steps in events_of(flow).items():
            operation = document["paths"][f"/{base(flow)}/{{code}}/{event}"]["post"]
            schema = operation["requestBody"]["content"]["application/json"]["schema"]
            jsonschema_rs.meta.validate(schema)
            assert {"400", "401", "403", "404", "409", "422", "429", "503"} <= operation["responses"].keys()
            assert ("202" in operation["responses"]) == any(step.approved_by for step in steps)
    assert "/leads/{code}/offer" not in document["paths"]


def test_every_route_is_in_it_and_nothing_else(app: Flask, document: dict[str, Any]) -> None:
    rules = {
        re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", r.rule).removeprefix("/api/v1")
        for r in app.url_map.iter_rules()
        if r.rule.startswith("/api/v1")
    }
    general = {rule for rule in rules if "{event}" in rule or "{decision}" in rule}
    written = {
        path
        for path in document["paths"]
        if not any(path.rpartition("/")[0] == rule.rpartition("/")[0] for rule in general)
    }
    named = {path for path in document["paths"] if path.endswith(("/history", "/timers"))}
    assert rules - general - {"/openapi.json", "/docs"} == written | named


def test_an_answer_has_the_shape_that_is_written(company: Company, document: dict[str, Any]) -> None:
    schema = {"$ref": "#/components/schemas/Lead", "components": document["components"]}
    jsonschema_rs.validate(schema, company.mei.post("/leads", CAPTURE).json)


def test_the_page_for_people_needs_nothing_from_elsewhere(app: Flask, document: dict[str, Any]) -> None:
    said = app.test_client().get("/api/v1/docs")
    text = said.get_data(as_text=True)
    assert said.status_code == 200
    assert not re.search(r'(?:src|href)="(?:https?:)?//', text)
    assert "<script" not in text
    assert "style=" not in text
    for path in document["paths"]:
        assert f"/api/v1{path}" in text
    for link in re.findall(r'href="(/static/[^"]+)"', text):
        with app.test_client().get(link) as found:
            assert found.status_code in (200, 404 if "vendor" in link else 200)


def test_a_second_way_to_begin_a_case_has_an_address_of_its_own(company: Company) -> None:
    begun = company.sun.post("/training/begin/have_read", {"policy": "S20", "must_come": ["mei"]})
    assert begun.status == 201
    assert begun.json["policy"] == "S20"
    assert begun.json["missing"] == ["mei"]
    assert company.mei.post("/training/begin/have_read", {"policy": "S20"}).status == 403
    assert company.mei.post("/training/begin/plan", {}).status == 404
