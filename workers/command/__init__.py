"""`tuoke`: how a person at a terminal asks. Exit status 0, 1 (a finding) or 2 (usage); no traceback for a user's mistake.

Each command is a module of this package, imported only when it is asked for.
"""

from __future__ import annotations

import importlib
import sys
from typing import Any

import click

from models.settings import WrongSetting

COMMANDS = {
    "up": "workers.command.up:up",
    "web": "workers.command.web:web",
    "worker": "workers.command.worker:worker",
    "clock": "workers.command.clock:clock",
    "redis": "workers.command.redis:redis",
    "migrate": "workers.command.migrate:migrate",
    "alive": "workers.command.alive:alive",
    "rehearse": "workers.command.rehearse:rehearse",
    "verify": "workers.command.verify:verify",
    "doctor": "workers.command.doctor:doctor",
    "drill": "workers.command.drill:drill",
    "backup": "workers.command.backup:backup",
    "restore": "workers.command.restore:restore",
    "import": "workers.command.bring:bring",
    "export": "workers.command.export:export",
    "draw": "workers.command.draw:draw",
    "person": "workers.command.person:person",
    "token": "workers.command.token:token",
    "policy": "workers.command.policy:policy",
}


class UserMistake(click.ClickException):
    """Something only the user can put right: one line on standard error, exit status 2."""

    exit_code = 2

    def show(self, file: Any = None) -> None:
        click.echo(f"tuoke: {self.format_message()}", err=True)


class Commands(click.Group):
    """The commands, each imported when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [name for name in COMMANDS if self.get_command(ctx, name)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        module, _, attribute = COMMANDS.get(cmd_name, "").partition(":")
        if not module:
            return None
        try:
            return getattr(importlib.import_module(module), attribute)  # type: ignore[no-any-return]
        except ModuleNotFoundError as missing:
            if missing.name == module:
                return None
            raise

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; a wrong setting or a database out of reach is one line, not a traceback."""
        try:
            return super().invoke(ctx)
        except WrongSetting as wrong:
            raise UserMistake(str(wrong)) from None
        except Exception as error:
            if sentence := _about_database(error):
                raise UserMistake(sentence) from None
            raise


def _about_database(error: Exception) -> str:
    """What to tell about a database that is not there, or has no tables yet; nothing about any other error.

    A command that never imported SQLAlchemy has no such error, and need not pay for the import.
    """
    known = sys.modules.get("sqlalchemy.exc")
    if known is None or not isinstance(error, known.DBAPIError):
        return ""
    said = str(error.orig)
    if "invalid connection option" in said:
        return f"DATABASE_URL: {said.splitlines()[0][:100]}"
    if "no such table" in said or "UndefinedTable" in type(error.orig).__name__:
        return "The database has no tables yet: run `tuoke migrate`, or set DATABASE_URL to the right one"
    if error.connection_invalidated or isinstance(error, known.OperationalError):
        return f"The database cannot be reached or written ({said.splitlines()[0][:200]}): see DATABASE_URL"
    return ""


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Tuoke: the workflow service of a property developer's outreach team (拓客)."""
