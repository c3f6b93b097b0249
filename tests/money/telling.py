"""A second, small telling of the money in plain Python, written from the specification and from nothing else: it imports
no rule of the program. Unlike the program, which reckons from history, it keeps its books as things happen."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, timezone
from fractions import Fraction

LOCAL = timezone(timedelta(hours=8))
CALL_VISIT, VISIT, DEAL, LEADER = 1_000, 5_000, 50_000, 10_000
AWARDS = {"call_visit_award": 30_000, "visit_award": 60_000, "deal_award": 100_000}
MINIMUM_MONTH, MINIMUM_DAY, CAP = 200_000, 4_800, 20
HALF_DAYS = {
    "left_post": 1, "absent_unnoticed": 2, "wandering": 1, "bad_mood": 1, "destroyed_material": 2, "fake_lead": 2,
}  # fmt: skip
FINES = {"attendance": 2_000, "appearance": 1_000, "conduct": 2_000}
LEADERS_PART = {
    "left_post": 1_000, "absent_unnoticed": 2_000, "wandering": 2_000, "crowding": 1_000, "destroyed_material": 2_000,
}  # fmt: skip
Line = tuple[str, str, int]  # account, kind, fen


def month_of(at: datetime) -> str:
    return f"{at.astimezone(LOCAL):%Y-%m}"


def after(month: str, by: int = 1) -> str:
    """The month so many months later."""
    count = int(month[:4]) * 12 + int(month[5:]) - 1 + by
    return f"{count // 12}-{count % 12 + 1:02}"


def half_up(value: Fraction) -> int:
    return int(value + Fraction(1, 2))  # nothing here is below nothing


@dataclass(eq=False)
class Visit:
    lead: str
    promoter: str | None
    team: str | None
    channel: str
    outreach: bool
    month: str
    void: bool = False

    @property
    def counts(self) -> bool:
        earning = self.outreach and self.promoter is not None and self.channel not in ("walk_in", "partner")
        return earning and not self.void


@dataclass(eq=False)
class Sale:
    lead: str
    seller: str | None
    team: str | None
    leader: str | None
    units: int
    partner: bool
    month: str
    rescinded: bool = False


@dataclass(eq=False)
class Charge:
    """A deduction: `member` takes the place of the usual amount once it was reduced."""

    kind: str
    person: str
    also: str | None
    leader: str | None
    day: date
    serious: bool = False
    state: str = "reported"
    due: datetime | None = None
    member: int | None = None
    leaders: int = 0
    month: str = ""
    judge: str = ""
    reporter: str = ""


@dataclass(eq=False)
class Split:
    team: str
    shares: dict[str, int]
    month: str
    undone: bool = False


@dataclass
class Books:
    """Everything that is known, and what stands in the ledger by month, account and kind."""

    teams: dict[str, str | None]
    leaders: dict[str, str]
    ledger: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    visits: list[Visit] = field(default_factory=list)
    sales: list[Sale] = field(default_factory=list)
    charges: list[Charge] = field(default_factory=list)
    splits: list[Split] = field(default_factory=list)
    quotas: dict[tuple[str, str], tuple[int, int]] = field(default_factory=dict)
    terms: dict[str, list[tuple[str, str, int]]] = field(default_factory=dict)
    sheets: dict[tuple[str, str], tuple[int, int]] = field(default_factory=dict)
    months: dict[str, str] = field(default_factory=dict)
    standing: dict[tuple[str, str], dict[str, tuple[str, int]]] = field(default_factory=dict)
    closing: dict[str, list[Line]] = field(default_factory=dict)
    settled: list[Charge] = field(default_factory=list)
    prizes: dict[str, int] = field(default_factory=lambda: dict(AWARDS))

    # --- the ledger --------------------------------------------------------------------------------------------

    def closed(self, month: str) -> bool:
        return any(state != "open" and each >= month for each, state in self.months.items())

    def into(self, month: str) -> str:
        """Nothing is posted into a month past open: what is late goes to the next."""
        while self.closed(month):
            month = after(month)
        return month

    def post(self, month: str, account: str, kind: str, fen: int) -> None:
        self.ledger[month, account, kind] += fen

    def nets(self) -> dict[tuple[str, str, str], int]:
        return {key: fen for key, fen in self.ledger.items() if fen}

    def leader_of(self, team: str | None, person: str | None) -> str | None:
        """The leader of a team, if another person."""
        leader = self.leaders.get(team or "")
        return leader if leader != person else None

    # --- visits ------------------------------------------------------------------------------------------------

    def visited(self, lead: str, promoter: str | None, channel: str, outreach: bool, at: datetime) -> None:
        team = self.teams.get(promoter or "")
        self.visits.append(Visit(lead, promoter, team, channel, outreach, month_of(at)))
        self.recount(promoter, month_of(at))

    def voided(self, lead: str) -> None:
        """Closed as fraud or, after the visit, invalid: it no longer counts."""
        for visit in self.visits:
            if visit.lead == lead:
                visit.void = True
                self.recount(visit.promoter, visit.month)

    def quota(self, person: str, month: str, calls: int, visits: int) -> None:
        self.quotas[person, month] = (calls, visits)
        self.recount(person, month)

    def recount(self, person: str | None, month: str) -> None:
        """The visits of one month in order: those after the quota-th earn; what changed is reversed and posted anew."""
        if person is None:
            return
        calls, others = self.quotas.get((person, month), (0, 0))
        left = {True: calls, False: others}
        now: dict[str, tuple[str, int]] = {}
        for visit in self.visits:
            if visit.promoter == person and visit.month == month and visit.counts:
                call = visit.channel == "call_in"
                left[call] -= 1
                if left[call] < 0:
                    now[visit.lead] = ("call_visit_bonus", CALL_VISIT) if call else ("visit_bonus", VISIT)
        before = self.standing.get((person, month), {})
        for lead in before.keys() - now.keys():
            self.post(self.into(month), person, before[lead][0], -before[lead][1])
        for lead in now.keys() - before.keys():
            self.post(self.into(month), person, *now[lead])
        self.standing[person, month] = now

    # --- sales -------------------------------------------------------------------------------------------------

    def sold(self, lead: str, seller: str | None, units: int, partner: bool, at: datetime) -> None:
        team = self.teams.get(seller or "")
        sale = Sale(lead, seller, team, self.leader_of(team, seller), units, partner, month_of(at))
        self.sales.append(sale)
        self.bonuses(sale, sale.month, 1)

    def called_off(self, sale: Sale, at: datetime) -> None:
        sale.rescinded = True
        self.bonuses(sale, month_of(at), -1)

    def bonuses(self, sale: Sale, month: str, sign: int) -> None:
        if sale.partner or sale.seller is None:
            return
        self.post(self.into(month), sale.seller, "deal_bonus", sign * DEAL * sale.units)
        if sale.leader is not None:
            self.post(self.into(month), sale.leader, "leader_bonus", sign * LEADER * sale.units)

    # --- deductions --------------------------------------------------------------------------------------------

    def reported(self, charge: Charge) -> Charge:
        self.charges.append(charge)
        charge.leaders = LEADERS_PART.get(charge.kind, 0) if charge.leader else 0
        return charge

    def settle(self, charge: Charge) -> None:
        charge.state, charge.month = "settled", self.into(f"{charge.day:%Y-%m}")
        self.settled.append(charge)

    def time_passed(self, now: datetime) -> None:
        """Nobody appealed in time."""
        due = [c for c in self.charges if c.state in ("confirmed", "reduced") and c.due and c.due <= now]
        for charge in sorted(due, key=lambda c: c.due or now):
            self.settle(charge)

    # --- the month's end ---------------------------------------------------------------------------------------

    def submit(self, month: str) -> None:
        lines = [*self.awards(month), *self.wages(month)]
        lines += self.deductions(month, lines)
        self.closing[month] = lines
        for account, kind, fen in lines:
            self.post(month, account, kind, fen)
        self.months[month] = "submitted"

    def send_back(self, month: str) -> None:
        self.months[month] = "open"
        for account, kind, fen in self.closing.pop(month):
            self.post(month, account, kind, -fen)

    def awards(self, month: str) -> list[Line]:
        visits = [v for v in self.visits if v.month == month and v.counts and v.team]
        sales = [s for s in self.sales if s.month == month and s.team and not s.partner and not s.rescinded]
        counted = {
            "call_visit_award": [(v.team, 1) for v in visits if v.channel == "call_in"],
            "visit_award": [(v.team, 1) for v in visits if v.channel != "call_in"],
            "deal_award": [(s.team, s.units) for s in sales],
        }
        return [line for kind, tallies in counted.items() for line in self.award(kind, tallies)]

    def award(self, kind: str, tallies: list[tuple[str | None, int]]) -> list[Line]:
        """Ties share equally, in fen, the remainder to the team that reached the figure first."""
        figures: Counter[str] = Counter()
        last: dict[str, int] = {}
        for place, (team, count) in enumerate(tallies):
            figures[str(team)] += count
            last[str(team)] = place
        best = max(figures.values(), default=0)
        winners = sorted((team for team in figures if figures[team] == best), key=lambda team: last[team])
        each = self.prizes[kind] // max(1, len(winners))
        first = self.prizes[kind] - each * (len(winners) - 1)
        return [(f"team {team}", kind, first if n == 0 else each) for n, team in enumerate(winners)]

    def paid_as(self, person: str, month: str) -> tuple[str, int] | None:
        """On which terms somebody is paid in a month: the latest from it or an earlier one."""
        fitting = [t for t in self.terms.get(person, []) if t[0] <= month]
        newest = max((since for since, _kind, _fen in fitting), default="")
        return next(((kind, fen) for since, kind, fen in reversed(fitting) if since == newest), None)

    def half_days(self, person: str, month: str, count: int) -> Fraction:
        paid = self.paid_as(person, month)
        if paid is None:
            return Fraction(0)
        kind, fen = paid
        return Fraction(fen * count, 2) * (1 if kind == "daily" else Fraction(100, 2175))

    def wages(self, month: str) -> list[Line]:
        lines: list[Line] = []
        for (person, sheet_month), (worked, due) in sorted(self.sheets.items()):
            paid = self.paid_as(person, month)
            if sheet_month != month or paid is None:
                continue
            missed = self.half_days(person, month, due - worked)
            wage = (
                self.half_days(person, month, worked)
                if paid[0] == "daily"
                else max(Fraction(0), paid[1] - missed)
            )
            lines.append((person, "wage", half_up(wage * Fraction(80, 100))))
            lines.append(
                (person, "performance_pay", half_up(wage * Fraction(20, 100) * self.reached(person, month)))
            )
        return lines

    def reached(self, person: str, month: str) -> Fraction:
        calls, others = self.quotas.get((person, month), (0, 0))
        mine = [v for v in self.visits if v.promoter == person and v.month == month and v.counts]
        done = sum(v.channel == "call_in" for v in mine)
        share = [
            min(Fraction(1), Fraction(n, q)) if q else Fraction(1)
            for n, q in ((done, calls), (len(mine) - done, others))
        ]
        return Fraction(30, 100) * share[0] + Fraction(70, 100) * share[1]

    def deductions(self, month: str, lines: list[Line]) -> list[Line]:
        """In the order in which they were settled; what is over the limit is not taken."""
        wages, taken = Counter[str](), Counter[str]()
        for person, kind, fen in lines:
            if kind in ("wage", "performance_pay"):
                wages[person] += fen
        found: list[Line] = []
        for charge in self.settled:
            if charge.month != month:
                continue
            for person, fen in self.parts(charge, month, wages):
                part = min(fen, self.limit(person, month, wages[person]) - taken[person])
                if part > 0:
                    taken[person] += part
                    found.append((person, charge.kind, -part))
        return found

    def parts(self, charge: Charge, month: str, wages: Counter[str]) -> list[tuple[str, int]]:
        """What it costs whom: the other party of a proxy signing, the leader, the member."""
        found = []
        reduced = charge.member is not None
        if charge.also:
            found.append((charge.also, charge.member if charge.member is not None else FINES[charge.kind]))
        if charge.leader and charge.leaders:
            found.append((charge.leader, charge.leaders))
        member = charge.member or 0
        if not reduced and charge.serious and charge.kind == "bad_mood":
            member = half_up(Fraction(wages[charge.person], 2))
        elif not reduced and charge.kind in HALF_DAYS:
            member = half_up(self.half_days(charge.person, month, HALF_DAYS[charge.kind]))
        elif not reduced:
            member = FINES.get(charge.kind, 0)
        return [*found, (charge.person, member)]

    def limit(self, person: str, month: str, wage: int) -> int:
        """20 % of the month's wage at most, and the minimum wage stays."""
        paid, sheet = self.paid_as(person, month), self.sheets.get((person, month))
        if paid is None or sheet is None:
            return 0
        least = MINIMUM_MONTH if paid[0] == "monthly" else half_up(Fraction(MINIMUM_DAY * sheet[0], 2))
        return max(0, min(wage * CAP // 100, wage - least))

    # --- paying ------------------------------------------------------------------------------------------------

    def pay(self, month: str) -> dict[str, int]:
        """Finance pays what every account holds from this and earlier months; what a team divided later is its no more."""
        held: Counter[str] = Counter()
        for (each, account, _kind), fen in self.ledger.items():
            held[account] += fen if each <= month else 0
        for split in self.splits:
            if split.month > month and not split.undone:
                held[f"team {split.team}"] -= sum(split.shares.values())
        paid = {account: fen for account, fen in held.items() if fen > 0}
        for account, fen in paid.items():
            self.post(month, account, "payout", -fen)
        self.months[month] = "paid"
        return paid

    def can_divide(self, team: str) -> int:
        """What lies on a team's account, without the awards of a month that may still be sent back."""
        unsure = {month for month, state in self.months.items() if state in ("open", "submitted")}
        return sum(
            fen
            for (month, account, kind), fen in self.ledger.items()
            if account == f"team {team}" and not (kind in AWARDS and month in unsure)
        )

    def divide(self, team: str, shares: dict[str, int], at: datetime) -> Split:
        split = Split(team, shares, self.into(month_of(at)))
        self.splits.append(split)
        self.move(split, 1)
        return split

    def undo(self, split: Split) -> None:
        split.undone = True
        self.move(split, -1)

    def move(self, split: Split, sign: int) -> None:
        for person, fen in split.shares.items():
            self.post(split.month, person, "award_share", sign * fen)
            self.post(split.month, f"team {split.team}", "award_share", -sign * fen)

    def adjusted(self, person: str, month: str, fen: int) -> None:
        """A dispute was granted."""
        self.post(self.into(month), person, "adjustment", fen)
