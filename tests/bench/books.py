"""Books of any size, as a company has them: `tuoke verify` proves them like any others."""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from math import gcd

from sqlalchemy import Engine, func, select

from models import database
from models.leads import Lead
from models.remembered import Timer
from tests.bench.lives import TABLES, Again, Life
from tests.bench.pour import pouring
from tests.races.office import Office
from workflows import policy, staff
from workflows.engine import CLOCK, Ask, take
from workflows.money.month import MonthFlow
from workflows.money.months import month_of

DESKS, CONSULTANTS, TEAM = 12, 40, 18
VISITS, ALONE = 25, 3  # visits that one promoter brings, and promoters who bring one
# How old the end of a life is, in hours: who was captured lately has not been called to mind yet.
AGES = {
    "assigned": (30, 200),
    "invalid": (60, 20_000),
    "captured": (0.5, 20),
    "untold": (30, 200),
    "alone": (30, 200),
}
People = dict[str, list[tuple[int, str]]]


@dataclass
class Books:
    """What was written: the codes of the leads by their life, in the order in which they lie in the tables; and how many of
    them were used up since."""

    office: Office
    codes: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    used: Counter[str] = field(default_factory=Counter)

    @property
    def engine(self) -> Engine:
        return self.office.engine

    def take(self, state: str, many: int) -> list[str]:
        """So many leads in this state that nobody has taken yet: those who bring several together are taken in their order,
        all others from all over the tables."""
        codes, first = self.codes[state], self.used[state]
        self.used[state] += many
        if self.used[state] > len(codes):
            raise ValueError(f"the books have no {many} leads more that are {state}")
        return codes[first : first + many] if state == "untold" else _apart(codes, many, first)

    @property
    def size(self) -> int:
        """How many leads there are."""
        return sum(map(len, self.codes.values()))


def write(engine: Engine, leads: int, captured: int = 0, untold: int = 0) -> Books:
    """So many leads: half of them `assigned`, with two pending timers each (`lapse` within days, `expire` within the month),
    half closed as `invalid`. Besides them so many just `captured`, and so many `untold`: signed for, with a bonus to be
    posted, and the fact kept back; of a few of these each is `alone`, with a promoter who brought no other."""
    now = datetime.now(UTC)
    books = Books(Office(engine))
    lives = {name: Life.lived(books.office, name, now) for name in AGES}
    people = _people(engine, untold, now)
    books.office.now = now
    books.office.drain()
    with database.read(engine) as session:
        lead = session.scalars(select(func.max(Lead.id))).one()
        timer = session.scalars(select(func.max(Timer.id))).one()
    columns = {table.__table__: Life.columns(table) for table in TABLES}
    shares = {"assigned": leads - leads // 2, "invalid": leads // 2, "captured": captured, "untold": untold}
    shares["alone"] = ALONE if untold else 0
    with pouring(engine, columns, leads) as pour:
        for name, number in _dealt(shares):
            life, lead = lives[name], lead + 1
            again = Again(life, lead, timer + 1, _age(name, number), _cast(name, number, people))
            timer += len(life.rows[Timer])
            life.write_again(pour, again)
            books.codes[name].append(again.code)
    _settled(engine)
    return books


def _dealt(shares: dict[str, int]) -> Iterator[tuple[str, int]]:
    """The lives one after the other, those of the company in turn, with their number among their like."""
    for number in range(shares["assigned"]):
        yield "assigned", number
        if number < shares["invalid"]:
            yield "invalid", number
    for name in ("captured", "untold", "alone"):
        yield from ((name, number) for number in range(shares[name]))


def _settled(engine: Engine) -> None:
    """What was written lies on the disk: nobody who is measured afterwards waits for it."""
    if engine.dialect.name == "sqlite":
        os.sync()
    else:
        with engine.connect() as connection:
            connection.exec_driver_sql("CHECKPOINT")


def _age(life: str, number: int) -> timedelta:
    """Spread over the ages of this life, neighbours far apart."""
    low, high = AGES[life]
    return timedelta(hours=low + (high - low) * (number * 0.618034 % 1))


def _people(engine: Engine, untold: int, now: datetime) -> People:
    """Those who stand in for the three of the lives that were lived; and the months that their bonuses will be posted in."""
    promoters = ALONE + 1 + untold // VISITS
    with database.begin(engine) as session:
        made: People = {"desk": [], "c0": [], "mei": []}
        for role, name, many in (
            ("reception", "desk", DESKS),
            ("consultant", "c0", CONSULTANTS),
            ("member", "mei", promoters),
        ):
            for n in range(many):
                person = staff.add_person(
                    session, f"{name}-{n}", [role], f"T{n // TEAM}" if role == "member" else None
                )
                made[name].append((person.id, person.name))
        for when in (now - timedelta(hours=AGES["untold"][1]), now):
            month = month_of(when, policy.zone(session))
            if session.scalar(select(MonthFlow.table.id).where(MonthFlow.table.month == month)) is None:
                take(session, Ask(MonthFlow, "begin", CLOCK, now, facts={"month": month}, house=True))
    return made


def _cast(life: str, number: int, people: People) -> dict[str, tuple[int, str]]:
    """Who they are this time."""
    place = {who: number // 7 % len(those) for who, those in people.items()}
    if life in ("untold", "alone"):
        place["mei"] = number if life == "alone" else ALONE + number // VISITS
    return {who: those[place[who]] for who, those in people.items()}


def _apart(codes: list[str], many: int, first: int) -> list[str]:
    """Spread over all of them, after `first` others that were taken the same way."""
    stride = next(n for n in count(len(codes) * 618 // 1000 or 1) if gcd(n, len(codes)) == 1)
    return [codes[(first + n) * stride % len(codes)] for n in range(many)]
