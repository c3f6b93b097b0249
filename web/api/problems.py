"""What the API says when it says no: RFC 9457 problems, in the reader's language, with a stable `code`.

The codes of refusals are those of `workflows.engine.refusal`; the API adds a few of its own for requests that never
reach a workflow.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from flask import Response, request
from werkzeug.exceptions import HTTPException

from workflows.engine.refusal import Refused
from workflows.words import Text, _, say

STATUS = {
    "not_json": 400,
    "no_token": 401,
    "not_permitted": 403,
    "not_found": 404,
    "method_not_allowed": 405,
    "not_allowed_from_state": 409,
    "conflict": 409,
    "too_large": 413,
    "invalid_data": 422,
    "guard_failed": 422,
    "too_many": 429,
    "broken": 500,
    "database_away": 503,
}
TITLES = {
    "not_json": _("Not a JSON object"),
    "no_token": _("No valid token"),
    "not_permitted": _("Not permitted"),
    "not_found": _("Not found"),
    "method_not_allowed": _("Method not allowed"),
    "not_allowed_from_state": _("Not possible in this state"),
    "conflict": _("Conflict"),
    "too_large": _("Too large"),
    "invalid_data": _("Invalid data"),
    "guard_failed": _("A rule says no"),
    "too_many": _("Too many requests"),
    "broken": _("Something broke"),
    "database_away": _("The database is away"),
}
DETAILS = {
    "not_found": _("There is nothing under this address."),
    "method_not_allowed": _("This address does not answer this method."),
    "too_large": _("The request is larger than what is taken here."),
    "not_json": _("The body must be one JSON object in UTF-8."),
    "broken": _("Something broke on our side; it has been noted under the id of this request."),
    "database_away": _("The database cannot be reached just now; try again in a few seconds."),
}
CONTENT_TYPE = "application/problem+json"


class Problem(Exception):
    """A request that cannot be answered as asked, for a reason outside the workflows."""

    def __init__(
        self, code: str, detail: Text | None = None, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(code)
        self.code, self.detail, self.headers = code, detail or Text(DETAILS[code]), dict(headers or {})


def locale() -> str:
    """The reader's language: what the request accepts, Chinese where it does not say."""
    best = request.accept_languages.best_match(["zh", "zh-CN", "en"], default="zh")
    return "en" if best == "en" else "zh"


def problem(code: str, detail: str, headers: Mapping[str, str] | None = None, **more: Any) -> Response:
    """The answer for this code; members without content are left out."""
    status = STATUS[code]
    body = {
        "type": f"/api/v1/docs#{code}",
        "title": say(TITLES[code], locale()),
        "status": status,
        "code": code,
        "detail": detail,
        **{k: v for k, v in more.items() if v},
    }
    answer = Response(json.dumps(body, ensure_ascii=False), status, content_type=CONTENT_TYPE)
    answer.headers["Content-Language"] = locale()
    for name, value in (headers or {}).items():
        answer.headers[name] = value
    return answer


def told(trouble: Problem) -> Response:
    return problem(trouble.code, trouble.detail.say(locale()), trouble.headers)


def refused(refusal: Refused) -> Response:
    """A refusal as it is told to programs, and to the people who read what programs show them."""
    language = locale()
    return problem(
        refusal.code,
        refusal.detail(language),
        errors={field: say(error, language) for field, error in refusal.errors.items()},
        rule=refusal.rule,
        who=[say(w, language) for w in refusal.who],
        instead=Text(refusal.instead, refusal.values).say(language) if refusal.instead else "",
    )


def away() -> Response:
    return told(Problem("database_away", headers={"Retry-After": "5"}))


def of_http(error: HTTPException | int) -> Response:
    """What Flask itself said no to (no such address, wrong method, too large), told like all else."""
    status = error if isinstance(error, int) else error.code or 500
    code = {404: "not_found", 405: "method_not_allowed", 413: "too_large", 429: "too_many"}.get(status)
    code = code or ("broken" if status >= 500 else "not_json")
    return told(Problem(code))
