"""What only a process on this host can see: space where the data lie, SQLite's files, the time zone data. Workers say it with
their signs of life, so that the web can show it too."""

from __future__ import annotations

import importlib.metadata
import shutil
import socket
import zoneinfo
from functools import cache
from pathlib import Path

from sqlalchemy import make_url

from models.machinery import HostSign
from models.settings import Settings


def name() -> str:
    """This host, as it signs."""
    return socket.gethostname()[:80]


def database_file(settings: Settings) -> Path | None:
    """Where SQLite keeps the books; none where they are elsewhere or only in memory."""
    url = make_url(settings.database_url)
    named = url.database if url.get_backend_name() == "sqlite" else None
    return Path(named) if named and named != ":memory:" else None


def look(settings: Settings) -> HostSign:
    """How this host stands. Raises `OSError` where there is no such folder."""
    file = database_file(settings)
    free, total = _room(settings.var)
    if file is None:
        return HostSign(name(), free, total, zones=zones())
    there = _room(file.parent)
    free, total = min((free, total), there)
    return HostSign(name(), free, total, _length(file), _length(Path(f"{file}-wal")), zones())


def _room(folder: Path) -> tuple[int, int]:
    """Bytes free to us and bytes in all, where this folder is or will be."""
    there = next(each for each in (folder.absolute(), *folder.absolute().parents) if each.exists())
    usage = shutil.disk_usage(there)
    return usage.free, usage.total


def _length(file: Path) -> int:
    return file.stat().st_size if file.exists() else 0


@cache
def zones() -> str:
    """The version of the time zone data that this Python reads: the system's, else the package's; "" where it does not say."""
    for folder in map(Path, zoneinfo.TZPATH):
        source = folder / "tzdata.zi"
        if source.exists():
            with source.open(encoding="utf-8", errors="replace") as lines:
                return lines.readline().removeprefix("# version").strip()
    try:
        return importlib.metadata.version("tzdata")
    except importlib.metadata.PackageNotFoundError:
        return ""
