"""Text goes out gzipped to whoever takes it, byte for byte what it was, and is still asked for only when it changed."""

from __future__ import annotations

import gzip

from flask.testing import FlaskClient
from werkzeug.wrappers import Response

from tests.web.office.conftest import Office, database_url, office

__all__ = ["database_url", "office"]

TAKES = {"Accept-Encoding": "gzip, deflate, br"}


def got(client: FlaskClient, path: str, **headers: str) -> tuple[Response, bytes]:
    """The answer and its bytes as they came; files are closed."""
    with client.get(path, headers=headers) as answer:
        return answer, answer.data


def test_pages_and_files_are_packed_for_those_who_take_it(office: Office) -> None:
    mei = office.seat("mei").client
    for path in (
        "/static/tuoke.css",
        "/static/vendor/htmx.min.js",
        "/api/v1/openapi.json",
        "/static/tuoke.css",
    ):
        (plain, whole), (packed, short) = got(mei, path), got(mei, path, **TAKES)
        assert "Content-Encoding" not in plain.headers
        assert packed.headers["Content-Encoding"] == "gzip", path
        assert "Accept-Encoding" in plain.vary
        assert gzip.decompress(short) == whole
        assert len(short) == packed.content_length < len(whole) / 2
    again, nothing = got(mei, path, **TAKES, **{"If-None-Match": packed.headers["ETag"]})
    assert (again.status_code, nothing) == (304, b"")
    assert "Content-Encoding" not in got(mei, "/static/mark.svg", **TAKES)[0].headers
    assert "Content-Encoding" not in got(mei, "/register", **{"Accept-Encoding": "gzip;q=0"})[0].headers


def test_the_length_of_a_packed_page_tells_nothing_about_its_token(office: Office) -> None:
    mei = office.seat("mei").client
    answers = [mei.get("/register", headers=TAKES) for _each in range(12)]
    assert all(b"csrf_token" in gzip.decompress(each.data) for each in answers)
    assert len({each.content_length for each in answers}) > 3
