"""Where the books lie: the database and its migrations, the data key, disk space, the write-ahead log, the calendar."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import select, text

from models import heads
from models.days import Roster
from models.machinery import HOST, HostSign, KeyPrint, PolicyVersion
from models.sealed import sealer
from workflows import policy
from workflows.health.figures import lasting, late_after, size, together
from workflows.health.finding import DOWN, GREEN, LATE, UNKNOWN, Finding, Sight, bytes_left, graded
from workflows.health.processes import DOWN_AFTER
from workflows.office import working_hours
from workflows.words import Text, _

MB, GB = 1_000_000, 1_000_000_000
TRANSACTION_LATE, TRANSACTION_DOWN = timedelta(minutes=5), timedelta(hours=1)
FREE_LATE, FREE_DOWN = GB, 200 * MB
COPIES = 2  # a backup needs the database's size twice while it is made and proved
LOG_LATE, LOG_DOWN = 256 * MB, 2 * GB  # of SQLite's write-ahead log
HELD_LATE, HELD_DOWN = GB, 10 * GB  # of PostgreSQL's log that replication slots hold
HOLIDAYS_AHEAD = timedelta(days=31)
ZONES_YEARS = 2  # time zone data are published several times a year

LONGEST = "SELECT extract(epoch FROM max(clock_timestamp() - xact_start)) FROM pg_stat_activity WHERE datname = current_database()"
HELD = "SELECT count(*), coalesce(max(pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn)), 0) FROM pg_replication_slots"


def database(sight: Sight) -> Finding:
    """The database answers; how large it is, and how long the longest transaction has been open (PostgreSQL tells)."""
    ask = sight.session.scalar
    if sight.session.get_bind().dialect.name != "postgresql":
        pages, unused = ask(text("PRAGMA page_count")) or 0, ask(text("PRAGMA freelist_count")) or 0
        each = ask(text("PRAGMA page_size")) or 0
        version = ask(text("SELECT sqlite_version()"))
        values = {"version": version, "size": size(pages * each), "free": size(unused * each)}
        figure = Text(_("SQLite %(version)s, %(size)s, of which %(free)s free inside"), values)
        return Finding("database", GREEN, figure, value=pages * each, unit="bytes")
    version = str(ask(text("SHOW server_version"))).split()[0]
    length = ask(text("SELECT pg_database_size(current_database())")) or 0
    open_for = timedelta(seconds=float(ask(text(LONGEST)) or 0))
    values = {"version": version, "size": size(length), "span": lasting(open_for)}
    figure = Text(_("PostgreSQL %(version)s, %(size)s, the longest transaction open for %(span)s"), values)
    standing = graded(
        open_for.total_seconds(), TRANSACTION_LATE.total_seconds(), TRANSACTION_DOWN.total_seconds()
    )
    remedy = Text(
        _("see who holds it: %(query)s"),
        {"query": "SELECT pid, state, query_start, query FROM pg_stat_activity ORDER BY xact_start"},
    )
    limits = late_after(TRANSACTION_LATE, TRANSACTION_DOWN)
    return Finding("database", standing, figure, limits, remedy, length, None, "bytes")


def migrations(sight: Sight) -> Finding:
    """The tables are those that this program expects."""
    there, wanted = heads.of_database(sight.session), heads.newest()
    limit = Text(_("this program needs %(wanted)s"), {"wanted": wanted})
    if there == wanted:
        return Finding("migrations", GREEN, Text(_("at %(there)s"), {"there": there}), limit)
    if heads.known(there):
        figure = Text(_("at %(there)s: not migrated yet"), {"there": there})
        remedy = Text(_("start again with %(command)s: it migrates"), {"command": "tuoke up"})
    else:
        figure = Text(_("at %(there)s: migrated by a newer Tuoke"), {"there": there})
        remedy = Text(_("install that version of Tuoke"))
    return Finding("migrations", DOWN, figure, limit, remedy)


def data_key(sight: Sight) -> Finding:
    """The data key in use is the one this database is sealed with."""
    known, mine = sight.session.scalar(select(KeyPrint.fingerprint)), sealer().fingerprint
    limit = Text(_("down when it is another than the database was sealed with"))
    if known == mine:
        return Finding("data_key", GREEN, Text(_("it fits (%(mine)s)"), {"mine": mine}), limit)
    values = {"mine": mine, "known": known or "—"}
    figure = Text(_("the key in use is %(mine)s, the database was sealed with %(known)s"), values)
    remedy = Text(_("set TUOKE_DATA_KEY to the key with the fingerprint %(known)s"), values)
    return Finding("data_key", DOWN, figure, limit, remedy)


def hosts(sight: Sight) -> list[HostSign]:
    """The hosts: ours as this process sees it, the others as their workers said lately."""
    fresh = [b for b in sight.beats if b.kind == HOST and sight.present - b.seen_at <= DOWN_AFTER]
    said = {beat.name: HostSign.of(beat) for beat in fresh}
    if sight.host is not None:
        said[sight.host.host] = sight.host
    return list(said.values())


def disk(sight: Sight) -> Finding:
    """Space left where the data lie, on the host where it is least."""
    return room(hosts(sight))


def room(seen: list[HostSign]) -> Finding:
    """The same of these hosts, for who cannot ask the database."""
    if not seen:
        return Finding("disk", UNKNOWN, Text(_("no worker has said how its disk stands")), None, _a_worker())
    late = max(FREE_LATE, *(COPIES * (host.database or 0) for host in seen))
    least = min(seen, key=lambda host: host.free)
    values = {"free": size(least.free), "total": size(least.total), "host": least.host}
    figure = Text(_("%(free)s free of %(total)s on %(host)s"), values)
    limits = Text(
        _("late below %(late)s, down below %(down)s"), {"late": size(late), "down": size(FREE_DOWN)}
    )
    remedy = Text(
        _("make room where the data lie; old backups go with %(command)s"),
        {"command": "tuoke backup --keep N"},
    )
    standing = bytes_left(least.free, late, FREE_DOWN)
    return Finding("disk", standing, figure, limits, remedy, least.free, late, "bytes")


def wal(sight: Sight) -> Finding:
    """The write-ahead log: SQLite's grows while somebody reads without end, PostgreSQL's while a replication slot is not
    read."""
    if sight.session.get_bind().dialect.name != "postgresql":
        return log_beside(hosts(sight))
    slots, held = sight.session.execute(text(HELD)).one()
    values = {"held": size(int(held)), "slots": slots}
    figure = Text(_("replication slots: %(slots)s, log held by them: %(held)s"), values)
    remedy = Text(
        _("let who reads the slot catch up, or drop it: %(query)s"),
        {"query": "SELECT * FROM pg_replication_slots"},
    )
    return _log(int(held), figure, HELD_LATE, HELD_DOWN, remedy)


def log_beside(seen: list[HostSign]) -> Finding:
    """SQLite's log, as the hosts see it beside the database."""
    lengths = [host.wal for host in seen if host.wal is not None]
    if not lengths:
        return Finding("wal", UNKNOWN, Text(_("no worker has said how long it is")), None, _a_worker())
    remedy = Text(_("stop everything and start it again: whoever closes the database last empties the log"))
    return _log(max(lengths), Text(size(max(lengths))), LOG_LATE, LOG_DOWN, remedy)


def _log(length: int, figure: Text, late: int, down: int, remedy: Text) -> Finding:
    limits = Text(_("late above %(late)s, down above %(down)s"), {"late": size(late), "down": size(down)})
    return Finding("wal", graded(length, late, down), figure, limits, remedy, length, late, "bytes")


def _a_worker() -> Text:
    return Text(_("start a worker: %(command)s"), {"command": "tuoke worker"})


def calendar(sight: Sight) -> Finding:
    """What deadlines are reckoned by: the time zone's data and the policy in force; they know no holidays (S20 counts days as
    they come). Rosters do: where they are in use, it is late a month before nothing is known of holidays any more."""
    zones = min((host.zones for host in hosts(sight) if host.zones), default="")
    zone = Text(
        _("days are counted as they come, no holidays, in %(zone)s (zone data %(zones)s)"),
        {"zone": policy.zone(sight.session).key, "zones": zones or "—"},
    )
    limit = Text(_("late when the zone data are %(years)s years old"), {"years": ZONES_YEARS})
    now_on = policy.in_force(sight.session, sight.at)
    figure = together(
        zone, Text(_("policy version %(version)s"), {"version": now_on.version}), _next_policy(sight)
    )
    year = int(zones[:4]) if zones[:4].isdigit() else sight.real.year
    old = sight.real.year - year
    known = working_hours.known_until(sight.session)
    figure = together(figure, Text(_("holidays are known until %(day)s"), {"day": known}))
    if old >= ZONES_YEARS:
        remedy = Text(_("renew the time zone data: the tzdata package of the system, or of Python"))
    else:
        remedy = Text(_("enter the holidays of the next year: Office, Calendar entry"))
    ending = _rostered(sight) and sight.at.date() > known - HOLIDAYS_AHEAD
    return Finding("calendar", LATE if old >= ZONES_YEARS or ending else GREEN, figure, limit, remedy)


def _rostered(sight: Sight) -> bool:
    """Whether rosters are in use."""
    published = select(Roster.id).where(Roster.state == "published")
    return sight.session.scalar(published.limit(1)) is not None


def _next_policy(sight: Sight) -> Text | None:
    """The next version of the policy, where one is to come; that its numbers can be read is seen to now."""
    coming = (
        select(PolicyVersion)
        .where(PolicyVersion.effective_at > sight.at)
        .order_by(PolicyVersion.effective_at)
    )
    row = sight.session.scalars(coming.limit(1)).first()
    if row is None:
        return Text(_("none to come"))
    policy.checked(row.numbers)
    when: datetime = row.effective_at.astimezone(policy.zone(sight.session))
    return Text(_("the next from %(when)s"), {"when": when})
