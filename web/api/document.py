"""The OpenAPI 3.1 document, made from the workflows themselves: every event of every workflow is an operation with the
JSON Schema of its own data. Pydantic writes the schemas.

Nothing here checks a request: the order of checks is `take`'s, so a body reaches it as it came.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

from pydantic.json_schema import models_json_schema

from web.api import approvals, public, schemas, shapes
from web.api.cases import base, events_of, openings_of
from web.api.problems import CONTENT_TYPE, STATUS
from workflows.engine.flow import Flow, Step
from workflows.flows import FLOWS
from workflows.money import statements
from workflows.money.months import WRITTEN
from workflows.words import say

Operation = dict[str, Any]

SAYS = {
    "400": "The body is not one JSON object (`not_json`)",
    "401": "No valid token (`no_token`)",
    "403": "Somebody else may do this (`not_permitted`); `who` says who",
    "404": "No such thing, or none the caller may see (`not_found`)",
    "409": "Not possible in this state (`not_allowed_from_state`), or somebody else came first (`conflict`)",
    "413": "Larger than what is taken here (`too_large`)",
    "422": "The data are not right (`invalid_data`), or a rule says no (`guard_failed`)",
    "429": "Too many tries (`too_many`)",
    "503": "The database is away (`database_away`); try again",
}
READ = ("401", "404", "422", "503")
WRITE = ("400", "401", "403", "404", "409", "413", "422", "429", "503")
OPEN = ("400", "404", "413", "422", "429", "503")


def _parameter(name: str, where: str, about: str, **schema: Any) -> Operation:
    return {
        "name": name,
        "in": where,
        "required": where == "path",
        "description": about,
        "schema": {"type": "string", **schema},
    }


CODE = _parameter("code", "path", "The code of the case", minLength=1, maxLength=24, pattern="^[0-9A-Za-z]+$")
KEY = _parameter(
    "Idempotency-Key",
    "header",
    "The same key and body gives the same answer again, for 24 hours; another body is refused.",
    minLength=1,
    maxLength=200,
    pattern="^[!-~]+$",
)
MATCH = _parameter(
    "If-Match", "header", "The version that was seen; another one is a `conflict`", pattern='^"[0-9]{1,9}"$'
)
AFTER = _parameter("after", "query", "`next` of the page before", pattern="^c[0-9a-f]{1,15}$")
LIMIT = _parameter("limit", "query", "How many, 50 unless told", type="integer", minimum=1, maximum=200)
PROJECT = _parameter("project", "query", "Another project than the company's first", maxLength=40)


def _ref(name: str) -> Operation:
    return {"$ref": f"#/components/schemas/{name}"}


def _json(shape: str, about: str = "Done") -> Operation:
    return {"description": about, "content": {"application/json": {"schema": _ref(shape)}}}


def _operation(
    tag: str,
    name: str,
    summary: str,
    answers: dict[str, Operation],
    noes: Sequence[str],
    *parameters: Operation,
    **more: Any,
) -> Operation:
    said = {**answers, **{status: {"$ref": f"#/components/responses/{status}"} for status in noes}}
    made: Operation = {"tags": [tag], "operationId": name, "summary": summary, "responses": said}
    return made | ({"parameters": list(parameters)} if parameters else {}) | more


def _body(schema: Operation, required: bool | None = None) -> Operation:
    needed = bool(schema.get("required")) if required is None else required
    return {"requestBody": {"required": needed, "content": {"application/json": {"schema": schema}}}}


@cache
def document() -> Operation:
    """The whole document."""
    _map, definitions = models_json_schema(
        [(s, "serialization") for s in shapes.ALL], ref_template="#/components/schemas/{model}"
    )
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Tuoke",
            "version": "1",
            "description": "Leads from the street to the contract. Errors are RFC 9457 problems with a stable `code`; "
            "`Accept-Language` chooses between Chinese (default) and English. Writes take an `Idempotency-Key`.",
        },
        "servers": [{"url": "/api/v1"}],
        "security": [{"bearer": []}],
        "paths": _paths(),
        "components": {
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
            "responses": {status: _no(status) for status in SAYS},
            "schemas": definitions["$defs"],
        },
    }


def _no(status: str) -> Operation:
    codes = [code for code, known in STATUS.items() if str(known) == status]
    schema = {"allOf": [_ref("Problem"), {"type": "object", "properties": {"code": {"enum": codes}}}]}
    made: Operation = {"description": SAYS[status], "content": {CONTENT_TYPE: {"schema": schema}}}
    if status in ("429", "503"):
        made["headers"] = {
            "Retry-After": {"description": "Seconds to wait", "required": True, "schema": {"type": "integer"}}
        }
    if status == "401":
        made["headers"] = {"WWW-Authenticate": {"required": True, "schema": {"type": "string"}}}
    return made


def _paths() -> dict[str, Operation]:
    paths: dict[str, Operation] = {}
    for flow in FLOWS.values():
        paths |= _of_flow(flow)
    return paths | _of_approvals() | _of_rotation() | _of_money() | _of_workflows() | _of_public()


def _shape(flow: type[Flow]) -> str:
    return {"lead": "Lead", "approval": "Approval"}.get(flow.flow_name, "Case")


def _of_flow(flow: type[Flow]) -> dict[str, Operation]:
    """List, open, show, history, timers, and every event that people take."""
    tag, at, shape, label = flow.flow_name, f"/{base(flow)}", _shape(flow), say(flow.label, "en")
    states = _parameter("state", "query", "Only in this state", enum=[s.id for s in flow.states])
    filters = [states, *(_lead_filters() if tag == "lead" else ())]
    page = _json(f"{shape}Page", "One page, newest first; `next` continues it")
    root: Operation = {
        "get": _operation(tag, f"{tag}_list", f"{label}: list", {"200": page}, READ, *filters, AFTER, LIMIT)
    }
    begun = {event: [s for s in flow.by_event()[event] if s.opens] for event in openings_of(flow)}
    posts = [{"post": _opening(flow, event, steps)} for event, steps in begun.items()]
    root |= posts[0] if posts else {}
    clear = [
        _parameter(
            "purpose",
            "query",
            "Finance and auditors: read in clear, for this purpose (logged)",
            maxLength=200,
        )
    ]
    one = _operation(
        tag,
        f"{tag}_show",
        f"{label}: show",
        {"200": _json(shape)},
        (*READ, "403") if tag == "lead" else READ,
        CODE,
        *(clear if tag == "lead" else ()),
    )
    paths = {
        at: root,
        f"{at}/{{code}}": {"get": one},
        f"{at}/{{code}}/history": {
            "get": _operation(tag, f"{tag}_history", "What happened", {"200": _json("History")}, READ, CODE)
        },
        f"{at}/{{code}}/timers": {
            "get": _operation(tag, f"{tag}_timers", "Its timers", {"200": _json("Timers")}, READ, CODE)
        },
    }
    if tag == "lead":
        paths[f"{at}/search"] = {"post": _search(page)}
    paths |= {f"{at}/begin/{event}": post for event, post in list(zip(begun, posts, strict=True))[1:]}
    return paths | {
        f"{at}/{{code}}/{event}": {"post": _event(flow, event, steps)}
        for event, steps in events_of(flow).items()
    }


def _lead_filters() -> list[Operation]:
    return [
        _parameter("holder", "query", "Held by this person", maxLength=40),
        _parameter("promoter", "query", "Captured by this person", maxLength=40),
        _parameter("q", "query", "Exactly this phone, or exactly this code", maxLength=80),
    ]


def _search(page: Operation) -> Operation:
    schema = {
        "type": "object",
        "properties": {"q": {"type": "string", "minLength": 1, "maxLength": 60}},
        "required": ["q"],
    }
    return _operation(
        "lead",
        "lead_search",
        "Leads: by code, phone or name",
        {"200": page},
        (*READ, "400"),
        AFTER,
        LIMIT,
        description="A whole code or phone, or a name or its beginning, among what the caller may see and read.",
        **_body(schema),
    )


def _opening(flow: type[Flow], event: str, steps: list[Step]) -> Operation:
    schema = schemas.of_steps(steps)
    schema["properties"] = schema["properties"] | {"project": PROJECT["schema"]}
    return _operation(
        flow.flow_name,
        f"{flow.flow_name}_{event}",
        say(steps[0].label, "en"),
        {"201": _json(_shape(flow), "It begins")},
        WRITE,
        KEY,
        description=_about(steps),
        **_body(schema),
    )


def _event(flow: type[Flow], event: str, steps: list[Step]) -> Operation:
    answers = {"200": _json(_shape(flow), "It happened: the case as it stands now")}
    if any(step.approved_by for step in steps):
        answers["202"] = _json("Opened", "It needs an approval, which was opened")
    if all(step.approved_by for step in steps):
        del answers["200"]
    return _operation(
        flow.flow_name,
        f"{flow.flow_name}_{event}",
        say(steps[0].label, "en"),
        answers,
        WRITE,
        CODE,
        KEY,
        MATCH,
        description=_about(steps),
        **_body(
            schemas.of_steps(steps), required=False if all(not s.facts.model_fields for s in steps) else None
        ),
    )


def _about(steps: list[Step]) -> str:
    """What the rules say beside the event, in words."""
    said = []
    for step in steps:
        who = " / ".join(say(part.label, "en") for part in step.by.parts)
        where = f" From: {', '.join(step.sources)}." if step.sources else ""
        consent = (
            " / ".join(say(part.label, "en") for part in step.approved_by.parts) if step.approved_by else ""
        )
        said.append(
            f"{step.doc}{where} By: {who}." + (f" Needs the approval of: {consent}." if consent else "")
        )
    return "\n\n".join(said)


def _of_approvals() -> dict[str, Operation]:
    status = _parameter("status", "query", "Only with this status", enum=sorted(approvals.STATES))
    mine = _parameter(
        "mine", "query", "1: those that wait for the caller's decision", enum=["0", "1", "false", "true"]
    )
    page = _json("ApprovalPage", "One page, newest first")
    decisions = events_of(FLOWS["approval"])
    return {
        "/approvals": {
            "get": _operation(
                "approval", "approvals", "Approvals", {"200": page}, READ, status, mine, AFTER, LIMIT
            )
        },
        "/approvals/{code}": {
            "get": _operation("approval", "approvals_show", "One", {"200": _json("Approval")}, READ, CODE)
        },
    } | {
        f"/approvals/{{code}}/{event}": {
            "post": _event(FLOWS["approval"], event, steps) | {"operationId": f"approvals_{event}"}
        }
        for event, steps in decisions.items()
    }


def _of_rotation() -> dict[str, Operation]:
    fields = {
        "consultant": {"type": "string", "maxLength": 40},
        "project": {"type": "string", "maxLength": 40},
    }
    body = _body({"type": "object", "properties": fields, "additionalProperties": False})
    done = {"200": _json("Case", "The place as it is now")}
    about = "The sales manager names the `consultant`; a consultant means themselves."
    return {
        "/rotation": {
            "get": _operation("duty", "rotation", "The queue", {"200": _json("Queue")}, READ, PROJECT)
        },
        "/rotation/join": {
            "post": _operation("duty", "rotation_join", "Join", done, WRITE, KEY, description=about, **body)
        },
        "/rotation/leave": {
            "post": _operation("duty", "rotation_leave", "Leave", done, WRITE, KEY, description=about, **body)
        },
    }


def _of_money() -> dict[str, Operation]:
    written = {"pattern": f"^{WRITTEN.pattern}$"}
    month = _parameter("month", "query", "A month such as 2026-03; the present one unless told", **written)
    of_month = _parameter("month", "query", "Only what was posted into this month", **written)
    book = _parameter("month", "path", "A month of the books, such as 2026-03", **written)
    person = _parameter("person", "path", "The name of one of the staff", minLength=1, maxLength=40)
    team = _parameter("team", "path", "The name of a team", minLength=1, maxLength=40)
    of_person = _parameter("person", "query", "Only this person's account", maxLength=40)
    kind = _parameter("kind", "query", "Only of this kind", enum=list(statements.KINDS))
    entries = _json("EntryPage", "One page, newest first; `next` continues it")
    tag, made = (
        "money",
        {"200": _json("Statement", "Every line with its customer (masked), clause and arithmetic")},
    )
    check = {"200": _json("Checklist", "What blocks the month, and what is missing from it")}
    return {
        "/statements/{person}": {
            "get": _operation(tag, "statement", "A person's statement", made, READ, person, month)
        },
        "/teams/{team}/statement": {
            "get": _operation(tag, "team_statement", "A team's statement", made, READ, team, month)
        },
        "/ledger": {
            "get": _operation(
                tag, "ledger", "The ledger", {"200": entries}, READ, of_month, of_person, kind, AFTER, LIMIT
            )
        },
        "/months/{month}/checklist": {
            "get": _operation(tag, "checklist", "A month's checklist", check, READ, book, PROJECT)
        },
    }


def _of_workflows() -> dict[str, Operation]:
    name = _parameter("name", "path", "A workflow", enum=list(FLOWS))
    svg = {
        "description": "The machine as a picture",
        "content": {"image/svg+xml": {"schema": {"type": "string"}}},
    }
    tag = "workflows"
    return {
        "/workflows": {
            "get": _operation(tag, "workflows", "All workflows", {"200": _json("Workflows")}, ("401", "503"))
        },
        "/workflows/{name}": {
            "get": _operation(tag, "workflow", "What it is", {"200": _json("Workflow")}, READ, name)
        },
        "/workflows/{name}/picture.svg": {
            "get": _operation(tag, "picture", "Its picture", {"200": svg}, READ, name)
        },
    }


def _of_public() -> dict[str, Operation]:
    capture = FLOWS["lead"].by_event()["capture"][0]
    fields = schemas.of_facts(capture.facts)["properties"]
    text = {"type": "string", "minLength": 1}
    body = {
        "type": "object",
        "properties": {
            "key": text | {"maxLength": 60},
            "token": text | {"maxLength": 400},
            public.TRAP: {"type": "string", "maxLength": 0},
        }
        | {name: fields[name] for name in public.TAKES},
        "required": ["key", "token", "name", "phone", "consent"],
        "additionalProperties": False,
    }
    key = _parameter("key", "query", "The form key of the project", maxLength=60) | {"required": True}
    token = _operation(
        "public",
        "public_form",
        "A token for a form",
        {"200": _json("Form")},
        ("404", "422", "503"),
        key,
        security=[],
    )
    sent = _operation(
        "public",
        "public_capture",
        "Send the form",
        {"202": _json("Received")},
        OPEN,
        security=[],
        **_body(body),
    )
    return {"/public/form": {"get": token}, "/public/leads": {"post": sent}}
