"""promises to customers and outreach events; what belongs to a lead is found by its code"""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None
OPEN = "state IN ('planned', 'approved', 'running')"
KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Only new tables and indexes: processes of the code before go on meanwhile."""
    op.create_table(
        "promise",
        sa.Column("lead_id", KEY, nullable=False),
        sa.Column("lead_code", sa.String(length=24), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("promised", sa.LargeBinary(), nullable=True),
        sa.Column("amount_fen", sa.BigInteger(), nullable=True),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("owner_id", KEY, nullable=False),
        sa.Column("made_by_id", KEY, nullable=False),
        sa.Column("reason", sa.LargeBinary(), nullable=True),
        sa.Column("id", KEY, nullable=False),
        sa.Column("code", sa.String(length=24), nullable=False),
        sa.Column("state", sa.String(length=24), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("head", sa.String(length=64), nullable=False),
        sa.Column("policy_version", sa.Integer(), nullable=False),
        sa.Column("project_id", KEY, nullable=False),
        sa.CheckConstraint("amount_fen IS NULL OR amount_fen > 0", name=op.f("ck_promise_amount_positive")),
        sa.ForeignKeyConstraint(["lead_id"], ["lead.id"], name=op.f("fk_promise_lead_id_lead")),
        sa.ForeignKeyConstraint(["owner_id"], ["person.id"], name=op.f("fk_promise_owner_id_person")),
        sa.ForeignKeyConstraint(["made_by_id"], ["person.id"], name=op.f("fk_promise_made_by_id_person")),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"], name=op.f("fk_promise_project_id_project")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_promise")),
        sa.UniqueConstraint("code", name=op.f("uq_promise_code")),
    )
    for column in ("lead_id", "lead_code", "owner_id", "made_by_id", "state", "project_id"):
        op.create_index(op.f(f"ix_promise_{column}"), "promise", [column], unique=False)
    op.create_index("ix_promise_due", "promise", ["state", "due_at"], unique=False)
    op.create_table(
        "outreach_event",
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("goal_kind", sa.String(length=16), nullable=False),
        sa.Column("goal", sa.Integer(), nullable=False),
        sa.Column("channels", sa.JSON(), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("in_charge_id", KEY, nullable=False),
        sa.Column("materials", sa.Text(), nullable=True),
        sa.Column("parts", sa.JSON(), nullable=False),
        sa.Column("new_customers", sa.Integer(), nullable=True),
        sa.Column("visits", sa.Integer(), nullable=True),
        sa.Column("deals", sa.Integer(), nullable=True),
        sa.Column("reached_percent", sa.Integer(), nullable=True),
        sa.Column("lessons", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("id", KEY, nullable=False),
        sa.Column("code", sa.String(length=24), nullable=False),
        sa.Column("state", sa.String(length=24), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("head", sa.String(length=64), nullable=False),
        sa.Column("policy_version", sa.Integer(), nullable=False),
        sa.Column("project_id", KEY, nullable=False),
        sa.CheckConstraint("goal > 0", name=op.f("ck_outreach_event_goal_positive")),
        sa.CheckConstraint("starts_at < ends_at", name=op.f("ck_outreach_event_begins_before_it_ends")),
        sa.ForeignKeyConstraint(
            ["in_charge_id"], ["person.id"], name=op.f("fk_outreach_event_in_charge_id_person")
        ),
        sa.ForeignKeyConstraint(
            ["project_id"], ["project.id"], name=op.f("fk_outreach_event_project_id_project")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outreach_event")),
        sa.UniqueConstraint("code", name=op.f("uq_outreach_event_code")),
    )
    for column in ("in_charge_id", "state", "project_id"):
        op.create_index(op.f(f"ix_outreach_event_{column}"), "outreach_event", [column], unique=False)
    op.create_index(
        "uq_outreach_event_open_name",
        "outreach_event",
        ["name"],
        unique=True,
        sqlite_where=sa.text(OPEN),
        postgresql_where=sa.text(OPEN),
    )
    for table in ("sale", "deduction"):
        op.create_index(op.f(f"ix_{table}_lead_code"), table, ["lead_code"], unique=False)


def downgrade() -> None:
    for table in ("sale", "deduction"):
        op.drop_index(op.f(f"ix_{table}_lead_code"), table_name=table)
    op.drop_table("outreach_event")
    op.drop_table("promise")
