"""`tuoke web`: the pages and the API."""

from __future__ import annotations

import os
import sys

import click

from models.settings import Settings
from workers import ground

PROCESSES, THREADS = 2, 8


def gunicorn(settings: Settings, quiet: bool) -> list[str]:
    """The words that start the web server. Only this machine is answered unless TUOKE_HOST says otherwise."""
    host = os.environ.get("TUOKE_HOST") or "127.0.0.1"
    return [
        *(sys.executable, "-m", "gunicorn", "web.wsgi:app", "--bind", f"{host}:{settings.port}"),
        *("--worker-class", "gthread", "--workers", str(PROCESSES), "--threads", str(THREADS)),
        *("--timeout", "60", "--graceful-timeout", "5", "--no-control-socket"),
        # Who stands before us is said by TUOKE_PROXIES alone.
        *("--forwarded-allow-ips", "", "--log-level", "warning" if quiet else "info"),
    ]


@click.command()
@click.option("--quiet", is_flag=True, help="Tell only what goes wrong.")
def web(quiet: bool) -> None:
    """Serve the pages and the API (gunicorn) on TUOKE_PORT, to this machine only unless TUOKE_HOST says otherwise."""
    ground.follow_parent()
    words = gunicorn(Settings.from_env(), quiet)
    os.execv(words[0], words)  # noqa: S606
