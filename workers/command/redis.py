"""`tuoke redis`: the embedded Redis server."""

from __future__ import annotations

import click

from workers import ground


@click.command()
def redis() -> None:
    """Keep the embedded Redis server running on var/ (not needed where REDIS_URL names one)."""
    ground.follow_parent()
    ground.log_to_stderr()
    stop = ground.told_to_stop()
    from workers import embedded_redis

    embedded_redis.serve(ground.settings(), stop)
