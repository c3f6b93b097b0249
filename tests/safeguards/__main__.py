"""Takes each safeguard away and runs the test that must notice: `python -m tests.safeguards [NAME …]`.

Every test is run twice by pytest in a process of its own: with the safeguard it must be green, without it red. Prints the list, and
ends with 1 if one of them did not.
"""

from __future__ import annotations

import re
import subprocess
import sys
from typing import NamedTuple

from tests.safeguards.removal import SAFEGUARDS, Safeguard


class Run(NamedTuple):
    """What a run of pytest came to: how many passed and failed, and the first reason."""

    passed: int
    failed: int
    reason: str


def run(test: str, *more: str) -> Run:
    words = ["-m", "pytest", "-q", "-n", "0", "-p", "no:cacheprovider", *more, test]
    said = subprocess.run([sys.executable, *words], capture_output=True, text=True, check=False).stdout
    counts = {
        kind: int(found[1]) if (found := re.search(rf"(\d+) {kind}", said)) else 0
        for kind in ("passed", "failed", "error")
    }
    assert not counts["error"], said
    reason = next((line[2:].strip() for line in said.splitlines() if line.startswith("E ")), "")
    return Run(counts["passed"], counts["failed"], reason)


def tried(safeguard: Safeguard) -> bool:
    """Whether its test is green with it and red without."""
    whole = run(safeguard.test)
    without = run(safeguard.test, "-p", "tests.safeguards.plugin", "--without", safeguard.name)
    good = whole.passed > 0 and not whole.failed and without.failed > 0
    verdict = "red" if good else "NOT NOTICED" if whole.passed else "RED WITH IT"
    print(
        f"{safeguard.name:<52} {safeguard.how:<44} {verdict:<12} {safeguard.test}\n    {without.reason[:150]}",
        flush=True,
    )
    return good


def main(names: list[str]) -> int:
    chosen = [safeguard for safeguard in SAFEGUARDS if not names or safeguard.name in names]
    failed = [safeguard.name for safeguard in chosen if not tried(safeguard)]
    print(f"{len(chosen) - len(failed)} of {len(chosen)} safeguards have a test that turns red without them")
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
