"""What the API answers, as types: the document is made of them, and the tests hold every answer against them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Bilingual = dict[Literal["zh", "en"], str]


class Shape(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Lead(Shape):
    """A lead as the caller may see it; `masked` says whether name and phone are."""

    code: str
    state: Literal["captured", "screened", "visited", "assigned", "unconverted", "reclaimed", "closed"]
    outcome: Literal["deal", "invalid", "lost", "fraud"] | None
    project: str
    name: str
    phone: str
    masked: bool
    channel: str
    demand: str | None
    intent: Literal["A", "B", "C"] | None
    budget_fen: int | None
    area_m2: int | None
    spot: str | None
    campaign: str | None
    note: str | None
    party_size: int | None
    promoter: str | None
    holder: str | None
    offered_to: str | None
    previous: str | None
    captured_at: datetime
    screened_at: datetime | None
    visited_at: datetime | None
    offered_at: datetime | None
    assigned_at: datetime | None
    unconverted_at: datetime | None
    reclaimed_at: datetime | None
    closed_at: datetime | None
    next_at: datetime | None
    close_reason: str | None
    units: int | None
    contract_no: str | None
    amount_fen: int | None
    version: int


class Case(BaseModel):
    """A case of any other workflow: where it stands, and what it remembers."""

    model_config = ConfigDict(extra="allow")
    code: str
    state: str
    version: int


class Approval(Shape):
    """A request with its data frozen, and what became of it."""

    id: str
    status: Literal["pending", "approved", "rejected", "expired", "withdrawn"]
    flow: str
    code: str = Field(description="The case it is about.")
    event: str
    data: dict[str, Any]
    approver: str
    requested_by: str | None
    requested_at: datetime
    decided_by: str | None
    decided_at: datetime | None
    note: str | None
    reason: str | None
    version: int


class Opened(Shape):
    """The event needs somebody's consent: it was asked for, and has not happened yet."""

    approval: Approval


class LeadPage(Shape):
    items: list[Lead]
    next: str | None


class CasePage(Shape):
    items: list[Case]
    next: str | None


class ApprovalPage(Shape):
    items: list[Approval]
    next: str | None


class Happening(Shape):
    seq: int
    event: str
    from_: str | None = Field(alias="from")
    to: str
    by: str
    approved_by: str | None
    at: datetime
    due_at: datetime | None
    facts: dict[str, Any]
    changes: dict[str, Any]
    hash: str


class History(Shape):
    """Everything that happened to a case, in order; each row bears the hash of the chain."""

    items: list[Happening]


class Timer(Shape):
    name: str
    state: Literal["pending", "fired", "cancelled", "parked"]
    started_at: datetime
    due_at: datetime
    ended_at: datetime | None
    waits_for: str | None
    result: str | None
    late_seconds: float | None


class Timers(Shape):
    items: list[Timer]


class Place(Shape):
    position: int
    name: str
    code: str
    state: Literal["present", "busy"]
    lead: str | None


class Queue(Shape):
    """The consultants on duty, the head first; `lead` is what is offered to them, where the caller may see it."""

    project: str
    queue: list[Place]


Month = Annotated[str, Field(pattern=r"^20\d\d-(0[1-9]|1[0-2])$")]


class Line(Shape):
    """A line of a statement. `late` says that it was earned in an earlier month, closed since; `customer` is masked."""

    cause: str
    kind: str
    label: str
    amount_fen: int
    month: Month
    earned_month: Month
    late: bool
    clause: str
    policy_version: int
    workflow: str
    code: str
    lead: str | None
    customer: str | None
    at: datetime
    posted_at: datetime | None
    reverses: str | None = Field(description="The key of the journal that this one reverses.")
    why: str


class Statement(Shape):
    """What a person or a team earned in a month (`lines`, as posted), what earned nothing and why, and, while the month is
    open, what its end would add."""

    name: str
    month: Month
    state: Literal["open", "submitted", "approved", "paid", "locked"]
    total_fen: int
    paid_fen: int
    by_kind: dict[str, int]
    lines: list[Line]
    nothing: list[Line]
    to_come: list[Line]


class Entry(Shape):
    """One side of a journal: so many fen to an account, or from it. The entries of a journal add up to nothing."""

    id: int
    journal: str
    at: datetime
    month: Month
    earned_month: Month
    account: Literal["person", "team", "company"]
    person: str | None
    team: str | None
    kind: str
    amount_fen: int
    cause: str
    clause: str
    policy_version: int
    workflow: str
    code: str
    reverses: str | None = Field(description="The key of the journal that this one's journal reverses.")


class EntryPage(Shape):
    items: list[Entry]
    next: str | None


class Pending(Shape):
    """Something to look at: how often, and the cases or people it is about."""

    kind: str
    says: str
    count: int
    about: list[str]


class Difference(Shape):
    """A sum of one account and kind that is not what it was."""

    name: str
    kind: str
    before_fen: int
    now_fen: int


class Checklist(Shape):
    """`blockers` must be decided before the month can be submitted; `warnings` would count as nothing; `changes` is what
    differs from the calculation that was last sent back, and null where none was."""

    month: Month
    code: str
    state: Literal["open", "submitted", "approved", "paid", "locked"]
    blockers: list[Pending]
    warnings: list[Pending]
    changes: list[Difference] | None


class WorkflowName(Shape):
    name: str
    label: Bilingual
    href: str


class Workflows(Shape):
    items: list[WorkflowName]


class State(Shape):
    name: str
    label: Bilingual
    initial: bool
    final: bool


class Group(Shape):
    key: str
    label: Bilingual
    roles: list[str]


class Rule(Shape):
    name: str
    says: Bilingual
    code: str


class Event(Shape):
    name: str
    label: Bilingual
    doc: str
    from_: list[str] = Field(alias="from")
    to: str
    who: list[Group]
    approval: list[Group] | None
    fields: dict[str, Any] = Field(description="JSON Schema of its data")
    guards: list[Rule]
    starts: list[str]
    announces: list[str]


class Clock(Shape):
    name: str
    label: Bilingual
    event: str | None
    fact: str | None
    waits_for: str | None


class Workflow(Shape):
    """A workflow as its machine says it. `events` are what people take, `automatic` what happens by itself."""

    name: str
    label: Bilingual
    cases: str
    picture: str
    states: list[State]
    events: list[Event]
    automatic: list[Event]
    timers: list[Clock]


class Form(Shape):
    token: str
    fields: list[str]
    trap: str = Field(
        description="A field of this name must stay empty: people do not see it, machines fill it."
    )
    wait_seconds: int
    valid_seconds: int


class Received(Shape):
    """The same for a new phone and for one that is protected already."""

    received: Literal[True]


class Problem(BaseModel):
    """RFC 9457. `code` is stable; `detail` and `errors` are in the reader's language."""

    model_config = ConfigDict(extra="forbid")
    type: str
    title: str
    status: int
    code: str
    detail: str
    errors: dict[str, str] = {}
    rule: str = ""
    who: list[str] = []
    instead: str = ""


ALL: tuple[type[BaseModel], ...] = (
    Lead, Case, Approval, Opened, LeadPage, CasePage, ApprovalPage, History, Timers, Queue, Statement, EntryPage, Checklist,
    Workflows, Workflow, Form, Received, Problem,
)  # fmt: skip
