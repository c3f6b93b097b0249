"""A company with very many leads behind it, whose books prove: some dozens of lives are lived by the engine (`lives`), told again of
others (`again`), and written in bulk (`loading`), so that a million leads with ten million rows of history take minutes.

Left out is what no page and no proof reads: which consumer had which fact (`delivery`), and places of the rotation.
"""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models import database
from models.base import Base
from models.money import Journal, Month, Quota
from models.people import Person
from tests.crowd.again import Customer, Rows, Told
from tests.crowd.lives import CHANNELS, FIRST_TEAM, LIVES, PROJECT, TABLES, company, lived
from tests.crowd.loading import BEFORE, load
from tests.web.office.conftest import Office
from workflows import staff
from workflows.engine import CLOCK, Ask, take
from workflows.money import ledger
from workflows.money.month import MonthFlow
from workflows.money.reckoning import Scope

FAMILY = "王李张刘陈杨黄赵吴周徐孙马朱胡郭何林高罗"
GIVEN = "文杰伟芳娜敏静丽强磊军洋勇艳娟涛明超兰霞平刚桂英华玉红建国志"
TEAMS = "ABCDEFGH"
BATCH = 1000
RESTING = ("pooled", "deal", "invalid", "lost", "fraud")
# How many of a hundred leads come through each kind of channel.
SHARES = (76, 14, 10)
TABLE = Base.metadata.tables
# A life, and the kind of channel through which it began.
Kind = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Mate:
    """Somebody of a team, with who leads it."""

    id: int
    name: str
    team_id: int
    leader: tuple[int, str]


@dataclass(frozen=True)
class Crowd:
    """What everybody who makes rows must know: the people, the kinds of lives, and where each part of the leads begins."""

    now: datetime
    seed: int
    fixed: dict[Any, Any]
    mates: dict[int, list[Mate]]
    promoters: list[Mate]
    consultants: list[tuple[int, str]]
    told: dict[Kind, Told]
    leads: list[tuple[float, Kind]]
    first: list[dict[str, int]]
    room: dict[str, int]

    def part(self, number: int) -> Rows:
        """The rows of one part of the leads."""
        pick, first = random.Random(f"{self.seed}.{number}"), dict(self.first[number])
        rows: Rows = {name: [] for name in (*TABLES, "name_print")}
        for age, kind in self.leads[number * BATCH : (number + 1) * BATCH]:
            told = self.told[kind]
            told.tell(self._customer(pick, age, kind, first), rows)
            for table, size in told.sizes.items():
                first[table] += size
        return rows

    def _customer(self, pick: random.Random, age: float, kind: Kind, first: dict[str, int]) -> Customer:
        promoter = pick.choice(self.promoters)
        claimer = pick.choice(self.mates[promoter.team_id])
        consultant, colleague = pick.sample(self.consultants, 2)
        people = self.fixed | {FIRST_TEAM: promoter.team_id}
        for role, (number, name) in (
            ("the promoter", (promoter.id, promoter.name)),
            ("the leader", promoter.leader),
            ("the claimer", (claimer.id, claimer.name)),
            ("the consultant", consultant),
            ("the colleague", colleague),
        ):
            people[role], people[company().ids[role]] = name, number
        return Customer(
            shift=self.now - self.told[kind].recording.at - timedelta(seconds=age),
            people=people,
            first=first,
            name=pick.choice(FAMILY) + pick.choice(GIVEN) + pick.choice(("", pick.choice(GIVEN))),
            phone=f"+861{3_000_000_000 + first['lead'] + 1}",
            channel=pick.choice(CHANNELS[kind[1]]),
            intent=pick.choice("ABC"),
            has_read=pick.random() < 0.7,
        )


def fill(office: Office, leads: int, history: int = 0, seed: int = 1) -> None:
    """So many more leads, with the people who bring and hold them, and with at least so many rows of history for each on
    average. They were there before what is in the books already: their rows of history and of the ledger come first."""
    with database.begin(office.engine) as session:
        crowd = _crowd(session, office, leads, history, seed)
    load(office.engine, range(len(crowd.first)), crowd.part, crowd.room)
    with database.begin(office.engine) as session:
        _settle(session, crowd)


def _crowd(session: Session, office: Office, leads: int, history: int, seed: int) -> Crowd:
    pick = random.Random(seed)
    _hire(session, min(60, 4 + leads // 30))
    people = list(session.scalars(select(Person).order_by(Person.id)))
    leaders = {p.team_id: (p.id, p.name) for p in people if "leader" in p.roles and p.team_id}
    mates: dict[int, list[Mate]] = defaultdict(list)
    for person in people:
        if "member" in person.roles and person.team_id in leaders:
            mates[person.team_id].append(
                Mate(person.id, person.name, person.team_id, leaders[person.team_id])
            )
    kinds = _kinds(pick, leads)
    told = _told(kinds, history)
    planned = [(_age(pick, told[kind], kind), kind) for kind in kinds]
    planned.sort(
        key=lambda each: -(each[0] + told[each[1]].lasted)
    )  # the numbers of leads follow their capture
    ids = company().ids
    fixed: dict[Any, Any] = {PROJECT: staff.first_project(session).id}  # type: ignore[union-attr]
    for role, name in (("the manager", "guo"), ("the sales manager", "sun"), ("the desk", "desk")):
        fixed |= {role: name, ids[role]: office.ids[name]}
    return Crowd(
        now=office.now,
        seed=seed,
        fixed=fixed,
        mates=mates,
        promoters=[mate for team in mates.values() for mate in team],
        consultants=[(p.id, p.name) for p in people if "consultant" in p.roles],
        told=told,
        leads=planned,
        first=_firsts(session, planned, told),
        room={name: sum(told[kind].sizes[name] for kind in kinds) for name in BEFORE},
    )


def _hire(session: Session, number: int) -> None:
    """A fifth of them consultants; each team has somebody who leads it."""
    known = session.scalar(select(func.count()).select_from(Person)) or 0
    led = {p.team.name for p in session.scalars(select(Person)) if p.team and "leader" in p.roles}
    for n in range(known, known + number):
        team = TEAMS[n % len(TEAMS)]
        role = "consultant" if n % 5 == 0 else "member" if team in led else "leader"
        led |= {team} if role == "leader" else set()
        staff.add_person(session, f"员工{n}", [role], None if role == "consultant" else team)
    session.flush()


def _kinds(pick: random.Random, leads: int) -> list[Kind]:
    """What becomes of each lead: of the first every life once."""
    lives = [*LIVES][:leads]
    lives += pick.choices([*LIVES], [share for share, _verbs in LIVES.values()], k=leads - len(lives))
    # A few leads come through one kind of channel: each life is lived but once for them.
    through = pick.choices(range(len(CHANNELS)), SHARES, k=leads) if leads >= BATCH else [0] * leads
    return [*zip(lives, through, strict=True)]


def _told(kinds: list[Kind], history: int) -> dict[Kind, Told]:
    """Each kind of life made ready, with as many follow-ups as bring the wanted number of rows of history."""
    told = {kind: _ready(kind, 1) for kind in dict.fromkeys(kinds)}
    lacking = history * len(kinds) - sum(told[kind].sizes["history"] for kind in kinds)
    talking = {kind for kind in told if "follow_up" in LIVES[kind[0]][1]}
    often = sum(kind in talking for kind in kinds)
    if lacking > 0 and often:
        told |= {kind: _ready(kind, 1 - -lacking // often) for kind in talking}
    return told


@cache
def _ready(kind: Kind, talks: int) -> Told:
    life, through = kind
    return Told(lived(life, CHANNELS[through][0], talks))


def _age(pick: random.Random, told: Told, kind: Kind) -> float:
    """For how many seconds a life has stood as it was recorded: never past the next of its timers."""
    if told.recording.stands_until is not None:
        return pick.uniform(0, (told.recording.stands_until - told.recording.at).total_seconds() - 60)
    return 86400 * (pick.uniform(3, 700) if kind[0] in RESTING else pick.uniform(0, 25))


def _firsts(
    session: Session, leads: list[tuple[float, Kind]], told: dict[Kind, Told]
) -> list[dict[str, int]]:
    """The numbers before those of each part, by table."""
    taken = {name: session.scalar(select(func.max(TABLE[name].c.id))) or 0 for name in TABLES}
    here = Counter(taken | dict.fromkeys(BEFORE, 0))
    found = []
    for start in range(0, len(leads), BATCH):
        found.append(dict(here))
        for kind, number in Counter(kind for _age, kind in leads[start : start + BATCH]).items():
            here.update({name: size * number for name, size in told[kind].sizes.items()})
    return found


def _settle(session: Session, crowd: Crowd) -> None:
    """The books have a case for each month that was posted into; whoever is set a quota earns beyond it only, and the awards of
    the months that are closed go by all their visits."""
    known = set(session.scalars(select(Month.month)))
    for month in sorted(set(session.scalars(select(Journal.month).distinct())) - known):
        take(session, Ask(MonthFlow, "begin", CLOCK, crowd.now, facts={"month": month}, house=True))
    scopes = [
        Scope("visits", q.project_id, q.month, str(q.person_id)) for q in session.scalars(select(Quota))
    ]
    closed = session.scalars(select(Month).where(Month.state != "open"))
    for scope in [*scopes, *(Scope("closing", month.project_id, month.month) for month in closed)]:
        ledger.reconcile(session, scope, crowd.now)
