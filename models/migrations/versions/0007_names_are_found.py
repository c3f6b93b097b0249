"""names are found"""

import sqlalchemy as sa
from alembic import op

from models.names import prints
from models.sealed import Sealed

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

BATCH = 2000


def upgrade() -> None:
    op.create_table(
        "name_print",
        sa.Column("print", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column(
            "lead_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["lead_id"], ["lead.id"], name=op.f("fk_name_print_lead_id_lead"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("print", "lead_id", name=op.f("pk_name_print")),
        sqlite_with_rowid=False,
    )
    with op.batch_alter_table("name_print", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_name_print_lead_id"), ["lead_id"], unique=False)
    fill(op.get_bind())


def fill(connection: sa.Connection) -> None:
    """The leads there are get their prints. The pieces are those of the present code, which also looks for them."""
    lead = sa.table("lead", sa.column("id"), sa.column("name", Sealed("lead.name")))
    name_print = sa.table("name_print", sa.column("print"), sa.column("lead_id"))
    last = 0
    while True:
        wanted = sa.select(lead.c.id, lead.c.name).where(lead.c.id > last, lead.c.name.is_not(None))
        found = connection.execute(wanted.order_by(lead.c.id).limit(BATCH)).all()
        if not found:
            return
        last = found[-1].id
        rows = [{"print": each, "lead_id": row.id} for row in found for each in sorted(prints(row.name))]
        if rows:
            connection.execute(name_print.insert(), rows)


def downgrade() -> None:
    with op.batch_alter_table("name_print", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_name_print_lead_id"))

    op.drop_table("name_print")
