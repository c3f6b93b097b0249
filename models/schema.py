"""Which version the tables of a database have, and which this code needs.

Migrations only ever add: code of the version before goes on with the new tables, so that hosts can be brought up to date
one after the other. Code refuses older tables than it needs, and takes newer ones.
"""

from __future__ import annotations

from pathlib import Path

import sqlalchemy
from sqlalchemy import Engine, text

from models.settings import WrongSetting

VERSIONS = Path(__file__).parent / "migrations" / "versions"


def known() -> list[str]:
    """The versions that this code knows, the oldest first: the file of a migration begins with its number."""
    return sorted(path.name.partition("_")[0] for path in VERSIONS.glob("[0-9]*_*.py"))


def needed() -> str:
    """The version that this code needs."""
    return known()[-1]


def standing(opened: Engine) -> str | None:
    """The version of this database; nothing where it has no tables yet."""
    with opened.connect() as connection:
        if not sqlalchemy.inspect(connection).has_table("alembic_version"):
            return None
        version: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
        return version


def suffices(version: str | None) -> bool:
    """Whether this code can work on that version: the one it needs, or a newer one, which it does not know."""
    return version == needed() or (version is not None and version not in known())


def see_that_it_suffices(opened: Engine) -> None:
    """Raises `WrongSetting` where the tables are older than this code needs."""
    version = standing(opened)
    if not suffices(version):
        there = f"has the tables of version {version}" if version else "has no tables yet"
        raise WrongSetting(f"The database {there}, this code needs {needed()}: run `tuoke migrate` first")
