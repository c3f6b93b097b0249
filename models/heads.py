"""Which migration a database stands at, and which ones this program knows."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from sqlalchemy import text
from sqlalchemy.orm import Session

from models import database

if TYPE_CHECKING:
    from alembic.script import ScriptDirectory


@cache
def _scripts() -> ScriptDirectory:
    from alembic.script import ScriptDirectory  # slow to import, and rarely asked for

    return ScriptDirectory.from_config(database.alembic_config())


def newest() -> str:
    """The newest migration of this program."""
    return _scripts().get_current_head() or ""


def known(revision: str) -> bool:
    """Whether this program can migrate a database that stands at this revision."""
    return any(each.revision == revision for each in _scripts().walk_revisions())


def of_database(session: Session) -> str:
    """The migration that the database stands at; raises `DBAPIError` where it has no tables."""
    return str(session.scalar(text("SELECT version_num FROM alembic_version")) or "")
