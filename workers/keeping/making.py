"""Making a backup: copied from one state of the books while everybody works, packed, laid down again and proved, and only then
given its name."""

from __future__ import annotations

import importlib.metadata
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import sqlalchemy
from sqlalchemy import Engine, func, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from models import database, heads
from models.base import Base
from models.machinery import Backup, KeyPrint
from models.sealed import sealer
from models.settings import Settings
from workers import ground, host
from workers.keeping import archive, postgres, sqlite
from workers.keeping.archive import Manifest, NotABackup, NotKept
from workflows import erasing
from workflows.verify import Finding, Report, anchor_of, verify

RESTORED, READ, NONE = "restored", "read", "none"
Progress = Callable[[int, int], None]


def nobody(_done: int, _total: int) -> None:
    """Progress that nobody looks at."""


@dataclass(frozen=True, slots=True)
class Made:
    """A backup that is in its place. `proof` is as in `Backup`; `report` what the proof found in its books."""

    file: Path
    manifest: Manifest
    size: int
    took_ms: int
    proof: str
    report: Report = field(default_factory=Report)

    @classmethod
    def of(cls, file: Path, manifest: Manifest, told: Mapping[str, Any]) -> Made:
        """A backup as the file beside it tells of it."""
        findings = [Finding(**each) for each in told.get("findings", [])]
        size, took_ms = int(told.get("file_size", 0)), int(told.get("took_ms", 0))
        return cls(file, manifest, size, took_ms, str(told.get("proof", NONE)), Report(findings=findings))


def make(settings: Settings, wanted: Path, prove: bool = True, told: Progress = nobody) -> Made:
    """Make a backup in this file, or in this folder under a name made of the instant. Raises `NotKept`, `OSError`; every try
    is written down in the database."""
    began = time.monotonic()
    engine = _opened(settings)
    made_at = ground.real_now()
    target = _target(wanted, made_at)
    try:
        made = _make(settings, engine, target, made_at, prove, told, began)
        _remember(engine, record_of(made))
        return made
    except BaseException as error:
        why = str(error) if isinstance(error, NotKept | OSError) else type(error).__name__
        _remember(engine, Backup(at=made_at, host=host.name(), file=str(target)[-300:], error=why[:200]))
        raise
    finally:
        engine.dispose()


def record_of(made: Made) -> Backup:
    """The line of a backup in the database."""
    manifest = made.manifest
    return Backup(
        at=manifest.made_at, host=host.name(), file=str(made.file)[-300:], size=made.size, took_ms=made.took_ms,
        sha256=manifest.sha256, anchor=manifest.anchor, proof=made.proof, findings=len(made.report.findings),
    )  # fmt: skip


def _opened(settings: Settings) -> Engine:
    """The books as they are: a backup must be possible before a migration too. Raises `NotKept`."""
    file = host.database_file(settings)
    if file is not None and not file.exists():
        raise NotKept(f"there is no database in {file}")
    return database.engine(settings)


def _target(wanted: Path, at: datetime) -> Path:
    """The file to be made. Raises `NotKept` when something else has its name."""
    if not wanted.is_dir():
        if wanted.exists():
            try:
                archive.read_manifest(wanted)
            except NotABackup:
                raise NotKept(f"{wanted} exists and is no backup: it is not overwritten") from None
        return wanted.absolute()
    name, number = f"tuoke-{at:%Y%m%d-%H%M%S}", 1
    while (target := wanted / f"{name}{f'-{number}' if number > 1 else ''}.zip").exists():
        number += 1
    return target.absolute()


def _make(
    settings: Settings, engine: Engine, target: Path, at: datetime, prove: bool, told: Progress, began: float
) -> Made:
    with archive.workshop(target.parent) as shop:
        payload, packed = shop / "payload", shop / "packed"
        with database.read(engine) as session:
            manifest = describe(session, at)
            if session.get_bind().dialect.name == "postgresql":
                postgres.copy(session, payload)
            else:
                sqlite.copy(session, payload)
        manifest = archive.write(packed, payload, manifest)
        payload.unlink()
        proof, report = NONE, Report()
        if prove:
            proof, report = _prove(settings, engine, packed, shop, told)
        size, took_ms = packed.stat().st_size, int((time.monotonic() - began) * 1000)
        made = Made(target, manifest, size, took_ms, proof, report)
        archive.put_in_place(packed, target)
        archive.write_beside(target, said(made), shop)
    return made


def said(made: Made) -> dict[str, object]:
    """What stands beside the file, and is printed as JSON."""
    return made.manifest.as_json() | {
        "file": made.file.name, "file_size": made.size, "took_ms": made.took_ms, "proof": made.proof,
        "findings": [finding.as_json() for finding in made.report.findings],
    }  # fmt: skip


def describe(session: Session, at: datetime) -> Manifest:
    """What the books are that this session sees. Raises `NotKept` when they are sealed with another key."""
    key = session.scalar(select(KeyPrint.fingerprint)) or ""
    if key != sealer().fingerprint:
        raise NotKept(
            f"TUOKE_DATA_KEY is not the key this database is sealed with (its fingerprint is {key or 'unknown'})"
        )
    postgresql = session.get_bind().dialect.name == "postgresql"
    return Manifest(
        kind="postgresql" if postgresql else "sqlite",
        tuoke=importlib.metadata.version("tuoke"),
        database=postgres.version(session) if postgresql else sqlite.version(session),
        head=heads.of_database(session),
        key=key,
        made_at=at,
        company_at=ground.company_now(session),
        anchor=anchor_of(session),
        counts=counts(session),
        erased=erasing.erased(session),
    )


def counts(session: Session) -> dict[str, int]:
    """How many rows each of our tables has."""
    there = set(sqlalchemy.inspect(session.connection()).get_table_names())
    return {
        table.name: session.scalar(select(func.count()).select_from(table)) or 0
        for table in Base.metadata.sorted_tables
        if table.name in there
    }


def _prove(
    settings: Settings, engine: Engine, packed: Path, shop: Path, told: Progress
) -> tuple[str, Report]:
    """Lay down what was packed as a database of its own, and prove its books. Raises `NotKept` when it is not what was
    copied."""
    payload = shop / "proof"
    manifest = archive.unpack(packed, payload)
    with ExitStack() as stack:
        try:
            copy = stack.enter_context(laid_down(settings, manifest, payload))
        except postgres.NotPermitted:
            with database.read(engine) as session:
                postgres.read_through(session, payload)
            return READ, Report()
        same_rows(copy, manifest)
        if manifest.head != heads.newest():
            database.migrate(copy)
        return RESTORED, proved(copy, manifest, told)


@contextmanager
def laid_down(settings: Settings, manifest: Manifest, payload: Path) -> Iterator[Engine]:
    """The database of a backup, opened as one of its own. Raises `NotKept`, `postgres.NotPermitted`."""
    postgresql = manifest.kind == "postgresql"
    kept = postgres.laid_down(payload, settings.database_url) if postgresql else sqlite.laid_down(payload)
    with kept as copy:
        yield copy.execution_options(zone=settings.timezone)


def same_rows(copy: Engine, manifest: Manifest) -> None:
    """Raises `NotKept` when a copy, as it was laid down, has not the rows that the manifest counts."""
    with database.read(copy) as session:
        found = counts(session)
    differ = sorted(name for name, count in manifest.counts.items() if found.get(name) != count)
    if differ:
        raise NotKept(f"the copy has other rows than the books had: {', '.join(differ)[:120]}")


def proved(copy: Engine, manifest: Manifest, told: Progress = nobody) -> Report:
    """Prove the books of a copy. Raises `NotKept` when its chains do not end where the manifest says."""
    total, done = manifest.counts.get("history", 0), 0

    def advance(rows: int) -> None:
        nonlocal done
        done += rows
        told(done, total)

    with database.read(copy) as session:
        try:
            report = verify(session, manifest.company_at, advance)
        except ValueError as error:  # a sealed value that was altered: the copy may be true all the same
            report = Report(
                findings=[Finding("unreadable books", "—", str(error))], anchor=anchor_of(session)
            )
    if report.anchor != manifest.anchor:
        raise NotKept("the copy has other chains than the books had (the anchors differ)")
    return report


def rotate(folder: Path, key: str, keep: int) -> list[Path]:
    """Take away the oldest backups of this key in a folder beyond so many; which ones. The newest that was proved stays."""
    every = archive.siblings(folder, key)
    proved_ones = [file for file, _manifest, told in every if told.get("proof") != NONE]
    gone = [file for file, _manifest, _told in every[:-keep] if file not in proved_ones[-1:]]
    for file in gone:
        file.unlink(missing_ok=True)
        archive.beside(file).unlink(missing_ok=True)
    return gone


def _remember(engine: Engine, row: Backup) -> None:
    """Write down what came of it; the database may be too old to know of backups, or away."""
    with suppress(DBAPIError), database.begin(engine) as session:
        session.add(row)
