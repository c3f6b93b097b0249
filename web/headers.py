"""The security headers of every answer, by hand, in one place where a test can read them."""

from __future__ import annotations

from flask import Flask, Response, request

ALWAYS = {
    "Content-Security-Policy": (
        "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # Not `no-referrer`: over https the protection against forged forms looks at the referrer of our own pages.
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=(), browsing-topics=()",
    "Cross-Origin-Opener-Policy": "same-origin",
}
OVER_TLS = {"Strict-Transport-Security": "max-age=31536000; includeSubDomains"}


def attach(app: Flask) -> None:
    app.after_request(_add)


def _add(response: Response) -> Response:
    """A view that needs another policy has set it; what is not a static file is kept by no cache."""
    asked, there = request, {name.lower() for name in response.headers.keys()}  # noqa: SIM118 (not a dict)
    wanted = ALWAYS | OVER_TLS if asked.is_secure else ALWAYS
    if asked.endpoint != "static":
        wanted = wanted | {"Cache-Control": "no-store"}
    response.headers.extend({name: value for name, value in wanted.items() if name.lower() not in there})
    return response
