"""The reader's language, and how instants, money and names are written in it."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

from flask import Flask, g, has_request_context, request
from flask_babel import Babel, format_date, format_datetime, format_decimal

from web.app import the_settings
from workflows.flows import FLOWS
from workflows.money import statements
from workflows.money.months import first_day
from workflows.words import LOCALES, Text, _, say, translations

COOKIE = "tuoke_lang"
BABEL = {"zh": "zh_CN", "en": "en"}


def locale() -> str:
    """`zh` or `en`: the reader's choice on this device, else the person's, else Chinese."""
    if not has_request_context():
        return "zh"
    chosen = request.cookies.get(COOKIE)
    if chosen not in LOCALES:
        chosen = getattr(g, "person_locale", None)
    return chosen if chosen in LOCALES else "zh"


def said(text: str | Text | None, **values: Any) -> str:
    """A marked text in the reader's language."""
    return say(text, locale(), **values) if text else ""


def moment(at: datetime | None, year: bool | None = None) -> str:
    """An instant in company time: `12月3日(周四) 23:59`. The year is told where it is not the present one."""
    if at is None:
        return "—"
    shown = at.astimezone(the_settings().timezone).year != _this_year() if year is None else year
    pattern = (
        ("y年" if shown else "") + "M月d日(EEE) HH:mm"
        if locale() == "zh"
        else "EEE d MMM" + (" y" if shown else "") + ", HH:mm"
    )
    return format_datetime(at, pattern)  # type: ignore[no-any-return]


def day(at: datetime | None) -> str:
    """The day of an instant in company time."""
    return format_datetime(at, "M月d日" if locale() == "zh" else "d MMM") if at else "—"


def calendar_day(on: date | None) -> str:
    """A day of the calendar with its year: `2026年3月2日`."""
    return format_date(on, "y年M月d日" if locale() == "zh" else "d MMM y") if on else "—"


def weekday(on: date) -> str:
    """A day within its week: `3月2日(周一)`."""
    return format_date(on, "M月d日(EEE)" if locale() == "zh" else "EEE d MMM")  # type: ignore[no-any-return]


def day_of_week(number: int) -> str:
    """The name of a day of the week; 1 is Monday."""
    return str(format_date(date(2024, 1, number), "EEEE"))  # a year that began on a Monday


def month_name(month: str, short: bool = False) -> str:
    """A month of the books: `2026年3月` for `2026-03`."""
    english = "MMM y" if short else "MMMM y"
    return format_date(first_day(month), "y年M月" if locale() == "zh" else english)  # type: ignore[no-any-return]


def clock(at: datetime | None) -> str:
    """The time of day of an instant in company time."""
    return format_datetime(at, "HH:mm") if at else "—"


def _this_year() -> int | None:
    at = getattr(g, "at", None)
    return at.astimezone(the_settings().timezone).year if at else None


def span(length: timedelta) -> str:
    """A length of time with its two largest units; a second one that is nothing is left out."""
    minutes = int(abs(length.total_seconds())) // 60
    days, hours, rest = minutes // 1440, minutes // 60 % 24, minutes % 60
    if days:
        text = _("%(days)s d %(hours)s h") if hours else _("%(days)s d")
        return said(text, days=days, hours=hours)
    if hours:
        text = _("%(hours)s h %(minutes)s min") if rest else _("%(hours)s h")
        return said(text, hours=hours, minutes=rest)
    return said(_("%(minutes)s min"), minutes=rest)


def left(due: datetime | None) -> str:
    """What remains until then, or how long ago it was."""
    if due is None:
        return ""
    length = due - g.at
    text = _("%(span)s left") if length >= timedelta(0) else _("overdue by %(span)s")
    return said(text, span=span(length))


def ago(at: datetime | None) -> str:
    """How long ago it was."""
    return said(_("%(span)s ago"), span=span(g.at - at)) if at else ""


def urgency(due: datetime | None) -> str:
    """The CSS class of a deadline: `late`, `soon` (within two days) or `calm`."""
    if due is None:
        return "calm"
    length = due - g.at
    return "late" if length < timedelta(0) else "soon" if length < timedelta(days=2) else "calm"


def count_a_day(rate: float) -> str:
    """How often a day: `0.4/d`."""
    shown = f"{rate:.1f}" if rate < 10 else f"{rate:.0f}"
    return said(_("%(n)s/d"), n=shown if rate >= 0.05 else "<0.1")


def number(n: int) -> str:
    """A count: 12,345; `10,000+` where it was counted no further."""
    return f"{format_decimal(int(n))}{'+' if getattr(n, 'more', False) else ''}"


def yuan(fen: int | None) -> str:
    """Money: fen are stored, yuan are shown."""
    if fen is None:
        return "—"
    return f"¥{format_decimal(fen // 100)}" if fen % 100 == 0 else money(fen)


def money(fen: int) -> str:
    """Money of the books, to the fen: ¥1,234.50."""
    return statements.yuan(fen)


def state_name(state: str | None, flow: str = "lead") -> str:
    """A state by its name in the reader's language."""
    known = FLOWS[flow].states_map if flow in FLOWS else {}
    return said(known[state].name) if state in known else state or ""


def event_name(event: str, flow: str = "lead") -> str:
    """An event by its label in the reader's language."""
    steps = FLOWS[flow].by_event().get(event) if flow in FLOWS else None
    return said(steps[0].label) if steps else event


def attach(app: Flask) -> None:
    """Language and time zone of every request, and the filters of the templates."""
    Babel(
        app, locale_selector=lambda: BABEL[locale()], timezone_selector=lambda: str(the_settings().timezone)
    )
    app.jinja_env.install_gettext_callables(  # type: ignore[attr-defined]
        gettext=lambda text: translations(locale()).gettext(text),
        ngettext=lambda one, many, n: translations(locale()).ngettext(one, many, n),
        newstyle=True,
    )
    app.jinja_env.filters.update(
        t=said, moment=moment, day=day, clock=clock, left=left, ago=ago, span=span, urgency=urgency, yuan=yuan,
        state_name=state_name, count_a_day=count_a_day, event_name=event_name, money=money, month_name=month_name, calendar_day=calendar_day, number=number,
    )  # fmt: skip
