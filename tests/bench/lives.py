"""Lives that are lived once, through the engine, and then written again for many leads: every row as the engine wrote it, chained
and sealed anew; only who, when, which code, name and phone differ."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from sqlalchemy import JSON, Engine, Table, select

from models import database
from models.base import Instant
from models.leads import Lead
from models.names import NamePrint, prints
from models.notices import Notification
from models.remembered import Delivery, History, Outbox, Timer
from models.sealed import Sealed, SealedJson, sealer
from tests.bench.pour import Pour, kept_by
from tests.races.office import Office
from workflows.engine import chain
from workflows.engine.take import ALPHABET

FAMILY, GIVEN = "王李张刘陈杨黄赵吴周徐孙马朱胡郭何林高罗", "文杰伟芳娜敏静丽强磊军洋勇艳娟涛明超兰霞"
PEOPLE = {"promoter_id", "holder_id", "offered_to_id", "by_id", "person_id"}
TABLES: tuple[type[Any], ...] = (Lead, NamePrint, History, Timer, Outbox, Delivery, Notification)
NOT_YET = timedelta(days=400)  # until facts are told that are kept back


def code_of(number: int) -> str:
    """A code as the engine draws them: eight signs, in no order."""
    rest, signs = number * 387_420_489 % 30**8, ""
    for _unused in range(8):
        rest, sign = divmod(rest, 30)
        signs += ALPHABET[sign]
    return "L" + signs


class Again:
    """One more lead that lives a life once lived: what it has of its own."""

    __slots__ = ("code", "delta", "id", "name", "names", "people", "phone", "timer")

    def __init__(
        self,
        life: Life,
        lead_id: int,
        timer: int,
        age: timedelta,
        people: Mapping[str, tuple[int, str]],
    ) -> None:
        self.id, self.code, self.timer = lead_id, code_of(lead_id), timer
        self.delta = life.now - age - life.ended
        self.name = FAMILY[lead_id % 20] + GIVEN[lead_id // 20 % 20] + GIVEN[lead_id // 400 % 20]
        self.phone = f"+861{3_000_000_000 + lead_id}"
        cast = {life.played.get(who, who): person for who, person in people.items()}
        self.people = {life.ids[who]: person_id for who, (person_id, _name) in cast.items()}
        self.names = {who: name for who, (_id, name) in cast.items()}


Make = Callable[[Again], Any]


@dataclass
class Life:
    """What one lead's life left in the books, ready to be written again."""

    engine: Engine
    now: datetime
    ended: datetime
    ids: dict[str, int]
    code: str
    rows: dict[type[Any], list[dict[str, Any]]]

    @classmethod
    def lived(cls, office: Office, name: str, now: datetime) -> Life:
        """Live it, a month ago, and read what it left. Facts that wait are kept back until somebody asks for them."""
        office.now = now - timedelta(days=31)
        code = LIVES[name](office)
        ended = office.now
        with database.read(office.engine) as session:
            ids = {who: actor.id for who, actor in office.actors.items() if actor.id is not None}
            lead_id = session.scalars(select(Lead.id).where(Lead.code == code)).one()
            told = select(Outbox.uid).where(Outbox.flow == "lead", Outbox.case_code == code)
            mine = {
                Lead: Lead.id == lead_id, NamePrint: NamePrint.lead_id == lead_id, Timer: (Timer.flow == "lead") & (Timer.case_id == lead_id),
                History: (History.flow == "lead") & (History.case_id == lead_id), Outbox: Outbox.uid.in_(told), Delivery: Delivery.uid.in_(told),
                Notification: Notification.fact_uid.in_(told),
            }  # fmt: skip
            rows = {
                table: [
                    dict(row)
                    for row in session.execute(
                        select(table.__table__).where(mine[table]).order_by(*table.__table__.primary_key)
                    ).mappings()
                ]
                for table in TABLES
            }
        for fact in rows[Outbox]:
            if fact["state"] == "pending":
                fact["next_at"] = now + NOT_YET
        return cls(office.engine, now, ended, ids, code, rows)

    def __post_init__(self) -> None:
        lead = self.rows[Lead][0]
        self.named, self.called = lead["name"], lead["phone"]
        names = {person_id: who for who, person_id in self.ids.items()}
        self.played = {"c0": names.get(lead["holder_id"], "c0")}
        self.timers = {row["id"]: n for n, row in enumerate(self.rows[Timer])}
        self.uids = {row["uid"]: (row["cause"], row["fact"]) for row in self.rows[Outbox]}
        self.history = [self._link(row) for row in self.rows[History]]
        self.makers = {
            table: [self._row(table, row) for row in self.rows[table]]
            for table in (Timer, Outbox, Delivery, Notification)
        }
        self.lead = self._row(Lead, lead)

    @staticmethod
    def columns(table: type[Any]) -> list[str]:
        """The columns that are written: all but numbers that the database gives."""
        given = table not in (Lead, Timer, NamePrint)
        return [c.name for c in table.__table__.columns if not (given and c.name == "id")]

    def write_again(self, pour: Pour, again: Again) -> None:
        previous, linked = "", []
        for make in self.history:
            previous, row = make(again, previous)
            linked.append(row)
        head = Lead.__table__.c.keys().index("head")
        lead = [make(again) for make in self.lead]
        lead[head] = previous
        pour.add(_table(Lead), tuple(lead))
        for each in prints(again.name):
            pour.add(_table(NamePrint), (each, again.id))
        for row in linked:
            pour.add(_table(History), row)
        for table, rows in self.makers.items():
            for made in rows:
                pour.add(_table(table), tuple([make(again) for make in made]))

    def _row(self, table: type[Any], row: dict[str, Any]) -> list[Make]:
        return [self._column(_table(table), name, row[name]) for name in self.columns(table)]

    def _column(self, table: Table, name: str, value: Any) -> Make:
        """How this column of this row is made for another lead, as the database keeps it."""
        own = (
            {Lead.__table__: "lead_id", Timer.__table__: "timer_id"}.get(table, name)
            if name == "id"
            else name
        )
        kind, made = table.columns[name].type, self._value(own, value)
        if value is None:
            return lambda again: None
        if table is Lead.__table__ and name == "phone_index":
            return lambda again: sealer().blind("phone", again.phone)
        if isinstance(kind, Instant):
            return lambda again: kept_by(self.engine.dialect.name, made(again))
        if isinstance(kind, Sealed):
            return lambda again: sealer().seal(made(again), kind.place)
        if isinstance(kind, JSON):
            return lambda again: json.dumps(made(again))
        return made

    def _value(self, name: str, value: Any) -> Make:  # noqa: C901 (one line for each kind of what differs)
        """What stands under this name for another lead."""
        if isinstance(value, dict):
            parts = {key: self._value(key, each) for key, each in value.items()}
            return lambda again: {key: part(again) for key, part in parts.items()}
        if isinstance(value, datetime):
            return lambda again: value + again.delta
        if isinstance(value, str) and name.endswith("_at"):
            instant = datetime.fromisoformat(value)
            return lambda again: chain.plain(instant + again.delta)
        if name in PEOPLE and value is not None:
            return lambda again: again.people.get(value, value)
        if isinstance(value, str) and value in self.ids:
            return lambda again: again.names.get(value, value)
        if name in ("case_id", "lead_id"):
            return lambda again: again.id
        if name == "timer_id" and value is not None:
            place = self.timers[value]
            return lambda again: again.timer + place
        if name in ("uid", "fact_uid"):
            cause, fact = self.uids[value]
            made = self._value("cause", cause)
            return lambda again: str(uuid5(NAMESPACE_URL, f"tuoke:{made(again)}:{fact}"))
        if isinstance(value, str) and value.startswith("timer:"):
            place = self.timers[int(value.removeprefix("timer:"))]
            return lambda again: f"timer:{again.timer + place}"
        if isinstance(value, str) and self.code in value:
            before, after = value.split(self.code)
            return lambda again: before + again.code + after
        if value == self.named:
            return lambda again: again.name
        if value == self.called:
            return lambda again: again.phone
        return lambda again: value

    def _link(self, row: dict[str, Any]) -> Callable[[Again, str], tuple[str, tuple[Any, ...]]]:
        """How this row of history is made and chained for another lead."""
        names = [name for name in self.columns(History) if name not in ("private", "previous", "hash")]
        parts = [(name, self._value(name, row[name])) for name in names]
        private = self._value("private", row["private"])
        order = self.columns(History)
        place = next(c.type.place for c in _table(History).columns if isinstance(c.type, SealedJson))

        def made(again: Again, previous: str) -> tuple[str, tuple[Any, ...]]:
            values: dict[str, Any] = {name: make(again) for name, make in parts}
            secret, values["previous"] = private(again), previous
            if secret:
                values["private_mac"] = chain.private_digest(secret)
            values["hash"] = chain.digest(SimpleNamespace(**values))
            values["private"] = (
                sealer().seal(json.dumps(secret, ensure_ascii=False), place) if secret else None
            )
            values |= {name: json.dumps(values[name]) for name in ("facts", "changes")}
            values |= {name: kept_by(self.engine.dialect.name, values[name]) for name in ("at", "due_at")}
            return values["hash"], tuple([values[name] for name in order])

        return made


def _table(mapped: type[Any]) -> Table:
    table: Table = mapped.__table__
    return table


def _captured(office: Office) -> str:
    code = office.capture(channel="flyer")
    office.drain()
    return code


def _invalid(office: Office) -> str:
    code = office.capture(channel="flyer")
    office.now += timedelta(hours=3)
    office.lead("invalidate", "mei", code, reason="not_considering")
    office.drain()
    return code


def _assigned(office: Office) -> str:
    """Brought by the desk, so that nobody has a bonus of it; called to mind, found screened, and signed for."""
    code = _visited(office, "desk", "walk_in")
    who = office.offered_to(code)
    office.lead("accept", who, code, signature=who)
    office.drain()
    return code


def _untold(office: Office) -> str:
    """Brought by outreach and signed for, but that has not been told yet: the bonus is not in the ledger."""
    code = _visited(office, "mei", "flyer")
    office.drain()
    who = office.offered_to(code)
    office.lead("accept", who, code, signature=who)
    return code


def _visited(office: Office, who: str, channel: str) -> str:
    code = office.capture(who, channel=channel)
    office.lead("screen", who, code, demand="三房，近地铁", intent="A")
    office.now += timedelta(hours=25)
    office.drain()
    office.lead("visit", "desk", code)
    return code


LIVES: dict[str, Callable[[Office], str]] = {
    "captured": _captured,
    "assigned": _assigned,
    "invalid": _invalid,
    "untold": _untold,
    "alone": _untold,
}
