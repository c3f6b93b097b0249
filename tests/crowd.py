"""A company with very many leads behind it: rows as the engine writes them, but written in bulk, so that a hundred thousand take
a minute. They are for looking at: their histories say what happened and when, but are not chained.

`make crowd` fills a database of each kind, opens every page as each of its readers, and prints how many statements
a page asks, how long it takes, and which statements read a whole table that grows. `ARGS=20000` for another number of leads.
"""

from __future__ import annotations

import random
import uuid
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from sqlalchemy import Connection, func, insert, select, text
from sqlalchemy.orm import Session

from models import database
from models.leads import Lead
from models.money import Entry, Journal, Sale
from models.names import NamePrint, prints
from models.notices import AccessLog, Notification
from models.people import Person
from models.remembered import Approval, History, Outbox, Timer
from models.sealed import sealer
from tests.web.office.conftest import Office
from workflows import staff
from workflows.lead import LeadFlow

FAMILY = "王李张刘陈杨黄赵吴周徐孙马朱胡郭何林高罗"
GIVEN = "文杰伟芳娜敏静丽强磊军洋勇艳娟涛明超兰霞平刚桂英华玉红建国志"
CHANNELS = ("flyer", "exhibition", "group_purchase", "call_in", "walk_in", "online", "referral", "partner")
# How leads end, or where they stand, and how many of a thousand; the events that led there.
LIVES: dict[str, tuple[float, str]] = {
    "captured": (30, "capture"),
    "screened": (40, "capture screen"),
    "visited": (0.1, "capture screen visit offer"),
    "assigned": (30, "capture screen visit offer accept follow_up"),
    "unconverted": (30, "capture screen visit offer decline offer accept follow_up lapse"),
    "pooled": (100, "capture screen visit offer accept lapse expire"),
    "held": (20, "capture screen expire claim follow_up"),
    "deal": (80, "capture screen visit offer accept follow_up follow_up deal"),
    "invalid": (400, "capture invalidate"),
    "lost": (260, "capture screen visit offer accept follow_up lapse lose"),
    "fraud": (10, "capture screen expose"),
}
STATES = {
    "pooled": "reclaimed",
    "held": "reclaimed",
    "deal": "closed",
    "invalid": "closed",
    "lost": "closed",
    "fraud": "closed",
}
AFTER = {
    "capture": "captured", "screen": "screened", "visit": "visited", "offer": "visited", "decline": "visited", "accept": "assigned",
    "follow_up": "assigned", "lapse": "unconverted", "expire": "reclaimed", "claim": "reclaimed", "deal": "closed",
    "invalidate": "closed", "lose": "closed", "expose": "closed",
}  # fmt: skip
AT = {
    "capture": "captured_at", "screen": "screened_at", "visit": "visited_at", "accept": "assigned_at", "lapse": "unconverted_at",
    "expire": "reclaimed_at", "deal": "closed_at", "invalidate": "closed_at", "lose": "closed_at", "expose": "closed_at",
}  # fmt: skip
ZEROS = "0" * 64
(LOSING,) = {step.approved_by.key for step in LeadFlow.by_event()["lose"] if step.approved_by}


@dataclass
class Crowd:
    """Makes the rows of leads one after the other; `rows` gathers them by table."""

    office: Office
    now: datetime
    project_id: int
    promoters: list[int]
    consultants: list[int]
    leaders: list[int]
    first: int
    copied: dict[type[Any], list[dict[str, Any]]]
    random: random.Random
    rows: dict[Any, list[dict[str, Any]]] = field(default_factory=lambda: defaultdict(list))

    def lead(self, number: int) -> None:
        """One lead with all that is remembered of it."""
        pick, lead_id = self.random, self.first + number
        life = (
            list(LIVES)[number]
            if number < len(LIVES)
            else pick.choices([*LIVES], [share for share, _events in LIVES.values()])[0]
        )
        closed = STATES.get(life) == "closed"
        events = LIVES[life][1].split()
        code, state = f"L{lead_id:08d}".translate(str.maketrans("01", "XY")), STATES.get(life, life)
        age = timedelta(days=pick.uniform(3, 700) if closed or life == "pooled" else pick.uniform(1, 25))
        step = min(age / (len(events) + 1), timedelta(days=3))
        at = [self.now - age + step * n for n in range(len(events))]
        promoter = pick.choice(self.promoters)
        consultant = pick.choice(self.consultants)
        name = pick.choice(FAMILY) + pick.choice(GIVEN) + pick.choice(("", pick.choice(GIVEN)))
        phone = f"+861{3_000_000_000 + lead_id}"
        by = {
            "capture": promoter,
            "screen": promoter,
            "claim": promoter,
            "accept": consultant,
            "follow_up": consultant,
        }
        instants = dict.fromkeys(set(AT.values()))
        instants |= {AT[event]: when for event, when in zip(events, at, strict=True) if event in AT}
        deal = life == "deal"
        holder = promoter if life == "held" else consultant if "accept" in events else None
        self.rows[Lead].append({
            "id": lead_id, "code": code, "state": state, "version": len(events), "head": ZEROS, "policy_version": 1, "project_id": self.project_id,
            "outcome": life if closed else None, "name": name, "phone": phone, "phone_index": sealer().blind("phone", phone),
            "protected": True, "channel": pick.choice(CHANNELS), "consent": "spoken", "consent_at": at[0], "demand": "三房，近地铁",
            "intent": pick.choice("ABC"), "promoter_id": promoter, "by_outreach": True, "declined_by": [], "captured_at": at[0],
            "holder_id": None if life == "pooled" else holder, "offered_to_id": consultant if state == "visited" else None,
            "offered_at": at[-1] if state == "visited" else None, "lost_at": at[-1] if life == "pooled" else None,
            "lost_holder_id": consultant if life == "pooled" else None, "close_reason": "unreachable" if life == "invalid" else None,
            "previous_id": lead_id - 1 if number % 9 == 8 else None,
            "units": 1 if deal else None, "amount_fen": 150_000_000 if deal else None, **instants,
        })  # fmt: skip
        self.rows[NamePrint] += [{"print": each, "lead_id": lead_id} for each in prints(name)]
        for seq, (event, when) in enumerate(zip(events, at, strict=True), 1):
            self.history(lead_id, code, seq, event, when, events[seq - 2] if seq > 1 else None, by)
        self.timers(lead_id, code, state, at[-1])
        self.requests(lead_id, code, life, at[-1], consultant, number)
        if deal:
            self.sale(lead_id, code, promoter, at[-1])
        self.told(code, promoter, at[-1], number)

    def history(
        self,
        lead_id: int,
        code: str,
        seq: int,
        event: str,
        at: datetime,
        before: str | None,
        by: dict[str, int],
    ) -> None:
        who = by.get(event)
        self.rows[History].append({
            "flow": "lead", "case_id": lead_id, "case_code": code, "project_id": self.project_id, "seq": seq, "event": event,
            "source": AFTER[before] if before else None, "target": AFTER[event], "by_id": who, "by_role": "member" if who else "clock", "at": at,
            "facts": {}, "private": {"note": "已加微信"} if event == "follow_up" else None, "private_mac": None,
            "changes": {"declined_by": [self.consultants[0]]} if event == "decline" else {}, "policy_version": 1, "previous": ZEROS,
            "hash": ZEROS,
        })  # fmt: skip

    def timers(self, lead_id: int, code: str, state: str, since: datetime) -> None:
        """An open lead's clock runs, a closed one's was stopped."""
        names = {
            "assigned": ("lapse", "expire"),
            "unconverted": ("expire",),
            "visited": ("offer", "expire"),
            "closed": ("lapse", "expire"),
        }
        for days, name in enumerate(names.get(state, ()), 1):
            pending = state != "closed"
            due = self.now + timedelta(days=self.random.uniform(0.1, 9) * days)
            self.rows[Timer].append({
                "flow": "lead", "case_id": lead_id, "case_code": code, "name": name, "state": "pending" if pending else "cancelled",
                "started_at": since, "due_at": due if pending else since + timedelta(days=5), "waits_for": "deal", "tries": 0,
                "ended_at": None if pending else since, "policy_version": 1,
            })  # fmt: skip

    def requests(
        self, lead_id: int, code: str, life: str, at: datetime, consultant: int, number: int
    ) -> None:
        """Two in five open deals wait for consent; what was closed by consent was settled."""
        waits = life in ("assigned", "unconverted") and number % 5 in (3, 4)
        if not waits and life not in ("deal", "lost"):
            return
        lost = life == "lost" or (waits and number % 20 > 10)
        event = "lose" if lost else "deal"
        frozen = {"units": 1, "contract_no": "HT-9", "amount_fen": 150_000_000}
        self.rows[Approval].append({
            "code": f"A{code[1:]}", "state": "pending" if waits else "approved", "version": 1, "head": ZEROS, "policy_version": 1,
            "project_id": self.project_id, "flow": "lead", "case_id": lead_id, "case_code": code, "event": event,
            "frozen": {"reason": "买了别处"} if lost else frozen, "approver": LOSING if lost else "sales_manager",
            "requested_by_id": consultant, "requested_at": at - timedelta(hours=self.random.uniform(1, 60)),
            "decided_by_id": None if waits else self.office.ids["guo" if lost else "sun"], "decided_at": None if waits else at,
        })  # fmt: skip

    def sale(self, lead_id: int, code: str, seller: int, at: datetime) -> None:
        """A deal was a sale, and earned its bonus."""
        month, sold = f"{at:%Y-%m}", f"S{code[1:]}"
        self.rows[Sale].append({
            "code": sold, "state": "signed", "version": 1, "head": ZEROS, "policy_version": 1, "project_id": self.project_id,
            "lead_id": lead_id, "lead_code": code, "seller_id": seller, "leader_id": self.leaders[0], "by_agreement": False, "units": 1,
            "signed_at": at,
        })  # fmt: skip
        template = dict(self.copied[Journal][0])
        journal = template | {
            "id": self.first + 10_000_000 + lead_id,
            "key": f"crowd:{code}",
            "scope": f"sale:{self.project_id}:{month}:{sold}",
            "cause": f"sale:{sold}",
            "month": month,
            "earned_month": month,
            "at": at,
            "flow": "sale",
            "case_code": sold,
            "reverses_id": None,
        }
        self.rows[Journal].append(journal)
        for account, person, fen in (("person", seller, 50_000), ("company", None, -50_000)):
            self.rows[Entry].append(
                {"journal_id": journal["id"], "account": account, "person_id": person, "team_id": None,
                 "kind": self.copied[Entry][0]["kind"], "month": month, "amount_fen": fen}
            )  # fmt: skip

    def told(self, code: str, promoter: int, at: datetime, number: int) -> None:
        """Facts were told, people were notified, and now and then somebody read a name in clear."""
        for template in islice(self.copied[Outbox], 2):
            uid = str(uuid.UUID(int=self.random.getrandbits(128)))
            rest = {key: value for key, value in template.items() if key != "id"}
            self.rows[Outbox].append(
                rest | {"uid": uid, "cause": f"crowd:{code}", "case_code": code, "at": at, "state": "done"}
            )
        note = self.copied[Notification][number % len(self.copied[Notification])]
        person = (promoter, self.leaders[number % len(self.leaders)])[number % 2]
        rest = {key: value for key, value in note.items() if key != "id"}
        fresh = {"person_id": person, "fact_uid": f"{number}-{code}", "case_code": code, "at": at}
        self.rows[Notification].append(rest | fresh | {"read_at": at if number % 3 else None})
        if number % 20 == 0:
            self.rows[AccessLog].append(
                {
                    "person_id": self.office.ids["fei"],
                    "kind": "reveal",
                    "case_code": code,
                    "purpose": "核对佣金",
                    "rows": 1,
                    "at": at,
                }
            )


def fill(office: Office, leads: int, seed: int = 1, batch: int = 2000) -> None:
    """So many more leads, with the people who bring and hold them."""
    crowd = _crowd(office, leads, seed)
    with office.engine.begin() as connection:
        for start in range(0, leads, batch):
            for number in range(start, min(start + batch, leads)):
                crowd.lead(number)
            for table, rows in crowd.rows.items():
                connection.execute(insert(table.__table__), rows)
            crowd.rows.clear()
        _settle(connection)


def _crowd(office: Office, leads: int, seed: int) -> Crowd:
    with database.begin(office.engine) as session:
        hired = session.scalar(select(func.count()).select_from(Person)) or 0
        for n in range(hired, hired + min(60, 4 + leads // 30)):
            role = "consultant" if n % 5 == 0 else "leader" if n % 11 == 0 else "member"
            staff.add_person(session, f"员工{n}", [role], None if role == "consultant" else "ABCDEFGH"[n % 8])
        session.flush()
        people = list(session.scalars(select(Person)))
        with_role = {
            role: [p.id for p in people if role in p.roles] for role in ("member", "consultant", "leader")
        }
        return Crowd(
            office, office.now, staff.first_project(session).id,  # type: ignore[union-attr]
            with_role["member"], with_role["consultant"], with_role["leader"], 1 + (session.scalar(select(func.max(Lead.id))) or 0),
            {table: _some(session, table) for table in (Journal, Entry, Outbox, Notification)}, random.Random(seed),
        )  # fmt: skip


def _some(session: Session, table: Any) -> list[dict[str, Any]]:
    """Rows that the engine wrote, to be written again for others."""
    wanted = select(table.__table__).order_by(table.id)
    if table is Entry:
        wanted = wanted.where(Entry.account == "person")
    return [dict(row) for row in session.execute(wanted.limit(40)).mappings()]


def _settle(connection: Connection) -> None:
    """What a database does by itself after a while: it counts its rows; and the next numbers follow the highest."""
    if connection.dialect.name == "postgresql":
        for table in ("lead", "journal"):
            connection.execute(
                text(f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), (SELECT max(id) FROM {table}))")
            )
    connection.execute(text("ANALYZE"))
