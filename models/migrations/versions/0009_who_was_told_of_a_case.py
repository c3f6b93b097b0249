"""who was told of a case"""

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_message_fact", "message", ["fact_uid"], unique=False)
    op.create_index("ix_notification_case", "notification", ["case_code"], unique=False)


def downgrade() -> None:
    op.drop_index("ix_notification_case", table_name="notification")
    op.drop_index("ix_message_fact", table_name="message")
