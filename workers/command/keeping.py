"""What the commands that keep and restore share: failures in one line, an end in order when told to stop, a progress bar."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from workers.command.company import Failed
from workers.keeping.archive import NotKept


@contextmanager
def failures_said(what: str) -> Iterator[None]:
    """What did not come about is one line that says why; whoever is told to stop clears up first."""

    def leave(number: int, _frame: object) -> None:
        raise SystemExit(128 + number)

    signal.signal(signal.SIGTERM, leave)
    try:
        yield
    except NotKept as why:
        raise Failed(f"{what}: {why}") from None
    except OSError as error:
        raise Failed(f"{what}: {error.strerror or error} ({error.filename or ''})") from None


@contextmanager
def progress() -> Iterator[Callable[[int, int], None]]:
    """A bar over the rows of history that are proved, on a terminal."""
    columns = (TextColumn("proving history"), BarColumn(), MofNCompleteColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
