"""Rehearsing: a scenario in YAML is played on a scratch database with a virtual clock, through the same engine, timers
and job functions as in production, and compared with what it expects."""

from __future__ import annotations

import re
import secrets
from datetime import UTC, date, datetime, timedelta
from typing import Any, get_args
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sqlalchemy import Engine, select

from models import database, sealed
from models.remembered import Approval
from workers.draining import drain_due
from workers.outcome import Outcome, Played, called_so, failures_said
from workflows import policy, staff
from workflows import timers as clockwork
from workflows.engine import CLOCK, PUBLIC, Actor, Ask, Flow, Refused, take
from workflows.flows import FLOWS
from workflows.lead import LeadFlow
from workflows.rotation import DutyFlow, duty_of
from workflows.scenario import STEP_KEYS, WrongScenario, day, load

__all__ = ["Played", "WrongScenario", "failures_said", "load", "rehearse"]

AFTER = re.compile(r"^\+(\d+)\s*([smhdw])$")
UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
DECISIONS = ("approve", "reject", "withdraw")
STAFF_STEPS = ("transfer", "end")


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
        self.outcome = Outcome(engine)
        self.played = self.outcome.played

    def play(self, numbers: dict[str, Any]) -> Played:
        self._set_the_stage(numbers)
        for index, each in enumerate(self.scenario.get("steps") or [], start=1):
            self._play(index, each)
        self._drain()
        self.outcome.collect(self.codes)
        self.outcome.expect("expect", self.scenario.get("expect") or {})
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
            for quota in self.scenario.get("quotas") or []:
                self._agree(session, "quota", quota)

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
                hired_on=day(given.get("hired")),
            )
            for phone in given.get("relatives") or []:
                staff.declare_phone(session, person, str(phone), "relative")
            if given.get("on_duty"):
                take(session, Ask(DutyFlow, "join", Actor.of(person), self.now))
            if given.get("pay"):
                self._agree(session, "pay", {"since": "2000-01", "person": person.name, **given["pay"]})
        except Refused as refusal:
            raise WrongScenario(f"people: {given['name']}: {refusal.detail('en')}") from refusal

    def _agree(self, session: Any, name: str, figures: dict[str, Any]) -> None:
        """Figures that stand when the scenario begins: proposed and approved before."""
        flow = FLOWS[name]
        try:
            case = take(session, Ask(flow, "propose", CLOCK, self.now, facts=figures, house=True)).case
            take(session, Ask(flow, "adopt", CLOCK, self.now, code=case.code, house=True))
        except Refused as refusal:
            said = " ".join(f"{k}: {v}" for k, v in refusal.errors.items())
            raise WrongScenario(f"{name}: {refusal.detail('en')} {said}".strip()) from refusal

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
            self.outcome.collect(self.codes)
            self.outcome.expect(f"step {index}", step["expect"])

    def _act(self, index: int, step: dict[str, Any], do: str) -> None:
        about = step.get("lead") or step.get("case") or step.get("as")
        where = {"step": index, "by": step.get("by"), "do": do, "lead": about}
        wanted = step.get("refused")
        try:
            with database.begin(self.engine) as session:
                self._take(session, step, do)
        except Refused as refusal:
            self.played.refusals.append({**where, "code": refusal.code, "detail": refusal.detail("en")})
            if refusal.code != wanted:
                expected = f"to be refused with {wanted}" if wanted else "to be taken"
                self.outcome.fail(
                    {
                        **where,
                        "expected": expected,
                        "got": f"{refusal.code}: {refusal.detail('en')} {refusal.errors or ''}".strip(),
                    }
                )
        else:
            if wanted:
                self.outcome.fail({**where, "expected": f"to be refused with {wanted}", "got": "taken"})

    def _take(self, session: Any, step: dict[str, Any], do: str) -> None:
        if do in STAFF_STEPS:
            self._change_staff(session, do, step.get("with") or {})
            return
        by = self._actor(session, step.get("by"))
        flow = self._flow(step)
        texts = _texts(flow, do)
        facts = {key: _unquoted(value, key in texts) for key, value in (step.get("with") or {}).items()}
        facts |= self._cases_named(flow, do, facts)
        if do in ("join", "leave"):
            ask = self._duty_ask(session, by, do, facts)
        elif do in DECISIONS and "flow" not in step:
            code = self._approval(session, step)
            ask = Ask(FLOWS["approval"], do, by, self.now, code=code, facts=facts)
        else:
            named = step.get("lead", step.get("case"))
            about = None if named is None else self._code(session, flow, named)
            event = flow.by_event().get(do)
            if event and not event[0].opens and about is None:
                raise WrongScenario(f"do: {do} needs {'lead' if flow is LeadFlow else 'case'}: NAME")
            facts = self._read_off(session, flow, about, facts)
            ask = Ask(flow, do, by, self.now, code=about, facts=facts)
        taken = take(session, ask)
        if "as" in step:
            self.codes[str(step["as"])] = taken.case.code

    def _cases_named(self, flow: type[Flow], event: str, facts: dict[str, Any]) -> dict[str, Any]:
        """The facts that name cases, with the codes in place of the scenario's own names."""
        steps = flow.by_event().get(event, ())
        named = {name for step in steps for name in step.facts.marked("case") & facts.keys()}
        return {
            name: [self.codes.get(str(each), str(each)) for each in facts[name]]
            if isinstance(facts[name], list)
            else self.codes.get(str(facts[name]), str(facts[name]))
            for name in named
        }

    def _read_off(
        self, session: Any, flow: type[Flow], code: str | None, facts: dict[str, Any]
    ) -> dict[str, Any]:
        """The facts with what stands on a screen at this moment in place of `(shown)`."""
        asked = [name for name, value in facts.items() if value == "(shown)"]
        case = session.scalar(select(flow.table).where(flow.table.code == code)) if asked else None
        shown = flow.shown(session, case, self.now) if case is not None else {}
        return facts | {name: shown[name] for name in asked if name in shown}

    def _change_staff(self, session: Any, do: str, given: dict[str, Any]) -> None:
        """Somebody goes over to another team, or has a last day; both are at the staff desk, and no event of a case."""
        needed = {"transfer": {"person", "team"}, "end": {"person", "last_day"}}[do]
        if set(given) != needed:
            raise WrongScenario(f"do: {do} needs with: {{{', '.join(sorted(needed))}}}")
        person = staff.person_named(session, str(given["person"]))
        if do == "transfer":
            staff.move_to_team(session, person, str(given["team"]))
        elif last := day(given["last_day"]):
            staff.end_employment(session, person, last, self.now)

    def _flow(self, step: dict[str, Any]) -> type[Flow]:
        """The workflow a step speaks of; leads where it names none."""
        name = str(step.get("flow", "lead"))
        if name not in FLOWS:
            raise WrongScenario(f"flow: there is no {name!r}; known are {', '.join(FLOWS)}")
        return FLOWS[name]

    def _duty_ask(self, session: Any, by: Actor, do: str, facts: dict[str, Any]) -> Ask:
        """One's own place, or that of the consultant named; who has none yet is named in the facts."""
        named = facts.get("consultant")
        who = by if named is None else staff.actor_named(session, str(named))
        duty = duty_of(session, staff.ensure_company(session).id, who.id)
        facts = {key: value for key, value in facts.items() if duty is None or key != "consultant"}
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

    def _code(self, session: Any, flow: type[Flow], name: Any) -> str:
        """The code of a case by the scenario's name for it: the one it gave, or what people who know no code call it by; what a
        lead brought about by the lead, and a deduction of a round by the round and its kind (`K1 left_post`)."""
        base, _space, kind = str(name).partition(" ")
        known = self.codes.get(base, base)
        if not kind and (found := called_so(session, flow, known)):
            return found
        table: Any = flow.table
        for column in ("round_code",) if kind else ("lead_code",):
            if hasattr(table, column):
                wanted = select(table.code).where(getattr(table, column) == known).order_by(table.id.desc())
                wanted = wanted.where(table.kind == kind) if kind else wanted
                if found := session.scalar(wanted.limit(1)):
                    return str(found)
        return known

    def _approval(self, session: Any, step: dict[str, Any]) -> str:
        """The latest approval of this case and event, the pending one if there is one."""
        name = step.get("lead", step.get("case"))
        codes = {self._code(session, flow, name) for flow in FLOWS.values()}
        wanted = select(Approval).where(Approval.case_code.in_(codes))
        if "event" in step:
            wanted = wanted.where(Approval.event == step["event"])
        found = sorted(session.scalars(wanted), key=lambda a: (a.state == "pending", a.id))
        return found[-1].code if found else "none"


def _unquoted(value: Any, text: bool) -> Any:
    """YAML reads an unquoted time or number as one; a field that holds text takes it as it was written."""
    if isinstance(value, date | datetime):
        return value.isoformat()
    return str(value) if text and isinstance(value, int | float) and not isinstance(value, bool) else value


def _texts(flow: type[Flow], event: str) -> set[str]:
    """The fields of an event that hold text."""
    steps = flow.by_event().get(event, [])
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
