"""logs, rounds of inspection, training, sanctions, commendations"""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None
KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Only new tables, and a column that may be empty: processes of the code before go on meanwhile."""
    op.create_table(
        "log",
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("person_id", KEY, nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("leader_id", KEY, nullable=True),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("handed_in_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("late", sa.Boolean(), nullable=False),
        *(
            sa.Column(name, sa.Integer(), nullable=True)
            for name in ("captures", "screenings", "visits", "deals", "follow_ups", "grade")
        ),
        *(
            sa.Column(name, sa.Text(), nullable=True)
            for name in ("results", "problems", "next_steps", "goal", "strategy", "plan", "effect", "comment")
        ),
        sa.Column("graded_by_id", KEY, nullable=True),
        *of_a_case("log"),
        *(
            sa.ForeignKeyConstraint([column], ["person.id"], name=op.f(f"fk_log_{column}_person"))
            for column in ("person_id", "leader_id", "graded_by_id")
        ),
        sa.UniqueConstraint("person_id", "kind", "day", name=op.f("uq_log_person_id_kind_day")),
    )
    indexed("log", "day", "leader_id")
    op.create_table(
        "round",
        sa.Column("person_id", KEY, nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("spot", sa.String(length=80), nullable=False),
        sa.Column("there", sa.JSON(), nullable=False),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in ("findings", "violations", "spared")),
        *(sa.Column(name, sa.Text(), nullable=True) for name in ("weather", "summary")),
        *of_a_case("round"),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_round_person_id_person")),
    )
    indexed("round", "person_id", "spot")
    op.create_table(
        "training",
        sa.Column("person_id", KEY, nullable=False),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("topic", sa.String(length=120), nullable=False),
        sa.Column("policy", sa.String(length=24), nullable=True),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("place", sa.String(length=80), nullable=True),
        *(
            sa.Column(name, sa.JSON(), nullable=False)
            for name in ("must_come", "came", "missing", "passed", "failed")
        ),
        sa.Column("note", sa.Text(), nullable=True),
        *of_a_case("training"),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_training_person_id_person")),
    )
    indexed("training", "person_id", "kind")
    op.create_table(
        "sanction",
        sa.Column("person_id", KEY, nullable=False),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("clause", sa.String(length=24), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        *(sa.Column(name, KEY, nullable=True) for name in ("proposed_by_id", "imposed_by_id")),
        *(sa.Column(name, sa.Text(), nullable=True) for name in ("answer", "objection", "decision")),
        *of_a_case("sanction"),
        *(
            sa.ForeignKeyConstraint([column], ["person.id"], name=op.f(f"fk_sanction_{column}_person"))
            for column in ("person_id", "proposed_by_id", "imposed_by_id")
        ),
    )
    indexed("sanction", "person_id")
    op.create_table(
        "commendation",
        sa.Column("person_id", KEY, nullable=False),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("title", sa.String(length=60), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("proposed_by_id", KEY, nullable=True),
        sa.Column("decision", sa.Text(), nullable=True),
        *of_a_case("commendation"),
        *(
            sa.ForeignKeyConstraint([column], ["person.id"], name=op.f(f"fk_commendation_{column}_person"))
            for column in ("person_id", "proposed_by_id")
        ),
    )
    indexed("commendation", "person_id", "proposed_by_id")
    op.add_column("deduction", sa.Column("round_code", sa.String(length=24), nullable=True))


def of_a_case(table: str) -> list[sa.schema.SchemaItem]:
    """The columns and keys of everything that has a life."""
    return [
        sa.Column("id", KEY, nullable=False),
        sa.Column("code", sa.String(length=24), nullable=False),
        sa.Column("state", sa.String(length=24), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("head", sa.String(length=64), nullable=False),
        sa.Column("policy_version", sa.Integer(), nullable=False),
        sa.Column("project_id", KEY, nullable=False),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"], name=op.f(f"fk_{table}_project_id_project")),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
        sa.UniqueConstraint("code", name=op.f(f"uq_{table}_code")),
    ]


def indexed(table: str, *columns: str) -> None:
    """Indexes on these columns, and on those by which every case is looked for."""
    for column in (*columns, "state", "project_id"):
        op.create_index(op.f(f"ix_{table}_{column}"), table, [column], unique=False)


def downgrade() -> None:
    op.drop_column("deduction", "round_code")
    op.drop_table("commendation")
    op.drop_table("sanction")
    op.drop_table("training")
    op.drop_table("round")
    op.drop_table("log")
