"""Alembic's way in: migrates the connection it is handed."""

from typing import Any, Literal

from alembic import context

from models import database  # noqa: F401  (imports every table)
from models.base import Base


def render(kind: str, item: Any, autogen: Any) -> str | Literal[False]:
    """Write our column types into migrations as the plain types under them, so that old migrations never change."""
    if kind != "type" or not type(item).__module__.startswith("models."):
        return False
    return "sa.DateTime(timezone=True)" if type(item).__name__ == "Instant" else "sa.LargeBinary()"


connection = context.config.attributes.get("connection")
context.configure(
    connection=connection,
    target_metadata=Base.metadata,
    render_as_batch=True,
    compare_type=True,
    render_item=render,
    transaction_per_migration=False,
)
with context.begin_transaction():
    context.run_migrations()
