"""Rehearsing: a scenario in YAML is played on a scratch database with a virtual clock, through the same engine, timers
and job functions as in production, and compared with what it expects."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, get_args
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import yaml
from pydantic import BaseModel, Field, ValidationError
from sqlalchemy import Engine, select

from models import database, sealed
from models.leads import Lead
from models.people import Person
from models.remembered import Approval
from workers.draining import drain_due
from workflows import policy, staff
from workflows import timers as clockwork
from workflows.engine import CLOCK, PUBLIC, Actor, Ask, Refused, take
from workflows.flows import FLOWS
from workflows.lead import LeadFlow
from workflows.rotation import DutyFlow, duty_of

AFTER = re.compile(r"^\+(\d+)\s*([smhdw])$")
UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
DECISIONS = ("approve", "reject", "withdraw")
KEYS = {"start", "policy", "people", "quotas", "steps", "expect", "title", "about", "timezone"}
STEP_KEYS = {"at", "by", "do", "as", "with", "lead", "event", "refused", "expect", "note", "case", "flow"}


class WrongScenario(Exception):
    """The file is no scenario; the message says where and what to write."""


class Expected(BaseModel):
    """What an `expect` looks like."""

    leads: dict[Any, dict[str, Any]] | None = None
    approvals: list[dict[str, Any]] | None = None
    ledger: list[dict[str, Any]] | None = None


class StepShape(BaseModel):
    """What a step looks like, as far as lists and mappings go."""

    facts: dict[str, Any] | None = Field(None, alias="with")
    expect: Expected | None = None


class Shape(BaseModel):
    """What a scenario file looks like, as far as lists and mappings go; the rest is said where it is read."""

    policy: dict[str, Any] | None = None
    people: list[dict[str, Any]] | None = None
    quotas: list[dict[str, Any]] | None = None
    steps: list[StepShape] | None = None
    expect: Expected | None = None


@dataclass(slots=True)
class Played:
    """What came of a scenario."""

    leads: dict[str, dict[str, Any]] = field(default_factory=dict)
    ledger: list[dict[str, Any]] = field(default_factory=list)
    approvals: list[dict[str, Any]] = field(default_factory=list)
    refusals: list[dict[str, Any]] = field(default_factory=list)
    failures: list[dict[str, Any]] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        return {
            name: getattr(self, name) for name in ("leads", "ledger", "approvals", "refusals", "failures")
        }


def load(path: Path) -> dict[str, Any]:
    """Read a scenario file; raises `WrongScenario`."""
    try:
        read = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise WrongScenario(f"{path}: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise WrongScenario(f"{path}: not YAML: {error}") from error
    if not isinstance(read, dict):
        raise WrongScenario(f"{path}: a scenario is a mapping with start, people and steps")
    if unknown := sorted(set(read) - KEYS):
        raise WrongScenario(f"{path}: unknown key {unknown[0]!r}; known are {', '.join(sorted(KEYS))}")
    if "start" not in read:
        raise WrongScenario(f"{path}: say when it starts (start: 2026-03-01T09:00)")
    try:
        Shape.model_validate(read)
    except ValidationError as error:
        first = error.errors()[0]
        raise WrongScenario(f"{path}: {'.'.join(map(str, first['loc']))}: {first['msg']}") from error
    return read


def rehearse(
    scenario: dict[str, Any], numbers: dict[str, Any] | None = None, url: str | None = None
) -> Played:
    """Play a scenario and compare. `numbers` override the policy. Raises `WrongScenario`."""
    try:
        zone = ZoneInfo(str(scenario.get("timezone", "Asia/Shanghai")))
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise WrongScenario(f"timezone: there is no {scenario['timezone']!r}") from error
    engine = database.open_engine(url or "sqlite://").execution_options(zone=zone)
    with sealed.using(secrets.token_bytes(32)):
        database.create_scratch(engine)
        try:
            return Rehearsal(engine, scenario, zone).play(
                {**(numbers or {}), **(scenario.get("policy") or {})}
            )
        finally:
            engine.dispose()


class Rehearsal:
    """One scenario on its own database, with its own clock."""

    def __init__(self, engine: Engine, scenario: dict[str, Any], zone: ZoneInfo) -> None:
        self.engine, self.scenario, self.zone = engine, scenario, zone
        if AFTER.match(str(scenario["start"])):
            raise WrongScenario("start: a day and time is needed, such as 2026-03-01T09:00")
        self.now = self._instant(scenario["start"])
        self.codes: dict[str, str] = {}
        self.played = Played()

    def play(self, numbers: dict[str, Any]) -> Played:
        self._set_the_stage(numbers)
        for index, each in enumerate(self.scenario.get("steps") or [], start=1):
            self._play(index, each)
        self._drain()
        self._collect()
        self._expect("expect", self.scenario.get("expect") or {})
        return self.played

    # -- the stage ----------------------------------------------------------------------------------------------

    def _set_the_stage(self, numbers: dict[str, Any]) -> None:
        with database.begin(self.engine) as session:
            staff.ensure_company(session)
            if numbers:
                try:
                    policy.enact(session, numbers, self.now, "scenario")
                except policy.WrongPolicy as error:
                    raise WrongScenario(f"policy: {error}") from error
            for person in self.scenario.get("people") or []:
                self._hire(session, person)

    def _hire(self, session: Any, given: dict[str, Any]) -> None:
        if not isinstance(given, dict) or "name" not in given:
            raise WrongScenario("people: each needs a name and roles")
        try:
            person = staff.add_person(
                session,
                str(given["name"]),
                given.get("roles") or [],
                given.get("team"),
                phone=str(given["phone"]) if given.get("phone") else None,
                hired_on=_day(given.get("hired")),
            )
            for phone in given.get("relatives") or []:
                staff.declare_phone(session, person, str(phone), "relative")
            if given.get("on_duty"):
                take(session, Ask(DutyFlow, "join", Actor.of(person), self.now))
        except Refused as refusal:
            raise WrongScenario(f"people: {given['name']}: {refusal.detail('en')}") from refusal

    # -- time ---------------------------------------------------------------------------------------------------

    def _instant(self, value: Any) -> datetime:
        if isinstance(value, str):
            try:
                if found := AFTER.match(value.strip()):
                    return self.now + timedelta(**{UNITS[found[2]]: int(found[1])})
                value = datetime.fromisoformat(value.strip())
            except (ValueError, OverflowError) as error:
                raise WrongScenario(f"at: {value!r} is no time; write 2026-03-01T09:00 or +2h") from error
        elif isinstance(value, date) and not isinstance(value, datetime):
            value = datetime.combine(value, datetime.min.time())
        if not isinstance(value, datetime):
            raise WrongScenario(f"at: {value!r} is no time")
        return (value if value.tzinfo else value.replace(tzinfo=self.zone)).astimezone(UTC)

    def _move_to(self, instant: datetime) -> None:
        """Move the clock; what comes due on the way fires at its own due time, in due order."""
        if instant < self.now:
            raise WrongScenario(
                f"at: {instant.astimezone(self.zone):%Y-%m-%dT%H:%M} lies before the step before it"
            )
        for _unused in range(100_000):
            self._drain()
            with database.begin(self.engine) as session:
                due = clockwork.next_due(session)
            if due is None or due > instant:
                break
            self.now = max(self.now, due)
        self.now = instant
        self._drain()

    def _drain(self) -> None:
        drain_due(self.engine, self.now)

    # -- steps --------------------------------------------------------------------------------------------------

    def _play(self, index: int, step: dict[str, Any]) -> None:
        if not isinstance(step, dict) or (step.keys() - STEP_KEYS):
            raise WrongScenario(f"step {index}: known keys are {', '.join(sorted(STEP_KEYS))}")
        if "at" in step:
            self._move_to(self._instant(step["at"]))
        do = step.get("do")
        if do and do != "wait":
            self._act(index, step, str(do))
            self._drain()
        if "expect" in step:
            self._collect()
            self._expect(f"step {index}", step["expect"])

    def _act(self, index: int, step: dict[str, Any], do: str) -> None:
        where = {"step": index, "by": step.get("by"), "do": do, "lead": step.get("lead") or step.get("as")}
        wanted = step.get("refused")
        try:
            with database.begin(self.engine) as session:
                self._take(session, step, do)
        except Refused as refusal:
            self.played.refusals.append({**where, "code": refusal.code, "detail": refusal.detail("en")})
            if refusal.code != wanted:
                expected = f"to be refused with {wanted}" if wanted else "to be taken"
                self._fail(
                    {
                        **where,
                        "expected": expected,
                        "got": f"{refusal.code}: {refusal.detail('en')} {refusal.errors or ''}".strip(),
                    }
                )
        else:
            if wanted:
                self._fail({**where, "expected": f"to be refused with {wanted}", "got": "taken"})

    def _take(self, session: Any, step: dict[str, Any], do: str) -> None:
        by = self._actor(session, step.get("by"))
        texts = _texts(do)
        facts = {key: _unquoted(value, key in texts) for key, value in (step.get("with") or {}).items()}
        if do in ("join", "leave"):
            taken = take(session, self._duty_ask(session, by, do, facts))
        elif do in DECISIONS:
            code = self._approval(session, step)
            taken = take(session, Ask(FLOWS["approval"], do, by, self.now, code=code, facts=facts))
        else:
            about = self._code(step["lead"]) if "lead" in step else None
            event = LeadFlow.by_event().get(do)
            if event and not event[0].opens and about is None:
                raise WrongScenario(f"do: {do} needs lead: NAME")
            taken = take(session, Ask(LeadFlow, do, by, self.now, code=about, facts=facts))
        if "as" in step:
            self.codes[str(step["as"])] = taken.case.code

    def _duty_ask(self, session: Any, by: Actor, do: str, facts: dict[str, Any]) -> Ask:
        who = staff.actor_named(session, str(facts.pop("consultant"))) if "consultant" in facts else by
        duty = duty_of(session, staff.ensure_company(session).id, who.id)
        return Ask(DutyFlow, do, by, self.now, code=duty.code if duty else None, facts=facts)

    def _actor(self, session: Any, name: Any) -> Actor:
        if name in (None, ""):
            raise WrongScenario("by: say who does it (or public)")
        if name in ("public", "clock"):
            return PUBLIC if name == "public" else CLOCK
        try:
            return staff.actor_named(session, str(name))
        except Refused as refusal:
            raise WrongScenario(f"by: {name!r} is not among the people") from refusal

    def _code(self, name: Any) -> str:
        return self.codes.get(str(name), str(name))

    def _approval(self, session: Any, step: dict[str, Any]) -> str:
        """The latest approval of this lead and event, the pending one if there is one."""
        wanted = select(Approval).where(Approval.case_code == self._code(step.get("lead")))
        if "event" in step:
            wanted = wanted.where(Approval.event == step["event"])
        found = sorted(session.scalars(wanted), key=lambda a: (a.state == "pending", a.id))
        return found[-1].code if found else "none"

    # -- what came of it ----------------------------------------------------------------------------------------

    def _collect(self) -> None:
        with database.begin(self.engine) as session:
            names = {person.id: person.name for person in session.scalars(select(Person))}
            called = {code: name for name, code in self.codes.items()}
            self.played.leads = {
                name: _seen(session.scalars(select(Lead).where(Lead.code == code)).one(), names)
                for name, code in self.codes.items()
            }
            self.played.approvals = [
                {
                    "lead": called.get(a.case_code),
                    "event": a.event,
                    "status": a.state,
                    "requested_by": names.get(a.requested_by_id),
                    "decided_by": names.get(a.decided_by_id or 0),
                    "reason": a.reason,
                }
                for a in session.scalars(select(Approval).order_by(Approval.id))
            ]

    def _expect(self, where: str, wanted: dict[str, Any]) -> None:
        for name, fields in (wanted.get("leads") or {}).items():
            got = self.played.leads.get(str(name))
            for key, value in fields.items():
                if got is None or got.get(key) != value:
                    self._fail(
                        {
                            "at": where,
                            "lead": name,
                            "field": key,
                            "expected": value,
                            "got": got and got.get(key),
                        }
                    )
        if "approvals" in wanted:
            self._expect_approvals(where, wanted["approvals"])
        if wanted.get("ledger"):
            self._fail({"at": where, "expected": wanted["ledger"], "got": self.played.ledger})

    def _expect_approvals(self, where: str, wanted: list[dict[str, Any]]) -> None:
        """Each expected approval must be found, in order, among those that match its lead and event."""
        rest = list(self.played.approvals)
        for each in wanted:
            found = next((a for a in rest if all(a.get(k) == v for k, v in each.items())), None)
            if found is None:
                self._fail(
                    {"at": where, "expected": each, "got": [a for a in rest if a["lead"] == each.get("lead")]}
                )
            else:
                rest.remove(found)

    def _fail(self, failure: dict[str, Any]) -> None:
        self.played.failures.append(failure)


def _seen(lead: Lead, names: dict[int, str]) -> dict[str, Any]:
    """A lead as scenarios speak of it."""

    def name(person: int | None) -> str | None:
        return names.get(person or 0)

    return {
        "state": lead.state,
        "outcome": lead.outcome,
        "holder": name(lead.holder_id),
        "promoter": name(lead.promoter_id),
        "offered_to": name(lead.offered_to_id),
    }


def _unquoted(value: Any, text: bool) -> Any:
    """YAML reads an unquoted time or number as one; a field that holds text takes it as it was written."""
    if isinstance(value, date | datetime):
        return value.isoformat()
    return str(value) if text and isinstance(value, int | float) and not isinstance(value, bool) else value


def _texts(event: str) -> set[str]:
    """The fields of a lead's event that hold text."""
    steps = LeadFlow.by_event().get(event, [])
    return {
        name
        for step in steps
        for name, field_info in step.facts.model_fields.items()
        if _holds(field_info.annotation) == {str}
    }


def _holds(annotation: Any) -> set[Any]:
    """The plain types behind an annotation, without None."""
    parts = get_args(annotation)
    if not parts:
        return {annotation} - {type(None)}
    if hasattr(annotation, "__metadata__"):
        return _holds(parts[0])
    return {kind for part in parts for kind in _holds(part)} - {type(None)}


def _day(value: Any) -> date | None:
    """A day as YAML or a person writes it."""
    if value is None or isinstance(value, date):
        return value
    try:
        return date.fromisoformat(str(value))
    except ValueError as error:
        raise WrongScenario(f"people: {value!r} is no day; write 2026-03-01") from error


def failures_said(played: Played) -> Iterator[str]:
    """The failures as lines that a person reads."""
    for failure in played.failures:
        place = ", ".join(
            f"{k} {v}" for k, v in failure.items() if k not in ("expected", "got") and v is not None
        )
        yield f"{place}\n  - expected: {failure['expected']}\n  + got:      {failure['got']}"
