"""The HTTP API under /api/v1: thin views over `take` and the shared views of `workflows.views`."""

from __future__ import annotations

from flask import Blueprint, Flask, Response, request
from sqlalchemy.exc import DBAPIError, TimeoutError  # noqa: A004
from werkzeug.exceptions import HTTPException

from models import database
from web.api import approvals, cases, docs, leads, money, problems, public, rotation, workflows
from web.api.asking import identify
from web.api.problems import Problem
from workflows.engine.refusal import Refused

ROOT = "/api/v1"
ROOMS = (cases, leads, approvals, rotation, money, workflows, public, docs)


def blueprint() -> Blueprint:
    api = Blueprint("api", __name__, url_prefix=ROOT)
    api.before_request(identify)
    api.register_error_handler(Refused, problems.refused)
    api.register_error_handler(Problem, problems.told)
    api.register_error_handler(HTTPException, problems.of_http)
    api.register_error_handler(DBAPIError, _away)
    api.register_error_handler(TimeoutError, _away)
    for room in ROOMS:
        room.attach(api)
    return api


def _away(error: Exception) -> Response:
    """503 when the database cannot be reached; any other error of it is ours."""
    if not database.away(error):
        raise error
    return problems.away()


def _in_our_words(response: Response) -> Response:
    """Under /api/ every answer that says no is a problem document, also Flask's own for an unknown address or method."""
    if (
        not request.path.startswith("/api/")
        or response.status_code < 400
        or (response.mimetype or "").endswith("json")
    ):
        return response
    told = problems.of_http(response.status_code)
    if "Allow" in response.headers:
        told.headers["Allow"] = response.headers["Allow"]
    return told


def attach(app: Flask) -> None:
    app.register_blueprint(blueprint())
    app.after_request(_in_our_words)
