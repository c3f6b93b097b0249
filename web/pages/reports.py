"""The reports: pictures that people look at, each with its table, a file to take away, and the leads behind each figure.

A report is a table; the picture is drawn from it in the browser, so they cannot differ and nothing is lost without scripts.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from flask import Blueprint, Response, abort, url_for

from models.quantiles import Spread
from web.pages.sessions import signed_in
from web.pages.show import Desk, look, show
from web.pages.sieve import SPANS, days_asked
from web.pages.words import ago, calendar_day, month_name, number, said, span, state_name
from workflows import reports, staff
from workflows.flows import FLOWS
from workflows.lead_facts import CHANNELS
from workflows.money.months import month_of
from workflows.reports import COHORT_DAYS
from workflows.spreadsheet import csv_into, yuan
from workflows.words import _

page = Blueprint("reports", __name__)
LOOKERS = ("manager", "sales_manager", "finance", "auditor")
WEEKS, MONTHS = 12, 6


@dataclass(frozen=True, slots=True)
class Cell:
    """A figure: as people read it, as a spreadsheet and a picture take it, and the page of the rows behind it."""

    text: str
    value: Any
    url: str | None = None


@dataclass(frozen=True, slots=True)
class Column:
    """A column; `drawn` says how the picture shows it: `bar`, `line`, or not at all."""

    label: str
    drawn: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """A table with a caption, what it says, and the kind of its picture (`bars`, `across`, `lines`)."""

    key: str
    title: str
    about: str
    columns: tuple[Column, ...]
    rows: list[list[Cell]]
    picture: str = "bars"
    notes: list[str] = field(default_factory=list)

    @property
    def drawn(self) -> list[str]:
        """What the picture shows, in the order of its colours. It says so beside itself: on a phone a legend within would lie
        over it."""
        return [column.label for column in self.columns if column.drawn]

    @property
    def is_drawn(self) -> bool:
        """Whether there is a figure to draw."""
        return any(
            cell.value is not None
            for row in self.rows
            for column, cell in zip(self.columns, row, strict=True)
            if column.drawn
        )


@page.get("/reports")
@signed_in(*LOOKERS)
def all_reports() -> str:
    """Every report of a span of days."""
    with look() as desk:
        days = days_asked(SPANS[-1])
        return show(
            "reports.html", days=days, spans=SPANS, reports=[make(desk, days) for make in REPORTS.values()]
        )


@page.get("/reports/<key>.csv")
@signed_in(*LOOKERS)
def download(key: str) -> Response:
    """One report as a file for a spreadsheet. It holds figures, no customers."""
    make = REPORTS.get(key) or abort(404)
    with look() as desk:
        report = make(desk, days_asked(SPANS[-1]))
        file = io.StringIO(newline="")
        rows = [[cell.value for cell in row] for row in report.rows]
        csv_into(file, [column.label for column in report.columns], rows, desk.zone, bom=True)
    name = f'attachment; filename="{key}.csv"'
    return Response(file.getvalue(), mimetype="text/csv", headers={"Content-Disposition": name})


def _since(desk: Desk, days: int) -> datetime:
    return desk.at - timedelta(days=days)


def _text(text: str, url: str | None = None) -> Cell:
    return Cell(text, text, url)


def _count(n: int | None, url: str | None = None) -> Cell:
    return Cell("—" if n is None else number(n), n, url)


def _rate(rate: float | None) -> Cell:
    return Cell("—", None) if rate is None else Cell(f"{rate:.0%}", round(100 * rate, 1))


def _money(fen: int | None) -> Cell:
    return Cell("—", None) if fen is None else Cell(f"¥{fen / 100:,.0f}", yuan(fen))


def _took(length: timedelta | None, unit: timedelta) -> Cell:
    return Cell("—", None) if length is None else Cell(span(length), round(length / unit, 1))


def _part(spread: Spread | None, part: str, unit: timedelta) -> Cell:
    return _took(getattr(spread, part) if spread else None, unit)


def _seconds(length: timedelta | None) -> Cell:
    return (
        Cell("—", None) if length is None else Cell(f"{length.total_seconds():,.0f}", length.total_seconds())
    )


HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def _funnel(desk: Desk, days: int) -> Report:
    since = _since(desk, days).astimezone(desk.zone).date().isoformat()
    stages = reports.funnel(desk.session, desk.actor, _since(desk, days))
    rows = [
        [
            _text(said(_("Deal")) if each.key == "deal" else state_name(each.key)),
            _count(
                each.count,
                _leads(since=since, state="all", **({"outcome": "deal"} if each.key == "deal" else {}))
                if each.key in ("captured", "deal")
                else None,
            ),
            _rate(each.of_before),
            _rate(each.of_all),
            _part(each.took, "median", DAY),
        ]
        for each in stages
    ]
    columns = (
        Column(said(_("Stage"))),
        Column(said(_("Leads")), "bar"),
        Column(said(_("Of the stage before"))),
        Column(said(_("Of all"))),
        Column(said(_("Median days from the stage before"))),
    )
    about = _("Leads captured in this span of time, by how far they have come.")
    return Report("funnel", said(_("Funnel")), said(about), columns, rows, "across")


def _leads(**sieve: Any) -> str:
    return url_for("leads.everything", **sieve)


def _cohorts(desk: Desk, days: int) -> Report:
    found = reports.cohorts(desk.session, desk.actor, desk.at, desk.zone, WEEKS)
    first = next((index for index, each in enumerate(found) if each.captured), len(found))
    rows = [
        [
            _text(calendar_day(each.week)),
            _count(each.captured, _week(each)),
            _rate(each.visited / each.captured if each.captured else None),
            *(_bought(each, days) for days in COHORT_DAYS),
        ]
        for each in found[first:]
    ]
    within = _("Bought within %(days)s days")
    columns = (
        Column(said(_("Week from"))),
        Column(said(_("Leads"))),
        Column(said(_("Visited")), "line"),
        *(Column(said(within, days=days), "line") for days in COHORT_DAYS),
    )
    about = _(
        "By week of capture, the last twelve weeks: the share that had visited, and that had bought after so many days."
    )
    note = _("… means that the week is too young to know.")
    return Report("cohorts", said(_("Conversion by week")), said(about), columns, rows, "lines", [said(note)])


def _week(each: reports.Cohort) -> str:
    last = each.week + timedelta(days=6)
    return _leads(state="all", since=each.week.isoformat(), until=last.isoformat())


def _bought(each: reports.Cohort, days: int) -> Cell:
    bought = each.bought[days]
    return Cell("…", None) if bought is None else _rate(bought / each.captured if each.captured else None)


def _channels(desk: Desk, days: int) -> Report:
    since = _since(desk, days).astimezone(desk.zone).date().isoformat()
    rows = [
        [
            _text(said(CHANNELS[each.key])),
            _count(each.captured, _leads(state="all", channel=each.key, since=since)),
            _rate(each.invalid / each.captured),
            _rate(each.visited / each.captured),
            _count(each.deals, _leads(state="closed", outcome="deal", channel=each.key, since=since)),
            _rate(each.deals / each.captured),
            _money(each.cost_fen),
            _money(each.per_visit_fen),
            _money(each.per_deal_fen),
        ]
        for each in reports.channels(desk.session, desk.actor, _since(desk, days))
    ]
    columns = (
        Column(said(_("Channel"))),
        Column(said(_("Leads")), "bar"),
        Column(said(_("Invalid or fraud"))),
        Column(said(_("Visited"))),
        Column(said(_("Deals")), "bar"),
        Column(said(_("Deals of leads"))),
        Column(said(_("Bonuses"))),
        Column(said(_("Bonuses per visit"))),
        Column(said(_("Bonuses per deal"))),
    )
    about = _(
        "Leads captured in this span of time: what came of them, and what the ledger holds for them so far."
    )
    return Report("channels", said(_("Channels")), said(about), columns, rows)


def _deciders(desk: Desk, days: int) -> Report:
    rows = [
        [_text(name), _count(took.count), *(_part(took, part, HOUR) for part in ("median", "p90", "longest"))]
        for name, took in reports.deciders(desk.session, _since(desk, days))
    ]
    columns = (
        Column(said(_("Who decided"))),
        Column(said(_("Requests"))),
        Column(said(_("Median hours")), "bar"),
        Column(said(_("Nine of ten within hours")), "bar"),
        Column(said(_("Longest, hours"))),
    )
    about = _("How long requests waited for those who decided them.")
    return Report("approvals", said(_("Approval time")), said(about), columns, rows, "across")


def _turns(desk: Desk, days: int) -> Report:
    project = staff.first_project(desk.session)
    found = reports.turns(desk.session, project.id, _since(desk, days)) if project else []
    rows = [
        [
            _text(each.name),
            _count(each.accepted),
            Cell(f"{each.even:.1f}", round(each.even, 1)),
            _count(each.declined),
            _count(each.taken_over),
        ]
        for each in found
    ]
    columns = (
        Column(said(_("Consultant"))),
        Column(said(_("Accepted")), "bar"),
        Column(said(_("Even share")), "line"),
        Column(said(_("Declined or missed")), "bar"),
        Column(said(_("Taken over"))),
    )
    about = _("Customers that the rotation gave to each consultant, beside what each would have had evenly.")
    return Report("rotation", said(_("Fairness of the rotation")), said(about), columns, rows)


def _backlog(desk: Desk, days: int) -> Report:
    rows = [
        [
            _text(_timer(each.name)),
            _count(each.pending),
            Cell(f"{each.overdue} ({ago(each.oldest)})" if each.overdue else "0", each.overdue),
            *(_count(n) for n in each.coming),
            _seconds(each.late.median if each.late else None),
            _seconds(each.late.longest if each.late else None),
        ]
        for each in reports.backlog(desk.session, desk.at, _since(desk, days))
    ]
    columns = (
        Column(said(_("Timer"))),
        Column(said(_("Running"))),
        Column(said(_("Overdue")), "bar"),
        Column(said(_("Within an hour"))),
        Column(said(_("Within a day")), "bar"),
        Column(said(_("Within a week")), "bar"),
        Column(said(_("Median lateness, seconds"))),
        Column(said(_("Longest lateness, seconds"))),
    )
    about = _("What the clock still has to do, and how late it was in this span of time.")
    return Report("timers", said(_("Timers")), said(about), columns, rows, "across")


def _timer(name: str) -> str:
    """A kind of timer by its label, with its workflow where that is not a lead's."""
    flow, _dot, timer = name.partition(".")
    rules = {rule.name: rule.label for rule in FLOWS[flow].timers} if flow in FLOWS else {}
    label = said(rules.get(timer, timer))
    return label if flow == "lead" or flow not in FLOWS else f"{said(FLOWS[flow].label)}: {label}"


def _books(desk: Desk, days: int) -> Report:
    months = _months(desk)
    rows = [
        [
            _text(month_name(each.month, short=True), url_for("months.month", month=each.month)),
            _money(each.earned_fen),
            _money(each.paid_fen),
            _money(each.earned_fen - each.paid_fen),
            _count(each.disputes),
        ]
        for each in reports.books(desk.session, months)
    ]
    columns = (
        Column(said(_("Month"))),
        Column(said(_("Earned")), "bar"),
        Column(said(_("Paid out")), "bar"),
        Column(said(_("Still to pay"))),
        Column(said(_("Disputes"))),
    )
    about = _("What the ledger holds for the last six months, and what has been paid out of it.")
    return Report("payouts", said(_("Payouts")), said(about), columns, rows)


def _months(desk: Desk) -> list[str]:
    """The last months of the books, the present one last."""
    day, found = desk.at.astimezone(desk.zone).replace(day=15), []
    for _each in range(MONTHS):
        found.append(month_of(day, desk.zone))
        day = (day.replace(day=1) - DAY).replace(day=15)
    return found[::-1]


REPORTS: dict[str, Callable[[Desk, int], Report]] = {
    "funnel": _funnel,
    "cohorts": _cohorts,
    "channels": _channels,
    "approvals": _deciders,
    "rotation": _turns,
    "timers": _backlog,
    "payouts": _books,
}
