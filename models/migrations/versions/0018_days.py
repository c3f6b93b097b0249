"""days: calendar, rosters, presences, leave"""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None
KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TABLES = ("calendar_day", "roster", "presence", "signature", "leave")


def _case(table: str, *columns: sa.schema.SchemaItem, people: tuple[str, ...] = ()) -> None:
    """A table of cases: its own columns, and those that every case has."""
    op.create_table(
        table,
        *columns,
        sa.Column("id", KEY, nullable=False),
        sa.Column("code", sa.String(length=24), nullable=False),
        sa.Column("state", sa.String(length=24), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("head", sa.String(length=64), nullable=False),
        sa.Column("policy_version", sa.Integer(), nullable=False),
        sa.Column("project_id", KEY, nullable=False),
        *(_to(table, column) for column in (*people, "project_id")),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
        sa.UniqueConstraint("code", name=op.f(f"uq_{table}_code")),
    )


def _to(table: str, column: str) -> sa.ForeignKeyConstraint:
    other = column.removesuffix("_id")
    return sa.ForeignKeyConstraint([column], [f"{other}.id"], name=op.f(f"fk_{table}_{column}_{other}"))


def _index(table: str, *columns: str) -> None:
    for column in columns:
        op.create_index(op.f(f"ix_{table}_{column}"), table, [column], unique=False)


def upgrade() -> None:
    """Only new tables: processes of the code before go on meanwhile."""
    _case(
        "calendar_day",
        sa.Column("first_day", sa.Date(), nullable=False),
        sa.Column("last_day", sa.Date(), nullable=False),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("name", sa.String(length=40), nullable=False),
    )
    _index("calendar_day", "first_day", "state", "project_id")
    _case(
        "roster",
        sa.Column("team_id", KEY, nullable=False),
        sa.Column("week", sa.Date(), nullable=False),
        sa.Column("plan", sa.JSON(), nullable=False),
        sa.UniqueConstraint("project_id", "team_id", "week", name=op.f("uq_roster_project_id_team_id_week")),
        people=("team_id",),
    )
    _index("roster", "team_id", "week", "state", "project_id")
    _case(
        "presence",
        sa.Column("roster_id", KEY, nullable=False),
        sa.Column("person_id", KEY, nullable=False),
        sa.Column("team_id", KEY, nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("spot", sa.String(length=80), nullable=False),
        sa.Column("begins_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("noticed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("in_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("out_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("late_minutes", sa.Integer(), nullable=False),
        sa.Column("early_minutes", sa.Integer(), nullable=False),
        sa.Column("leave_code", sa.String(length=24), nullable=True),
        people=("roster_id", "person_id", "team_id"),
    )
    _index("presence", "roster_id", "person_id", "team_id", "day", "leave_code", "state", "project_id")
    op.create_index(
        "uq_presence_person_day",
        "presence",
        ["person_id", "day"],
        unique=True,
        sqlite_where=sa.text("state <> 'cancelled'"),
        postgresql_where=sa.text("state <> 'cancelled'"),
    )
    op.create_table(
        "signature",
        sa.Column("id", KEY, nullable=False),
        sa.Column("presence_id", KEY, nullable=False),
        sa.Column("person_id", KEY, nullable=False),
        sa.Column("device", sa.String(length=64), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        _to("signature", "presence_id"),
        _to("signature", "person_id"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_signature")),
    )
    _index("signature", "presence_id")
    op.create_index("ix_signature_device_at", "signature", ["device", "at"], unique=False)
    _case(
        "leave",
        sa.Column("person_id", KEY, nullable=False),
        sa.Column("team_id", KEY, nullable=True),
        sa.Column("first_day", sa.Date(), nullable=False),
        sa.Column("last_day", sa.Date(), nullable=False),
        sa.Column("kind", sa.String(length=12), nullable=False),
        people=("person_id", "team_id"),
    )
    _index("leave", "person_id", "team_id", "first_day", "state", "project_id")


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_table(table)
