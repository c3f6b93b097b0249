"""A life that was lived once, told again of other people at another time: the same rows with other numbers, codes, names and
instants, chained anew by the engine's own hand."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cache
from json.encoder import encode_basestring_ascii as text_of
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import JSON, Column

from models.base import Base
from models.names import prints
from models.sealed import Sealed, SealedJson, sealer
from tests.crowd.lives import CHANNELS, NAME, PHONE, PROJECT, TABLES, Recording, company
from workflows.engine import chain
from workflows.flows import FLOWS
from workflows.money.months import month_of
from workflows.money.reckoning import Scope

ZONE = ZoneInfo("Asia/Shanghai")
INSTANT = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+\+00:00")
DAY = re.compile(r"\d{4}-\d\d-\d\d")
MARK = "\ue000"
LETTERS = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
COLUMNS = {name: tuple(Base.metadata.tables[name].columns.keys()) for name in (*TABLES, "name_print")}
FLOW_OF = {str(flow.table.__tablename__): name for name, flow in FLOWS.items()}
Rows = dict[str, list[list[Any]]]


@dataclass(slots=True)
class Customer:
    """Of whom a life is told now. `people` takes the place of the people, team and project of the recording; `first` are the
    numbers just before its rows, by table."""

    shift: timedelta
    people: dict[Any, Any]
    first: dict[str, int]
    name: str
    phone: str
    channel: str
    intent: str
    has_read: bool
    codes: dict[str, str] = field(default_factory=dict)


Change = Callable[[Customer], Any]


class Woven:
    """A value of JSON of which something changes: as a value, and as its text."""

    def __init__(self, value: Any) -> None:
        self.value, self.changes = value, list[Change]()
        self.pieces = json.dumps(self._marked(value), ensure_ascii=False).split(f'"{MARK}"')

    def __call__(self, of: Customer) -> Any:
        return _told(self.value, of)

    def text(self, of: Customer) -> str:
        told = [self.pieces[0]]
        for change, piece in zip(self.changes, self.pieces[1:], strict=True):
            value = change(of)
            told += (text_of(value) if isinstance(value, str) else str(value), piece)
        return "".join(told)

    def _marked(self, value: Any) -> Any:
        if isinstance(value, Woven):
            return self._marked(value.value)
        if callable(value):
            self.changes.append(value)
            return MARK
        if isinstance(value, dict):
            return {key: self._marked(each) for key, each in value.items()}
        return [self._marked(each) for each in value] if isinstance(value, list) else value


def _told(value: Any, of: Customer) -> Any:
    if callable(value):
        return value(of)
    if isinstance(value, dict):
        return {key: _told(each, of) for key, each in value.items()}
    return [_told(each, of) for each in value] if isinstance(value, list) else value


@dataclass(frozen=True, slots=True)
class Row:
    """A recorded row: what stays the same in every telling, and by column what changes."""

    kept: list[Any]
    changes: list[tuple[int, Change]]

    def told(self, of: Customer) -> list[Any]:
        row = self.kept.copy()
        for column, change in self.changes:
            row[column] = change(of)
        return row


class Told:
    """A recording made ready to be told many times."""

    def __init__(self, recording: Recording) -> None:
        self.recording = recording
        self.lasted = (recording.at - recording.rows["history"][0]["at"]).total_seconds()
        self.sizes = {name: len(rows) for name, rows in recording.rows.items()}
        self._place = {
            name: {row["id"]: place for place, row in enumerate(rows, 1)}
            for name, rows in recording.rows.items()
        }
        self._cases = {
            row["code"]: (name, place)
            for name, rows in recording.rows.items()
            for place, row in enumerate(rows, 1)
            if "code" in row
        }
        self._codes = re.compile("|".join(self._cases))
        self._uids = {row["uid"]: place for place, row in enumerate(recording.rows["outbox"], 1)}
        happened = {row["id"]: row["at"] for row in recording.rows["history"]}
        self._booked = {row["id"]: happened[row["history_id"]] for row in recording.rows["journal"]}
        self._rows = {name: [self._row(name, row) for row in rows] for name, rows in recording.rows.items()}
        self._said = [
            {name: self._value(name, row[name]) for name in ("facts", "changes", "private")}
            for row in recording.rows["history"]
        ]

    def tell(self, of: Customer, rows: Rows) -> None:
        """Add the rows of this customer's life to those of others, by table."""
        of.codes = {
            code: code_of(code[0], of.first[name] + place) for code, (name, place) in self._cases.items()
        }
        heads = self._tell_history(of, rows["history"])
        for name in TABLES:
            head = COLUMNS[name].index("head") if name in FLOW_OF else None
            for place, row in enumerate(self._rows[name] if name != "history" else (), of.first[name] + 1):
                told = row.told(of)
                if head is not None:
                    told[head] = heads[FLOW_OF[name], place]
                rows[name].append(told)
        for place in range(1, self.sizes["lead"] + 1):
            rows["name_print"] += [[each, of.first["lead"] + place] for each in prints_of(of.name)]

    def _tell_history(self, of: Customer, rows: list[list[Any]]) -> dict[tuple[str, int], str]:
        """The rows of history, each chained to the one before of its case; the ends of the chains by workflow and case."""
        heads: dict[tuple[str, int], str] = {}
        for row, said in zip(self._rows["history"], self._said, strict=True):
            told = row.told(of)
            spoken = SimpleNamespace(**dict(zip(COLUMNS["history"], told, strict=True)))
            spoken.facts, spoken.changes = _told(said["facts"], of), _told(said["changes"], of)
            if callable(said["private"]):
                told[PRIVATE_MAC] = spoken.private_mac = chain.private_digest(said["private"](of))
            case = spoken.flow, spoken.case_id
            told[PREVIOUS] = spoken.previous = heads.get(case, "")
            told[HASH] = heads[case] = chain.digest(spoken)
            rows.append(told)
        return heads

    # -- what changes ------------------------------------------------------------------------------------------------

    def _row(self, table: str, row: dict[str, Any]) -> Row:
        found = [self._column(table, column, row) for column in Base.metadata.tables[table].columns]
        changes = [(place, each) for place, each in enumerate(found) if callable(each)]
        return Row([None if callable(each) else each for each in found], changes)

    def _column(self, table: str, column: Column[Any], row: dict[str, Any]) -> Any:
        """What a column holds in every telling, or how it is found, as the driver takes it."""
        name, value = column.name, row[column.name]
        if table == "notification" and name == "read_at":
            at = row["at"]
            return lambda of: at + of.shift if of.has_read else None
        if value is None:
            return None
        if (place := self._numbered(table, column, row)) is not None:
            target, number = place
            return lambda of: of.first[target] + number
        if table in ("journal", "entry") and name in ("key", "scope", "month", "earned_month"):
            return self._booked_as(table, name, row)
        if name in ("uid", "fact_uid"):
            number = self._uids[value]
            return lambda of: uid_of(of.first["outbox"] + number)
        if name == "phone_index":
            return lambda of: sealer().blind("phone", of.phone)
        return _as_kept(column, self._value(name, value))

    def _numbered(self, table: str, column: Column[Any], row: dict[str, Any]) -> tuple[str, int] | None:
        """The table and place of the row whose number this column holds, if that is part of the life."""
        targets = {"id": table, "timer_id": "timer", "history_id": "history"}
        if column.name == "case_id":
            target = str(FLOWS[row["flow"]].table.__tablename__)
        else:
            keys = [key.column.table.name for key in column.foreign_keys]
            target = targets.get(column.name) or next((key for key in keys if key in TABLES), "")
        return (target, self._place[target][row[column.name]]) if target else None

    def _booked_as(self, table: str, name: str, row: dict[str, Any]) -> Change:
        """Months of the books follow the instant of the row of history from which a line came."""
        at = self._booked[row["id"] if table == "journal" else row["journal_id"]]
        if name == "key":
            cause, number = self._text(name, row["cause"]), row["key"].rsplit("#", 1)[1]
            return lambda of: f"{cause(of)}@{month_of(at + of.shift, ZONE)}#{number}"
        if name == "scope":
            scope = Scope.of(row["scope"])
            about = self._value(name, int(scope.about) if scope.about.isdecimal() else scope.about)
            return lambda of: f"{scope.kind}:{of.people[PROJECT]}:{month_of(at + of.shift, ZONE)}:{about(of)}"
        return lambda of: month_of(at + of.shift, ZONE)

    def _value(self, name: str, value: Any) -> Any:
        """A value: itself where it is the same in every telling, else how it is found."""
        if isinstance(value, dict | list):
            inner: Any = (
                {key: self._value(key, each) for key, each in value.items()}
                if isinstance(value, dict)
                else [self._value(name, each) for each in value]
            )
            changes = any(map(callable, inner.values() if isinstance(inner, dict) else inner))
            return Woven(inner) if changes else value
        if isinstance(value, datetime):
            return lambda of: value + of.shift
        if isinstance(value, date):
            return lambda of: value + timedelta(days=of.shift.days)
        if name in ("case_id", "previous_id"):
            number = self._place["lead"][value]
            return lambda of: of.first["lead"] + number
        if value in company().known:
            return lambda of: of.people[value]
        return self._text(name, value) if isinstance(value, str) else value

    def _text(self, name: str, value: str) -> Any:
        if name == "channel" and value == CHANNELS[0][0]:
            return lambda of: of.channel
        if name == "intent":
            return lambda of: of.intent
        if value in (NAME, PHONE):
            return (lambda of: of.name) if value == NAME else lambda of: of.phone
        if INSTANT.fullmatch(value):
            at = datetime.fromisoformat(value)
            return lambda of: chain.plain(at + of.shift)
        if DAY.fullmatch(value):
            day = date.fromisoformat(value)
            return lambda of: (day + timedelta(days=of.shift.days)).isoformat()
        if name == "cause" and value.startswith("timer:"):
            number = self._place["timer"][int(value.removeprefix("timer:"))]
            return lambda of: f"timer:{of.first['timer'] + number}"
        if found := self._codes.search(value):
            code, (before, after) = found[0], self._codes.split(value, maxsplit=1)
            return lambda of: f"{before}{of.codes[code]}{after}"
        return value


PREVIOUS, HASH, PRIVATE_MAC = (COLUMNS["history"].index(name) for name in ("previous", "hash", "private_mac"))


def _as_kept(column: Column[Any], value: Any) -> Any:
    """A value as the driver takes it: sealed, or the text of JSON."""
    kind = column.type
    if isinstance(kind, Sealed):
        place = kind.place
        return (
            (lambda of: sealer().seal(value(of), place)) if callable(value) else sealer().seal(value, place)
        )
    if isinstance(kind, SealedJson | JSON):
        text = value.text if callable(value) else json.dumps(value, ensure_ascii=False)
        if isinstance(kind, JSON):
            return text
        place = kind.place
        return (lambda of: sealer().seal(text(of), place)) if callable(text) else sealer().seal(text, place)
    return value


def code_of(prefix: str, number: int) -> str:
    """The code of the case with this number."""
    letters = ""
    for _place in range(8):
        number, rest = divmod(number, len(LETTERS))
        letters = LETTERS[rest] + letters
    return prefix + letters


def uid_of(number: int) -> str:
    """The name of a fact, as long as the engine's."""
    digits = f"{number:032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


@cache
def prints_of(name: str) -> tuple[int, ...]:
    return tuple(sorted(prints(name)))
