"""The menu: which pages exist for whom, the daily ones first. On a phone the first four stand at the bottom."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import Flask, current_app, request, url_for

from workflows.engine import Actor
from workflows.flows import FLOWS
from workflows.money.agreed import DESKS
from workflows.words import _

EVERYBODY: tuple[str, ...] = ()
FIELD = ("member", "leader", "manager")
OFFICE = ("member", "leader", "manager", "reception", "consultant", "sales_manager", "finance", "auditor")
LOOKERS = ("reception", "manager", "sales_manager", "finance", "auditor")


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the menu; shown when its page exists and somebody has one of its roles (empty: everybody). It is marked on
    its own page and on those of `also`."""

    endpoint: str
    label: str
    icon: str
    roles: tuple[str, ...] = EVERYBODY
    also: tuple[str, ...] = ()


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
    Entry("rooms.money", _("Money"), "money", ("leader", *DESKS), ("team.team", "team.divide")),
    Entry("signing.signing", _("Sign in and out"), "clock", FIELD),
    Entry("rooms.office", _("Office"), "office", OFFICE),
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
        here = request.endpoint in (entry.endpoint, *entry.also) or entry.endpoint == room
        found.append({"url": url_for(entry.endpoint), "label": entry.label, "icon": entry.icon, "here": here})
    return found


def _room() -> str | None:
    """The page of the room in which the case or list at hand stands."""
    flow = FLOWS.get((request.view_args or {}).get("flow", "")) if request.blueprint == "cases" else None
    return f"rooms.{flow.room}" if flow is not None and flow.room else None


def attach(app: Flask) -> None:
    """Nothing to attach: the menu is made per request."""
