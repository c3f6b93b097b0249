"""New policy numbers (制度修订): drafted, checked by finance or the auditor, approved by the sales manager, never by their
author, and in force from a day to come. Nothing that runs is moved by them."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from typing import Any

from pydantic import Field, StrictInt, field_validator
from sqlalchemy import ColumnElement, false, func, select, true

from models.machinery import PolicyVersion
from models.money import PolicyDraft
from workflows import policy as policies
from workflows.engine.actor import CLOCK, Actor
from workflows.engine.flow import Facts, Flow, NoFacts, State, guard, opening, step
from workflows.engine.news import News, named, those_with
from workflows.engine.take import Ask, Check
from workflows.engine.who import Admin, Auditor, Finance, Manager, SalesManager, relation
from workflows.lead_facts import Clean, maybe, text
from workflows.money.agreed import DESKS
from workflows.money.months import Day
from workflows.words import _

Author = relation(
    "author",
    _("who drafted it"),
    {"manager", "sales_manager", "finance", "admin"},
    lambda a, case: a.id is not None and a.id == case.author_id,
)


class Draft(Facts):
    """The numbers that change, by their names, and the day from which they are in force."""

    numbers: dict[str, StrictInt] = Field(title=_("Numbers"), min_length=1)
    effective_on: Day = Field(title=_("In force from"))
    why: Clean = text(_("Why"), limit=2000, input="area")

    @field_validator("numbers")
    @classmethod
    def could_come_into_force(cls, value: dict[str, int]) -> dict[str, int]:
        if "version" in value:  # the row's own name, which `checked` overlooks
            raise ValueError(_("There is no such field."))
        policies.checked(value)
        return value


class Remark(Facts):
    note: Clean | None = maybe(_("Note"), limit=2000, input="area")


def begins_at(check: Check, day: date) -> datetime:
    """The first instant of a day of the company."""
    return datetime.combine(day, time.min, policies.zone(check.session)).astimezone(UTC)


@guard(
    _("The day must lie in the future: nothing that was earned is changed."), instead=_("Choose a later day.")
)
def is_to_come(check: Check) -> bool:
    day = getattr(check.facts, "effective_on", None) or check.case.effective_on
    return begins_at(check, day) > check.at


@guard(
    _("Other numbers are in force from %(day)s: they would end these."),
    instead=_("Choose that day or a later one."),
)
def is_the_last_to_come(check: Check) -> bool | dict[str, Any]:
    """A version carries the numbers that were in force when it was adopted; what came between would be lost on its day."""
    at = begins_at(check, check.case.effective_on)
    later = select(func.max(PolicyVersion.effective_at)).where(PolicyVersion.effective_at > at)
    found = check.session.scalar(later)
    return {"day": found.astimezone(policies.zone(check.session)).date()} if found else True


@guard(_("Who drafted it cannot check it."), instead=_("Ask finance or the auditor."))
def is_checked_by_another(check: Check) -> bool:
    return bool(check.by.id != check.case.author_id)


class PolicyFlow(Flow):
    """制度: a version of the policy numbers on its way into force."""

    flow_name, noun, prefix, table = "policy", "draft", "P", PolicyDraft
    label = _("Policy version")
    about = _("New numbers of the policy on their way into force.")
    room, topic = "money", "policy"
    news = (
        News(".drafted", _("New policy numbers wait to be checked."), those_with("finance", "auditor")),
        News(".checked", _("Your policy numbers were checked: ask for their approval."), named("author_id")),
        News(
            ".adopted",
            _("New policy numbers will be in force."),
            those_with("leader", "manager", "sales_manager", "finance", "auditor"),
        ),
    )
    remembers = ("numbers", "effective_on", "author_id", "checked_by_id", "adopted_version")

    drafted = State(_("Drafted"), initial=True)
    checked = State(_("Checked"))
    adopted = State(_("Adopted"), final=True)
    discarded = State(_("Discarded"), final=True)

    @opening(
        label=_("Draft"),
        by=Manager | SalesManager | Finance | Admin,
        guards=is_to_come,
        announces="policy.drafted",
    )
    def draft(self, draft: PolicyDraft, facts: Draft, ask: Ask) -> None:
        """Say which numbers should change, from when, and why."""
        draft.numbers, draft.effective_on, draft.why = facts.numbers, facts.effective_on, facts.why
        draft.author_id = ask.by.id

    @step(
        drafted.to(checked),
        label=_("Check"),
        by=Finance | Auditor,
        guards=(is_checked_by_another, is_to_come),
        announces="policy.checked",
    )
    def check(self, draft: PolicyDraft, facts: Remark, ask: Ask) -> None:
        """Somebody else has gone through the numbers."""
        draft.checked_by_id = ask.by.id

    @step(
        checked.to(adopted),
        label=_("Adopt"),
        by=Author,
        approved_by=SalesManager,
        guards=(is_to_come, is_the_last_to_come),
        announces="policy.adopted",
        serial=True,
    )
    def adopt(self, draft: PolicyDraft, facts: NoFacts, check: Check) -> None:
        """The sales manager agrees: the numbers are in force from their day on."""
        at = begins_at(check, draft.effective_on)
        numbers = policies.in_force(check.session, at).model_dump() | draft.numbers
        draft.adopted_version = policies.enact(check.session, numbers, at, draft.code).version

    @step(discarded.from_(drafted, checked), label=_("Discard"), by=Author, announces="policy.discarded")
    def discard(self, draft: PolicyDraft, facts: NoFacts) -> None:
        """It will not be."""

    @classmethod
    def seen_by(cls, actor: Actor) -> ColumnElement[bool]:
        return true() if actor is CLOCK or actor.has(*DESKS, "admin", "leader") else false()

    @classmethod
    def gains(cls, case: PolicyDraft, facts: Facts) -> set[int]:
        """The author does not approve their own numbers."""
        return {case.author_id} if case.author_id is not None else set()

    @classmethod
    def tells(cls, case: PolicyDraft) -> dict[str, Any]:
        return {"author_id": case.author_id, "version": case.adopted_version}
