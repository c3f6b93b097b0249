"""The first page after the log-in: what waits for this person today."""

from __future__ import annotations

from flask import Blueprint

from web.pages.sessions import signed_in
from web.pages.show import look, show

page = Blueprint("home", __name__)


@page.get("/")
@signed_in()
def home() -> str:
    with look():
        return show("home.html")


@page.get("/more")
@signed_in()
def more() -> str:
    """Everything that found no room at the bottom of a phone."""
    with look():
        return show("more.html")
