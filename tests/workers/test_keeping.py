"""Backups are whole, proved and of one state, or are not there; a restore changes nothing until it is sure, and forgets again."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import stat
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event, Thread

import psycopg
import pytest
from alembic import command as alembic
from sqlalchemy import Engine, make_url, select, text, update

from models import database as databases
from models import heads, sealed
from models.leads import Lead
from models.machinery import Backup, beat
from models.notices import AccessLog
from models.people import Person
from models.remembered import Outbox
from models.settings import Settings
from tests.conftest import DATA_KEY, Process, Starter, eventually
from tests.rules.office import START, Office
from tests.workers.asking import Said, ask
from tests.workers.test_processes import a_fact, told
from workers.draining import drain_due
from workers.keeping import archive, postgres, sqlite
from workers.queue import connect, knock, queue
from workflows.erasing import Erasure, erase
from workflows.verify import verify

EVENT = datetime(2026, 3, 2, 3, 0, tzinfo=UTC)


@dataclass
class House:
    """An installation with a few leads, its backups in a folder of its own."""

    settings: Settings
    engine: Engine
    folder: Path
    leads: list[str]

    def ask(self, *words: str | Path) -> Said:
        return ask(self.settings, *map(str, words))

    def backup(self, *words: str) -> Path:
        """A backup made by the command; its file."""
        said = self.ask("backup", self.folder, "--json", *words)
        assert said.status == 0, said.text
        return self.folder / str(json.loads(said.text)["file"])

    def go_on(self) -> str:
        """One more lead; its code."""
        with databases.begin(self.engine) as session:
            office = Office(session, duty=(), hire=False)
            office.now = EVENT
            office._phones = iter(range(13700000000 + 10 * len(self.leads), 13800000000))
            self.leads.append(office.capture())
        return self.leads[-1]

    def findings(self) -> list[str]:
        with databases.read(self.engine) as session:
            return [str(finding) for finding in verify(session, START).findings]

    def there(self) -> set[str]:
        with databases.read(self.engine) as session:
            return set(session.scalars(select(Lead.code)))

    def name_of(self, code: str) -> str | None:
        with databases.read(self.engine) as session:
            return session.scalar(select(Lead.name).where(Lead.code == code))

    def stop(self) -> None:
        """Nobody has the database open any more."""
        self.engine.dispose()


@pytest.fixture
def house(database: Engine, database_url: str, settings: Settings, tmp_path: Path) -> Iterator[House]:
    here = replace(settings, database_url=database_url)
    with databases.begin(database) as session:
        office = Office(session)
        leads = [office.lead_in(state) for state in ("captured", "reclaimed")]
    folder = tmp_path / "kept"
    folder.mkdir()
    yield House(here, database, folder, leads)
    if database.dialect.name == "postgresql":
        for name in names_like(database_url, f"{make_url(database_url).database}_replaced%"):
            on_server(database_url, f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture
def database_url(request: pytest.FixtureRequest) -> str:
    kind = getattr(request, "param", "sqlite")
    return str(request.getfixturevalue("postgres_url" if kind == "postgresql" else "sqlite_url"))


both = pytest.mark.parametrize("database_url", ["sqlite", "postgresql"], indirect=True)
only_postgresql = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)


def on_server(url: str, *statements: str) -> None:
    address = make_url(url).set(drivername="postgresql", database="postgres")
    with psycopg.connect(address.render_as_string(hide_password=False), autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement.encode())


def names_like(url: str, pattern: str) -> list[str]:
    address = make_url(url).set(drivername="postgresql", database="postgres")
    with psycopg.connect(address.render_as_string(hide_password=False)) as connection:
        found = connection.execute("SELECT datname FROM pg_database WHERE datname LIKE %s", [pattern])
        return [row[0] for row in found]


@contextmanager
def people_at_work(house: House) -> Iterator[Callable[[], int]]:
    """Leads are captured all the time; how many so far."""
    over, before = Event(), len(house.leads)

    def work() -> None:
        while not over.is_set():
            house.go_on()

    worker = Thread(target=work)
    worker.start()
    try:
        yield lambda: len(house.leads) - before
    finally:
        over.set()
        worker.join()


# -- backups -----------------------------------------------------------------------------------------------------


@both
def test_a_backup_is_one_proved_state_of_books_that_are_written_to(house: House) -> None:
    with people_at_work(house) as so_far:
        eventually(so_far)
        file = house.backup()
        count = so_far()
        eventually(lambda: so_far() > count)
    note = json.loads(archive.beside(file).read_text())
    manifest = archive.read_manifest(file)
    assert (note["proof"], note["findings"], note["anchor"]) == ("restored", [], manifest.anchor)
    assert manifest.head == heads.newest()
    assert 2 < manifest.counts["lead"] < len(house.leads)
    assert {stat.S_IMODE(path.stat().st_mode) for path in (file, archive.beside(file))} == {0o600}
    assert [path.name for path in house.folder.iterdir() if path.name.startswith(".")] == []
    with databases.read(house.engine) as session:
        row = session.scalars(select(Backup)).one()
        assert (row.proof, row.sha256, row.size, row.error) == (
            "restored", manifest.sha256, file.stat().st_size, None,
        )  # fmt: skip
    with zipfile.ZipFile(file) as packed:
        inside = b"".join(packed.read(name) for name in packed.namelist())
    for secret in (DATA_KEY, DATA_KEY.hex().encode(), house.settings.secret_key.encode()):
        assert secret not in inside
    assert manifest.key.encode() in inside


def test_the_oldest_go_and_the_last_that_was_proved_stays(house: House) -> None:
    first, second = house.backup(), house.backup()
    third = house.backup("--no-verify", "--keep", "2")
    assert not first.exists()
    assert not archive.beside(first).exists()
    fourth = house.backup("--no-verify", "--keep", "1")
    assert [file.exists() for file in (second, third, fourth)] == [True, False, True]
    strange = house.folder / "notes.json"
    strange.write_text('{"mine": 1}')
    house.backup("--keep", "1")
    assert strange.exists()


def test_a_backup_does_not_take_the_place_of_another_file(house: House) -> None:
    letter = house.folder / "letter.txt"
    letter.write_text("dear")
    said = house.ask("backup", letter)
    assert (said.status, "is no backup" in said) == (1, True)
    assert letter.read_text() == "dear"
    fixed = house.folder / "nightly.zip"
    assert house.ask("backup", fixed).status == 0
    anchor = archive.read_manifest(fixed).anchor
    house.go_on()
    assert house.ask("backup", fixed).status == 0
    assert archive.read_manifest(fixed).anchor != anchor


def test_books_with_findings_are_kept_all_the_same_and_told(house: House) -> None:
    with databases.begin(house.engine) as session:
        session.execute(update(Lead).where(Lead.code == house.leads[0]).values(spot="altered"))
    said = house.ask("backup", house.folder)
    assert (said.status, "FINDING value without history" in said) == (1, True)
    (file,) = house.folder.glob("*.zip")
    assert json.loads(archive.beside(file).read_text())["findings"]
    with databases.begin(house.engine) as session:
        session.execute(
            text("UPDATE history SET private = x'0102030405060708090a0b0c0d0e0f' WHERE private IS NOT NULL")
        )
    unreadable = house.ask("backup", house.folder / "more.zip")
    assert (unreadable.status, "FINDING broken chain" in unreadable) == (1, True)
    assert (house.folder / "more.zip").exists()


def test_a_backup_that_fails_leaves_no_file_and_is_told_by_the_doctor(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_anything: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(archive, "put_in_place", full)
        said = house.ask("backup", house.folder)
    assert (said.status, "No space left on device" in said) == (1, True)
    assert list(house.folder.iterdir()) == []
    assert "failed" in house.ask("doctor")


def test_a_copy_that_is_not_what_the_books_are_is_no_backup(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = sqlite.copy

    def badly(session: object, into: Path) -> None:
        copy(session, into)  # type: ignore[arg-type]
        with closing(sqlite3.connect(into)) as connection:
            connection.execute("UPDATE lead SET version = version + 1")
            connection.commit()

    monkeypatch.setattr(sqlite, "copy", badly)
    said = house.ask("backup", house.folder)
    assert (said.status, "anchors differ" in said) == (1, True)
    assert list(house.folder.iterdir()) == []


def test_a_killed_backup_never_looks_whole_and_the_next_one_clears_up(
    house: House, database_url: str
) -> None:
    dies = (
        "import os, workers.keeping.archive as a; from workers.command import main; write = a.write\n"
        "def killed(target, *more):\n"
        "    write(target, *more); os.kill(os.getpid(), 9)\n"
        "a.write = killed; main()"
    )
    env = {**os.environ, "TUOKE_VAR": str(house.settings.var), "DATABASE_URL": database_url}
    words = [sys.executable, "-c", dies, "backup", str(house.folder / "killed.zip")]
    assert subprocess.run(words, env=env, check=False).returncode == -signal.SIGKILL
    (left,) = house.folder.iterdir()
    assert left.name.startswith(archive.SHOP)
    assert (left / "packed").exists()
    file = house.backup()
    assert sorted(house.folder.iterdir()) == sorted([file, archive.beside(file)])


# -- restoring ---------------------------------------------------------------------------------------------------


@both
def test_what_was_there_is_kept_aside_and_it_is_told_what_is_missing(house: House) -> None:
    file = house.backup()
    later = house.go_on()
    house.stop()
    refused = house.ask("restore", file)
    assert (refused.status, "--replace" in refused) == (2, True)
    assert later in house.there()
    house.stop()
    done = house.ask("restore", file, "--replace")
    assert done.status == 0, done.text
    assert "1 steps of 1 cases" in done
    assert house.there() == set(house.leads) - {later}
    assert house.findings() == []
    with databases.read(house.engine) as session:
        assert session.scalars(select(Backup.file)).all() == [str(file)]
        assert session.scalars(
            select(AccessLog.purpose).where(AccessLog.purpose.startswith("restored"))
        ).one()
    aside = done.text.split("is kept in ")[1].split(": delete")[0]
    url = make_url(house.settings.database_url).set(database=aside)
    kept = databases.open_engine(url.render_as_string(hide_password=False))
    with databases.read(kept) as session:
        assert later in session.scalars(select(Lead.code)).all()
    kept.dispose()


@both
def test_who_was_erased_stays_erased(house: House) -> None:
    file, gone, other = house.backup(), house.leads[0], house.leads[1]
    with databases.begin(house.engine) as session:
        erase(session, Erasure(gone, EVENT))
    house.stop()
    done = house.ask("restore", file, "--replace")
    assert "forgotten again: 1" in done
    assert (house.name_of(gone), house.name_of(other)) == (None, "王海燕")
    assert house.findings() == []


def test_who_was_erased_stays_erased_when_only_the_backups_are_left(house: House, tmp_path: Path) -> None:
    first, gone = house.backup(), house.leads[0]
    with databases.begin(house.engine) as session:
        erase(session, Erasure(gone, EVENT))
    second = house.backup()
    house.stop()
    lonely = tmp_path / "elsewhere"
    lonely.mkdir()
    alone = shutil.copy(first, lonely / "first.zip")
    for number, (file, words, name) in enumerate(
        ((alone, (), "王海燕"), (alone, ("--erased", archive.beside(second)), None), (first, (), None))
    ):
        url = f"sqlite:///{tmp_path}/new_{number}.sqlite3"
        new = replace(
            house, settings=replace(house.settings, database_url=url), engine=databases.open_engine(url)
        )
        said = new.ask("restore", file, *words)
        assert (said.status, "is kept in" in said) == (0, False), said.text
        assert new.name_of(gone) == name
        new.stop()
    wrong = house.ask("restore", alone, "--replace", "--erased", alone)
    assert (wrong.status, "is no list of who was erased" in wrong) == (1, True)


def damaged(file: Path, into: Path) -> Iterator[Path]:
    """The same backup, spoilt in every way."""
    whole = file.read_bytes()
    for name, spoilt in {
        "cut": whole[: len(whole) // 2],
        "cut at the end": whole[:-30],
        "a bit turned": whole[:5000] + bytes([whole[5000] ^ 1]) + whole[5001:],
        "empty": b"",
        "something else": b"PK not a zip at all",
    }.items():
        (into / name).write_bytes(spoilt)
        yield into / name
    with zipfile.ZipFile(file) as packed:
        told, payload = packed.read(archive.MANIFEST), packed.read("database.sqlite3")
        packed.extract("database.sqlite3", into)
    with closing(sqlite3.connect(into / "database.sqlite3")) as connection:
        connection.execute("UPDATE person SET roles = '[]'")  # no chain tells of this
        connection.commit()
    for name, members in {
        "another database": {
            archive.MANIFEST: told,
            "database.sqlite3": (into / "database.sqlite3").read_bytes(),
        },
        "no manifest": {"database.sqlite3": payload},
        "no database": {archive.MANIFEST: told},
        "half a manifest": {archive.MANIFEST: told[:50], "database.sqlite3": payload},
    }.items():
        with zipfile.ZipFile(into / name, "w") as packed:
            for member, content in members.items():
                packed.writestr(member, content)
        yield into / name


def test_a_damaged_backup_changes_nothing(house: House, tmp_path: Path) -> None:
    file = house.backup()
    house.go_on()
    house.stop()
    path = Path(str(make_url(house.settings.database_url).database))
    before = path.read_bytes()
    into = tmp_path / "spoilt"
    into.mkdir()
    for spoilt in damaged(file, into):
        said = house.ask("restore", spoilt, "--replace")
        assert (said.status, "was not restored" in said, len(said.text.splitlines())) == (1, True, 1), spoilt
    assert path.read_bytes() == before
    left = {each.name.removeprefix(path.name) for each in path.parent.glob(f"{path.name}*")}
    assert left <= {"", "-line"}, "nothing was put aside"


def test_a_backup_for_another_installation_is_refused(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    file = house.backup()
    house.stop()
    for said in (
        ask(replace(house.settings, data_key=bytes(32)), "restore", str(file), "--replace"),
        ask(
            replace(house.settings, database_url="postgresql+psycopg://x@127.0.0.1:1/x"), "restore", str(file)
        ),
    ):
        assert (said.status, "was not restored" in said) == (2, True), said.text
    sealed.use(DATA_KEY)
    monkeypatch.setattr(heads, "known", lambda _revision: False)
    newer = house.ask("restore", file, "--replace")
    assert (newer.status, "newer Tuoke" in newer) == (2, True)


def test_a_backup_from_before_a_migration_is_brought_up(
    settings: Settings, tmp_path: Path, house: House
) -> None:
    url = f"sqlite:///{tmp_path}/old.sqlite3"
    engine = databases.open_engine(url)
    with engine.connect() as connection:
        config = databases.alembic_config()
        config.attributes["connection"] = connection
        alembic.upgrade(config, "0009")
        key = sealed.sealer().fingerprint
        connection.execute(text("INSERT INTO key_print (id, fingerprint) VALUES (1, :key)"), {"key": key})
        connection.execute(text("INSERT INTO person (name, roles, locale) VALUES ('x', '[]', 'zh')"))
        connection.commit()
    engine.dispose()
    old = replace(house, settings=replace(settings, database_url=url), engine=engine)
    file = old.backup()
    assert archive.read_manifest(file).head == "0009"
    assert old.ask("restore", file, "--replace").status == 0
    with databases.read(engine) as session:
        assert heads.of_database(session) == heads.newest()
        assert session.scalars(select(Person.name)).all() == ["x"]
    engine.dispose()


def test_nobody_may_be_at_work(house: House) -> None:
    file = house.backup()
    stopped = datetime.now(UTC)
    with databases.begin(house.engine) as session:
        beat(session, "clock", "clock", stopped)
    over = Event()

    def lives() -> None:
        while not over.wait(0.2):
            with databases.begin(house.engine) as session:
                beat(session, "clock", "clock", datetime.now(UTC))

    clock = Thread(target=lives)
    clock.start()
    said = house.ask("restore", file, "--replace")
    over.set()
    clock.join()
    assert (said.status, "(clock)" in said) == (2, True), said.text
    with databases.begin(house.engine) as session:
        beat(session, "clock", "clock", stopped - timedelta(minutes=1))
    said = house.ask("restore", file, "--replace")
    assert (said.status, "open" in said) == (2, True), said.text
    house.stop()
    assert house.ask("restore", file, "--replace").status == 0


def test_a_database_that_cannot_be_read_is_kept_aside_too(house: House) -> None:
    file = house.backup()
    house.stop()
    path = Path(str(make_url(house.settings.database_url).database))
    path.write_bytes(b"what is left of it")
    assert house.ask("restore", file).status == 2
    done = house.ask("restore", file, "--replace")
    assert (done.status, "--erased" in done) == (0, True), done.text
    assert house.findings() == []
    (aside,) = path.parent.glob(f"{path.name}.replaced_*")
    assert aside.read_bytes() == b"what is left of it"


def test_knocks_in_redis_may_be_newer_or_older_than_the_books(
    house: House, redis_server: Process, tuoke: Starter, database_url: str
) -> None:
    at = datetime.now(UTC) - timedelta(seconds=1)
    with databases.begin(house.engine) as session:
        session.add(a_fact("before", at))
    file = house.backup()
    with databases.begin(house.engine) as session:
        session.add(a_fact("after", at))
    drain_due(house.engine, datetime.now(UTC))
    connection = connect(house.settings)
    knock(queue(connection))  # for a row that will be no more
    house.stop()
    assert house.ask("restore", file, "--replace").status == 0
    with databases.read(house.engine) as session:
        assert session.scalar(select(Outbox.state).where(Outbox.uid == "before")) == "pending"
        assert session.scalar(select(Outbox.uid).where(Outbox.uid == "after")) is None
    worker = tuoke("worker", DATABASE_URL=database_url)
    eventually(lambda: told(house.engine, "before"))
    with databases.begin(house.engine) as session:
        session.add(a_fact("once more", datetime.now(UTC)))
    connection.flushall()
    knock(queue(connection))
    eventually(lambda: told(house.engine, "once more"))
    assert worker.popen.poll() is None
    assert "Traceback" not in worker.said
    connection.close()


@only_postgresql
def test_a_role_that_may_make_no_databases_reads_through_and_fills_an_empty_one(
    house: House, database_url: str
) -> None:
    """As on many a hosted server. What it may not do is one line, and changes nothing."""
    name = make_url(database_url).database
    role, other = f"{name}_role", f"{name}_empty"
    house.stop()
    on_server(
        database_url,
        f"CREATE ROLE {role} LOGIN",
        f"GRANT pg_read_all_data TO {role}",
        f"CREATE DATABASE {other} OWNER {role}",
    )
    try:
        theirs = make_url(database_url).set(username=role)
        small = replace(house, settings=replace(house.settings, database_url=theirs.render_as_string()))
        said = small.ask("backup", house.folder, "--json")
        (file,) = house.folder.glob("*.zip")
        assert json.loads(archive.beside(file).read_text())["proof"] == "read", said.text
        refused = small.ask("restore", file, "--replace")
        assert (refused.status, "CREATEDB" in refused) == (1, True), refused.text
        empty = theirs.set(database=other).render_as_string()
        new = replace(
            small, settings=replace(house.settings, database_url=empty), engine=databases.open_engine(empty)
        )
        assert new.ask("restore", file).status == 0
        assert new.there() == set(house.leads)
        assert new.findings() == []
        new.stop()
    finally:
        on_server(
            database_url, f"DROP DATABASE {other} WITH (FORCE)",
            f"REVOKE pg_read_all_data FROM {role}", f"DROP ROLE {role}",
        )  # fmt: skip


@only_postgresql
def test_without_pg_dump_it_is_said_what_to_install(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres, "_versions", lambda _name: iter([(11, "/usr/bin/pg_dump")]))
    said = house.ask("backup", house.folder)
    assert said.status == 1
    assert "pg_dump 18 or newer is needed (found: 11): install postgresql-client-18" in said
    assert list(house.folder.iterdir()) == []
