"""a million leads"""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

PENDING = "state = 'pending'"
CLOCK = "state = 'pending' AND flow = 'lead' AND name IN ('lapse', 'expire', 'offer')"
LISTED = ["captured_at", "id", "channel", "intent", "outcome"]
SINCE = ("screened", "visited", "assigned", "unconverted", "reclaimed")
AGES = [f"{state}_at" for state in SINCE]
# Name, table, columns, and of which rows where not of all.
MADE: list[tuple[str, str, list[str], str]] = [
    ("ix_lead_latest", "lead", ["state", *LISTED, "promoter_id", "holder_id"], ""),
    ("ix_lead_promoter", "lead", ["promoter_id", "state", *LISTED, "holder_id", *AGES], ""),
    ("ix_lead_holder", "lead", ["holder_id", "state", *LISTED, "promoter_id", *AGES], ""),
    *(
        (
            f"ix_lead_{state}",
            "lead",
            [f"{state}_at", "id", "promoter_id", "holder_id"],
            f"state = '{state}'",
        )
        for state in SINCE
    ),
    ("ix_timer_clock", "timer", ["due_at", "case_id", "name"], CLOCK),
    ("ix_approval_waiting", "approval", ["approver", "flow", "event", "requested_at", "id"], PENDING),
    ("ix_approval_asked", "approval", ["requested_by_id", "requested_at", "id"], PENDING),
    ("ix_notification_unread", "notification", ["person_id", "id"], "read_at IS NULL"),
    ("ix_history_lately", "history", ["event", "at"], ""),
]
# What the new ones begin with, or nobody asks for.
GONE: list[tuple[str, str, list[str], str]] = [
    ("ix_lead_state", "lead", ["state"], ""),
    ("ix_lead_channel", "lead", ["channel"], ""),
    ("ix_lead_promoter_id", "lead", ["promoter_id"], ""),
    ("ix_lead_holder_id", "lead", ["holder_id"], ""),
    ("ix_history_event", "history", ["event"], ""),
]


def upgrade() -> None:
    """People go on working meanwhile: on PostgreSQL an index that is made concurrently locks nobody out."""
    with op.get_context().autocommit_block():
        for each in MADE:
            _make(*each)
        for each in GONE:
            _drop(*each)


def downgrade() -> None:
    with op.get_context().autocommit_block():
        for each in GONE:
            _make(*each)
        for each in MADE:
            _drop(*each)


def _make(name: str, table: str, columns: list[str], where: str) -> None:
    """Make it, also where it was begun before and cut short."""
    _drop(name, table, columns, where)
    some: dict[str, Any] = (
        {"sqlite_where": sa.text(where), "postgresql_where": sa.text(where)} if where else {}
    )
    op.create_index(name, table, columns, unique=False, postgresql_concurrently=True, **some)


def _drop(name: str, table: str, _columns: list[str], _where: str) -> None:
    op.drop_index(name, table_name=table, if_exists=True, postgresql_concurrently=True)
