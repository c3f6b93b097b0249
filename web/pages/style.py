"""The style page: every part that the pages are made of, to be looked at in both languages, light and dark."""

from __future__ import annotations

import re
from datetime import timedelta
from functools import cache
from pathlib import Path

from flask import Blueprint, current_app
from wtforms import BooleanField, Form, RadioField, StringField, TextAreaField

from web.pages.sessions import signed_in
from web.pages.show import look, show
from web.pages.words import said
from workflows.flows import FLOWS
from workflows.words import _

page = Blueprint("style", __name__)
COLOURS = (
    "--pico-background-color", "--paper", "--shade", "--line", "--tint", "--pico-primary", "--green", "--green-tint", "--amber",
    "--amber-tint", "--red", "--red-tint", "--blue", "--blue-tint", "--heat-young", "--heat-middle", "--heat-old",
    "--chart-1", "--chart-2", "--chart-3", "--chart-4", "--chart-5",
)  # fmt: skip


@page.get("/style")
@signed_in("admin")
def style() -> str:
    """All parts on one page."""
    with look() as desk:
        return show(
            "style.html",
            colours=COLOURS,
            icon_names=_icons(str(current_app.static_folder)),
            states={name: list(flow.states_map) for name, flow in FLOWS.items()},
            form=_form(),
            instants=[desk.at + timedelta(days=days) for days in (-1, 1, 12)],
        )


@cache
def _icons(folder: str) -> list[str]:
    drawn = (Path(folder) / "icons.svg").read_text(encoding="utf-8")
    return re.findall(r'<symbol id="(\w+)"', drawn)


def _form() -> Form:
    class Sample(Form):
        name = StringField(said(_("Name")))
        note = TextAreaField(said(_("Note")))
        intent = RadioField(said(_("Intent")), choices=[(each, each) for each in "ABC"], default="A")
        consent = BooleanField(said(_("Consent")))
        wrong = StringField(said(_("Phone")), default="138")

    form = Sample()
    form.wrong.errors = [said(_("A Chinese mobile number has eleven digits."))]
    return form
