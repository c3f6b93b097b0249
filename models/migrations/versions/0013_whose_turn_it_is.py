"""whose turn it is"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

PENDING = "state = 'pending'"
RECEIVERS = ("channel", "endpoint")


def upgrade() -> None:
    """People go on working meanwhile: on PostgreSQL an index that is made concurrently locks nobody out."""
    with op.get_context().autocommit_block():
        for receiver in RECEIVERS:
            _drop(receiver)
            op.create_index(
                f"ix_message_for_{receiver}",
                "message",
                [f"{receiver}_id", "next_at", "id"],
                unique=False,
                sqlite_where=sa.text(PENDING),
                postgresql_where=sa.text(PENDING),
                postgresql_concurrently=True,
            )


def downgrade() -> None:
    with op.get_context().autocommit_block():
        for receiver in RECEIVERS:
            _drop(receiver)


def _drop(receiver: str) -> None:
    op.drop_index(
        f"ix_message_for_{receiver}", table_name="message", if_exists=True, postgresql_concurrently=True
    )
