"""`tuoke web`: the pages and the API."""

from __future__ import annotations

import os
import sys

import click

from models.settings import Settings
from workers import ground

PROCESSES, THREADS = 2, 8
GRACE_SECONDS = 20  # in which requests under way are answered when it is told to stop


def gunicorn(settings: Settings, quiet: bool) -> list[str]:
    """The words that start the web server. Only this machine is answered unless TUOKE_HOST says otherwise."""
    host = os.environ.get("TUOKE_HOST") or "127.0.0.1"
    return [
        *(sys.executable, "-m", "gunicorn", "web.wsgi:app", "--bind", f"{host}:{settings.port}"),
        *("--worker-class", "gthread", "--workers", str(PROCESSES), "--threads", str(THREADS)),
        *("--timeout", "60", "--graceful-timeout", str(GRACE_SECONDS), "--no-control-socket"),
        *("--config", "python:web.serving"),
        # Who stands before us is said by TUOKE_PROXIES alone.
        *("--forwarded-allow-ips", "", "--log-level", "warning" if quiet else "info"),
    ]


@click.command()
@click.option("--quiet", is_flag=True, help="Tell only what goes wrong.")
def web(quiet: bool) -> None:
    """Serve the pages and the API (gunicorn) on TUOKE_PORT, to this machine only unless TUOKE_HOST says otherwise."""
    ground.follow_parent()
    ground.see_that_the_books_are_ours()
    words = gunicorn(ground.settings(), quiet)
    os.execv(words[0], words)  # noqa: S606
