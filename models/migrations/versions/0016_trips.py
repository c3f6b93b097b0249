"""field trips"""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None
KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
AT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Only new tables: processes of the code before go on meanwhile."""
    op.create_table(
        "trip",
        sa.Column("person_id", KEY, nullable=False),
        sa.Column("place", sa.String(length=120), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("leads", sa.JSON(), nullable=False),
        sa.Column("starts_at", AT, nullable=False),
        sa.Column("ends_at", AT, nullable=False),
        *(sa.Column(item, sa.Boolean(), nullable=False) for item in ("papers", "tools", "cards", "gifts")),
        sa.Column("started_at", AT, nullable=True),
        sa.Column("ended_at", AT, nullable=True),
        sa.Column("visits", sa.Integer(), nullable=False),
        sa.Column("met", sa.Integer(), nullable=False),
        sa.Column("filing_due_at", AT, nullable=True),
        sa.Column("late", sa.Boolean(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        *_of_a_case(),
        sa.CheckConstraint("ends_at > starts_at", name=op.f("ck_trip_ends_after_it_starts")),
        *_keys_of("trip"),
    )
    _indexed("trip", "person_id", "state", "project_id")
    op.create_table(
        "incident",
        sa.Column("person_id", KEY, nullable=False),
        sa.Column("kind", sa.String(length=24), nullable=False),
        sa.Column("place", sa.String(length=120), nullable=False),
        sa.Column("hurt", sa.Boolean(), nullable=False),
        sa.Column("trip_code", sa.String(length=24), nullable=True),
        sa.Column("answer_due_at", AT, nullable=False),
        sa.Column("answered_by_id", KEY, nullable=True),
        sa.Column("answered_at", AT, nullable=True),
        sa.Column("late", sa.Boolean(), nullable=False),
        sa.Column("handling", sa.Text(), nullable=True),
        sa.Column("lesson", sa.Text(), nullable=True),
        *_of_a_case(),
        sa.ForeignKeyConstraint(
            ["answered_by_id"], ["person.id"], name=op.f("fk_incident_answered_by_id_person")
        ),
        *_keys_of("incident"),
    )
    _indexed("incident", "person_id", "kind", "state", "project_id")
    op.create_table(
        "expense",
        sa.Column("person_id", KEY, nullable=False),
        sa.Column("trip_code", sa.String(length=24), nullable=False),
        sa.Column("kind", sa.String(length=24), nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("receipt_no", sa.String(length=40), nullable=False),
        sa.Column("month", sa.String(length=7), nullable=False),
        sa.Column("settled_month", sa.String(length=7), nullable=True),
        sa.Column("reversed_month", sa.String(length=7), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        *_of_a_case(),
        sa.CheckConstraint("amount_fen > 0", name=op.f("ck_expense_amount_positive")),
        *_keys_of("expense"),
    )
    _indexed("expense", "person_id", "trip_code", "kind", "month", "settled_month", "state", "project_id")
    stands = sa.text("state NOT IN ('withdrawn', 'refused', 'called_off')")
    op.create_index(
        "uq_expense_receipt",
        "expense",
        ["receipt_no"],
        unique=True,
        sqlite_where=stands,
        postgresql_where=stands,
    )


def _of_a_case() -> list[sa.Column[object]]:
    return [
        sa.Column("id", KEY, nullable=False),
        sa.Column("code", sa.String(length=24), nullable=False),
        sa.Column("state", sa.String(length=24), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("head", sa.String(length=64), nullable=False),
        sa.Column("policy_version", sa.Integer(), nullable=False),
        sa.Column("project_id", KEY, nullable=False),
    ]


def _keys_of(table: str) -> list[sa.Constraint]:
    return [
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f(f"fk_{table}_person_id_person")),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"], name=op.f(f"fk_{table}_project_id_project")),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
        sa.UniqueConstraint("code", name=op.f(f"uq_{table}_code")),
    ]


def _indexed(table: str, *columns: str) -> None:
    for column in columns:
        op.create_index(op.f(f"ix_{table}_{column}"), table, [column], unique=False)


def downgrade() -> None:
    op.drop_table("expense")
    op.drop_table("incident")
    op.drop_table("trip")
