"""promises to customers; what belongs to a lead is found by its code"""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None
KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Only a new table and indexes: processes of the code before go on meanwhile."""
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
    for table in ("sale", "deduction"):
        op.create_index(op.f(f"ix_{table}_lead_code"), table, ["lead_code"], unique=False)


def downgrade() -> None:
    for table in ("sale", "deduction"):
        op.drop_index(op.f(f"ix_{table}_lead_code"), table_name=table)
    op.drop_table("promise")
