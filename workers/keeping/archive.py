"""The file of a backup, and the folder in which one is worked at."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import IO, Any

from workflows.erasing import Erasure

FORMAT = 1
MANIFEST = "manifest.json"
PAYLOAD = {"sqlite": "database.sqlite3", "postgresql": "database.pgdump"}
WORDS = ("kind", "tuoke", "database", "head", "key", "anchor", "sha256")
SHOP = ".tuoke-keeping-"
CHUNK = 1 << 20


class NotKept(Exception):
    """A backup was not made, or a restore not done; the message is one line that says why. Nothing was changed."""


class NotABackup(NotKept):
    """The file is no backup of ours, or not a whole one."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What is in a backup. `made_at` is the real instant of its state, `company_at` the company's.

    `anchor` is what `tuoke verify` prints for that state; `counts` are the rows of each table; `erased` everybody who was to
    be forgotten by then. `sha256` and `size` are those of the database inside.
    """

    kind: str
    tuoke: str
    database: str
    head: str
    key: str
    made_at: datetime
    company_at: datetime
    anchor: str
    counts: dict[str, int]
    erased: list[Erasure] = field(default_factory=list)
    sha256: str = ""
    size: int = 0

    def as_json(self) -> dict[str, Any]:
        told = {name: getattr(self, name) for name in (*WORDS, "counts", "size")}
        instants = {"made_at": self.made_at.isoformat(), "company_at": self.company_at.isoformat()}
        return {"format": FORMAT} | told | instants | {"erased": [each.as_json() for each in self.erased]}

    @classmethod
    def from_json(cls, told: Any) -> Manifest:
        """Raises `NotABackup`."""
        try:
            if told["format"] != FORMAT or told["kind"] not in PAYLOAD:
                raise NotABackup(f"it is of a kind that this Tuoke does not know (format {told['format']})")
            known: dict[str, Any] = {name: str(told[name]) for name in WORDS}
            known |= {name: datetime.fromisoformat(told[name]) for name in ("made_at", "company_at")}
            known["counts"] = {str(name): int(count) for name, count in told["counts"].items()}
            known["erased"] = [Erasure.from_json(each) for each in told["erased"]]
            return cls(**known, size=int(told["size"]))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise NotABackup("its manifest is not whole") from error


# -- writing -----------------------------------------------------------------------------------------------------


def write(target: Path, payload: Path, manifest: Manifest) -> Manifest:
    """Put the database and its manifest into one file, on disk; the manifest with the digest of what went in."""
    digest, size = hashlib.sha256(), 0
    method = (
        zipfile.ZIP_DEFLATED if manifest.kind == "sqlite" else zipfile.ZIP_STORED
    )  # pg_dump packs by itself
    with private_file(target) as file:
        with zipfile.ZipFile(file, "w", method, compresslevel=1) as packed:
            with (
                payload.open("rb") as source,
                packed.open(PAYLOAD[manifest.kind], "w", force_zip64=True) as into,
            ):
                while chunk := source.read(CHUNK):
                    digest.update(chunk)
                    size += len(chunk)
                    into.write(chunk)
            whole = replace(manifest, sha256=digest.hexdigest(), size=size)
            packed.writestr(MANIFEST, json.dumps(whole.as_json(), ensure_ascii=False, indent=1))
        file.flush()
        os.fsync(file.fileno())
    return whole


@contextmanager
def private_file(path: Path) -> Iterator[IO[bytes]]:
    """A new file that only its owner reads."""
    with os.fdopen(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600), "w+b") as file:
        yield file


def put_in_place(made: Path, target: Path) -> None:
    """Give what is whole its name, in one step that a power cut does not halve."""
    made.replace(target)
    sync(target.parent)


def sync(folder: Path) -> None:
    """See that the names in a folder are on disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


# -- reading -----------------------------------------------------------------------------------------------------


def read_manifest(file: Path) -> Manifest:
    """What a backup says of itself. Raises `NotABackup`."""
    with _opened(file) as packed:
        return _manifest(packed)


def unpack(file: Path, into: Path) -> Manifest:
    """Write the database in a backup to a new file; its digest must be the one that the manifest names. Raises `NotABackup`."""
    digest = hashlib.sha256()
    with _opened(file) as packed:
        manifest = _manifest(packed)
        if PAYLOAD[manifest.kind] not in packed.namelist():
            raise NotABackup("there is no database in it")
        with packed.open(PAYLOAD[manifest.kind]) as source, private_file(into) as out:
            while chunk := source.read(CHUNK):
                digest.update(chunk)
                out.write(chunk)
    if digest.hexdigest() != manifest.sha256:
        raise NotABackup("the database in it is not the one that its manifest names (sha256)")
    return manifest


@contextmanager
def _opened(file: Path) -> Iterator[zipfile.ZipFile]:
    try:
        with zipfile.ZipFile(file) as packed:
            yield packed
    except FileNotFoundError:
        raise NotABackup("there is no such file") from None
    except (zipfile.BadZipFile, zipfile.LargeZipFile, EOFError, zipfile.zlib.error) as error:  # type: ignore[attr-defined]
        raise NotABackup(f"it is not a whole backup ({error})") from None


def _manifest(packed: zipfile.ZipFile) -> Manifest:
    try:
        return Manifest.from_json(json.loads(packed.read(MANIFEST)))
    except (KeyError, ValueError):
        raise NotABackup("it is not a backup of Tuoke: there is no manifest in it") from None


# -- beside the file ---------------------------------------------------------------------------------------------


def beside(file: Path) -> Path:
    """Where the manifest of a backup stands a second time, with how it was proved."""
    return file.with_name(f"{file.name}.json")


def write_beside(file: Path, told: dict[str, Any], shop: Path) -> None:
    made = shop / "beside.json"
    with private_file(made) as out:
        out.write(json.dumps(told, ensure_ascii=False, indent=1).encode())
        out.flush()
        os.fsync(out.fileno())
    put_in_place(made, beside(file))


def siblings(folder: Path, key: str) -> list[tuple[Path, Manifest, dict[str, Any]]]:
    """The backups in a folder that were sealed with this key, the oldest first, as the files beside them say."""
    found = []
    for note in folder.glob("*.json"):
        with suppress(OSError, ValueError, NotABackup):
            told = json.loads(note.read_text(encoding="utf-8"))
            manifest = Manifest.from_json(told)
            if manifest.key == key:
                found.append((note.with_suffix(""), manifest, told))
    return sorted(found, key=lambda each: each[1].made_at)


# -- the workshop ------------------------------------------------------------------------------------------------


@contextmanager
def workshop(folder: Path) -> Iterator[Path]:
    """A private folder to work in, on the file system of the target, gone afterwards; what a killed run left behind goes
    too. Raises `OSError`."""
    for left in folder.glob(f"{SHOP}*"):
        _clear_if_left(left)
    shop = Path(tempfile.mkdtemp(prefix=SHOP, dir=folder))
    try:
        with (shop / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield shop
    finally:
        shutil.rmtree(shop, ignore_errors=True)


def _clear_if_left(shop: Path) -> None:
    """Take away a workshop that nobody holds any more."""
    with suppress(OSError), (shop / "lock").open("r+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(shop, ignore_errors=True)
