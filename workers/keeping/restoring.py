"""Restoring: a backup is checked, laid down beside the books, migrated, made to forget who was erased since, proved, and only
then put in their place. Until that last step nothing of what is there has changed.

Redis is left as it is: knocks for rows that are no more find nothing to do.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import sqlalchemy
from sqlalchemy import Engine, Inspector, func, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from models import database, heads
from models.base import Base
from models.machinery import Backup, Heartbeat
from models.notices import AccessLog
from models.people import Person
from models.remembered import History
from models.sealed import use
from models.settings import Settings
from workers import ground, host
from workers.keeping import archive, making, postgres, sqlite
from workers.keeping.archive import Manifest, NotABackup, NotKept
from workers.up import only_one
from workflows import erasing
from workflows.erasing import Erasure
from workflows.health.processes import LATE_AFTER
from workflows.verify import Report

ABSENT, EMPTY, BOOKS, UNREADABLE = "absent", "empty", "books", "unreadable"
LIVING = ("clock", "worker", "sender", "web")
NOT_COUNTED = (
    "history",
    "outbox",
    "delivery",
    "heartbeat",
    "name_print",
)  # by the steps, or not worth it


class WouldReplace(NotKept):
    """There are books already, and nobody said that they may be replaced."""


class AtWork(NotKept):
    """Somebody works on the database."""


class DoesNotFit(NotKept):
    """The backup is whole, but not for this installation: another key, another kind of database, a newer Tuoke."""


@dataclass(frozen=True, slots=True)
class There:
    """What is in the place of the books now: `absent`, `empty` (nobody on the staff, no history), `books`, `unreadable`."""

    state: str
    erased: list[Erasure] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Lost:
    """What happened after the backup and is not in it: rows of history, of how many cases, the last when; `others` is how many
    rows more other tables had. `strange` says that what was there does not go on from the backup: it is another company's,
    or another line of the same."""

    rows: int = 0
    cases: int = 0
    last: datetime | None = None
    others: dict[str, int] = field(default_factory=dict)
    strange: bool = False


@dataclass(frozen=True, slots=True)
class Restored:
    """What came of it. `was` is what was there, `aside` where it is now, `forgotten` how many were made to be forgotten
    again."""

    manifest: Manifest
    report: Report
    was: str
    forgotten: int
    lost: Lost
    aside: str | None


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be restored, and where."""

    settings: Settings
    file: Path
    manifest: Manifest
    payload: Path
    there: There
    erased: list[Erasure]
    told: making.Progress


def restore(
    settings: Settings,
    file: Path,
    *,
    replace: bool = False,
    lists: Iterable[Path] = (),
    told: making.Progress = making.nobody,
) -> Restored:
    """Put the books of this backup in place. Raises `NotKept`, `WrongSetting` (Tuoke is running), `OSError`; then nothing was
    changed."""
    use(settings.data_key)
    manifest = archive.read_manifest(file)
    _fits(settings, manifest)
    erased = [*manifest.erased, *_listed(lists)]
    for _file, other, _told in archive.siblings(file.absolute().parent, manifest.key):
        erased += other.erased
    with only_one(settings):
        there = look(settings)
        if there.state in (BOOKS, UNREADABLE) and not replace:
            raise WouldReplace("there are books in this database already: --replace keeps them aside")
        _see_nobody_works(settings, there)
        with archive.workshop(_folder(settings)) as shop:
            payload = shop / "restored"
            archive.unpack(file, payload)
            order = Order(settings, file, manifest, payload, there, [*erased, *there.erased], told)
            try:
                return _beside(order)
            except postgres.NotPermitted:
                if there.state != EMPTY:
                    raise
                return _into_empty(order)


# -- may it be done ----------------------------------------------------------------------------------------------


def _fits(settings: Settings, manifest: Manifest) -> None:
    """Raises `DoesNotFit`."""
    mine = "sqlite" if settings.database_url.startswith("sqlite") else "postgresql"
    key = use(settings.data_key).fingerprint
    if manifest.kind != mine:
        raise DoesNotFit(f"it is a backup of {manifest.kind}, and DATABASE_URL names {mine}")
    if manifest.key != key:
        raise DoesNotFit(
            f"it was sealed with the data key {manifest.key}, and the one in use is {key}:"
            " set TUOKE_DATA_KEY to the key of the backup"
        )
    if not heads.known(manifest.head):
        raise DoesNotFit(
            f"it was made by a newer Tuoke ({manifest.tuoke}, migration {manifest.head}): install that version first"
        )


def _listed(lists: Iterable[Path]) -> list[Erasure]:
    """Who was erased, as files beside backups say. Raises `NotKept`."""
    found = []
    for path in lists:
        try:
            told = json.loads(path.read_text(encoding="utf-8"))
            found += [
                Erasure.from_json(each) for each in (told["erased"] if isinstance(told, dict) else told)
            ]
        except OSError:
            raise
        except (ValueError, KeyError, TypeError, AttributeError):
            raise NotKept(
                f"{path} is no list of who was erased: name the .json beside a later backup"
            ) from None
    return found


def look(settings: Settings) -> There:
    """What is in the place of the books."""
    file = host.database_file(settings)
    there = file.exists() if file else postgres.is_there(settings.database_url)
    if not there:
        return There(ABSENT)
    engine = database.open_engine(settings.database_url)
    try:
        with database.read(engine) as session:
            tables = sqlalchemy.inspect(session.connection())
            return There(_state(session, tables), _erased(session, tables))
    except DBAPIError:
        if file is None:
            raise
        return There(UNREADABLE)
    finally:
        engine.dispose()


def _state(session: Session, tables: Inspector) -> str:
    """Tables of somebody else count as books: they are not ours to overwrite."""
    names = set(tables.get_table_names())
    if not names:
        return EMPTY
    if not {Person.__tablename__, History.__tablename__} <= names:
        return BOOKS
    used = session.scalar(select(Person.id).limit(1)) or session.scalar(select(History.id).limit(1))
    return BOOKS if used else EMPTY


def _erased(session: Session, tables: Inspector) -> list[Erasure]:
    return erasing.erased(session) if tables.has_table("erased") else []


def _see_nobody_works(settings: Settings, there: There) -> None:
    """Raises `AtWork` while processes of ours give signs of life or hold the database open. Who was stopped just now has left a
    fresh sign: it is waited for until it is old, or renewed."""
    file = host.database_file(settings)
    if there.state in (BOOKS, EMPTY):
        engine = database.open_engine(settings.database_url)
        try:
            before = _signs(engine)
            while fresh := {n for n, at in before.items() if ground.real_now() - at <= LATE_AFTER}:
                now = _signs(engine)
                if alive := sorted(name for name in fresh if now.get(name) != before[name]):
                    raise AtWork(f"Tuoke is at work on this database ({', '.join(alive)}): stop it first")
                time.sleep(0.5)
        finally:
            engine.dispose()
    if file is not None and file.exists() and sqlite.is_in_use(file):
        raise AtWork("somebody has the database open: stop Tuoke first")
    if file is None and there.state != ABSENT and (count := postgres.others(settings.database_url)):
        raise AtWork(f"the database has {count} connections of others: stop Tuoke first")


def _signs(engine: Engine) -> dict[str, datetime]:
    with suppress(DBAPIError), database.read(engine) as session:
        wanted = select(Heartbeat.name, Heartbeat.seen_at).where(Heartbeat.kind.in_(LIVING))
        return dict(session.execute(wanted).all())
    return {}


def _folder(settings: Settings) -> Path:
    """Where there is room to work, on the file system of the books where they are a file."""
    file = host.database_file(settings)
    folder = file.parent if file else settings.var
    folder.mkdir(parents=True, exist_ok=True)
    return folder


# -- doing it ----------------------------------------------------------------------------------------------------


def _beside(order: Order) -> Restored:
    """Lay the backup down beside the books, make it ready, and let it take their place."""
    with making.laid_down(order.settings, order.manifest, order.payload) as copy:
        report, forgotten = _make_ready(order, copy)
        lost = _lost(order, copy)
        aside = _swap(order, copy)
    return Restored(order.manifest, report, order.there.state, forgotten, lost, aside)


def _into_empty(order: Order) -> Restored:
    """Lay the backup down in the empty database itself, for a role that may make no other; emptied again if it fails."""
    engine = database.engine(order.settings)
    try:
        _empty(engine)
        postgres.fill(engine, order.payload)
        report, forgotten = _make_ready(order, engine)
    except BaseException:
        _empty(engine)
        raise
    finally:
        engine.dispose()
    return Restored(order.manifest, report, order.there.state, forgotten, Lost(), None)


def _empty(engine: Engine) -> None:
    Base.metadata.drop_all(engine)
    with database.begin(engine) as session:
        session.execute(text("DROP TABLE IF EXISTS alembic_version"))


def _make_ready(order: Order, copy: Engine) -> tuple[Report, int]:
    """Migrate it, make it forget again, write down what was done, and prove it. Raises `NotKept`."""
    making.same_rows(copy, order.manifest)
    database.migrate(copy)
    forgotten = database.in_transaction(copy, lambda session: erasing.erase_again(session, order.erased))
    report = making.proved(copy, order.manifest, order.told)
    database.in_transaction(copy, lambda session: _write_down(session, order, report))
    return report, forgotten


def _write_down(session: Session, order: Order, report: Report) -> None:
    """That it was restored, and which backups there are: those that were made after this state are not known in it."""
    known = set(session.scalars(select(Backup.sha256)))
    this = making.Made(
        order.file.absolute(), order.manifest, order.file.stat().st_size, 0, making.RESTORED, report
    )
    beside = archive.siblings(order.file.absolute().parent, order.manifest.key)
    every = [this, *(making.Made.of(file, other, told) for file, other, told in beside)]
    for made in {each.manifest.sha256: each for each in reversed(every)}.values():
        if made.manifest.sha256 not in known:
            session.add(making.record_of(made))
    purpose = f"restored the backup of {order.manifest.made_at:%Y-%m-%d %H:%M} UTC"
    session.add(AccessLog(kind="staff", purpose=purpose, at=order.manifest.company_at))


def _lost(order: Order, copy: Engine) -> Lost:
    """What is in the books that were there and not in the backup."""
    if order.there.state != BOOKS:
        return Lost()
    with database.read(copy) as session:
        last = session.execute(select(History.id, History.hash).order_by(History.id.desc()).limit(1)).first()
    engine = database.open_engine(order.settings.database_url)
    try:
        with database.read(engine) as session:
            after = History.id > (last.id if last else 0)
            many = select(func.count(), func.count(History.case_code.distinct()), func.max(History.at))
            rows, cases, at = session.execute(many.where(after)).one()
            same = (
                last is None or session.scalar(select(History.hash).where(History.id == last.id)) == last.hash
            )
            more = {n: c - order.manifest.counts.get(n, 0) for n, c in making.counts(session).items()}
        others = {name: count for name, count in more.items() if count > 0 and name not in NOT_COUNTED}
        return Lost(rows, cases, at, others, not same)
    except DBAPIError:
        return Lost(strange=True)
    finally:
        engine.dispose()


def _swap(order: Order, copy: Engine) -> str | None:
    """Let the copy take the place of the books; where these are now."""
    stamp, kept = f"{ground.real_now():%Y%m%d_%H%M%S}", order.there.state in (BOOKS, UNREADABLE)
    file = host.database_file(order.settings)
    if file is None:
        name = str(sqlalchemy.make_url(order.settings.database_url).database)
        aside = f"{name[:40]}_replaced_{stamp}" if kept else None
        postgres.put_in_place(copy, order.settings.database_url, aside)
        return aside
    copy.dispose()
    sqlite.close_up(order.payload)
    if file.exists() and sqlite.is_in_use(file):
        raise AtWork("somebody has opened the database meanwhile: stop Tuoke first")
    beside = file.with_name(f"{file.name}.replaced_{stamp}") if kept else None
    sqlite.put_in_place(order.payload, file, beside)
    return str(beside) if beside else None


__all__ = [
    "ABSENT", "BOOKS", "EMPTY", "UNREADABLE", "AtWork", "DoesNotFit", "Lost", "NotABackup", "Restored", "WouldReplace", "restore",
]  # fmt: skip
