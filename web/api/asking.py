"""Who asks, and what for: the bearer of the token, the JSON body, the headers and query of a request, read strictly.

Nothing here knows the rules of a workflow: the body of an event goes to `take` as it came, so that its checks come in
their order.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any, TypeVar

from flask import current_app, g, request
from sqlalchemy import Connection

from web.api.problems import Problem
from web.app import glance, now, the_settings
from workflows import staff
from workflows.engine.actor import Actor
from workflows.engine.refusal import Refused
from workflows.words import Text, _

BODY_LIMIT = 256 * 1024
PAGE, PAGE_MOST = 50, 200
CODE = re.compile(r"[0-9A-Za-z]{1,24}")
KEY = re.compile(r"[\x21-\x7e]{1,200}")
View = TypeVar("View", bound=Callable[..., Any])


def open_to_all(view: View) -> View:
    """Mark a view that needs no token."""
    view.open_to_all = True  # type: ignore[attr-defined]
    return view


def identify() -> None:
    """Find out who asks; raises `Problem` (no_token) unless the view is open to all."""
    request.max_content_length = BODY_LIMIT
    view = current_app.view_functions.get(request.endpoint or "")
    if getattr(view, "open_to_all", False) or request.method == "OPTIONS":
        return
    scheme, _space, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise _no_token(_("Send the header Authorization: Bearer with your token."))
    found = glance(lambda connection: _bearer(connection, token.strip()))
    if found is None:
        raise _no_token(_("This token is not valid, or no longer."))
    g.actor, g.person_id = found, found.id


def _bearer(connection: Connection, token: str) -> Actor | None:
    today = now(connection).astimezone(the_settings().timezone).date()
    return staff.bearer(connection, token, today)


def _no_token(why: str) -> Problem:
    return Problem("no_token", Text(why), {"WWW-Authenticate": 'Bearer realm="tuoke"'})


def actor() -> Actor:
    found: Actor = g.actor
    return found


def body() -> dict[str, Any]:
    """The JSON object of the request; an empty body is an empty object. Raises `Problem` (not_json).

    Lone surrogates, NaN and bottomless nesting are no JSON that everybody reads alike, so they are none here.
    """
    if "body" not in g:
        g.body = _read(request.get_data())
    return dict(g.body)


def _read(raw: bytes) -> dict[str, Any]:
    if not raw.strip():
        return {}
    try:
        found = json.loads(raw.decode("utf-8-sig"), parse_constant=_no_constant)
        json.dumps(found, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise Problem("not_json") from error
    if not isinstance(found, dict):
        raise Problem("not_json")
    return found


def _no_constant(name: str) -> None:
    raise ValueError(name)


def invalid(field: str, reason: str | Text) -> Refused:
    """One field of the request is not right."""
    said = Text(_("The data are not complete or not right: %(fields)s."), {"fields": field})
    return Refused("invalid_data", said, errors={field: reason})


def text_field(data: dict[str, Any], name: str, limit: int) -> str | None:
    """An optional text taken out of the body; raises `Refused`."""
    value = data.pop(name, None)
    if value is None:
        return None
    if not isinstance(value, str) or not value.strip() or len(value) > limit or "\x00" in value:
        raise invalid(name, Text(_("A text of 1 to %(most)s characters is expected."), {"most": limit}))
    return value.strip()


def query(name: str, limit: int = 80) -> str | None:
    """A query parameter, or None where it is absent or empty; raises `Refused`."""
    value = request.args.get(name, "").strip()
    if len(value) > limit or "\x00" in value:
        raise invalid(name, Text(_("A text of 1 to %(most)s characters is expected."), {"most": limit}))
    return value or None


def one_of(name: str, allowed: set[str]) -> str | None:
    value = query(name)
    if value is not None and value not in allowed:
        raise invalid(name, _("Choose one of the given values."))
    return value


def page_size() -> int:
    value = query("limit", 20) or str(PAGE)
    if not re.fullmatch(r"[0-9]{1,6}", value) or not 1 <= int(value) <= PAGE_MOST:
        raise invalid("limit", Text(_("A number from 1 to %(most)s is expected."), {"most": PAGE_MOST}))
    return int(value)


def cursor() -> int | None:
    """The row after which the page begins, as `next` of the page before said it; raises `Refused`."""
    value = query("after", 40)
    if value is None:
        return None
    if not re.fullmatch(r"c[0-9a-f]{1,15}", value):
        raise invalid("after", _("Send back what “next” of the page before said."))
    return int(value[1:], 16)


def cursor_of(row_id: int) -> str:
    return f"c{row_id:x}"


def version() -> int | None:
    """The version of the case the caller looked at (If-Match), if they say so; raises `Refused`."""
    value = request.headers.get("If-Match", "").strip()
    if value in ("", "*"):
        return None
    found = re.fullmatch(r'(?:W/)?"?([0-9]{1,9})"?', value)
    if not found:
        raise invalid("If-Match", _("Send the version of the case, a whole number."))
    return int(found[1])


def idempotency_key() -> str | None:
    """The Idempotency-Key, if there is one; raises `Refused`."""
    value = request.headers.get("Idempotency-Key")
    if value is None:
        return None
    if not KEY.fullmatch(value):
        raise invalid("Idempotency-Key", _("A key has 1 to 200 visible ASCII characters."))
    return value
