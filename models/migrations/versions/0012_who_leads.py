"""who leads"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Only what is new, with a value for those who do not know it: processes of the code before go on meanwhile."""
    op.create_table(
        "lease",
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("holder", sa.String(length=120), server_default="", nullable=False),
        sa.Column("turn", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("vouched_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ahead_us", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("accepted_us", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("boot", sa.String(length=40), server_default="", nullable=False),
        sa.Column("boot_us", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_lease")),
    )
    op.add_column("heartbeat", sa.Column("version", sa.String(length=40), server_default="", nullable=False))
    op.add_column(
        "heartbeat", sa.Column("ahead_ms", sa.BigInteger(), server_default=sa.text("0"), nullable=False)
    )
    op.add_column(
        "outbox", sa.Column("consumers", sa.SmallInteger(), server_default=sa.text("0"), nullable=False)
    )


def downgrade() -> None:
    op.drop_column("outbox", "consumers")
    op.drop_column("heartbeat", "ahead_ms")
    op.drop_column("heartbeat", "version")
    op.drop_table("lease")
