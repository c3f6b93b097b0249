"""A second, small telling of the lead lifecycle in plain Python, written from the specification and from nothing else:
it imports no rule of the program. The simulation plays the same days in both and compares."""

from __future__ import annotations

import calendar
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

LOCAL = timedelta(hours=8)  # Asia/Shanghai has had no summer time since 1991
OPEN = ("captured", "screened", "visited", "assigned", "unconverted", "reclaimed")
CHANNELS = {"flyer", "exhibition", "group_purchase", "call_in", "walk_in", "online", "referral", "partner"}
INVALID = {"no_demand", "not_considering", "unreachable", "wrong_number", "duplicate"}
PUBLIC, CLOCK = "public", "clock"


@dataclass
class Human:
    name: str
    roles: set[str]
    team: str | None = None


@dataclass
class Timer:
    due: datetime
    order: int


@dataclass(eq=False)
class Lead:
    key: int
    phone: str
    channel: str
    promoter: str | None
    public: bool
    state: str = "captured"
    outcome: str | None = None
    holder: str | None = None
    offered_to: str | None = None
    declined: list[str] = field(default_factory=list)
    screened: bool = False
    visited_at: datetime | None = None
    lost_by: str | None = None
    lost_at: datetime | None = None
    timers: dict[str, Timer] = field(default_factory=dict)
    events: list[str] = field(default_factory=list)


@dataclass(eq=False)
class Request:
    lead: Lead
    event: str
    by: str
    data: dict[str, Any]
    state: str = "pending"
    timers: dict[str, Timer] = field(default_factory=dict)


class No(Exception):
    """A refusal, with its code."""


def add_days(at: datetime, days: int) -> datetime:
    return at + timedelta(days=days)  # no summer time: the same local time


def add_month(at: datetime) -> datetime:
    local = at + LOCAL
    year, month = (local.year + local.month // 12, local.month % 12 + 1)
    day = min(local.day, calendar.monthrange(year, month)[1])
    return local.replace(year=year, month=month, day=day) - LOCAL


def text(data: dict[str, Any], name: str, needed: bool = True) -> bool:
    value = data.get(name)
    return (not needed and value is None) or (
        isinstance(value, str) and bool(value.strip()) and len(value) <= 500
    )


def whole(data: dict[str, Any], name: str, low: int, high: int = 10**12, needed: bool = True) -> bool:
    value = data.get(name)
    if value is None:
        return not needed
    return isinstance(value, int) and not isinstance(value, bool) and low <= value <= high


def mainland(phone: Any) -> str | None:
    """The eleven digits of the numbers the simulation makes up, in the spellings it uses; None for its wrong ones."""
    digits = str(phone).removeprefix("+86").replace(" ", "").replace("-", "")
    return digits if len(digits) == 11 and digits.startswith(("138", "139")) and digits.isdigit() else None


def well_formed(event: str, data: dict[str, Any]) -> bool:
    checks: dict[str, Callable[[], bool]] = {
        "capture": lambda: (
            text(data, "name")
            and mainland(data.get("phone")) is not None
            and data.get("channel") in CHANNELS
            and data.get("consent") is True
        ),
        "screen": lambda: (
            text(data, "demand")
            and data.get("intent") in {"A", "B", "C"}
            and whole(data, "budget_fen", 0, needed=False)
        ),
        "visit": lambda: "party_size" not in data or whole(data, "party_size", 1, 500),
        "decline": lambda: text(data, "reason"),
        "appoint": lambda: text(data, "consultant"),
        "accept": lambda: text(data, "signature"),
        "follow_up": lambda: text(data, "note"),
        "reassign": lambda: text(data, "consultant") and text(data, "reason"),
        "reclaim": lambda: text(data, "callback") and text(data, "holder"),
        "release": lambda: text(data, "reason"),
        "extend": lambda: whole(data, "days", 1, 30) and text(data, "reason"),
        "deal": lambda: (
            whole(data, "units", 1) and text(data, "contract_no") and whole(data, "amount_fen", 0)
        ),
        "invalidate": lambda: data.get("reason") in INVALID,
        "lose": lambda: text(data, "reason"),
        "expose": lambda: text(data, "evidence"),
    }
    return checks[event]() if event in checks else True


class Office:
    """The people, their leads, and the time. Every method that acts raises `No` with the code of the refusal."""

    def __init__(
        self, people: list[Human], now: datetime, claims: int = 0, held: int = 0, wait: int = 0
    ) -> None:
        self.people = {human.name: human for human in people}
        self.now, self.claims_per_day, self.held_most, self.return_days = now, claims, held, wait
        self.leads: list[Lead] = []
        self.requests: list[Request] = []
        self.queue: list[str] = []
        self.staff_phones: set[str] = set()
        self.claims: list[tuple[str, datetime]] = []
        self.clock_order = 0

    # --- who ---------------------------------------------------------------------------------------------------

    def roles(self, who: str) -> set[str]:
        return self.people[who].roles if who in self.people else {who}

    def team(self, who: str | None) -> str | None:
        return self.people[who].team if who in self.people else None

    def sees(self, who: str, lead: Lead) -> bool:
        roles = self.roles(who)
        if roles & {"reception", "manager", "sales_manager", "finance", "auditor", "clock"}:
            return True
        if who in self.people and who in (lead.promoter, lead.holder, lead.offered_to) and roles != {"admin"}:
            return True
        pooled = lead.state == "reclaimed" and lead.holder is None
        if roles & {"member", "leader"} and pooled:
            return True
        mine = self.team(who)
        return (
            "leader" in roles
            and mine is not None
            and mine in (self.team(lead.promoter), self.team(lead.holder))
        )

    def leads_team(self, who: str, lead: Lead) -> bool:
        return (
            "leader" in self.roles(who)
            and lead.promoter is not None
            and self.team(who) is not None
            and self.team(who) == self.team(lead.promoter)
        )

    def may(self, who: str, event: str, lead: Lead) -> bool:
        """The column "who may"."""
        roles, promoter, holder = self.roles(who), who == lead.promoter, who == lead.holder
        offered, has = who == lead.offered_to, lambda *names: bool(roles & set(names))
        early = lead.state in ("captured", "screened")
        return {
            "screen": promoter or self.leads_team(who, lead) or has("manager"),
            "visit": has("reception"),
            "decline": offered or has("clock"),
            "appoint": has("sales_manager"),
            "accept": offered,
            "follow_up": holder or has("manager"),
            "reassign": has("sales_manager"),
            "lapse": has("clock"),
            "reclaim": has("manager"),
            "expire": has("clock"),
            "claim": has("member", "leader"),
            "release": holder or has("manager"),
            "extend": holder or promoter,
            "deal": holder,
            "invalidate": (promoter or has("leader", "manager")) if early else (offered or holder),
            "lose": holder,
            "expose": has("leader", "manager", "auditor"),
        }[event]

    # --- when --------------------------------------------------------------------------------------------------

    @staticmethod
    def possible(event: str, lead: Lead) -> bool:
        """The column "from → to"."""
        pooled = lead.state == "reclaimed" and lead.holder is None
        special = {"claim": pooled, "release": lead.state == "reclaimed" and not pooled}
        states: dict[str, tuple[str, ...]] = {
            "screen": ("captured",),
            "visit": ("screened",),
            "decline": ("visited",),
            "appoint": ("visited",),
            "accept": ("visited",),
            "follow_up": ("assigned", "unconverted", "reclaimed"),
            "reassign": ("assigned",),
            "lapse": ("assigned",),
            "reclaim": ("unconverted",),
            "expire": OPEN[:5],
            "extend": ("screened", "visited", "assigned", "unconverted"),
            "deal": ("assigned", "unconverted", "reclaimed"),
            "invalidate": ("captured", "screened", "visited", "assigned"),
            "lose": ("assigned", "unconverted", "reclaimed"),
            "expose": OPEN,
        }
        return special[event] if event in special else lead.state in states[event]

    @staticmethod
    def approver(event: str, state: str) -> str | None:
        """The column "approval"."""
        if event in ("reclaim", "extend", "deal", "expose") or (
            event == "invalidate" and state in ("visited", "assigned")
        ):
            return "sales_manager"
        return "leader or manager" if event == "lose" else None

    # --- what --------------------------------------------------------------------------------------------------

    def capture(self, who: str, data: dict[str, Any]) -> Lead:
        if not self.roles(who) & {"member", "leader", "manager", "reception", PUBLIC}:
            raise No("not_permitted")
        if not well_formed("capture", data):
            raise No("invalid_data")
        phone = mainland(data["phone"])
        assert phone
        if phone in self.staff_phones:
            raise No("guard_failed")
        same = [lead for lead in self.leads if lead.phone == phone and lead.state != "closed"]
        unscreened = [lead for lead in same if lead.public and not lead.screened and lead.state == "captured"]
        if same and (who == PUBLIC or same != unscreened):
            raise No("conflict")
        lead = Lead(len(self.leads), phone, data["channel"], None if who == PUBLIC else who, who == PUBLIC)
        self.leads.append(lead)
        lead.events.append("capture")
        if lead.channel == "call_in":
            self.start(lead, "expire", add_days(self.now, 14))
        self.start(lead, "screening_reminder", self.now + timedelta(hours=24))
        for other in unscreened:
            self.close(other, "invalid", "invalidate")
        return lead

    def ask(self, who: str, event: str, lead: Lead, data: dict[str, Any]) -> str:
        """Ask for an event: "taken", or "requested" where an approval was opened."""
        self.check(who, event, lead, data)
        if self.approver(event, lead.state):
            if any(r.lead is lead and r.event == event and r.state == "pending" for r in self.requests):
                raise No("conflict")
            request = Request(lead, event, who, data)
            self.start(request, "approval_reminder", self.now + timedelta(hours=24))
            self.start(request, "approval_escalation", self.now + timedelta(hours=72))
            self.requests.append(request)
            return "requested"
        self.happen(who, event, lead, data)
        return "taken"

    def check(self, who: str, event: str, lead: Lead, data: dict[str, Any]) -> None:
        if not self.sees(who, lead):
            raise No("not_found")
        if not self.possible(event, lead):
            raise No("not_allowed_from_state")
        if not self.may(who, event, lead):
            raise No("not_permitted")
        if not well_formed(event, data) or any(
            data[f] not in self.people for f in ("consultant", "holder") if f in data
        ):
            raise No("invalid_data")
        if not self.guards_hold(who, event, lead, data):
            raise No("guard_failed")
        if event == "screen" and lead.public and self.protected_elsewhere(lead):
            raise No("conflict")

    def protected_elsewhere(self, lead: Lead) -> bool:
        return any(
            o.phone == lead.phone and o is not lead and o.state != "closed" and (o.screened or not o.public)
            for o in self.leads
        )

    def guards_hold(self, who: str, event: str, lead: Lead, data: dict[str, Any]) -> bool:
        if event == "visit":
            return lead.screened
        if event == "decline":
            return lead.offered_to is not None
        if event in ("appoint", "reassign") and "consultant" not in self.roles(data["consultant"]):
            return False
        if event == "reassign":
            return str(data["consultant"]) != lead.holder
        if event == "reclaim":
            return bool(self.roles(data["holder"]) & {"member", "leader"})
        return event != "claim" or self.may_claim(who, lead)

    def may_claim(self, who: str, lead: Lead) -> bool:
        today = (self.now + LOCAL).date()
        if (
            self.claims_per_day
            and sum(p == who and (at + LOCAL).date() == today for p, at in self.claims) >= self.claims_per_day
        ):
            return False
        if (
            self.held_most
            and sum(o.holder == who and o.state == "reclaimed" for o in self.leads) >= self.held_most
        ):
            return False
        lost = self.return_days and lead.lost_by == who and lead.lost_at is not None
        return not (lost and self.now < lead.lost_at + timedelta(days=self.return_days))  # type: ignore[operator]

    def happen(self, who: str, event: str, lead: Lead, data: dict[str, Any]) -> None:
        lead.events.append(event)
        acts = {
            "screen": lambda: self.screen(lead),
            "visit": lambda: self.visit(lead),
            "decline": lambda: self.decline(lead),
            "appoint": lambda: self.offer(lead, data["consultant"]),
            "accept": lambda: self.accept(lead, who),
            "reassign": lambda: setattr(lead, "holder", data["consultant"]),
            "lapse": lambda: setattr(lead, "state", "unconverted"),
            "reclaim": lambda: self.reclaim(lead, data["holder"]),
            "expire": lambda: self.reclaim(lead, None),
            "claim": lambda: self.claim(lead, who),
            "release": lambda: self.lose_hold(lead, lead.holder, None),
            "extend": lambda: self.postpone(lead, data["days"]),
            "deal": lambda: self.close(lead, "deal"),
            "invalidate": lambda: self.close(lead, "invalid"),
            "lose": lambda: self.close(lead, "lost"),
            "expose": lambda: self.close(lead, "fraud"),
        }
        if event in acts:
            acts[event]()
        self.turn()

    def screen(self, lead: Lead) -> None:
        lead.state, lead.screened = "screened", True

    def visit(self, lead: Lead) -> None:
        lead.state, lead.visited_at = "visited", self.now
        self.start(lead, "expire", add_month(self.now))

    def decline(self, lead: Lead) -> None:
        assert lead.offered_to
        lead.declined.append(lead.offered_to)
        lead.offered_to = None
        lead.timers.pop("offer", None)

    def accept(self, lead: Lead, who: str) -> None:
        lead.state, lead.holder, lead.offered_to = "assigned", who, None
        lead.timers.pop("offer", None)
        self.start(lead, "lapse", add_days(self.now, 10))
        if who in self.queue:
            self.queue.remove(who)
            self.queue.append(who)

    def reclaim(self, lead: Lead, holder: str | None) -> None:
        self.lose_hold(lead, lead.holder or (lead.promoter if holder is None else None), holder)
        lead.state, lead.offered_to = "reclaimed", None
        lead.timers.clear()

    def lose_hold(self, lead: Lead, loser: str | None, holder: str | None) -> None:
        lead.lost_by, lead.lost_at, lead.holder = loser, self.now, holder

    def claim(self, lead: Lead, who: str) -> None:
        lead.holder = who
        self.claims.append((who, self.now))

    def postpone(self, lead: Lead, days: int) -> None:
        for name in ("lapse", "expire"):
            if name in lead.timers:
                lead.timers[name].due = add_days(lead.timers[name].due, days)

    def close(self, lead: Lead, outcome: str, event: str = "") -> None:
        lead.state, lead.outcome, lead.offered_to = "closed", outcome, None
        lead.timers.clear()
        if event:
            lead.events.append(event)

    # --- the rotation ------------------------------------------------------------------------------------------

    def turn(self) -> None:
        """Every customer at the desk without an offer, who came first first, to whose turn it is among the free."""
        waiting = [lead for lead in self.leads if lead.state == "visited" and lead.offered_to is None]
        for lead in sorted(waiting, key=lambda each: (each.visited_at, each.key)):
            busy = {other.offered_to for other in self.leads if other.state == "visited"}
            willing = [who for who in self.queue if who not in busy and who not in lead.declined]
            if willing:
                lead.events.append("offer")
                self.offer(lead, willing[-1] if lead.declined else willing[0])

    def offer(self, lead: Lead, consultant: str) -> None:
        lead.offered_to = consultant
        self.start(lead, "offer", self.now + timedelta(minutes=15))

    def join(self, who: str) -> None:
        if "consultant" not in self.roles(who):
            raise No("not_permitted")
        if who in self.queue:
            raise No("not_allowed_from_state")
        self.queue.append(who)
        self.turn()

    def leave(self, who: str) -> None:
        if who not in self.queue:
            raise No("not_allowed_from_state")
        self.queue.remove(who)

    # --- approvals ---------------------------------------------------------------------------------------------

    def decide(self, who: str, decision: str, request: Request) -> str:
        """Approve, reject or withdraw; what became of the request."""
        lead = request.lead
        if not (who == request.by or self.sees(who, lead)):
            raise No("not_found")
        if request.state != "pending":
            raise No("not_allowed_from_state")
        if decision == "withdraw":
            if who != request.by:
                raise No("not_permitted")
        elif not self.may_approve(who, request):
            raise No("not_permitted")
        elif who in (request.by, lead.promoter, lead.holder, request.data.get("holder")):
            raise No("guard_failed")
        request.timers.clear()
        request.state = {"approve": "approved", "reject": "rejected", "withdraw": "withdrawn"}[decision]
        if decision == "approve":
            self.fire_approved(request)
        return request.state

    def may_approve(self, who: str, request: Request) -> bool:
        if request.event == "lose":
            return "manager" in self.roles(who) or self.leads_team(who, request.lead)
        return "sales_manager" in self.roles(who)

    def fire_approved(self, request: Request) -> None:
        """The event as it was asked for, now; if it no longer fits, the request is overtaken."""
        try:
            self.check(request.by, request.event, request.lead, request.data)
            if not self.approver(request.event, request.lead.state):
                raise No("not_allowed_from_state")
        except No:
            request.state = "expired"
        else:
            self.happen(request.by, request.event, request.lead, request.data)

    # --- time --------------------------------------------------------------------------------------------------

    def start(self, case: Lead | Request, name: str, due: datetime) -> None:
        self.clock_order += 1
        case.timers[name] = Timer(due, self.clock_order)

    def next_timer(self) -> tuple[Timer, Lead | Request, str] | None:
        """The timer that comes due first, leaving out those that wait for the decision on a deal."""
        cases: list[Lead | Request] = [*self.leads, *self.requests]
        running = [
            (t, case, name) for case in cases for name, t in case.timers.items() if not self.waits(case, name)
        ]
        return min(running, key=lambda each: (each[0].due, each[0].order), default=None)

    def waits(self, case: Lead | Request, name: str) -> bool:
        pending = any(r.lead is case and r.event == "deal" and r.state == "pending" for r in self.requests)
        return name in ("lapse", "expire") and pending

    def pass_time(self, to: datetime, asleep: bool) -> None:
        """Time goes on; what comes due fires at its own instant, or all at the end when the house was asleep."""
        if asleep:
            self.now = to
        while (found := self.next_timer()) and found[0].due <= to:
            self.now = max(self.now, found[0].due)
            self.fire(found[1], found[2])
        self.now = to

    def fire(self, case: Lead | Request, name: str) -> None:
        del case.timers[name]
        event = {"lapse": "lapse", "expire": "expire", "offer": "decline"}.get(name)
        if isinstance(case, Lead) and event and self.possible(event, case):
            self.happen(CLOCK, event, case, {"reason": "no_answer"})


__all__ = ["CLOCK", "PUBLIC", "UTC", "Human", "Lead", "No", "Office", "Request"]
