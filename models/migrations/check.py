"""Says whether the migrations lead to exactly the tables of the models; exit 1 with each difference if not."""

import sys

from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Engine

from models import database, schema, sealed
from models.base import Base


def misnamed() -> list[object]:
    """The migrations whose files do not begin with their version, in the order in which they follow each other."""
    from alembic.script import ScriptDirectory

    made = ScriptDirectory.from_config(database.alembic_config()).walk_revisions()
    order = [each.revision for each in reversed(list(made))]
    return [] if order == schema.known() else [f"migrations {order} stand in files {schema.known()}"]


def differences(opened: Engine) -> list[object]:
    """What autogenerate would still change after all migrations have run on this empty database."""
    database.migrate(opened)
    with opened.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        return list(compare_metadata(context, Base.metadata))


def main() -> int:
    sealed.use(bytes(32))
    found = misnamed() + differences(database.open_engine("sqlite://"))
    for difference in found:
        print(difference, file=sys.stderr)
    print(
        "migrations match the models"
        if not found
        else f"{len(found)} differences between migrations and models"
    )
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
