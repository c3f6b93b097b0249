"""Whether the house is looked after: backups that were proved, and drills that lost nothing."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import select

from models.machinery import Backup, Drill, KeyPrint
from workflows.health.figures import lasting, late_after, size, together
from workflows.health.finding import DOWN, GREEN, LATE, Finding, Sight
from workflows.words import Text, _

BACKUP_LATE, BACKUP_DOWN = timedelta(hours=26), timedelta(days=7)  # every night, and two hours for making it
DRILL_LATE = timedelta(days=92)  # once a quarter


def backups(sight: Sight) -> Finding:
    """The last backup that was proved. Where there is none yet, the first is due a day after the database was made."""
    good = select(Backup).where(Backup.error.is_(None), Backup.proof != "none").order_by(Backup.at.desc())
    last = sight.session.scalars(good.limit(1)).first()
    age = sight.real - (last.at if last else _made(sight))
    if last:
        values = {"span": lasting(age), "file": last.file, "size": size(last.size), "host": last.host}
        figure = Text(_("the last good one is %(span)s old: %(file)s, %(size)s, on %(host)s"), values)
    else:
        figure = Text(_("none was made yet"))
    figure = together(figure, _failed_since(sight, last.at if last else None))
    standing = DOWN if age > BACKUP_DOWN else LATE if age > BACKUP_LATE else GREEN
    remedy = Text(_("every night, by cron: %(command)s"), {"command": "tuoke backup --keep 14"})
    limits = late_after(BACKUP_LATE, BACKUP_DOWN)
    seconds = age.total_seconds()
    return Finding("backups", standing, figure, limits, remedy, seconds, BACKUP_LATE.total_seconds(), "s")


def _failed_since(sight: Sight, good: datetime | None) -> Text | None:
    failed = select(Backup).where(Backup.error.is_not(None)).order_by(Backup.at.desc())
    row = sight.session.scalars(failed.limit(1)).first()
    if row is None or (good is not None and row.at < good):
        return None
    values = {"span": lasting(sight.real - row.at), "why": row.error}
    return Text(_("a try %(span)s ago failed: %(why)s"), values)


def drill(sight: Sight) -> Finding:
    """The last drill, and what it lost."""
    last = sight.session.scalars(select(Drill).order_by(Drill.at.desc(), Drill.id.desc()).limit(1)).first()
    limits = late_after(DRILL_LATE)
    remedy = Text(_("try whether anything is lost: %(command)s"), {"command": "tuoke drill --yes"})
    age = sight.real - (last.at if last else _made(sight))
    standing = LATE if age > DRILL_LATE else GREEN
    if last is None:
        figure = Text(_("none was held yet"))
    elif last.nothing_lost:
        values = {"span": lasting(age), "seconds": f"{(last.recovered_ms or 0) / 1000:.1f}"}
        figure = Text(_("the last was %(span)s ago: nothing lost, all well after %(seconds)s s"), values)
    elif last.recovered_ms is None and not last.probes:
        standing = LATE
        figure = Text(_("the last, %(span)s ago, was broken off"), {"span": lasting(age)})
    else:
        standing = DOWN
        values = {"span": lasting(age), "lost": last.lost, "twice": last.twice, "findings": last.findings}
        figure = Text(
            _("the last, %(span)s ago, went wrong: lost %(lost)s, twice %(twice)s, findings %(findings)s"),
            values,
        )
    seconds = age.total_seconds()
    return Finding("drill", standing, figure, limits, remedy, seconds, DRILL_LATE.total_seconds(), "s")


def _made(sight: Sight) -> datetime:
    """Since when there is this database."""
    return sight.session.scalar(select(KeyPrint.made_at)) or sight.real
