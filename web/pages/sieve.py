"""What a list of leads is narrowed down to: read from the address, said in words, and turned into conditions. The same
address is what a figure of a report links to and what somebody keeps as a saved filter."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from datetime import date, datetime, time, timedelta
from typing import Any

from flask import request
from sqlalchemy import ColumnElement, and_, true

from models.leads import Lead
from web.pages.show import Desk
from web.pages.words import calendar_day, event_name, said, state_name
from workflows.lead import LeadFlow
from workflows.lead_facts import CHANNELS, INTENTS, OUTCOMES
from workflows.lead_lists import OPEN, STATES, Whole, of_person, within
from workflows.pipeline import went_along
from workflows.words import _

SPANS = (7, 28, 90)


@dataclass(frozen=True, slots=True)
class Sieve:
    """What somebody looks for. `along` is an edge of the machine, gone within the last `days`: `source.target.event`;
    `since` and `until` are days of capture in company time, both included."""

    state: str = "open"
    outcome: str = ""
    channel: str = ""
    intent: str = ""
    who: str = ""
    since: str = ""
    until: str = ""
    along: str = ""
    days: str = "28"

    @classmethod
    def read(cls, args: Mapping[str, str]) -> Sieve:
        """From an address; what does not fit is left out, so that an old link still opens."""
        typed = {f.name: args[f.name].strip()[:60] for f in fields(cls) if args.get(f.name)}
        fits = {
            "state": (*STATES, "open", "all"),
            "outcome": tuple(OUTCOMES),
            "channel": tuple(CHANNELS),
            "intent": tuple(INTENTS),
            "days": tuple(str(days) for days in SPANS),
        }
        kept = {name: text for name, text in typed.items() if text in fits.get(name, (text,))}
        if any(kept.get(name) and _day(kept[name]) is None for name in ("since", "until")):
            kept = {name: text for name, text in kept.items() if name not in ("since", "until")}
        if kept.get("along") and _edge(kept["along"]) is None:
            del kept["along"]
        return cls(**kept)

    def args(self, **other: str | None) -> dict[str, Any]:
        """What an address needs to say to come back here, with some of it changed; None takes it away."""
        plain = Sieve()
        told = {f.name: getattr(self, f.name) for f in fields(self)}
        told |= {name: value or getattr(plain, name) for name, value in other.items()}
        if not told["along"]:
            told["days"] = plain.days
        return {name: value for name, value in told.items() if value != getattr(plain, name)}

    @property
    def narrow(self) -> bool:
        """Whether more than the state was chosen."""
        return bool(replace(self, state="open").args())

    def of(self, desk: Desk, whole: Whole) -> Whole:
        """Of these leads those of whom was chosen."""
        return within(whole, of_person(desk.session, self.who)) if self.who else whole

    @property
    def states(self) -> tuple[str, ...]:
        """The states whose leads are shown."""
        wanted = {"all": STATES, "open": OPEN}.get(self.state, (self.state,))
        return tuple(state for state in wanted if state in self.possible)

    @property
    def possible(self) -> tuple[str, ...]:
        """The states in which there can be any: what came of a lead is known when it is closed."""
        return ("closed",) if self.outcome else STATES

    def wanted(self, desk: Desk) -> ColumnElement[bool]:
        """The conditions, but for the state and for whose they are."""
        found: list[ColumnElement[bool]] = [true()]
        for column, value in (
            (Lead.channel, self.channel),
            (Lead.intent, self.intent),
            (Lead.outcome, self.outcome),
        ):
            if value:
                found.append(column == value)
        if first := _day(self.since):
            found.append(Lead.captured_at >= _midnight(first, desk))
        if last := _day(self.until):
            found.append(Lead.captured_at < _midnight(last + timedelta(days=1), desk))
        if edge := _edge(self.along):
            found.append(went_along(*edge, desk.at - timedelta(days=int(self.days))))
        return and_(*found)

    def chips(self) -> list[tuple[str, str]]:
        """What is chosen besides the state, in words: (field, text)."""
        found = []
        if self.outcome:
            found.append(("outcome", said(OUTCOMES[self.outcome])))
        if self.channel:
            found.append(("channel", said(CHANNELS[self.channel])))
        if self.intent:
            found.append(("intent", said(INTENTS[self.intent])))
        if self.who:
            found.append(("who", self.who))
        if first := _day(self.since):
            found.append(("since", said(_("registered from %(day)s"), day=calendar_day(first))))
        if last := _day(self.until):
            found.append(("until", said(_("registered until %(day)s"), day=calendar_day(last))))
        if edge := _edge(self.along):
            source, target, event = edge
            text = _("%(source)s → %(target)s by “%(event)s” in the last %(days)s days")
            words = said(
                text,
                source=state_name(source),
                target=state_name(target),
                event=event_name(event),
                days=self.days,
            )
            found.append(("along", words))
        return found


def days_asked(default: int) -> int:
    """The span of days that an address asks for, of those that are offered."""
    chosen = request.args.get("days", "")
    return int(chosen) if chosen in [str(each) for each in SPANS] else default


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if len(text) == 10 else None
    except ValueError:
        return None


def _midnight(day: date, desk: Desk) -> datetime:
    return datetime.combine(day, time(), desk.zone)


def _edge(text: str) -> tuple[str, str, str] | None:
    source, _dot, rest = text.partition(".")
    target, _dot, event = rest.partition(".")
    known = source in STATES and target in STATES and event in LeadFlow.by_event()
    return (source, target, event) if known else None
