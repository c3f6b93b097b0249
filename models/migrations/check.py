"""Says whether the migrations lead to exactly the tables of the models, and only ever add to them; exit 1 with each difference
if not."""

import ast
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


TAKES_AWAY = {"drop_table", "drop_column", "drop_constraint", "rename_table", "alter_column"}


def taken_away() -> list[object]:
    """What an upgrade takes from code of the version before, which goes on meanwhile: a table, a column, or the right to leave
    a column out. (Such a change comes in two releases: first nobody uses it, then it goes. The second one says so in a
    `CONTRACTS`, the version since which nobody does.)"""
    return [
        f"{path.name}: {what}"
        for path in sorted(schema.VERSIONS.glob("[0-9]*_*.py"))
        for what in _taken(ast.parse(path.read_text(encoding="utf-8")))
    ]


def _taken(migration: ast.Module) -> list[str]:
    says = [
        n for n in migration.body if isinstance(n, ast.Assign) and ast.unparse(n.targets[0]) == "CONTRACTS"
    ]
    steps = [n for n in migration.body if isinstance(n, ast.FunctionDef) and n.name == "upgrade"]
    calls = [n for step in steps for n in ast.walk(step) if isinstance(n, ast.Call)]
    named = [(call, call.func.attr) for call in calls if isinstance(call.func, ast.Attribute)]
    found = [ast.unparse(call) for call, name in named if name in TAKES_AWAY]
    found += [ast.unparse(call) for call, name in named if name == "add_column" and _must_be_given(call)]
    return [] if says else found


def _must_be_given(added: ast.Call) -> bool:
    """Whether a new column has no value for those who do not know it."""
    calls = [n for n in ast.walk(added) if isinstance(n, ast.Call)]
    words = {word.arg: ast.unparse(word.value) for call in calls for word in call.keywords}
    return words.get("nullable") == "False" and "server_default" not in words


def differences(opened: Engine) -> list[object]:
    """What autogenerate would still change after all migrations have run on this empty database."""
    database.migrate(opened)
    with opened.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        return list(compare_metadata(context, Base.metadata))


def main() -> int:
    sealed.use(bytes(32))
    found = misnamed() + taken_away() + differences(database.open_engine("sqlite://"))
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
