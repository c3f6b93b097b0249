"""`python -m tests.crash --minutes 30 --seed N --database sqlite|postgresql`: the torture for so long; `--leads 2000`: so many
leads in one round. Prints its seed and counts."""

from __future__ import annotations

import argparse
import random
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.crash.stores import Postgres, Sqlite, Store
from tests.crash.torture import Torture, table


@contextmanager
def opened(kind: str) -> Iterator[tuple[Path, Store]]:
    """A fresh database of this kind in a folder that is gone afterwards; readable for the server's own user, too."""
    with tempfile.TemporaryDirectory(prefix="tuoke-", ignore_cleanup_errors=True) as folder:
        store = Sqlite(Path(folder)) if kind == "sqlite" else Postgres(Path(folder))
        try:
            yield Path(folder), store
        finally:
            store.end()


def main() -> None:
    said = argparse.ArgumentParser(prog="python -m tests.crash", description=__doc__)
    said.add_argument("--minutes", type=float, default=0, help="begin rounds of lives for so long")
    said.add_argument("--leads", type=int, help="lives in each round (60; in one round alone 2000)")
    said.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1, 2**31))
    said.add_argument("--database", choices=["sqlite", "postgresql"], default="sqlite")
    said.add_argument(
        "--brief", action="store_true", help="short faults, each once; half of them on each database"
    )
    said.add_argument("--calm", action="store_true", help="no faults, for comparison")
    said.add_argument("--verbose", action="store_true", help="say of every fault when it struck")
    given = said.parse_args()
    leads = given.leads or (60 if given.minutes else 2000)
    print(
        f"torture: --minutes {given.minutes} --leads {leads} --seed {given.seed} --database {given.database}",
        flush=True,
    )
    with opened(given.database) as (folder, store):
        torture = Torture(
            folder, store, leads, given.seed, given.minutes, given.brief, given.calm, given.verbose
        )
        print(table(torture.run()))
    print("lost 0, twice 0")


if __name__ == "__main__":
    main()
