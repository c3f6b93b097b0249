"""Looking after this installation from a host: the checks of `workflows.health`, with what a host can see by itself, each
bounded in time. Whatever is away is a finding, never a traceback."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import datetime

from redis.exceptions import RedisError
from sqlalchemy import Engine, make_url
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from models import database, machinery, sealed
from models.machinery import Heartbeat, HostSign
from models.settings import Settings, WrongSetting
from workers import ground, host
from workers.queue import NAME, OUTWARD, connect, queue
from workers.watch import TookTooLong, within
from workflows import health
from workflows.health import DOWN, Finding, RedisSeen, Sight, parked, place, processes
from workflows.words import Text, _

PATIENCE = (
    health.SECONDS + 0.5
)  # the database breaks off what takes too long; this is for one that does not answer


def examine(settings: Settings) -> Iterator[Finding]:
    """Every check of this installation in order, as it is made."""
    seen, here = redis_seen(settings), host.look(settings)
    with ExitStack() as stack:
        try:
            sight = within(PATIENCE, lambda: _open(settings, here, seen, stack))
        except (SQLAlchemyError, WrongSetting, TookTooLong) as error:
            yield from _without_database(settings, seen, here, error)
            return
        silent_since = ""
        for name in health.CHECKS:
            try:
                yield within(0.0 if silent_since else PATIENCE, lambda name=name: health.look(name, sight))  # type: ignore[misc]
            except TookTooLong:
                silent_since = silent_since or name
                stack.pop_all()  # whoever waits for the database still uses the session: it ends with this process
                yield health.unknown(name, f"the database has not answered since {silent_since}")


def _open(settings: Settings, here: HostSign, seen: RedisSeen, stack: ExitStack) -> Sight:
    """The books, opened for reading until the stack is left."""
    file = host.database_file(settings)
    if file is not None and not file.exists():
        raise WrongSetting(f"there is no {file}")
    engine = patient_engine(settings)
    stack.callback(engine.dispose)
    session = stack.enter_context(database.read(engine))
    session.connection()
    real = ground.real_now()
    return Sight(session, present(settings, session), real, here, seen)


def patient_engine(settings: Settings) -> Engine:
    """The engine of this installation for one who waits two seconds for a connection, not for ever."""
    sealed.use(settings.data_key)
    url = make_url(settings.database_url)
    if url.get_backend_name() == "postgresql" and "connect_timeout" not in url.query:
        url = url.update_query_dict({"connect_timeout": str(int(health.SECONDS))})
    opened = database.open_engine(url.render_as_string(hide_password=False))
    return opened.execution_options(zone=settings.timezone)


def is_for_trying(settings: Settings, session: Session) -> bool:
    """Whether this is a company to try things on: one whose clock can be moved, or the demo company, whatever the settings of
    this shell say."""
    from workers.demo import MARK

    return settings.clock == "movable" or session.get(Heartbeat, MARK) is not None


def present(settings: Settings, session: Session) -> datetime:
    """The company's instant, as its own processes reckon it."""
    real = ground.real_now()
    return real + machinery.offset(session) if is_for_trying(settings, session) else real


def retry(settings: Settings, which: str) -> dict[str, int]:
    """Let what was given up be tried again: `all` of it, or one kind; how many of each. Nothing where the database is away,
    which the checks then say."""
    kinds = tuple(parked.KINDS) if which == "all" else (which,)
    engine = patient_engine(settings)
    try:
        with database.begin(engine) as session:
            at = present(settings, session)
            done = parked.retry_all(session, tuple(parked.KINDS[kind] for kind in kinds), at)
        return {kind: done[parked.KINDS[kind]] for kind in kinds}
    except SQLAlchemyError:
        return {}
    finally:
        engine.dispose()


def redis_seen(settings: Settings) -> RedisSeen:
    """What Redis answers to this process."""

    def ask() -> RedisSeen:
        connection = connect(settings, seconds=health.SECONDS / 2)
        try:
            connection.ping()
            began = time.monotonic()
            connection.ping()
            ms = (time.monotonic() - began) * 1000
            return RedisSeen(ms, sum(queue(connection, name).count for name in (NAME, OUTWARD)))
        finally:
            connection.close()

    try:
        return within(PATIENCE, ask)
    except (RedisError, OSError, TookTooLong) as error:
        return RedisSeen(wrong=type(error).__name__)


def _without_database(
    settings: Settings, seen: RedisSeen, here: HostSign, error: Exception
) -> Iterator[Finding]:
    """What can be said while the database is away: that it is, and what this host sees."""
    remedy = Text(
        _("start it, or set DATABASE_URL right; a new installation begins with %(command)s"),
        {"command": "tuoke up"},
    )
    figure = Text(_("it cannot be opened (%(why)s)"), {"why": _why(error)})
    said = {
        "database": Finding("database", DOWN, figure, None, remedy),
        "redis": processes.asked(seen),
        "disk": place.room([here]),
    }
    if here.wal is not None:
        said["wal"] = place.log_beside([here])
    for name in health.CHECKS:
        yield said.get(name) or health.unknown(name, "the database is away")


def _why(error: Exception) -> str:
    if isinstance(error, TookTooLong):
        return f"no answer within {health.SECONDS:.0f} s"
    said = str(getattr(error, "orig", None) or error).strip().splitlines()
    return (said[0] if said else type(error).__name__)[:200]
