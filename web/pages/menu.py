"""The menu: which pages exist for whom, the daily ones first. On a phone the first four stand at the bottom."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import Flask, current_app, request, url_for

from workflows.engine import Actor
from workflows.flows import FLOWS
from workflows.money.agreed import DESKS
from workflows.rooms import ROOMS, furnished
from workflows.words import _

EVERYBODY: tuple[str, ...] = ()
FIELD = ("member", "leader", "manager")
OFFICE = ("member", "leader", "manager", "reception", "consultant", "sales_manager", "finance", "auditor")
LOOKERS = ("reception", "manager", "sales_manager", "finance", "auditor")


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the menu; shown when its page exists and somebody has one of its roles (empty: everybody). It is marked on
    its own page and on those of `also`. The line of a `room` is shown when some workflow stands in it."""

    endpoint: str
    label: str
    icon: str
    roles: tuple[str, ...] = EVERYBODY
    also: tuple[str, ...] = ()
    room: str = ""


def _of_room(room: str, roles: tuple[str, ...], also: tuple[str, ...] = ()) -> Entry:
    return Entry("rooms.room", ROOMS[room].label, room, roles, also, room)


MENU = (
    Entry("home.home", _("Today"), "today"),
    Entry("capture.capture", _("Register"), "add", (*FIELD, "reception")),
    Entry("reception.reception", _("Reception"), "desk", ("reception", "sales_manager")),
    Entry("inbox.inbox", _("Approvals"), "inbox", ("leader", "manager", "sales_manager", "finance")),
    Entry("leads.mine", _("My leads"), "leads", ("member", "leader", "consultant")),
    Entry("leads.everything", _("Leads"), "leads", LOOKERS),
    Entry(
        "pipeline.board",
        _("Pipeline"),
        "pipeline",
        ("leader", "manager", "sales_manager", "finance", "auditor"),
        ("pipeline.machine",),
    ),
    Entry("pool.pool", _("Pool"), "pool", ("member", "leader", "manager", "sales_manager")),
    Entry("imports.imports", _("Import"), "upload", ("manager",), ("imports.of", "imports.send")),
    Entry(
        "rotation.rotation",
        _("Rotation"),
        "rotation",
        ("consultant", "reception", "manager", "sales_manager"),
    ),
    Entry("months.months", _("Months"), "months", DESKS, ("months.month",)),
    Entry(
        "statement.mine",
        _("My earnings"),
        "earnings",
        ("member", "leader", "manager", "reception", "consultant", "sales_manager", "finance", "auditor"),
        ("statement.dispute", "statement.open_dispute"),
    ),
    _of_room("money", ("leader", *DESKS), ("team.team", "team.divide")),
    _of_room("goals", OFFICE),
    _of_room("customers", OFFICE),
    Entry("signing.signing", _("Sign in and out"), "clock", FIELD),
    _of_room("office", OFFICE),
    _of_room("staffing", OFFICE),
    Entry("reports.all_reports", _("Reports"), "reports", ("manager", "sales_manager", "finance", "auditor")),
    Entry("people.people", _("People"), "people", ("admin", "manager", "sales_manager", "auditor")),
    Entry(
        "rulebooks.books",
        _("Policies"),
        "policy",
        also=("rulebooks.book", "rulebooks.scenario"),
    ),
    Entry(
        "policies.policies",
        _("Policy numbers"),
        "policy",
        ("admin", "leader", "manager", "sales_manager", "finance", "auditor"),
        ("policies.draft", "policies.send_draft"),
    ),
    Entry("health.health", _("Health"), "health", ("admin",)),
    Entry(
        "webhooks.webhooks",
        _("Webhooks"),
        "log",
        ("admin",),
        ("webhooks.endpoint", "webhooks.log", "webhooks.change", "webhooks.add"),
    ),
    Entry("home.access", _("Access log"), "log", ("auditor",)),
    Entry("search.search", _("Search"), "search", (*FIELD, *LOOKERS, "consultant"), ("search.found",)),
    Entry("notes.notes", _("Notices"), "bell", EVERYBODY, ("telling.how", "telling.change", "telling.test")),
    Entry("inbox.inbox", _("My requests"), "inbox", ("member", "consultant", "auditor", "admin")),
    Entry("people.me", _("My stand-in"), "people", ("leader", "manager", "sales_manager")),
    Entry("clock.clock", _("Move the clock"), "clock"),
    Entry("help.contents", _("Help"), "help", also=("help.of_flow",)),
)


def menu(actor: Actor) -> list[dict[str, Any]]:
    """The lines for this actor, with the present page marked."""
    found = []
    room = _room()
    for entry in MENU:
        if entry.endpoint not in current_app.view_functions or (entry.roles and not actor.has(*entry.roles)):
            continue
        if entry.room and entry.room not in furnished():
            continue
        here = entry.room == room if entry.room else request.endpoint == entry.endpoint
        url = url_for(entry.endpoint, room=entry.room or None)
        here = here or request.endpoint in entry.also
        found.append({"url": url, "label": entry.label, "icon": entry.icon, "here": here})
    return found


def _room() -> str | None:
    """The room of the menu that is at hand: its own page, or a case or list that stands in it."""
    given = request.view_args or {}
    if request.endpoint == "rooms.room":
        return str(given["room"])
    flow = FLOWS.get(given.get("flow", "")) if request.blueprint == "cases" else None
    return flow.room if flow is not None and flow.room else None


def attach(app: Flask) -> None:
    """Nothing to attach: the menu is made per request."""
