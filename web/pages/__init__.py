"""The pages. Read this before you write one.

One module per subject, with a blueprint called `page`; its name goes into `MODULES`, its place in the menu into `menu.py`.
A page looks at the database through `look()`, which knows who asks, and shows a template:

    page = Blueprint("pool", __name__)

    @page.get("/pool")
    @signed_in("member", "leader")               # one of these roles; empty: everybody who is signed in
    def pool() -> str:
        with look() as desk:                     # desk.session (read-only), .actor, .person, .at, .zone
            return show("pool.html", leads=...)  # render inside, so that lazy columns can be read

Every change goes through `take`, and nearly every one needs no code of its own: the form of any event of any flow stands at
`url_for("steps.ask", flow="lead", code=..., event="claim", next=request.path)` (openings: `steps.begin`), generated from
the event's facts, sent once (`once`), checked against the version that was seen (`version`), refused in the
reader's language. In templates: `{{ step_button(choice, "lead", case, next) }}` makes the button of a `views.Choice`; events
without facts become a one-click form; `case_url(flow, code)` is the page of any case. A page with a form of its own posts to a view that calls
`asking.submit(flow, event, code=..., facts=..., back=...)`, see there.

Templates extend `base.html` (blocks `title`, `main`, `head`), import `parts/macros.html` and never carry `style=` or scripts (CSP).
Every `<form method="post">` carries `{{ hidden() }}` (CSRF token and one-time key; `hidden(case.version)` for steps).

Words: `_("English msgid")` in templates; in Python mark with `workflows.words._` and say with `words.said(...)`. `x|t` says a
marked text held in a variable; `state|state_name(flow)`; `at|moment`; `at|left` (what remains until then); `fen|yuan`,
in the books `fen|money` (to the fen); `month|month_name`.

Refusals: let `Refused` fly: it becomes a page with its status. Unknown codes: `abort(404)`.
Times: `desk.at` is the company's present; nothing else asks the time, except log-ins (`web.app.real_now`).
"""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec

from flask import Flask

MODULES = (
    "entry",
    "home",
    "capture",
    "drafts",
    "leads",
    "bulk",
    "filters",
    "lead",
    "search",
    "pipeline",
    "reports",
    "steps",
    "cases",
    "statement",
    "team",
    "months",
    "rooms",
    "signing",
    "notes",
    "telling",
    "inbox",
    "arrival",
    "reception",
    "rotation",
    "pool",
    "imports",
    "people",
    "payouts",
    "policies",
    "rulebooks",
    "health",
    "webhooks",
    "clock",
    "help",
    "style",
)


def attach(app: Flask) -> None:
    """Give the application its pages; what they stand on first. A subject whose module is not there has no pages."""
    for ground in ("words", "sessions", "device", "problems", "menu", "show"):
        import_module(f"web.pages.{ground}").attach(app)
    for name in MODULES:
        if find_spec(f"web.pages.{name}") is not None:
            app.register_blueprint(import_module(f"web.pages.{name}").page)
