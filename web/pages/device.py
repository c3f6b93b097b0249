"""The device at hand, known again by a random mark that its browser keeps. What is told of it is a keyed digest: it says that
two forms came from one device, and nothing else. Whoever throws the mark away has a new device; that is for people to judge."""

from __future__ import annotations

import secrets

from flask import Flask, g, request
from werkzeug.wrappers import Response

from models.sealed import sealer

COOKIE = "tuoke_device"
YEAR = 365 * 24 * 3600


def device() -> str:
    """The digest of the device that sent this request; its mark is made now where it has none yet."""
    mark = request.cookies.get(COOKIE, "")[:64]
    if not mark:
        mark = g.new_mark = secrets.token_urlsafe(16)
    return sealer().blind("device", mark)


def attach(app: Flask) -> None:
    """A new mark goes with the answer."""

    @app.after_request
    def keep(answer: Response) -> Response:
        mark = g.pop("new_mark", None)
        if mark:
            answer.set_cookie(
                COOKIE, mark, max_age=YEAR, httponly=True, secure=request.is_secure, samesite="Lax"
            )
        return answer
