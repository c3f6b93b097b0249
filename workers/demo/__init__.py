"""The demo company of `make run`: two outreach teams and a sales office with a month of work behind them, played by the
real engine up to the present instant."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any

from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from sqlalchemy import Engine, delete, event, select, update
from sqlalchemy.orm import Session

from models import database, machinery
from models.base import Base
from models.machinery import Heartbeat
from models.notices import Notification
from models.people import Person
from models.settings import Settings
from workers.demo import cast
from workers.demo.conduct import Conduct
from workers.demo.lives import Storyteller
from workers.demo.month import Life, Month, place
from workers.demo.payroll import Payroll
from workers.demo.today import Today
from workflows import policy, staff
from workflows.engine.actor import STAFF_ROLES

SEED = 20
DAYS = 38
LEADS = 100
MARK = "demo"
BEGUN, READY = "being made", "ready"
# Everybody knows these passwords: nothing is gained by making them slow to check.
HASHER = PasswordHasher(time_cost=1, memory_cost=8 * 1024, parallelism=1)
# So that the pool shows what limits are like; they are off by default.
NUMBERS = {"pool_claims_per_day": 3, "pool_held_max": 20, "pool_return_days": 7}


def prepare(settings: Settings) -> list[tuple[str, str, str]]:
    """See that the demo company is there; (role, login, password) of one person per role.

    Works on an empty, migrated database only; a company of somebody's own is left alone and nobody is named. What an
    interrupted start left half done is taken away and made anew.
    """
    engine = database.engine(settings)
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _in_a_hurry)
    try:
        if _wanted(engine):
            _make(engine, settings, datetime.now(UTC))
            return [(role, _one_with(role), password_of(role)) for role in STAFF_ROLES]
        with database.read(engine) as session:
            return _log_ins(session)
    finally:
        engine.dispose()


def _in_a_hurry(connection: Any, _record: Any) -> None:
    """Thousands of small commits need not each wait for the disk: what a power cut loses is made anew."""
    connection.execute("PRAGMA synchronous=NORMAL")


def password_of(role: str) -> str:
    """The password of everybody with this role in the demo company; everybody knows it."""
    return f"tuoke-{role.replace('_', '-')}"


def _wanted(engine: Engine) -> bool:
    """Whether the demo company is still to be made; leaves an empty database behind if so."""
    with database.begin(engine) as session:
        mark = session.get(Heartbeat, MARK)
        if mark is not None and mark.detail == BEGUN:
            for table in reversed(Base.metadata.sorted_tables):
                if table.name != machinery.KeyPrint.__tablename__:
                    session.execute(delete(table))
        elif mark is not None or session.scalar(select(Person.id).limit(1)) is not None:
            return False
        session.expunge_all()
        machinery.beat(session, MARK, MARK, datetime.now(UTC), BEGUN)
    return True


def _make(engine: Engine, settings: Settings, now: datetime) -> None:
    start = (now.astimezone(settings.timezone) - timedelta(days=DAYS)).replace(
        hour=8, minute=30, second=0, microsecond=0
    )
    month = Month(engine, start.astimezone(UTC), now)
    database.in_transaction(engine, lambda session: _hire(session, start))
    tell = Storyteller(Random(SEED), settings.timezone)  # noqa: S311 (a story, not a secret)
    for who in cast.CONSULTANTS:
        month.begin(_on_duty(month.now + timedelta(minutes=20 + cast.CONSULTANTS.index(who)), who))
    _captures(month, tell)
    for scene in (
        *Payroll(start, now).scenes(),
        *Conduct(now, start).scenes(),
        *Today(tell, now).scenes(),
    ):
        month.begin(scene)
    _played(month, start, now)
    database.in_transaction(engine, lambda session: _settle_in(session, now))


def _hire(session: Session, start: datetime) -> None:
    staff.ensure_company(session, "main", "湖滨花园")
    policy.enact(session, NUMBERS, start, "示范公司: 资源库限额")
    hashed = {role: HASHER.hash(password_of(role)) for role in STAFF_ROLES}
    for number, (name, roles, team, days) in enumerate(cast.STAFF):
        hired = date.fromordinal(start.date().toordinal() - days)
        staff.add_person(
            session,
            name,
            roles,
            team,
            phone=f"1350000{1100 + number * 11}",
            hired_on=hired,
            password_hash=hashed[roles[0]],
        )


def _on_duty(at: datetime, who: str) -> Life:
    yield place(at, who, "join")


def _captures(month: Month, tell: Storyteller) -> None:
    """About three captures a day, more at weekends; some on the web form; some claims out of the pool."""
    rng, span = tell.rng, month.end - month.now
    weights = (5, 5, 3, 5, 4, 3)
    for _unused in range(LEADS):
        at = month.now + span * rng.random()
        promoter = (
            rng.choices(cast.MEMBERS, weights)[0]
            if rng.random() < 0.93
            else rng.choice(("周立军", "吴海燕", "小雅"))
        )
        if at.astimezone(tell.zone).weekday() in (1, 2) and rng.random() < 0.5:
            at += timedelta(days=rng.choice((3, 4)))
        month.begin(tell.customer(at, promoter))
    for _unused in range(6):
        month.begin(tell.web_form(month.now + span * rng.random()))
    for _unused in range(7):
        month.begin(tell.claims(month.now + span * rng.uniform(0.45, 0.97), rng.choice(cast.MEMBERS)))


def _played(month: Month, start: datetime, now: datetime) -> None:
    """Play the month behind a progress bar that counts its hours."""
    columns = (TextColumn("demo company"), BarColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=False) as progress:
        task = progress.add_task("", total=(now - start).total_seconds())

        def seen(at: datetime) -> None:
            day = f"{at.astimezone(start.tzinfo):%Y-%m-%d}"
            progress.update(task, completed=(at - start).total_seconds(), description=day)

        month.play(seen)


def _settle_in(session: Session, now: datetime) -> None:
    """Most of the inbox has been read by now; the company is ready."""
    seen = now - timedelta(hours=20)
    old = update(Notification).where(Notification.at < seen, Notification.read_at.is_(None))
    session.execute(old.values(read_at=seen))
    machinery.beat(session, MARK, MARK, now, READY)


def _log_ins(session: Session) -> list[tuple[str, str, str]]:
    """One person per role whose password is still the demo's."""
    found = []
    for role in STAFF_ROLES:
        name = _one_with(role)
        person = session.scalar(select(Person).where(Person.name == name))
        if person and person.password_hash and _still(person.password_hash, password_of(role)):
            found.append((role, name, password_of(role)))
    return found


def _one_with(role: str) -> str:
    """The first of the cast with this role."""
    return next(name for name, roles, _team, _days in cast.STAFF if roles[0] == role)


def _still(kept: str, password: str) -> bool:
    try:
        return HASHER.verify(kept, password)
    except VerifyMismatchError:
        return False
