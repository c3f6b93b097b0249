"""`tuoke drill`: things are broken on purpose, and it is shown that nothing is lost."""

from __future__ import annotations

import click


@click.command()
@click.option("--yes", is_flag=True, help="Hold it although this company lives by the real clock.")
def drill(yes: bool) -> None:
    """Empty Redis and kill a worker (kill -9) while harmless probes are under way, and show that each was told once, how long it
    took until all was well, and that the books of whatever moved meanwhile are whole.

    It touches no case. Where Tuoke runs under `tuoke up` or another supervisor the worker comes back by itself. Exit status
    1 where anything was lost or did not come back. `tuoke doctor` shows the last drill.
    """
    from redis.exceptions import RedisError

    from models import database
    from workers import drill as drills
    from workers import ground
    from workers.command import UserMistake
    from workers.command.company import Failed, finish
    from workers.doctor import is_for_trying

    settings, engine = ground.settings(), ground.engine()
    with database.read(engine) as session:
        if not yes and not is_for_trying(settings, session):
            raise UserMistake(
                "this company lives by the real clock: it is no demo. Hold the drill with --yes"
            )
    try:
        with drills.prepared(settings, engine, click.echo) as drilling:
            held = drilling.hold()
    except drills.CannotDrill as why:
        raise Failed(f"no drill was held: {why}") from None
    except RedisError as error:
        raise Failed(f"Redis does not answer ({type(error).__name__}): see tuoke doctor") from None
    row = held.drill
    for finding in held.findings:
        click.echo(f"FINDING {finding.what}: {finding.case}: {finding.detail}")
    if not held.back:
        click.echo(f"FINDING worker {row.worker} did not come back: start it (tuoke worker)")
    if held.well:
        click.echo(
            f"nothing lost, nothing twice; all well {(row.recovered_ms or 0) / 1000:.1f} s after the blow"
        )
    else:
        click.echo(
            f"lost {row.lost}, twice {row.twice}, findings {row.findings}: see tuoke doctor and tuoke verify"
        )
    finish(not held.well)
