"""long lists"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

POOL = sa.text("state = 'reclaimed' AND holder_id IS NULL")


def upgrade() -> None:
    with op.batch_alter_table("approval", schema=None) as batch_op:
        batch_op.create_index("ix_approval_case", ["flow", "case_code"], unique=False)
        batch_op.create_index("ix_approval_decided", ["decided_at", "id"], unique=False)
    with op.batch_alter_table("lead", schema=None) as batch_op:
        batch_op.create_index(
            "ix_lead_lists",
            ["state", "channel", "intent", "outcome", "captured_at", "promoter_id", "holder_id"],
            unique=False,
        )
        batch_op.create_index(
            "ix_lead_pool", ["lost_at", "id"], unique=False, sqlite_where=POOL, postgresql_where=POOL
        )


def downgrade() -> None:
    with op.batch_alter_table("lead", schema=None) as batch_op:
        batch_op.drop_index("ix_lead_pool", sqlite_where=POOL, postgresql_where=POOL)
        batch_op.drop_index("ix_lead_lists")
    with op.batch_alter_table("approval", schema=None) as batch_op:
        batch_op.drop_index("ix_approval_decided")
        batch_op.drop_index("ix_approval_case")
