"""Our peers at the same work: workflow engines and job queues that others choose for it, each used as its documentation advises.

Two rows are compared. *transition*: a stored lead is screened, which only its promoter may do and only with a demand; the
new state, a row of history and what must be told are durable before the next begins, in one thread. *sweep*: so many leads
are overdue; a timer, or whatever the peer has for one, takes each to its next state, by as many processes as two cores do
best with. A peer works on a fresh database of the same server (or a fresh file in the same folder), with the same
durability, in processes of its own. The rows of the leads, of history and of the outbox are the same for all (`work.py`).

The packages are the dependency group `peers`, which only `make bench-peers` installs; a peer that is not there is left out.
"""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.util import find_spec
from statistics import median

from tests.bench.peers import work

# By the name in our tables, the module whose presence says that the peer is installed.
PEERS = {
    "dbos": "dbos",
    "viewflow": "viewflow",
    "viewflow_fsm": "viewflow",
    "spiffworkflow": "SpiffWorkflow",
    "procrastinate": "procrastinate",
}
ROWS = ("transition", "sweep")
# A peer and the row or the kind of database that it has no figure for, and why.
WHY_NOT: dict[tuple[str, str], str] = {
    ("viewflow_fsm", "sweep"): "the state machine alone has no timers; those of the flows are under viewflow",
    ("procrastinate", "sqlite"): "it keeps its jobs in PostgreSQL only",
}
PATIENCE = 900  # seconds for one figure
Figures = dict[str, dict[str, float]]


def measure(kind: str, url: str, transitions: int = 300, timers: int = 1000, rounds: int = 3) -> Figures:
    """By row and peer, how many a second, the median of some rounds. `url` is any database of the server (or a file in the
    folder) to measure on."""
    there = installed()
    return medians([one_round(there, kind, url, transitions, timers) for _unused in range(rounds)])


def one_round(asked: list[str], kind: str, url: str, transitions: int, timers: int) -> Figures:
    """Each of these peers once at every row that it has."""
    found: Figures = {row: {} for row in ROWS}
    for peer in asked:
        for row, number in zip(ROWS, (transitions, timers), strict=True):
            if not why_not(peer, row, kind):
                found[row][peer] = figure(peer, row, url, number)
    return found


def medians(rounds: list[Figures]) -> Figures:
    return {
        row: {peer: median(each[row][peer] for each in rounds) for peer in rounds[0][row]}
        for row in rounds[0]
    }


def installed() -> list[str]:
    """The peers that are there; says how to get the others."""
    there = [peer for peer, module in PEERS.items() if find_spec(module)]
    if away := [peer for peer in PEERS if peer not in there]:
        print(f"not installed and left out: {', '.join(away)} (make bench-peers installs them)", flush=True)
    return there


def why_not(peer: str, row: str, kind: str) -> str | None:
    """Why this peer has no figure in this row on this kind of database; None when it has one."""
    return WHY_NOT.get((peer, row)) or WHY_NOT.get((peer, kind))


def figure(peer: str, row: str, url: str, number: int) -> float:
    """Let a peer do so many, on a fresh database and in a process of its own; how many a second."""
    with work.fresh(url) as fresh:
        words = [sys.executable, "-m", "tests.bench.peers.one", peer, row, fresh, str(number)]
        ran = subprocess.run(words, capture_output=True, text=True, timeout=PATIENCE)
    if ran.returncode:
        raise RuntimeError(f"{peer}, {row}: {ran.stderr[-2000:]}")
    return float(json.loads(ran.stdout.splitlines()[-1]))
